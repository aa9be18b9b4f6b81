"""What a law answers: one number, its bound, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

STANDARD_ERRORS = 5.0  # statistical laws: a right answer lies outside once in two million draws


@dataclass(frozen=True)
class Check:
    """One line of a certificate. ``id`` is the equation's (E03), ``measured`` is to stay within ``bound``.

    ``passed`` is None where nothing can fail: the check does not apply (``measured`` is None as well, the
    note says why), or it informs only (``bound`` is None).
    """

    id: str
    name: str
    measured: float | None
    bound: float | None
    unit: str
    passed: bool | None
    note: str = ""


def below(id: str, name: str, measured: float, bound: float, unit: str, note: str = "") -> Check:
    """The check that ``measured`` is at most ``bound``; a NaN is not."""
    return Check(id, name, float(measured), float(bound), unit, bool(measured <= bound), note)


def information(id: str, name: str, measured: float, unit: str, note: str) -> Check:
    """A number to read, without a bound."""
    return Check(id, name, float(measured), None, unit, None, note)


def not_applicable(id: str, name: str, reason: str) -> Check:
    """A check that this model has no use for, with the reason."""
    return Check(id, name, None, None, "", None, f"does not apply: {reason}")


def tally(checks: Iterable[Check]) -> tuple[int, int]:
    """How many checks passed, and how many could have failed."""
    verdicts = [check.passed for check in checks if check.passed is not None]
    return sum(verdicts), len(verdicts)
