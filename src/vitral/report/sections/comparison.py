"""Step 7: latent sizes beside one another, and what the notebook's own comparison could not show."""

from __future__ import annotations

from vitral.report.context import Context
from vitral.report.estimates import Estimate, estimate, seed_values, seeds_of
from vitral.report.markup import Html, join, table
from vitral.report.sections.claims import pair_difference, pairs_of, verdict


def comparison(c: Context) -> Html:
    parts = [c.p("comparison.text"), results_table(c), c.figures("test_scores")]
    if pairs_of(c):
        parts += [c.heading("comparison.pairs"), c.p("comparison.pairs.text"), pair_table(c)]
    parts += [c.heading("comparison.curves"), c.p("comparison.curves.text"), c.figures("validation_curves")]
    several = [name for name in c.run.ordered if seeds_of(c.run, name) > 1]
    if several:
        parts += [c.heading("comparison.seeds"), c.p("comparison.seeds.text"), seed_table(c, several)]
    return join(parts)


def results_table(c: Context) -> Html:
    keys = ("model", "parameters", "epochs", "elbo", "log_px_hat", "sse_sampled", "kl", "bits", "seeds")
    rows = [_result(c, name) for name in c.run.ordered]
    return table(c.html("table.results"), [c.words.text(f"column.{key}") for key in keys], rows)


def _result(c: Context, name: str) -> list[object]:
    words, found, test = c.words, c.run.models[name], c.run.scores(name, "test")
    return [
        c.label(name),
        words.integer(found.get("parameters")),
        words.integer(found.get("epochs")),
        _measured(c, estimate(c.run, name, "elbo")),
        _measured(c, estimate(c.run, name, "log_px_hat")),
        _measured(c, estimate(c.run, name, "sse")),
        words.number(test.get("kl")),
        words.number(test.get("bits_per_dimension"), 3),
        words.integer(seeds_of(c.run, name)),
    ]


def _measured(c: Context, found: Estimate | None) -> str:
    return c.words.text("number.none") if found is None else c.words.measured(found.value, found.error)


def pair_table(c: Context) -> Html:
    words, rows = c.words, []
    for pair in pairs_of(c):
        cells: list[str] = []
        for key in ("elbo", "sse"):
            gap = pair_difference(c, pair, key)
            cells += [
                words.measured(gap.value, gap.error, signed=True) if gap else words.text("number.none"),
                verdict(c, gap),
            ]
        rows.append((words.text("pair.label", first=c.label(pair[0]), second=c.label(pair[1])), *cells))
    headers = [words.text(f"column.{key}") for key in ("pair", "elbo_gap", "verdict", "sse_gap", "verdict")]
    return table(c.html("table.pairs"), headers, rows)


def seed_table(c: Context, names: list[str]) -> Html:
    words, rows = c.words, []
    for name in names:
        seeds = [entry.get("seed") for entry in c.run.models[name]["seeds"]]
        elbos, errors = (seed_values(c.run, name, key) for key in ("elbo", "sse"))
        for index, seed in enumerate(seeds):
            cells = [
                words.number(values[index]) if index < len(values) else words.text("number.none")
                for values in (elbos, errors)
            ]
            rows.append((words.text("seed.label", model=c.label(name), seed=seed), *cells))
        test = c.run.scores(name, "test")
        spread = [words.number(test.get(f"{key}_sd")) for key in ("elbo", "sse")]
        rows.append((words.text("seed.spread", model=c.label(name)), *spread))
    headers = [words.text(f"column.{key}") for key in ("model_seed", "elbo", "sse_sampled")]
    return table(c.html("table.seeds"), headers, rows)


