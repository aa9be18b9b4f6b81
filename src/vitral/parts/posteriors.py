"""Approximate posteriors q(z given x), read off the encoder output ``h``.

``sample`` moves the randomness out of the path: z is a differentiable function of h and of noise that
is drawn elsewhere. Derivation: docs/derivations/reparameterisation.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views


class Sampled(NamedTuple):
    """z (K, N, L), log q(z given x) (K, N), and the parameters (N, L) where the posterior has them."""

    z: Array
    log_qz: Array | None
    mu: Array
    logvar: Array | None


@dataclass(frozen=True)
class DiagonalGaussian:
    """q(z given x) = N(mu, diag(sigma²)), h = (mu, logvar), logvar = log sigma².                  # E03

    z = mu + sigma eps        log q = -1/2 Σ_l (eps² + logvar + log 2π)

    dmu = Σ_k dz              dlogvar = Σ_k (dz eps sigma - dlog_q) / 2

    With eps frozen, log q depends on logvar alone: z moves together with mu.
    """

    latent: int
    shapes: ClassVar[Shapes] = {}
    has_density: ClassVar[bool] = True

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def width(self) -> int:
        return 2 * self.latent

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return {"eps": (samples, rows, self.latent)}

    def parameters(self, h: Array) -> tuple[Array, Array]:
        """mu and logvar, each (N, L)."""
        return h[:, : self.latent], h[:, self.latent :]

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        mu, logvar = self.parameters(h)
        eps = noise["eps"]
        sigma = np.exp(0.5 * logvar)
        z = mu + sigma * eps
        log_qz = -0.5 * (eps * eps + logvar + LOG_TWO_PI).sum(axis=-1)

        def backward(
            dz: Array, dlog_qz: Array, dmu: Array | float, dlogvar: Array | float, g: Views
        ) -> Array:
            dmu = dz.sum(axis=0) + dmu
            dlogvar = 0.5 * ((dz * eps).sum(axis=0) * sigma - dlog_qz.sum(axis=0)[:, None]) + dlogvar
            return np.concatenate([dmu, dlogvar], axis=-1)

        return Sampled(z, log_qz, mu, logvar), backward

    def log_prob(self, p: Views, h: Array, z: Array) -> Array:
        """log q(z given x) at any z (K, N, L)."""
        mu, logvar = self.parameters(h)
        return -0.5 * ((z - mu) ** 2 * np.exp(-logvar) + logvar + LOG_TWO_PI).sum(axis=-1)


@dataclass(frozen=True)
class Point:
    """The plain autoencoder: z = h, without noise and so without a density.

    dh = Σ_k dz + dmu
    """

    latent: int
    shapes: ClassVar[Shapes] = {}
    has_density: ClassVar[bool] = False

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def width(self) -> int:
        return self.latent

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return {}

    def parameters(self, h: Array) -> tuple[Array, None]:
        """The code (N, L), and no log-variance."""
        return h, None

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        def backward(dz: Array, dlog_qz: None, dmu: Array | float, dlogvar: float, g: Views) -> Array:
            return dz.sum(axis=0) + dmu

        return Sampled(h[None], None, h, None), backward
