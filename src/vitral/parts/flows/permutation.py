"""A fixed reordering of the dimensions, so that the next layer conditions on other ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.flows.flow import Backward


@dataclass(frozen=True)
class Permutation:
    """y_i = z_order(i)        logdet = 0

    dz_order(i) = dy_i: the inverse permutation
    """

    order: tuple[int, ...]
    shapes: ClassVar[Shapes] = {}
    context: ClassVar[int] = 0

    @property
    def latent(self) -> int:
        return len(self.order)

    @property
    def back(self) -> list[int]:
        """The inverse permutation."""
        return sorted(range(self.latent), key=self.order.__getitem__)

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]:
        def backward(dy: Array, dlogdet: Array, g: Views, dcontext: Array | None = None) -> Array:
            return dy[..., self.back]

        return z[..., list(self.order)], arrays.zeros(z.shape[:-1], like=z), backward

    def inverse(self, p: Views, y: Array, context: Array | None = None) -> Array:
        return y[..., self.back]


def reversal(latent: int) -> Permutation:
    """The last dimension becomes the first (Papamakarios et al. 2017, section 4.3)."""
    return Permutation(tuple(range(latent))[::-1])


def exchange(latent: int) -> Permutation:
    """The two halves change places: what a coupling left alone is moved next."""
    return Permutation((*range(latent // 2, latent), *range(latent // 2)))


def riffle(latent: int) -> Permutation:
    """The two halves are dealt alternately, as cards are: each new half holds some of both."""
    return Permutation((*range(0, latent, 2), *range(1, latent, 2)))
