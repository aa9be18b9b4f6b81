"""What the report rests on (the honesty strip) and what the run found, each claim beside its number."""

from __future__ import annotations

import json
import math

from vitral.report.context import Context
from vitral.report.estimates import difference, estimate, seeds_of
from vitral.report.labels import split_label, unit_label
from vitral.report.markup import Html, bullets, definitions, join
from vitral.report.sections.claims import against_pca, pair_claims, train_gap
from vitral.report.sections.variants import leaders

GAUSSIANS = ("gaussian_fixed", "gaussian_learned", "gaussian_pixel", "gaussian_image")
DENSITIES = (*GAUSSIANS, "continuous_bernoulli")


def rests_on(c: Context) -> Html:
    """Data, likelihood, beta, seeds, epochs, parameters, time, commit, checks; and what is not supported."""
    keys = ("data", "likelihood", "beta", "seeds", "epochs", "parameters", "time", "commit", "checks")
    writers = (_data, _likelihood, _beta, _seeds, _epochs, _parameters, _time, _commit, _checks)
    pairs = [(c.html(f"strip.{key}"), write(c)) for key, write in zip(keys, writers, strict=True)]
    return join(
        [
            c.p("strip.pixels"),
            definitions(pairs, "strip"),
            c.heading("strip.unsupported"),
            bullets(unsupported(c), "unsupported"),
        ]
    )


def _data(c: Context) -> Html:
    data, words = c.run.data, c.words
    counts = {key: words.integer(data.get(key)) for key in ("train", "validation", "test", "features")}
    return c.html(
        "strip.data.value",
        name=data.get("name"),
        split=split_label(c.run, words),
        unit=unit_label(c.run, words),
        **counts,
    )


def _likelihood(c: Context) -> Html:
    """Each likelihood once, with the variance and the constant of every model that has it."""
    groups: dict[str, list[str]] = {}
    for name in c.run.vaes:
        found = c.run.models[name].get("likelihood") or {}
        groups.setdefault(json.dumps(found, sort_keys=True), []).append(name)
    return Html(
        "; ".join(likelihood_text(c, names) for names in groups.values()) or c.words.text("number.none")
    )


def likelihood_text(c: Context, names: list[str]) -> Html:
    """The likelihood that some models share, their variances, and the constant that the loss leaves out."""
    models = [c.run.models[name] for name in names]
    likelihood = models[0].get("likelihood") or {}
    kind = f"likelihood.{likelihood.get('kind')}"
    if kind not in c.words.strings:
        return c.html("likelihood.other", kind=likelihood.get("kind"))
    shown = dict.fromkeys(c.words.plain(model.get("variance"), 3) for model in models)
    constants = dict.fromkeys(c.words.number(model.get("loss_constant")) for model in models)
    link = c.words.strings.get(f"link.{likelihood.get('link')}", likelihood.get("link") or "")
    return c.html(
        kind, link=link, variance=c.words.listed(list(shown)), constant=c.words.listed(list(constants))
    )


def _beta(c: Context) -> Html:
    """The weight of the KL as the recipe states it; what it amounts to where the variance can say so."""
    found = {json.dumps(c.run.models[name].get("objective"), sort_keys=True) for name in c.run.vaes}
    if len(found) > 1:
        return c.html("strip.beta.variants")
    objective = c.run.models[c.run.vaes[0]].get("objective") if c.run.vaes and found != {"null"} else None
    beta = (objective or c.run.protocol.get("objective") or {}).get("beta")
    if beta is None and objective:
        return c.html("strip.beta.none", kind=objective.get("kind"))
    stated = c.words.plain(beta) if isinstance(beta, (int, float)) else c.words.text("beta.schedule")
    implied = [
        f"{c.label(name)}: {c.words.plain(c.run.models[name]['implied_beta'], 3)}"
        for name in c.run.vaes
        if c.run.models[name].get("implied_beta") is not None
    ]
    if not implied:
        return c.html("strip.beta.plain", beta=stated)
    return c.html("strip.beta.value", beta=stated, implied="; ".join(implied))


def _seeds(c: Context) -> Html:
    counts = {name: seeds_of(c.run, name) for name in c.run.ordered}
    if set(counts.values()) == {1}:
        return c.html("strip.seeds.one", seed=c.run.metrics.get("seed"))
    listed = "; ".join(f"{c.label(name)}: {count}" for name, count in counts.items())
    return c.html("strip.seeds.several", listed=listed, seed=c.run.metrics.get("seed"))


def _epochs(c: Context) -> Html:
    epochs = {name: c.run.models[name].get("epochs") for name in c.run.ordered}
    if len(set(epochs.values())) == 1:
        return c.html("strip.epochs.equal", epochs=c.words.integer(next(iter(epochs.values()))))
    listed = "; ".join(f"{c.label(name)}: {c.words.integer(count)}" for name, count in epochs.items())
    return c.html("strip.epochs.unequal", listed=listed)


def _parameters(c: Context) -> str:
    """Every model's; of variants the range, since their table has each."""
    if c.run.variants:
        counts = [c.run.models[name].get("parameters") or 0 for name in c.run.ordered]
        least, most = c.words.integer(min(counts)), c.words.integer(max(counts))
        return least if least == most else c.words.text("strip.parameters.range", least=least, most=most)
    return "; ".join(
        f"{c.label(name)}: {c.words.integer(c.run.models[name].get('parameters'))}" for name in c.run.ordered
    )


def _time(c: Context) -> Html:
    environment = c.run.environment
    return c.html(
        "strip.time.value",
        time=c.words.duration(environment.get("wall_seconds")),
        cores=c.words.integer(environment.get("cores")),
        cpu=environment.get("cpu") or c.words.text("number.none"),
    )


