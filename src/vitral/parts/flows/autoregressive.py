"""The masked autoregressive flow. Derivation: docs/derivations/flows.md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vitral.core.arrays import Array, joined
from vitral.core.parameters import Shapes, Views
from vitral.parts.flows.flow import Backward, affine, split, unaffine
from vitral.parts.flows.masked import made
from vitral.parts.layers import Chain


@dataclass(frozen=True)
class MaskedAutoregressive:
    """y_i = z_i exp(s_i(z_1 .. z_{i-1})) + t_i(z_1 .. z_{i-1})        logdet = Σ_i s_i        s = c tanh(r / c)

    dz_i = dy_i exp(s_i) + Σ_{j > i} (ds_j, dt_j) · d(s_j, t_j)/dz_i      ds = dy z exp(s) + dlogdet      dt = dy

    All (s_i, t_i) come from one masked network (MADE), so forward is one pass; the inverse takes L. From z to
    noise it is MAF (Papamakarios et al. 2017, eq. 3 to 5), from noise to z IAF (Kingma et al. 2016, eq. 10).
    The network's last layer starts at zero, and so the flow at the identity. For L = 1 the map is affine.
    """

    latent: int
    hidden: tuple[int, ...] = (128,)
    bound: float = 2.0
    context: int = 0

    @cached_property
    def network(self) -> Chain:
        return made(self.latent, self.hidden, self.context)

    @property
    def shapes(self) -> Shapes:
        return self.network.shapes

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.network.init(p, rng)

    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]:
        raw, network_backward = self.network.forward(p, joined(z, context))
        y, logdet, affine_backward = affine(z, raw, self.bound)

        def backward(dy: Array, dlogdet: Array, g: Views, dcontext: Array | None = None) -> Array:
            dz, draw = affine_backward(dy, dlogdet)
            return dz + split(network_backward(draw, g), self.latent, dcontext)

        return y, logdet, backward

    def inverse(self, p: Views, y: Array, context: Array | None = None) -> Array:
        """z_i follows from z_1 .. z_{i-1}: after step i the first i are exact."""
        z = np.zeros_like(y)
        for i in range(self.latent):
            raw, _ = self.network.forward(p, joined(z, context))
            z[..., i : i + 1] = unaffine(y[..., i : i + 1], raw[..., [i, self.latent + i]], self.bound)
        return z
