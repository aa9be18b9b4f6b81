"""Affine layers with closed connections, and the network in which output i sees inputs before i alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.blocks import SiLU
from vitral.parts.layers import Chain


@dataclass(frozen=True)
class MaskedAffine:
    """y = x (M · W) + b        M_ij = 1 where degree_out(j) >= degree_in(i), or > where ``strict``, else 0

    dx = dy (M · W)ᵀ        dW = M · (xᵀ dy)        db = Σ_n dy_n

    MADE (Germain et al. 2015, eq. 8 and 9). A degree says up to which input a unit may look; the mask follows
    from the degrees and is no parameter. A ``quiet`` layer starts at zero.
    """

    degrees_in: tuple[int, ...]
    degrees_out: tuple[int, ...]
    strict: bool = False
    quiet: bool = False

    @property
    def shapes(self) -> Shapes:
        return {"W": (len(self.degrees_in), len(self.degrees_out)), "b": (len(self.degrees_out),)}

    def mask(self, like: Array) -> Array:
        """M (n_in, n_out), true where a connection is open."""
        degrees_in = np.asarray(self.degrees_in, dtype=like.dtype, like=like)[:, None]
        degrees_out = np.asarray(self.degrees_out, dtype=like.dtype, like=like)
        return degrees_in < degrees_out if self.strict else degrees_in <= degrees_out

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        p.b[...] = 0.0
        mask = self.mask(p.W)
        fan_in = max(1.0, float(mask.sum()) / len(self.degrees_out))  # open connections of a unit, on average
        p.W[...] = 0.0 if self.quiet else mask * rng.standard_normal(p.W.shape) / math.sqrt(fan_in)

    def forward(self, p: Views, x: Array) -> tuple[Array, Callable[[Array, Views], Array]]:
        mask = self.mask(p.W)
        weights = p.W * mask
        rows_x = x.reshape(-1, len(self.degrees_in))

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            rows_dy = dy.reshape(-1, len(self.degrees_out))
            g.W += mask * (rows_x.T @ rows_dy)
            g.b += arrays.sum_of_rows(rows_dy)
            return (rows_dy @ weights.T).reshape(x.shape) if wanted else None

        return (rows_x @ weights + p.b).reshape(*x.shape[:-1], len(self.degrees_out)), backward


def made(latent: int, hidden: tuple[int, ...], context: int = 0) -> Chain:
    """Two outputs for each of L inputs: (r_1 .. r_L, t_1 .. t_L), of which those of i see inputs before i.

    Inputs have the degrees 1 .. L, the context beside them 0: everyone may see it. Hidden units take the
    degrees below L in turn; those of degree 0 carry the context, or a constant.
    """
    lowest = 0 if context or latent == 1 else 1
    inputs = tuple(range(1, latent + 1))
    degrees, layers = inputs + (0,) * context, list[Any]()
    for width in hidden:
        units = tuple(lowest + unit % (latent - lowest) for unit in range(width))
        layers += [MaskedAffine(degrees, units), SiLU()]
        degrees = units
    return Chain((*layers, MaskedAffine(degrees, 2 * inputs, strict=True, quiet=True)))
