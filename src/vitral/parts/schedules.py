"""Schedules: a number as a function of the optimiser step (from 0), for the weight of a term and the rate.

After its last step a schedule stays where it is. Derivation: docs/derivations/optimisers.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, floor, pi, tanh


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


@dataclass(frozen=True)
class Cyclical:
    """start + (end - start) min(tau / share, 1), tau in [0, 1) the place in the running cycle

    ``cycles`` of equal length fill ``steps``; a cycle rises for its first ``share`` and rests at ``end`` for the
    others (Fu et al. 2019, equations 6 and 7). After the last cycle it is ``end``.
    """

    start: float = 0.0
    end: float = 1.0
    steps: int = 10_000
    cycles: int = 4
    share: float = 0.5

    def at(self, step: int) -> float:
        place = (
            step * self.cycles % self.steps / self.steps
        )  # whole numbers first, so that cycles end exactly
        if step >= self.steps or place >= self.share:
            return self.end
        return self.start + (self.end - self.start) * place / self.share


@dataclass(frozen=True)
class Sigmoid:
    """start + (end - start) (1 + tanh(s (u - 1/2) / 2) / tanh(s / 4)) / 2,   u = min(step / steps, 1)

    The logistic function of s (u - 1/2) (Bowman et al. 2016), stretched so that it begins at ``start`` and ends at
    ``end`` exactly; ``sharpness`` s is how steep the middle is.
    """

    start: float = 0.0
    end: float = 1.0
    steps: int = 1000
    sharpness: float = 10.0

    def at(self, step: int) -> float:
        place = min(step / self.steps, 1.0) - 0.5
        risen = 0.5 + 0.5 * tanh(0.5 * self.sharpness * place) / tanh(0.25 * self.sharpness)
        return self.start + (self.end - self.start) * risen


@dataclass(frozen=True)
class Cosine:
    """end + (start - end) (1 + cos(π min(step / steps, 1))) / 2        (Loshchilov and Hutter 2017, equation 5)"""

    start: float = 1e-3
    end: float = 0.0
    steps: int = 10_000

    def at(self, step: int) -> float:
        return self.end + (self.start - self.end) * 0.5 * (1.0 + cos(pi * min(step / self.steps, 1.0)))


@dataclass(frozen=True)
class Exponential:
    """start factor^(step / steps); with ``stairs`` the exponent is rounded down: a fall every ``steps`` steps"""

    start: float = 1e-3
    factor: float = 0.5
    steps: int = 10_000
    stairs: bool = False

    def at(self, step: int) -> float:
        exponent = step / self.steps
        return self.start * self.factor ** (floor(exponent) if self.stairs else exponent)


@dataclass(frozen=True)
class Stages:
    """start factor^i in stage i = 0 .. stages - 1, which lasts steps growth^i steps

    The IWAE paper's rate (Burda et al. 2016, section 5): 1e-3 10^(-i/7) over 3^i epochs, i = 0 .. 7; ``steps`` is
    the length of the first stage.
    """

    start: float = 1e-3
    factor: float = 10.0 ** (-1.0 / 7.0)
    steps: int = 600
    growth: int = 3
    stages: int = 8

    def at(self, step: int) -> float:
        stage, end = 0, self.steps
        while step >= end and stage < self.stages - 1:
            stage += 1
            end += self.steps * self.growth**stage
        return self.start * self.factor**stage


Schedule = Constant | Linear | Cyclical | Sigmoid | Cosine | Exponential | Stages


def value_at(number: float | Schedule, step: int) -> float:
    """A plain number is its own schedule."""
    return float(number) if isinstance(number, int | float) else number.at(step)
