"""Measured numbers with their errors, and what a difference between two of them can support.

Two errors are kept apart: over images (how far the test set could mislead) and over seeds (how far one
training run differs from the next). A difference counts as distinguishable from `LIMIT` standard errors on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitral.report.run_folder import RunFolder

LIMIT = 2.0


@dataclass(frozen=True)
class Estimate:
    """A mean over `seeds` training runs: standard error over images, spread `sd` between the runs."""

    value: float
    over_images: float
    sd: float | None = None
    seeds: int = 1

    @property
    def error(self) -> float:
        """sqrt(se² + sd² / seeds): every seed scores the same images, so se does not shrink with them."""
        between = 0.0 if self.sd is None else self.sd**2 / self.seeds
        return math.sqrt(self.over_images**2 + between)


@dataclass(frozen=True)
class Difference:
    """first - second, with the two errors taken as independent."""

    value: float
    error: float

    @property
    def in_errors(self) -> float:
        return abs(self.value) / self.error if self.error > 0 else math.inf

    @property
    def distinguishable(self) -> bool:
        return self.value != 0 and self.in_errors >= LIMIT


def estimate(run: RunFolder, name: str, key: str, split: str = "test") -> Estimate | None:
    """The number `key` of a model: the mean over its seeds where there are several, else of its one run."""
    scores = run.scores(name, split)
    runs = seed_values(run, name, key, split)
    value = sum(runs) / len(runs) if len(runs) > 1 else scores.get(key)
    if value is None:
        return None
    sd = scores.get(f"{key}_sd") if len(runs) > 1 else None
    return Estimate(value, scores.get(f"{key}_se") or 0.0, sd, max(1, len(runs)))


def seed_values(run: RunFolder, name: str, key: str, split: str = "test") -> list[float]:
    """The number `key` of every training run of a model, in the order of the seeds."""
    entries = run.models[name].get("seeds") or []
    values = [(entry.get(split) or {}).get(key) for entry in entries]
    return [value for value in values if value is not None]


def difference(first: Estimate | None, second: Estimate | float | None) -> Difference | None:
    """first - second; a plain number counts as known without error."""
    if first is None or second is None:
        return None
    if not isinstance(second, Estimate):
        second = Estimate(float(second), 0.0)
    return Difference(first.value - second.value, math.hypot(first.error, second.error))


def seeds_of(run: RunFolder, name: str) -> int:
    return max(1, len(run.models[name].get("seeds") or []))


def reconstruction_term(record: dict, constant: float) -> float | None:
    """E_q[-log p(x given z)] without its constant, in nats: -ELBO - constant - KL, whatever beta was."""
    if record.get("elbo") is None or record.get("kl") is None:
        return None
    return -record["elbo"] - constant - record["kl"]
