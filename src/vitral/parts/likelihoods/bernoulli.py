"""The Bernoulli likelihood, on logits. Derivation: docs/derivations/likelihoods.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.likelihoods.base import Backward, PerEntry
from vitral.parts.likelihoods.links import start_of


@dataclass(frozen=True)
class Bernoulli(PerEntry):
    """Bernoulli on logits: p(x_d = 1 given z) = sigmoid(o_d).                                     # E05

    log p = Σ_d x_d o_d - softplus(o_d)

    do = dlog_p (x - sigmoid(o))

    A likelihood for x in {0, 1}. On grey levels in between the same expression is a loss, not a density
    (E05c), and Vitral reports it as a loss only; the density is ``ContinuousBernoulli``.
    """

    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def width(self, features: int) -> int:
        return features

    def start(self, data: Array) -> Array:
        """The decoder output (1, M) at which the mean of the likelihood is the mean of the data."""
        return start_of("sigmoid", data)

    def mean(self, p: Views, o: Array) -> Array:
        return arrays.sigmoid(o)

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        def backward(dterms: Array, g: Views) -> Array:
            return (x - arrays.sigmoid(o)) * dterms

        return x * o - arrays.softplus(o), backward

    def log_masses(self, p: Views, o: Array) -> Array:
        """log p of 0 and of 1, (..., D, 2)."""
        return np.stack([-arrays.softplus(o), -arrays.softplus(-o)], axis=-1)

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return (rng.random(o.shape, dtype=o.dtype) < arrays.sigmoid(o)).astype(o.dtype)
