"""Two stochastic layers as one prior of z = (z1, z2). Derivation: docs/derivations/two_layers.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError
from vitral.parts.heads import GaussianHead, log_normal
from vitral.parts.posteriors import TwoLayerPosterior


@dataclass(frozen=True)
class TwoLayerPrior:
    """p(z) = p(z2) p(z1 given z2), z = (z1, z2) as the two-layer posterior has them.

    (mu1, logvar1) = head(z2)        log p = log N(z1; mu1, sigma1²) + log p(z2)

    dz1 = -dmu1        dz2 = head'(dmu1, dlogvar1) + (the upper prior's dz2)

    ``top`` is any other prior of z2, as an entry of a spec: the standard normal, a mixture, a flow, or a VampPrior,
    whose pseudo-inputs then go through q(z2 given u) (Tomczak and Welling 2018, section 4).
    """

    latent: int
    posterior: Any
    encoder: Any
    top: Any = field(
        default_factory=lambda: {"kind": "standard_normal"}
    )  # until ``specs`` has made the member
    hidden: tuple[int, ...] = (300,)
    activation: str = "tanh"
    bound: float = 8.0

    def __post_init__(self) -> None:
        if not isinstance(self.posterior, TwoLayerPosterior):
            raise UsageError(
                f"prior 'two_layer' needs a posterior of two layers, got {type(self.posterior).__name__}: "
                "set posterior to 'two_layer', or prior to 'mixture' or 'vamp'"
            )
        assert self.head.n_out == self.posterior.l1  # a head that cannot be is refused here, not in training

    @cached_property
    def head(self) -> GaussianHead:
        l1, l2 = self.posterior.l1, self.posterior.l2
        return GaussianHead(l2, l1, self.hidden, self.activation, self.bound, quiet=l1)

    @property
    def shapes(self) -> Shapes:
        return {"head": self.head.shapes, "top": self.top.shapes}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.head.init(p.head, rng)
        self.top.init(p.top, rng, data)

    def log_prob(
        self, p: Views, z: Array, context: Array | None = None
    ) -> tuple[Array, Callable[..., Array]]:
        l1 = self.posterior.l1
        mu1, logvar1, head_backward = self.head.forward(p.prior.head, z[..., l1:])
        log_p1, normal_backward = log_normal(z[..., :l1], mu1, logvar1)
        log_p2, top_backward = self.top.log_prob(_of_top(p), z[..., l1:], context)

        def backward(dlog_pz: Array, g: Views) -> Array:
            dz1, dmu1, dlogvar1 = normal_backward(dlog_pz)
            dz2 = head_backward(dmu1, dlogvar1, g.prior.head) + top_backward(dlog_pz, _of_top(g))
            return np.concatenate([dz1, dz2], axis=-1)

        return log_p1 + log_p2, backward

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: Array | None = None) -> Array:
        """n draws, (n, L): z2 first, then z1 given it."""
        z2 = self.top.sample(_of_top(p), n, rng, context)
        mu1, logvar1, _ = self.head.forward(p.prior.head, z2)
        z1 = mu1 + np.exp(0.5 * logvar1) * rng.standard_normal(mu1.shape)
        return np.concatenate([z1, z2], axis=-1)


def _of_top(p: Views) -> Views:
    """The views of the whole model as the upper prior reads them: its own numbers are ``p.prior``."""
    return Views({"encoder": p.encoder, "posterior": p.posterior, "prior": p.prior.top})
