"""The Bernoulli likelihood, on logits. Derivation: docs/derivations/likelihoods.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.likelihoods.links import Backward, start_of


@dataclass(frozen=True)
class Bernoulli:
    """Bernoulli on logits: p(x_d = 1 given z) = sigmoid(o_d).                                     # E05

    log p = Σ_d x_d o_d - softplus(o_d)

    do = dlog_p (x - sigmoid(o))

    A likelihood for x in {0, 1}. On grey levels in between the same expression is a loss, not a density
    (E05c), and Vitral reports it as a loss only.
    """

    shapes: ClassVar[Shapes] = {}
    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def width(self, features: int) -> int:
        return features

    def constant(self, features: int) -> float:
        """No part of -log p is constant."""
        return 0.0

    def start(self, data: Array) -> Array:
        """The decoder output (1, M) at which the mean of the likelihood is the mean of the data."""
        return start_of("sigmoid", data)

    def mean(self, p: Views, o: Array) -> Array:
        return arrays.sigmoid(o)

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        return x * o - arrays.softplus(o)

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        terms = self.log_prob_terms(p, x, o)
        if mask is not None:
            terms *= mask

        def backward(dlog_px: Array, g: Views) -> Array:
            do = (x - arrays.sigmoid(o)) * dlog_px[..., None]
            if mask is not None:
                do *= mask
            return do

        return terms.sum(axis=-1), backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return (rng.random(o.shape, dtype=o.dtype) < arrays.sigmoid(o)).astype(o.dtype)
