"""Importance-weighted bounds, and gradients without the score of q. Derivation: docs/derivations/objectives.md.

All of them need K draws that do not see each other, and a density of q; all are exact where q is the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core.arrays import Array, logsumexp
from vitral.parts.objectives.terms import Seeds, Terms, filled


def log_weights(terms: Terms) -> Array:
    """log w = log p(x given z) + log p(z) - log q(z given x), (K, N)                                # E11"""
    return terms.log_px + terms.log_pz - terms.log_qz


def weighted_bound(terms: Terms) -> tuple[Array, Array]:
    """log (1/K) Σ_k w_kn, (N,), and the normalised weights w_kn / Σ_j w_jn, (K, N).                # E11"""
    log_w = log_weights(terms)
    top = logsumexp(log_w, axis=0)
    return top - float(np.log(len(log_w))), np.exp(log_w - top)


def seeds_of(dlog_w: Array, terms: Terms, path: Array | None = None) -> Seeds:
    """dlog_px = dlog_pz = -dlog_qz = dlog_w"""
    return Seeds(dlog_w, dlog_w, -dlog_w, filled(0.0, terms.kl), path=path)


@dataclass(frozen=True)
class IWAE:
    """loss = -Σ_n log (1/K) Σ_k w_kn / total                                                        # E11

    Burda, Grosse and Salakhutdinov 2016, equations 8 and 13. K = 1 is the ELBO with a sampled KL; ``samples`` is K.

    dlog_w_kn = -(w_kn / Σ_j w_jn) / total
    """

    samples: int = 5
    whole_batch: ClassVar[bool] = False
    scheduled: ClassVar[tuple[str, ...]] = ()
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    needs: ClassVar[tuple[str, ...]] = ("density",)

    def at(self, step: int) -> IWAE:
        """Nothing here is scheduled."""
        return self

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        return -weighted_bound(terms)[0]

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        bound, weights = weighted_bound(terms)
        return -bound.sum() / total, seeds_of(weights * (-1.0 / total), terms)


@dataclass(frozen=True)
class DReG:
    """The loss of IWAE, with the doubly reparameterised gradient (Tucker et al. 2019, equation 8).

    v_kn = w_kn / Σ_j w_jn.  The decoder and the prior get dlog_w = -v / total as in IWAE. The encoder gets only the
    way through z, each draw weighed once more: dz = v dlog_w dlog w/dz, so v²; its mean is the gradient of IWAE's.
    """

    samples: int = 5
    whole_batch: ClassVar[bool] = False
    scheduled: ClassVar[tuple[str, ...]] = ()
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    needs: ClassVar[tuple[str, ...]] = ("density", "pathwise")

    def at(self, step: int) -> DReG:
        """Nothing here is scheduled."""
        return self

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        return -weighted_bound(terms)[0]

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        bound, weights = weighted_bound(terms)
        return -bound.sum() / total, seeds_of(weights * (-1.0 / total), terms, path=weights)


@dataclass(frozen=True)
class STL:
    """Sticking the landing (Roeder et al. 2017): the score of q is dropped, and no draw is weighed again.

    ``bound`` "elbo": loss = -Σ_n (1/K) Σ_k log w_kn / total, dlog_w = -1 / (K total); the mean of the gradient stays.
    ``bound`` "iwae": the loss and dlog_w of IWAE; for K > 1 its mean is not the gradient (Tucker et al. 2019).
    """

    samples: int = 1
    bound: str = "elbo"
    whole_batch: ClassVar[bool] = False
    scheduled: ClassVar[tuple[str, ...]] = ()
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"bound": ("elbo", "iwae")}
    needs: ClassVar[tuple[str, ...]] = ("density", "pathwise")

    def at(self, step: int) -> STL:
        """Nothing here is scheduled."""
        return self

    def rows(self, terms: Terms) -> Array:
        """The loss of every row, (N,)."""
        return -weighted_bound(terms)[0] if self.bound == "iwae" else -log_weights(terms).mean(axis=0)

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        log_w = log_weights(terms)
        weights = weighted_bound(terms)[1] if self.bound == "iwae" else np.full_like(log_w, 1.0 / len(log_w))
        loss = self.rows(terms).sum() / total
        return loss, seeds_of(weights * (-1.0 / total), terms, path=np.ones_like(log_w))
