"""Affine coupling. Derivation: docs/derivations/flows.md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vitral.core.arrays import Array, joined
from vitral.core.parameters import Shapes, Views
from vitral.parts.blocks import SiLU
from vitral.parts.flows.flow import Backward, Constants, affine, split, unaffine
from vitral.parts.layers import Affine, Chain


@dataclass(frozen=True)
class AffineCoupling:
    """y_a = z_a        y_b = z_b exp(s(z_a)) + t(z_a)        logdet = Σ_b s        s = c tanh(r / c)

    dz_b = dy_b exp(s)      ds = dy_b z_b exp(s) + dlogdet      dt = dy_b      dz_a = dy_a + (ds, dt) · d(s, t)/dz_a

    RealNVP (Dinh et al. 2017, eq. 4 to 8). a is the first half; (r, t) is a network of z_a, and of the context
    where there is one, smooth (SiLU) as densities are. Its last layer starts at zero, and so the flow at the
    identity. Both directions cost one pass.
    """

    latent: int
    hidden: tuple[int, ...] = (128,)
    bound: float = 2.0
    context: int = 0

    @property
    def kept(self) -> int:
        """How many dimensions stay as they are."""
        return self.latent // 2

    @cached_property
    def network(self) -> Any:
        n_in, n_out = self.kept + self.context, 2 * (self.latent - self.kept)
        if n_in == 0:
            return Constants(n_out)
        layers: list[Any] = []
        for width in self.hidden:
            layers += [Affine(n_in, width, "glorot"), SiLU()]
            n_in = width
        return Chain((*layers, Affine(n_in, n_out, "glorot", quiet=n_out)))

    @property
    def shapes(self) -> Shapes:
        return self.network.shapes  # type: ignore[no-any-return]

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.network.init(p, rng)

    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]:
        a, b = z[..., : self.kept], z[..., self.kept :]
        raw, network_backward = self.network.forward(p, joined(a, context))
        moved, logdet, affine_backward = affine(b, raw, self.bound)

        def backward(dy: Array, dlogdet: Array, g: Views, dcontext: Array | None = None) -> Array:
            db, draw = affine_backward(dy[..., self.kept :], dlogdet)
            da = dy[..., : self.kept] + split(network_backward(draw, g), self.kept, dcontext)
            return np.concatenate([da, db], axis=-1)

        return np.concatenate([a, moved], axis=-1), logdet, backward

    def inverse(self, p: Views, y: Array, context: Array | None = None) -> Array:
        a = y[..., : self.kept]
        raw, _ = self.network.forward(p, joined(a, context))
        return np.concatenate([a, unaffine(y[..., self.kept :], raw, self.bound)], axis=-1)
