"""Questions of an oral exam, with the run's own numbers: read from the run folder, answered by arithmetic alone."""

from __future__ import annotations

from vitral.report.oral.facts import Absent, Card, Facts, examined
from vitral.report.oral.machine import MACHINE
from vitral.report.oral.measured import MEASURED
from vitral.report.run_folder import RunFolder

__all__ = ["Card", "cards"]


def cards(run: RunFolder) -> list[Card]:
    """Every question that this run has the numbers for, in the order of the machine; none without a plain VAE."""
    name = examined(run)
    if name is None:
        return []
    facts, found = Facts(run, name), []
    for ask in (*MACHINE, *MEASURED):
        try:
            found.append(ask(facts))
        except Absent:
            continue
    return found
