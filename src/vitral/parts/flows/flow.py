"""What every flow offers, and the affine map with a bounded scale that two of them share.

A flow is an invertible map with a tractable log-determinant. **Forward is the direction that is trained**: it
alone has a backward. A prior uses it from z to noise (a density), a posterior from noise to z (a sampler);
``inverse`` goes the other way, without gradients. Derivation: docs/derivations/flows.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views

Backward = Callable[..., Array]  # (dy, dlogdet, g, dcontext=None) -> dz


class Flow(Protocol):
    """y, logdet, backward = forward(p, z): y (..., N, L), logdet (..., N), in nats.

    ``backward(dy, dlogdet, g, dcontext=None) -> dz`` adds into g and, where the flow is conditioned, into
    ``dcontext`` (N, C) if there is one. ``inverse(p, forward(p, z).y) = z``.
    """

    latent: int
    context: int

    @property
    def shapes(self) -> Shapes: ...
    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None: ...
    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]: ...
    def inverse(self, p: Views, y: Array, context: Array | None = None) -> Array: ...


def split(dseen: Array, width: int, dcontext: Array | None) -> Array:
    """The reverse of ``arrays.joined``: the gradient of z; that of the context is added where it is wanted."""
    if dcontext is not None:
        dcontext += dseen[..., width:].reshape(-1, *dcontext.shape).sum(axis=0)
    return dseen[..., :width]


def scale_and_shift(raw: Array, bound: float) -> tuple[Array, Array]:
    """s = c tanh(r / c) and t, from the two halves (r, t) of a conditioner's output

    dr = ds (1 - (s / c)²)

    |s| stays below the bound c, so that one layer stretches by at most exp(c) and nothing overflows.
    """
    half = raw.shape[-1] // 2
    return bound * np.tanh(raw[..., :half] * (1.0 / bound)), raw[..., half:]


def affine(z: Array, raw: Array, bound: float) -> tuple[Array, Array, Callable[..., tuple[Array, Array]]]:
    """y = z exp(s) + t        logdet = Σ s        (s, t) = scale_and_shift(raw)

    dz = dy exp(s)      ds = dy z exp(s) + dlogdet      dt = dy
    """
    s, t = scale_and_shift(raw, bound)
    scale = np.exp(s)
    stretched = z * scale

    def backward(dy: Array, dlogdet: Array) -> tuple[Array, Array]:
        ds = dy * stretched + dlogdet[..., None]
        slope = 1.0 - (s * (1.0 / bound)) ** 2
        return dy * scale, np.concatenate([ds * slope, dy], axis=-1)

    return stretched + t, s.sum(axis=-1), backward


def unaffine(y: Array, raw: Array, bound: float) -> Array:
    """z = (y - t) exp(-s), the inverse of ``affine``."""
    s, t = scale_and_shift(raw, bound)
    return (y - t) * np.exp(-s)


@dataclass(frozen=True)
class Constants:
    """y = b for every row: the network of a conditioner that sees nothing

    db = Σ_n dy_n
    """

    n_out: int

    @property
    def shapes(self) -> Shapes:
        return {"b": (self.n_out,)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        p.b[...] = 0.0

    def forward(self, p: Views, x: Array) -> tuple[Array, Callable[[Array, Views], Array]]:
        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            g.b += arrays.sum_of_rows(dy.reshape(-1, self.n_out))
            return x

        return np.broadcast_to(p.b, (*x.shape[:-1], self.n_out)), backward
