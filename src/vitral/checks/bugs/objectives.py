"""Broken objectives: importance weighting, estimators without score, steered KL, total correlation, discrepancy.

``BUGS`` lists them as the zoo does: id, name, family, the broken member, the sound one, the laws that go red.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vitral.core.arrays import Array, zeros
from vitral.parts.objectives import IWAE, MMD, STL, BetaTC, Capacity, DReG, FreeBits, Seeds, Terms
from vitral.parts.objectives.importance import log_weights, seeds_of


class MeanOfLogs(IWAE):
    """(1/K) Σ_k log w_k in the place of log (1/K) Σ_k w_k, with its own right gradient"""

    def rows(self, terms: Terms) -> Array:
        return -log_weights(terms).mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        return STL()(terms, total)[0], STL()(terms, total)[1]._replace(path=None)


class ForgottenCount(IWAE):
    """log Σ_k w_k, without the 1/K"""

    def rows(self, terms: Terms) -> Array:
        return super().rows(terms) - float(np.log(len(terms.log_px)))

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        return loss - terms.log_px.shape[1] / total * float(np.log(len(terms.log_px))), seeds


class EqualWeights(IWAE):
    """the bound of IWAE, the gradient of the ELBO"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        return super().__call__(terms, total)[0], STL()(terms, total)[1]


