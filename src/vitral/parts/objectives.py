"""Objectives: a loss to minimise, in nats, and its derivative by every term that it reads.

Each sums over the rows at hand and divides by ``total``, the size of the whole batch, so that the
gradients of shards add up to the gradient of the batch. Derivation: docs/derivations/elbo.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol

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
    """d loss / d term, of the shape of the term; 0.0 where an objective does not read a term directly."""

    log_px: Array
    log_pz: Array
    log_qz: Array | None
    kl: Array | None
    z: Array | float = 0.0
    mu: Array | float = 0.0
    logvar: Array | float = 0.0


def _filled(value: float, like: Array | None) -> Array | None:
    return None if like is None else np.full_like(like, value)


@dataclass(frozen=True)
class ELBO:
    """loss = -Σ_n [ (1/K) Σ_k log p(x_n given z_kn) - beta KL_n ] / total                         # E09

    KL_n is Σ_l kl_nl in closed form, or (1/K) Σ_k (log q(z_kn given x_n) - log p(z_kn)) when ``kl`` is
    "sampled" (E18). beta = 1 gives the negative ELBO (Kingma and Welling 2013, eq. 3 and 10), a number
    or a schedule of the step.

    dlog_px = -1 / (K total)      dkl = beta / total      (sampled: dlog_qz = -dlog_pz = beta / (K total))
    """

    beta: Any = 1.0  # a number, or a Schedule until ``at`` resolves it
    kl: str = "closed"
    whole_batch: ClassVar[bool] = False

    def at(self, step: int) -> ELBO:
        """The same objective with beta as it is at this step."""
        return self if isinstance(self.beta, int | float) else replace(self, beta=self.beta.at(step))

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        kl = terms.kl.sum(axis=-1) if self.kl == "closed" else (terms.log_qz - terms.log_pz).mean(axis=0)
        return self.beta * kl - terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        share = 1.0 / (terms.log_px.shape[0] * total)
        closed = self.kl == "closed"
        weight = 0.0 if closed else self.beta * share
        return self.rows(terms).sum() / total, Seeds(
            log_px=_filled(-share, terms.log_px),
            log_pz=_filled(-weight, terms.log_pz),
            log_qz=_filled(weight, terms.log_qz),
            kl=_filled(self.beta / total if closed else 0.0, terms.kl),
        )


@dataclass(frozen=True)
class Reconstruction:
    """loss = -Σ_n (1/K) Σ_k log p(x_n given z_kn) / total: the plain autoencoder, no KL.

    dlog_px = -1 / (K total)
    """

    whole_batch: ClassVar[bool] = False

    def at(self, step: int) -> Reconstruction:
        """Nothing here is scheduled."""
        return self

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        return -terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        share = 1.0 / (terms.log_px.shape[0] * total)
        zeros = [_filled(0.0, term) for term in (terms.log_pz, terms.log_qz, terms.kl)]
        return self.rows(terms).sum() / total, Seeds(_filled(-share, terms.log_px), *zeros)
