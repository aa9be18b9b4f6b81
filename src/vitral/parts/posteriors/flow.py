"""A posterior refined by a normalising flow. Derivation: docs/derivations/posteriors.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.flows import Stack, stack
from vitral.parts.posteriors.sampled import Sampled


@dataclass(frozen=True)
class FlowPosterior:
    """z = f(mu0 + sigma0 eps; v), h = (mu0, v, logvar0)

    log q = -1/2 Σ_l (eps² + logvar0 + log 2π) - logdet

    dz0 = f'(dz, -dlog_q)      dmu0 = Σ_k dz0      dlogvar0 = Σ_k (dz0 eps sigma0 - dlog_q) / 2      dv = f's

    A diagonal Gaussian pushed through a stack of flows (Rezende and Mohamed 2015, eq. 13; with "autoregressive",
    inverse autoregressive flow, Kingma et al. 2016). Every layer sees the ``summary`` v of x, as many numbers as
    asked: without it the flow is the same for all x, and no more than another prior and decoder. Sampling is one
    pass; ``log_prob`` goes through the inverse, L passes a layer for "autoregressive". mu is the image of the
    base's mean, which is a code and not the mean of q; no variance is known (logvar is None). The flow starts at
    the identity.
    """

    latent: int
    flow: str = "autoregressive"
    layers: int = 2
    hidden: tuple[int, ...] = (128,)
    bound: float = 2.0
    summary: int = 32
    has_density: ClassVar[bool] = True
    pathwise: ClassVar[bool] = False  # d log q/dz would need the gradient of the inverse

    def __post_init__(self) -> None:
        assert self.stack.latent == self.latent  # options that make no flow are refused here, not in training

    @cached_property
    def stack(self) -> Stack:
        return stack(self.flow, self.latent, self.layers, self.hidden, self.bound, self.summary)

    @property
    def shapes(self) -> Shapes:
        return self.stack.shapes

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.stack.init(p, rng)

    def width(self) -> int:
        return 2 * self.latent + self.summary

    def quiet(self) -> int:
        """How many of the last outputs of the encoder start at zero: the log-variances of the base."""
        return self.latent

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return {"eps": (samples, rows, self.latent)}

    def base(self, h: Array) -> tuple[Array, Array | None, Array]:
        """mu0 (N, L), the summary (N, S) where there is one, logvar0 (N, L)."""
        split = self.latent + self.summary
        return h[:, : self.latent], h[:, self.latent : split] if self.summary else None, h[:, split:]

    def parameters(self, p: Views, h: Array) -> tuple[Array, None]:
        """The image of the base's mean (N, L), and no log-variance."""
        mu, summary, _ = self.base(h)
        return self.stack.forward(p, mu[None], summary)[0][0], None

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        mu, summary, logvar = self.base(h)
        eps = noise["eps"]
        sigma = np.exp(0.5 * logvar)
        draws = np.concatenate([mu + sigma * eps, mu[None]])  # the mean goes along as one more draw
        images, logdet, flow_backward = self.stack.forward(p, draws, summary)
        log_qz = -0.5 * (eps * eps + logvar + LOG_TWO_PI).sum(axis=-1) - logdet[:-1]

        def backward(
            dz: Array, dlog_qz: Array, dmu: Array | float, dlogvar: float, g: Views, path: None = None
        ) -> Array:
            dsummary = arrays.zeros((h.shape[0], self.summary), like=h)
            dimages = np.concatenate([dz, (arrays.zeros(mu.shape, like=mu) + dmu)[None]])
            dlogdet = np.concatenate([-dlog_qz, arrays.zeros((1, h.shape[0]), like=h)])
            ddraws = flow_backward(dimages, dlogdet, g, dsummary if self.summary else None)
            dz0 = ddraws[:-1]
            dlogvar0 = 0.5 * ((dz0 * eps).sum(axis=0) * sigma - dlog_qz.sum(axis=0)[:, None])
            return np.concatenate([ddraws.sum(axis=0), dsummary, dlogvar0], axis=-1)

        return Sampled(images[:-1], log_qz, images[-1], None), backward

    def log_prob(self, p: Views, h: Array, z: Array) -> Array:
        """log q(z given x) at any z (K, N, L), through the inverse of the flow."""
        mu, summary, logvar = self.base(h)
        draws = self.stack.inverse(p, z, summary)
        logdet = self.stack.forward(p, draws, summary)[1]
        return -0.5 * ((draws - mu) ** 2 * np.exp(-logvar) + logvar + LOG_TWO_PI).sum(axis=-1) - logdet
