"""The variants of a recipe beside one another: what each changes, its numbers, and which differences count."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from vitral.report.context import Context
from vitral.report.estimates import Difference, estimate, seeds_of
from vitral.report.labels import variant_label
from vitral.report.markup import Html, bullets, join, table, tag
from vitral.report.run_folder import Record
from vitral.report.sections.claims import verdict
from vitral.specs import (
    LIKELIHOODS,
    NETWORKS,
    OBJECTIVES,
    OPTIMISERS,
    POSTERIORS,
    PRIORS,
    SCHEDULES,
    defaults,
)

COMPARED = ("log_px_hat", "elbo")
SMALL = 0.005  # nats: an error that two decimals do not show
FAMILIES = {
    "encoder": NETWORKS,
    "decoder": NETWORKS,
    "prior": PRIORS,
    "posterior": POSTERIORS,
    "likelihood": LIKELIHOODS,
    "objective": OBJECTIVES,
    "optimiser": OPTIMISERS,
}
NOTHING: Mapping[str, Any] = MappingProxyType({})
GAPS = (("log_px_hat", "first"), ("elbo", "first"), ("log_px_hat", "best"))


def variants(c: Context) -> Html:
    epochs = {c.run.models[name].get("epochs") for name in c.run.vaes}
    parts = [
        c.p("variants.text", count=len(c.run.variants), epochs=c.words.listed([str(e) for e in sorted(epochs)])),
        changes_table(c),
    ]
    if len(c.run.comparison) > 1:
        parts.append(c.p("variants.scales"))
    for one in c.run.comparison:
        parts += [scale_heading(c, one), numbers_table(c, one), bullets(claims(c, one), "findings"), *gaps(c, one)]
    parts += [c.figures("variants"), c.heading("rate_distortion.heading"), c.p("rate_distortion.text")]
    return join([*parts, c.figures("rate_distortion")])


def changes_table(c: Context) -> Html:
    """Every value in which a variant differs from the recipe."""
    rows = []
    for name, changes in c.run.variants.items():
        listed = [tag("code", f"{key} = {_written(value)}") for key, value in said(changes)]
        rows.append((variant_label(name, c.words), join(_between(listed)) if listed else c.html("variants.unchanged")))
    headers = [c.words.text(f"column.{key}") for key in ("variant", "changes")]
    return table(c.html("table.changes"), headers, rows, class_="prose")


def said(changes: Record, prefix: str = "", usual: Mapping[str, Any] = NOTHING) -> Iterator[tuple[str, Any]]:
    """("model.prior.kind", "vamp") for every value that a variant sets, but for what is ``usual`` there."""
    for key, value in changes.items():
        if isinstance(value, dict):
            yield from said(value, f"{prefix}{key}.", defaults(FAMILIES.get(key, SCHEDULES), value.get("kind")))
        elif key not in usual or value != usual[key]:
            yield f"{prefix}{key}", value


def _between(codes: list[Html]) -> list[object]:
    return [Html(", ".join(codes))]


def _written(value: Any) -> str:
    """As a recipe writes it, in either language."""
    return json.dumps(value, ensure_ascii=False)


def scale_heading(c: Context, one: Record) -> Html:
    """Which models share this table, and why."""
    key = f"scale.{one.get('scale')}"
    return c.p(key if key in c.words.strings else "scale.other", scale=one.get("scale"))


def numbers_table(c: Context, one: Record) -> Html:
    rows = [_numbers(c, name) for name in one["models"]]
    keys = ("model", "log_px_hat", "elbo", "rate", "distortion", "active", "marginal_kl", "parameters", "training_time")
    headers = [c.words.text(f"column.{key}") for key in keys]
    tests = [c.run.scores(name, "test") for name in one["models"]]
    counts = {key: c.words.integer(tests[0].get(key)) for key in ("importance_samples", "importance_images", "images")}
    return table(c.html("table.variants", **counts), headers, rows)


def _numbers(c: Context, name: str) -> list[object]:
    words, test = c.words, c.run.scores(name, "test")
    active = f"{words.integer(test.get('active_units'))}/{c.run.latent(name)}"
    return [
        c.label(name),
        *(measured(c, name, key) for key in (*COMPARED, "kl", "distortion")),
        active if test.get("active_units") is not None else words.number(None),
        words.number((c.run.models[name].get("information") or {}).get("marginal_kl")),
        words.integer(c.run.models[name].get("parameters")),
        words.integer(c.run.seconds(name)),
    ]


def measured(c: Context, name: str, key: str) -> str:
    found = estimate(c.run, name, key)
    if found is None or found.error < SMALL:
        return c.words.number(None if found is None else found.value)
    return c.words.measured(found.value, found.error)


def gap_of(one: Record, name: str, key: str, where: str) -> Difference | None:
    """The paired difference of a model to the first or the best of its table."""
    found = one["models"][name]
    value = found.get(f"{key}_to_{where}")
    return None if value is None else Difference(value, found.get(f"{key}_to_{where}_se") or 0.0)


def gaps(c: Context, one: Record) -> list[Html]:
    """Differences to the first model of a table, and to its best."""
    words, rows = c.words, []
    shown = [(key, where) for key, where in GAPS if where == "first" or one.get("best") != one["first"]]
    for name in one["models"]:
        cells: list[str] = []
        for key, where in shown:
            gap = gap_of(one, name, key, where)
            cells += [words.measured(gap.value, gap.error, signed=True) if gap else words.number(None)]
            cells += [_in_errors(c, gap)]
        rows.append((c.label(name), *cells))
    pairs = [f"{key}_to_{where}" for key, where in shown]
    keys = ["model", *(key for pair in pairs for key in (pair, "in_errors"))]
    if len(rows) < 2 or one.get("best") is None:
        return []
    labels = {"first": c.label(one["first"]), "best": c.label(one["best"])}
    headers = [words.text(f"column.{key}", **labels) for key in keys]
    return [table(c.html("table.gaps", **labels), headers, rows)]


def _in_errors(c: Context, gap: Difference | None) -> str:
    """How many standard errors a difference is, and a word where that is too few."""
    if gap is None:
        return c.words.number(None)
    written = c.words.number(gap.in_errors, 1)
    return written if gap.distinguishable else c.words.text("variants.too_few", errors=written)


def leaders(c: Context) -> list[Html]:
    """The best of every table, for the findings at the top of the page."""
    tables = [one for one in c.run.comparison if one.get("best") is not None and len(one["models"]) > 1]
    return [_leader(c, one, one["by"], c.words.text(f"quantity.{one['by']}")) for one in tables]


def claims(c: Context, one: Record) -> list[Html]:
    """What the differences of a table support, and what they do not."""
    if one.get("best") is None or len(one["models"]) < 2:
        return []
    key, best, first = one["by"], one["best"], one["first"]
    quantity = c.words.text(f"quantity.{key}")
    found = [_leader(c, one, key, quantity)]
    level = [name for name in one["models"] if name != best and not _apart(one, name, key)]
    if level:
        found.append(
            c.html("variants.level", best=c.label(best), listed=c.words.listed([c.label(name) for name in level]))
        )
    worse = [name for name in one["models"] if _below(one, name, key)]
    if worse:
        listed = "; ".join(_fall(c, one, name, key) for name in worse)
        found.append(c.html("variants.below", first=c.label(first), quantity=quantity, listed=listed))
    single = [name for name in one["models"] if seeds_of(c.run, name) == 1]
    found += [c.html("variants.chosen", best=c.label(best))] + ([c.html("variants.one_seed")] if single else [])
    return found


def _leader(c: Context, one: Record, key: str, quantity: str) -> Html:
    best, first = one["best"], one["first"]
    value = measured(c, best, key)
    if best == first:
        return c.html("variants.first_leads", best=c.label(best), quantity=quantity, value=value)
    gap = gap_of(one, best, key, "first")
    shown = c.words.measured(gap.value, gap.error) if gap else c.words.number(None)
    return c.html(
        "variants.leads", best=c.label(best), quantity=quantity, value=value, gap=shown, first=c.label(first),
        verdict=verdict(c, gap),
    )  # fmt: skip


def _apart(one: Record, name: str, key: str) -> bool:
    gap = gap_of(one, name, key, "best")
    return gap is not None and gap.distinguishable


def _below(one: Record, name: str, key: str) -> bool:
    gap = gap_of(one, name, key, "first")
    return gap is not None and gap.value < 0 and gap.distinguishable


def _fall(c: Context, one: Record, name: str, key: str) -> str:
    gap = gap_of(one, name, key, "first")
    return f"{c.label(name)} {c.words.measured(gap.value, gap.error, signed=True) if gap else ''}"
