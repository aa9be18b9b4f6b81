"""Schedules: a number as a function of the optimiser step (from 0), for the weight of the KL and the rate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """value"""

    value: float = 1.0

    def at(self, step: int) -> float:
        return self.value


@dataclass(frozen=True)
class Linear:
    """start + (end - start) min(step / steps, 1)"""

    start: float = 0.0
    end: float = 1.0
    steps: int = 1000

    def at(self, step: int) -> float:
        return self.start + (self.end - self.start) * min(step / self.steps, 1.0)


Schedule = Constant | Linear


def value_at(number: float | Schedule, step: int) -> float:
    """A plain number is its own schedule."""
    return float(number) if isinstance(number, int | float) else number.at(step)