class LargestWeight(IWAE):
    """log (max_k w_k / K): all draws but the best are lost"""

    def rows(self, terms: Terms) -> Array:
        return float(np.log(len(terms.log_px))) - log_weights(terms).max(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        best = log_weights(terms) == log_weights(terms).max(axis=0)
        return self.rows(terms).sum() / total, seeds_of(
            np.where(best, -1.0 / total, 0.0 * terms.log_px), terms
        )


class AveragedOverRows(IWAE):
    """every row pays the mean of the batch"""

    def rows(self, terms: Terms) -> Array:
        rows = super().rows(terms)
        return 0.0 * rows + rows.mean()


class WeightedOnce(DReG):
    """the weights are not squared: sticking the landing under the name of DReG"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        return loss, seeds._replace(path=np.ones_like(terms.log_px))


class KeepsTheScore(STL):
    """nothing is dropped: the plain gradient under the name of sticking the landing"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        return loss, seeds._replace(path=None)


class DropsDensity(STL):
    """log q is left out of the way back altogether, and not its score alone"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        return loss, seeds._replace(log_qz=0.0 * seeds.log_qz)


class FloorUnderTheSum(FreeBits):
    """max(floor, Σ_l KL_l): one dimension may have all of it"""

    def rows(self, terms: Terms) -> Array:
        whole = np.maximum(self.price(terms).sum(axis=-1), self.floor)
        return whole - terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        _, seeds = super().__call__(terms, total)
        paid = self.price(terms).sum(axis=-1, keepdims=True) > self.floor
        return self.rows(terms).sum() / total, seeds._replace(kl=np.ones_like(terms.kl) * paid / total)


class PushesBelowTheFloor(FreeBits):
    """the gradient of the KL also where it is below the floor"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        return loss, seeds._replace(kl=np.full_like(terms.kl, 1.0 / total))


class NoAbsoluteValue(Capacity):
    """gamma (KL - C): below the capacity the KL goes on falling"""

    def rows(self, terms: Terms) -> Array:
        return self.gamma * self.excess(terms) - terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        _, seeds = Capacity(0.0, self.gamma, self.kl)(terms, total)
        return self.rows(terms).sum() / total, seeds


class ClampedAtCapacity(Capacity):
    """min(KL, C), as a detector once had it: a KL above the capacity is free"""

    def rows(self, terms: Terms) -> Array:
        spent = self.excess(terms) + self.capacity
        return np.minimum(spent, self.capacity) - terms.log_px.mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        _, seeds = super().__call__(terms, total)
        below = self.excess(terms) < 0.0
        return self.rows(terms).sum() / total, seeds._replace(kl=np.full_like(terms.kl, below / total))


class NoCount(BetaTC):
    """log Σ_m q(z given x_m), without the 1/(N M)"""

    def log_shares(self, terms: Terms) -> Array:
        return zeros((len(terms.mu), len(terms.mu)), like=terms.mu)


class OwnRowTwice(BetaTC):
    """stratified shares of M rows where there are M - 1 others"""

    def log_shares(self, terms: Terms) -> Array:
        shares, rows = super().log_shares(terms), len(terms.mu)
        short = float(np.log((rows - 1) / rows))
        return shares + short * (1.0 - np.eye(rows, dtype=shares.dtype))


class OtherRowsFixed(BetaTC):
    """q(z) moves with z alone, not with the mu and logvar of the rows that make it up"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        return loss, seeds._replace(mu=0.0, logvar=0.0)


class SwappedWeights(BetaTC):
    """alpha on the total correlation, beta on the information, in loss and gradient"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        return BetaTC(self.beta, self.alpha, self.gamma, self.estimate, self.train_rows)(terms, total)

    def rows(self, terms: Terms) -> Array:
        return BetaTC(self.beta, self.alpha, self.gamma, self.estimate, self.train_rows).rows(terms)


class WithTheDiagonal(MMD):
    """every draw is a pair with itself"""

    def _other_rows(self, apart: Array, samples: int, rows: int) -> Array:
        return np.full_like(apart, 1.0 / apart.size)


class PairsWithinRows(MMD):
    """two draws of one row count as a pair, only a draw with itself does not"""

    def _other_rows(self, apart: Array, samples: int, rows: int) -> Array:
        size = len(apart)
        return (1.0 - np.eye(size, dtype=apart.dtype)) / (size * (size - 1))


class HalfTheGradient(MMD):
    """half the derivative of a square"""

    def discrepancy(self, z: Array) -> tuple[Array, Array]:
        value, dz = super().discrepancy(z)
        return value, 0.5 * dz


_ADDS, _MEETS, _EXACT = "terms_add_to_the_loss", "bound_meets_evidence", "exact_on_a_linear_model"
_NO_GRADIENT = "vanishes_at_the_exact_posterior"

Row = tuple[str, str, str, Any, Any, tuple[str, ...]]


def _row(id: str, name: str, broken: type, options: dict[str, Any], *caught_by: str) -> Row:
    """A line of the zoo: the broken class and the one that it breaks, with the same options."""
    return id, name, "objective", broken(**options), broken.__mro__[1](**options), caught_by


_TC: dict[str, Any] = {"train_rows": 9}
_STRATIFIED: dict[str, Any] = {"train_rows": 9, "estimate": "stratified"}

BUGS = (
    _row("O01", "mean of logs for log of mean in IWAE", MeanOfLogs, {}, _ADDS, _MEETS),
    _row("O02", "IWAE without 1/K", ForgottenCount, {}, _ADDS, _MEETS, _EXACT),
    _row("O03", "IWAE with equal weights in the gradient", EqualWeights, {}, "gradient"),
    _row("O04", "a row pays the mean of the batch", AveragedOverRows, {}, "rows_make_the_loss", _MEETS),
    _row("O05", "only the best draw of IWAE counts", LargestWeight, {}, "bound_rises", _ADDS, _MEETS, _EXACT),
    _row("O06", "DReG weighs every draw only once", WeightedOnce, {}, "gradient_on_average"),
    _row("O07", "sticking the landing keeps the score", KeepsTheScore, {}, _NO_GRADIENT),
    _row(
        "O08",
        "log q dropped whole, not its score alone",
        DropsDensity,
        {},
        "gradient_on_average",
        _NO_GRADIENT,
        "gradient",
        "is_an_elbo",
    ),
    _row("O09", "free bits: the floor under the sum", FloorUnderTheSum, {}, _ADDS),
    _row("O10", "free bits: pushed down below the floor", PushesBelowTheFloor, {}, "gradient"),
    _row("O11", "capacity without the absolute value", NoAbsoluteValue, {}, _ADDS),
    _row(
        "O12",
        "capacity as a ceiling",
        ClampedAtCapacity,
        {"capacity": 0.5, "gamma": 1.0},
        _ADDS,
        "is_an_elbo",
    ),
    _row("O13", "q(z) without its 1/(N M)", NoCount, _TC, _ADDS),
    _row("O14", "shares of one row too many", OwnRowTwice, _STRATIFIED, "estimates_without_bias", _ADDS),
    _row("O15", "q(z) with the other rows fixed", OtherRowsFixed, _TC, "gradient"),
    _row("O16", "information and total correlation swapped", SwappedWeights, _TC, _ADDS),
    _row("O17", "discrepancy with the diagonal", WithTheDiagonal, {}, "tells_the_prior", _ADDS),
    _row("O18", "two draws of one row as a pair", PairsWithinRows, {}, "tells_the_prior", _ADDS),
    _row("O19", "half the gradient of the discrepancy", HalfTheGradient, {}, "gradient"),
)