def _commit(c: Context) -> Html:
    commit = c.run.environment.get("commit")
    version = c.run.metrics.get("vitral") or c.words.text("number.none")
    return c.html("strip.commit.value" if commit else "strip.commit.none", version=version, commit=commit)


def _checks(c: Context) -> Html:
    checks = {name: c.run.models[name].get("checks") or {} for name in c.run.ordered}
    total = sum(found.get("total") or 0 for found in checks.values())
    passed = sum(found.get("passed") or 0 for found in checks.values())
    if not total:
        return c.html("strip.checks.none")
    failed = [
        f"{item['id']} ({c.label(name)})"
        for name, found in checks.items()
        for item in found.get("items") or []
        if item.get("passed") is False
    ]
    key = "strip.checks.failed" if failed else "strip.checks.value"
    return c.html(key, passed=passed, total=total, failed=c.words.listed(failed))


def unsupported(c: Context) -> list[Html]:
    """What nobody should conclude from this run, with the numbers that forbid it."""
    claims = [_one_seed(c), _still_falling(c), *_likelihood_limits(c), _split(c), _budgets(c), _importance(c)]
    return [claim for claim in claims if claim is not None] + [c.html("unsupported.never_tested")]


def _one_seed(c: Context) -> Html | None:
    single = [c.label(name) for name in c.run.ordered if seeds_of(c.run, name) == 1]
    if c.run.variants and len(single) == len(c.run.ordered):
        return c.html("unsupported.one_seed_all")
    return c.html("unsupported.one_seed", models=c.words.listed(single)) if single else None


def _still_falling(c: Context) -> Html | None:
    """Models whose loss fell by more an epoch, at the stop, than its standard error over images."""
    falling = []
    for name in c.run.ordered:
        slope, error = (
            c.run.models[name].get("slope_at_stop"),
            c.run.scores(name, "validation").get("loss_se"),
        )
        if slope is not None and slope < 0 and -slope > (error or 0.0):
            falling.append(f"{c.label(name)}: {c.words.number(-slope)}")
    return c.html("unsupported.still_falling", listed="; ".join(falling)) if falling else None


def _likelihood_limits(c: Context) -> list[Html]:
    kinds = {(c.run.models[name].get("likelihood") or {}).get("kind") for name in c.run.vaes}
    limits = [c.html("unsupported.gaussian")] if kinds & set(GAUSSIANS) else []
    if any(c.run.models[name].get("loss_is_likelihood") is False for name in c.run.vaes):
        limits.append(c.html("unsupported.bernoulli"))
    if c.run.data.get("binarisation") in ("static", "dynamic"):
        limits.append(c.html(f"unsupported.binarised.{c.run.data['binarisation']}"))
    return limits


def _split(c: Context) -> Html | None:
    if c.run.data.get("split") == "official":
        return None
    return c.html("unsupported.split", split=split_label(c.run, c.words))


def _budgets(c: Context) -> Html | None:
    epochs = {c.run.models[name].get("epochs") for name in c.run.ordered}
    return c.html("unsupported.budgets") if len(epochs) > 1 else None


def _importance(c: Context) -> Html | None:
    tests = [c.run.scores(name, "test") for name in c.run.vaes]
    found = [test for test in tests if test.get("log_px_hat") is not None]
    if not found:
        return None
    return c.html(
        "unsupported.importance",
        samples=c.words.integer(found[0].get("importance_samples")),
        images=c.words.integer(found[0].get("importance_images")),
    )


def findings(c: Context) -> Html:
    """The main claims, each worded by what its number and error allow."""
    claims = leaders(c)
    claims += [claim for name in c.run.featured if (claim := against_pca(c, name)) is not None]
    claims += pair_claims(c)
    gaps = [gap for name in c.run.featured if (gap := train_gap(c, name)) is not None]
    if gaps:
        claims.append(c.html("finding.train_gap", listed="; ".join(gaps)))
    claims += [claim for claim in (_autoencoder(c), _shortcut(c)) if claim is not None]
    return join(
        [
            c.p("findings.how", baseline=c.words.number(c.run.baseline("mean_image"))),
            *([c.p("findings.paired")] if c.run.comparison else []),
            bullets(claims, "findings"),
        ]
    )


def _autoencoder(c: Context) -> Html | None:
    """The plain autoencoder beside the VAE of its size: squared error of both at their point code."""
    for name in c.run.autoencoders:
        twin = next((other for other in c.run.vaes if c.run.latent(other) == c.run.latent(name)), None)
        if twin is None:
            continue
        own, other = estimate(c.run, name, "sse"), estimate(c.run, twin, "sse_at_mean")
        gap = difference(own, other)
        if gap is None or own is None or other is None:
            continue
        way = "similar" if not gap.distinguishable else "lower" if gap.value < 0 else "higher"
        return c.html(
            f"finding.autoencoder.{way}",
            autoencoder=c.label(name), own=c.words.measured(own.value, own.error), vae=c.label(twin),
            other=c.words.number(other.value), gap=c.words.measured(abs(gap.value), gap.error),
        )  # fmt: skip
    return None


def _shortcut(c: Context) -> Html | None:
    parts = []
    for name in (one for one in c.run.vaes if one in c.run.featured):
        test = c.run.scores(name, "test")
        measured = test.get("mu_shortcut_measured")
        if measured is not None and math.isfinite(measured):
            predicted = c.words.number(test.get("mu_shortcut_predicted"))
            value = c.words.number(measured)
            parts.append(
                c.words.text("finding.shortcut.part", model=c.label(name), value=value, predicted=predicted)
            )
    return c.html("finding.shortcut", listed="; ".join(parts)) if parts else None
