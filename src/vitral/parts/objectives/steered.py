"""Objectives that steer how large the KL becomes. Derivation: docs/derivations/objectives.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from vitral.core.arrays import Array
from vitral.parts.objectives.elbo import ELBO
from vitral.parts.objectives.terms import Seeds, Terms, resolved


@dataclass(frozen=True)
class FreeBits:
    """loss = Σ_n [ -(1/K) Σ_k log p(x_n given z_kn) + Σ_l max(floor, KL_l) ] / total                # E15

    KL_l is the mean of kl_nl over the batch ("batch"; Kingma et al. 2016, equation 15), or kl_nl itself ("row").
    A dimension below the ``floor``, in nats, costs that much whatever it does, and so is not pushed down.

    dlog_px = -1 / (K total)        dkl_nl = 1[KL_l > floor] / total
    """

    floor: Any = 0.25  # a number, or a Schedule until ``at`` resolves it
    over: str = "batch"
    samples: int = 1
    scheduled: ClassVar[tuple[str, ...]] = ("floor",)
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"over": ("batch", "row")}
    needs: ClassVar[tuple[str, ...]] = ("density", "kl_of_dimensions")

    @property
    def whole_batch(self) -> bool:
        return self.over == "batch"

    def at(self, step: int) -> FreeBits:
        """The same objective with the floor as it is at this step."""
        return resolved(self, step)  # type: ignore[no-any-return]

    def price(self, terms: Terms) -> Array:
        """The KL that the floor is held against, (1, L) or (N, L)."""
        return terms.kl.mean(axis=0, keepdims=True) if self.whole_batch else terms.kl

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,); what the batch pays together is the same for each."""
        return np.maximum(self.price(terms), self.floor).sum(axis=-1) - terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        _, seeds = ELBO()(terms, total)
        dkl = seeds.kl * (self.price(terms) > self.floor)
        return self.rows(terms).sum() / total, seeds._replace(kl=dkl)


@dataclass(frozen=True)
class Capacity:
    """loss = Σ_n [ -(1/K) Σ_k log p(x_n given z_kn) + gamma |KL - C| ] / total, KL the mean over the batch.

    Burgess et al. 2018, equation 8: C, the ``capacity`` in nats, usually rises over the training by a schedule.
    ``kl`` chooses closed form or samples as in the ELBO, whose gradient this is with beta = gamma sign(KL - C).
    """

    capacity: Any = 25.0  # a number, or a Schedule until ``at`` resolves it; gamma likewise
    gamma: Any = 1000.0
    kl: str = "auto"
    samples: int = 1
    whole_batch: ClassVar[bool] = True
    scheduled: ClassVar[tuple[str, ...]] = ("capacity", "gamma")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"kl": ("auto", "closed", "sampled")}

    @property
    def needs(self) -> tuple[str, ...]:
        return ("density", "closed_kl") if self.kl == "closed" else ("density",)

    def at(self, step: int) -> Capacity:
        """The same objective with capacity and gamma as they are at this step."""
        return resolved(self, step)  # type: ignore[no-any-return]

    def excess(self, terms: Terms) -> Array:
        """KL - C, a number."""
        return ELBO(kl=self.kl).kl_rows(terms).mean() - self.capacity

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,); what the batch pays together is the same for each."""
        return self.gamma * abs(self.excess(terms)) - terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        slope = self.gamma * np.sign(self.excess(terms))
        _, seeds = ELBO(slope, self.kl)(terms, total)
        return self.rows(terms).sum() / total, seeds
