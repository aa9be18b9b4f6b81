"""What every objective reads, and what it gives back: the terms of a batch, and a seed for each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from vitral.core.arrays import Array


class Schedule(Protocol):
    """A number as a function of the optimiser step; its members live in schedules.py."""

    def at(self, step: int) -> float: ...


class Terms(NamedTuple):
    """What an objective reads: log densities (K, N), closed-form KL (N, L), and z (K, N, L).

    ``kl`` is None where no closed form is known; a plain autoencoder has no log_qz and no logvar either.
    """

    log_px: Array
    log_pz: Array
    log_qz: Array
    kl: Array
    z: Array
    mu: Array
    logvar: Array


class Seeds(NamedTuple):
    """d loss / d term, of the shape of the term; 0.0 where an objective does not read a term directly.

    ``path`` (K, N) is for estimators that drop the score of q: the way back through z, the one through
    log q(z) at that z included, is multiplied by it, and q's own parameters get nothing else from log_qz.
    """

    log_px: Array
    log_pz: Array
    log_qz: Array | None
    kl: Array | None
    z: Array | float = 0.0
    mu: Array | float = 0.0
    logvar: Array | float = 0.0
    path: Array | None = None


def resolved(objective: Any, step: int) -> Any:
    """The same objective, every schedule in it replaced by its number at this step."""
    asked = {name: getattr(objective, name) for name in objective.scheduled}
    changed = {name: value.at(step) for name, value in asked.items() if not isinstance(value, int | float)}
    return replace(objective, **changed) if changed else objective


def filled(value: float, like: Array | None) -> Array | None:
    return None if like is None else np.full_like(like, value)
