"""What the numbers say is wrong with a model, in words, and what to try."""

from __future__ import annotations

from vitral.evaluation.findings import WORDS, Finding
from vitral.report.context import Context
from vitral.report.markup import Html, bullets, join, tag
from vitral.report.run_folder import Record


def diagnosis(c: Context) -> Html:
    """Every finding of every model, the worst first; models without one are named together."""
    found = {name: known(c.run.models[name].get("findings") or []) for name in c.run.ordered}
    parts = [c.p("diagnosis.text")]
    for name, records in found.items():
        if records:
            parts += [tag("h3", c.label(name)), bullets([said(c, record) for record in records], "findings")]
    healthy = [c.label(name) for name, records in found.items() if not records]
    if healthy:
        parts.append(c.p("diagnosis.nothing", models=c.words.listed(healthy)))
    return join(parts)


def known(records: list[Record]) -> list[Record]:
    """Findings whose words this version has; a run folder may be from another one."""
    return [record for record in records if record.get("kind") in WORDS["en"]]


def said(c: Context, record: Record) -> Html:
    """One finding and its advice."""
    finding = Finding(record["kind"], record["severity"], record["numbers"])
    code = c.words.code
    return c.html(
        "diagnosis.finding", severity=c.words.text(f"severity.{finding.severity}"), says=finding.says(code),
        advice=finding.advice(code),
    )  # fmt: skip
