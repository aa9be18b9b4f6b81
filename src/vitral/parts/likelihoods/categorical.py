"""The categorical likelihood, on logits. Derivation: docs/derivations/likelihoods.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.likelihoods.base import Backward, Offence, PerEntry, entries, first, side_by_side, whole


@dataclass(frozen=True)
class Categorical(PerEntry):
    """Every entry is one of C classes; x holds its number, 0 to C - 1.

    log p = Σ_d o_d,x - log Σ_c exp(o_dc)

    do_dc = dlog_p (1[c = x_d] - softmax(o_d)_c)

    Class numbers are names: they have no mean, so ``mean`` gives the most probable class, ``numeric`` is False and
    squared errors say nothing. The encoder sees the numbers as they are.
    """

    classes: int
    numeric: ClassVar[bool] = False

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        return (0.0, self.classes - 1.0)

    def check(self) -> None:
        whole("classes", self.classes, 2)

    def width(self, features: int) -> int:
        return self.classes * features

    def offence(self, x: Array) -> Offence | None:
        return first(x != np.rint(x), f"a class number, 0 to {self.classes - 1}")

    def start(self, data: Array) -> Array:
        """The logs of how often each class was seen, one row of doubt shared among them, (1, C D)."""
        seen = [(data == c).sum(axis=0, keepdims=True) + 1.0 / self.classes for c in range(self.classes)]
        return side_by_side(*(np.log(count / (len(data) + 1.0)).astype(data.dtype) for count in seen))

    def mean(self, p: Views, o: Array) -> Array:
        """The most probable class."""
        return np.argmax(entries(o, self.classes), axis=-1).astype(o.dtype)

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        log_p = self.log_masses(p, o)
        of_x = x[..., None] == arrays.arange(self.classes, like=o)

        def backward(dterms: Array, g: Views) -> Array:
            return (dterms[..., None] * (of_x - np.exp(log_p))).reshape(o.shape)

        return np.where(of_x, log_p, 0.0).sum(axis=-1), backward

    def log_masses(self, p: Views, o: Array) -> Array:
        """log p of every class, (..., D, C)."""
        logits = entries(o, self.classes)
        return logits - arrays.logsumexp(logits, axis=-1)[..., None]

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        """The largest of logits plus Gumbel noise."""
        logits = entries(o, self.classes)
        return np.argmax(logits + rng.gumbel(size=logits.shape), axis=-1).astype(o.dtype)
