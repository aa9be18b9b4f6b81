"""A Gaussian prior for every class, or for any context. Derivation: docs/derivations/priors.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError
from vitral.parts.heads import GaussianHead, log_normal


@dataclass(frozen=True)
class ConditionalGaussian:
    """p(z given c) = N(mu(c), diag(sigma(c)²)), mu and logvar by a linear map of c, or a network with ``hidden``.

    dz, dmu, dlogvar as in ``heads.log_normal``, summed over the samples of a row, and on through the map.

    With c a one-hot label every class has a Gaussian of its own (compare Sohn et al. 2015). The map starts at zero,
    so that training starts at the standard normal.
    """

    latent: int
    context: int
    hidden: tuple[int, ...] = ()
    activation: str = "tanh"
    bound: float = 8.0

    def __post_init__(self) -> None:
        if self.context < 1:
            raise UsageError(
                f"prior 'conditional' is p(z given context), got a model with context = {self.context}: "
                "set model.context so that rows have one, or prior to 'standard_normal'"
            )
        assert self.head.n_in == self.context  # a head that cannot be is refused here, not in training

    @cached_property
    def head(self) -> GaussianHead:
        quiet = 2 * self.latent
        return GaussianHead(self.context, self.latent, self.hidden, self.activation, self.bound, quiet)

    @property
    def shapes(self) -> Shapes:
        return self.head.shapes

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.head.init(p, rng)

    def parameters(
        self, p: Views, context: Array | None
    ) -> tuple[Array, Array, Callable[[Array, Array, Views], Array]]:
        """mu and logvar (N, L) of every row of the context, and the way back to the map; p is the prior's own."""
        if context is None:
            raise UsageError(
                f"prior 'conditional' got no context: give one row of {self.context} numbers for each row of z"
            )
        return self.head.forward(p, context)

    def log_prob(
        self, p: Views, z: Array, context: Array | None = None
    ) -> tuple[Array, Callable[..., Array]]:
        mu, logvar, head_backward = self.parameters(p.prior, context)
        log_pz, normal_backward = log_normal(z, mu, logvar)

        def backward(dlog_pz: Array, g: Views) -> Array:
            dz, dmu, dlogvar = normal_backward(dlog_pz)
            head_backward(dmu.sum(axis=0), dlogvar.sum(axis=0), g.prior)
            return dz

        return log_pz, backward

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: Array | None = None) -> Array:
        """n draws, (n, L), one for each row of the context (n, C)."""
        mu, logvar, _ = self.parameters(p.prior, context)
        return mu + np.exp(0.5 * logvar) * rng.standard_normal((n, self.latent))
