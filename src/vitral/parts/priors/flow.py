"""A prior learned by a normalising flow. Derivation: docs/derivations/flows.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError
from vitral.parts.flows import Stack, stack


@dataclass(frozen=True)
class FlowPrior:
    """p(z) = N(u; 0, I) |det du/dz|, u = f(z)

    log p = -1/2 Σ_l (u² + log 2π) + logdet

    dz = f'(du, dlogdet) with du = -dlog_p u and dlogdet = dlog_p

    Density is one pass of the flow's forward direction, for both kinds. A draw is z = f⁻¹(u) of standard normal u:
    one pass for "coupling" (RealNVP, Dinh et al. 2017), L passes for "autoregressive" (MAF, Papamakarios et al.
    2017). The flow starts at the identity: training begins at the standard normal. In a conditional model
    every layer sees the context.
    """

    latent: int
    context: int = 0
    flow: str = "coupling"
    layers: int = 6
    hidden: tuple[int, ...] = (128,)
    bound: float = 2.0

    def __post_init__(self) -> None:
        assert self.stack.latent == self.latent  # options that make no flow are refused here, not in training

    @cached_property
    def stack(self) -> Stack:
        return stack(self.flow, self.latent, self.layers, self.hidden, self.bound, self.context)

    @property
    def shapes(self) -> Shapes:
        return self.stack.shapes

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.stack.init(p, rng)

    def log_prob(
        self, p: Views, z: Array, context: Array | None = None
    ) -> tuple[Array, Callable[..., Array]]:
        u, logdet, flow_backward = self.stack.forward(p.prior, z, self._seen(context))
        log_pz = logdet - 0.5 * (u * u + LOG_TWO_PI).sum(axis=-1)

        def backward(dlog_pz: Array, g: Views) -> Array:
            return flow_backward(-dlog_pz[..., None] * u, dlog_pz, g.prior)

        return log_pz, backward

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: Array | None = None) -> Array:
        """n draws, (n, L), in float64: the caller chooses a narrower dtype."""
        u = rng.standard_normal((n, self.latent))
        return self.stack.inverse(p.prior, u, self._seen(context))

    def _seen(self, context: Array | None) -> Array | None:
        if self.context and context is None:
            raise UsageError(
                f"this flow prior is conditional and got no context: give one of {self.context} numbers a row"
            )
        return context if self.context else None
