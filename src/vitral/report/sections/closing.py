"""What stands above the explorer; the certificate of every model, a glossary, how to make the same run again."""

from __future__ import annotations

from vitral.report.checks import check_name, result, unit_name
from vitral.report.context import Context
from vitral.report.markup import Html, definitions, details, join, paragraph, table, tag

TERMS = (
    "latent", "prior", "posterior", "likelihood", "elbo", "kl", "importance", "sse", "nats",
    "reparameterisation", "active", "pca", "standard_error", "baseline",
)  # fmt: skip
REFERENCES = ("kingma", "doersch", "burda", "rezende", "tsne", "mnist")


def explore(c: Context) -> Html:
    return c.p("explore.text")


def certificate(c: Context) -> Html:
    found = {name: c.run.models[name].get("checks") or {} for name in c.run.ordered}
    tables = [checks_table(c, name, checks["items"]) for name, checks in found.items() if checks.get("items")]
    return join([c.p("certificate.text"), *(tables or [c.p("strip.checks.none")])])


def checks_table(c: Context, name: str, items: list[dict]) -> Html:
    words = c.words
    rows = [
        (
            item.get("id"),
            check_name(item, words),
            words.plain(item.get("measured"), 3),
            words.plain(item.get("bound"), 3),
            unit_name(item, words),
            result(item, words),
        )
        for item in items
    ]
    headers = [words.text(f"column.{key}") for key in ("id", "check", "measured", "bound", "unit", "result")]
    checks = c.run.models[name]["checks"]
    return table(
        c.html("table.checks", model=c.label(name), passed=checks.get("passed"), total=checks.get("total")),
        headers,
        rows,
    )


def glossary(c: Context) -> Html:
    return definitions(((c.html(f"term.{term}"), c.html(f"term.{term}.text")) for term in TERMS), "glossary")


def reproduce(c: Context) -> Html:
    environment, words = c.run.environment, c.words
    parts = [
        c.p("reproduce.text"),
        tag("pre", tag("code", environment.get("command") or words.text("number.none"))),
    ]
    rows = [(words.strings.get(f"environment.{key}", key), value) for key, value in facts(c)]
    parts.append(
        table(c.html("table.environment"), [words.text("column.what"), words.text("column.value")], rows)
    )
    if c.run.recipe:
        parts.append(details(c.html("reproduce.recipe"), tag("pre", tag("code", c.run.recipe))))
    parts += [c.p("reproduce.same"), c.heading("references.heading")]
    return join([*parts, *(paragraph(c.html(f"references.{name}"), "reference") for name in REFERENCES)])


def facts(c: Context) -> list[tuple[str, str]]:
    """Every entry of environment.json but the command, the parts of `blas` each on its own line."""
    found: list[tuple[str, str]] = []
    for key, value in sorted(c.run.environment.items()):
        if key == "command":
            continue
        if isinstance(value, dict):
            found += [(f"{key}.{part}", _said(c, inner)) for part, inner in sorted(value.items())]
        else:
            found.append((key, c.words.duration(value) if key == "wall_seconds" else _said(c, value)))
    return found


def _said(c: Context, value: object) -> str:
    return c.words.text("number.none") if value is None else str(value)