def limits(c: Context) -> Html:
    """Each gap of the notebook's comparison, why it matters, and what this run has in its place."""
    writers = {
        "budgets": _budgets, "sampled": _sampled, "alike": _alike, "test": _test, "baselines": _baselines,
        "seeds": _seeds, "terms": _terms,
    }  # fmt: skip
    rows = [
        (c.html(f"limits.{key}.question"), c.html(f"limits.{key}.notebook"), write(c))
        for key, write in writers.items()
    ]
    headers = [c.words.text(f"column.{key}") for key in ("question", "in_notebook", "in_this_run")]
    parts = [c.p("limits.text"), table(c.html("table.limits"), headers, rows, class_="prose")]
    replay = c.run.metrics.get("notebook") or {}
    if replay:
        parts += [
            c.heading("replay.heading"),
            c.p("replay.text"),
            replay_table(c, replay),
            *first_epochs(c, replay),
        ]
    return join([*parts, c.p("limits.close")])


def _budgets(c: Context) -> Html:
    epochs = {c.run.models[name].get("epochs") for name in c.run.vaes}
    listed = "; ".join(
        f"{c.label(name)}: {c.words.integer(c.run.models[name].get('epochs'))}" for name in c.run.vaes
    )
    key = "limits.budgets.equal" if len(epochs) == 1 else "limits.budgets.unequal"
    return c.html(key, epochs=c.words.integer(next(iter(epochs), None)), listed=listed)


def _sampled(c: Context) -> Html:
    listed = _each(c, "mu_shortcut_measured")
    return c.html("limits.sampled.here", listed=listed or c.words.text("number.none"))


def _alike(c: Context) -> Html:
    return c.html("limits.alike.here", rows=c.words.integer(c.run.protocol.get("monitor_rows")))


def _test(c: Context) -> Html:
    listed = "; ".join(
        f"{c.label(name)}: {_measured(c, estimate(c.run, name, 'elbo'))}" for name in c.run.vaes
    )
    return c.html("limits.test.here", images=c.words.integer(c.run.data.get("test")), listed=listed)


def _baselines(c: Context) -> Html:
    sizes = "; ".join(
        f"PCA {size}: {c.words.number(c.run.baseline('pca', size))}"
        for size in sorted({c.run.latent(name) for name in c.run.ordered})
    )
    return c.html("limits.baselines.here", mean=c.words.number(c.run.baseline("mean_image")), listed=sizes)


def _seeds(c: Context) -> Html:
    spreads = _each(c, "elbo_sd")
    counts = "; ".join(f"{c.label(name)}: {seeds_of(c.run, name)}" for name in c.run.vaes)
    return c.html("limits.seeds.several" if spreads else "limits.seeds.one", counts=counts, spreads=spreads)


def _terms(c: Context) -> Html:
    return c.html("limits.terms.here", sse=_each(c, "sse"), kl=_each(c, "kl"))


def _each(c: Context, key: str) -> str:
    values = {name: c.run.scores(name, "test").get(key) for name in c.run.vaes}
    return "; ".join(
        f"{c.label(name)}: {c.words.number(value)}" for name, value in values.items() if value is not None
    )


def replay_table(c: Context, replay: dict) -> Html:
    words, rows = c.words, []
    for name, found in replay.items():
        label = c.label(name) if name in c.run.models else name
        published, own = found.get("published_loss_at_mean"), found.get("loss_at_mean")
        rows.append((label, words.number(published, 4), words.number(own, 4), _gap(c, own, published)))
    headers = [words.text(f"column.{key}") for key in ("model", "published", "this_run", "gap_plain")]
    return table(c.html("table.replay"), headers, rows)


def first_epochs(c: Context, replay: dict) -> list[Html]:
    words, rows = c.words, []
    for name, found in replay.items():
        first = found.get("first_epoch") or {}
        for key in ("train_running", "validation_at_mean"):
            published, own = first.get(f"published_{key}"), first.get(key)
            if own is not None:
                label = words.text(f"replay.{key}", model=c.label(name) if name in c.run.models else name)
                rows.append(
                    (label, words.number(published, 4), words.number(own, 4), _gap(c, own, published))
                )
    headers = [words.text(f"column.{key}") for key in ("first_epoch", "published", "this_run", "gap_plain")]
    return [table(c.html("table.first_epoch"), headers, rows)] if rows else []


def _gap(c: Context, own: float | None, published: float | None) -> str:
    return c.words.number(None if own is None or published is None else own - published, 4, signed=True)
