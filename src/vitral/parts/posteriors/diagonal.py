"""The diagonal Gaussian posterior of the plain VAE. Derivation: docs/derivations/reparameterisation.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.posteriors.sampled import Sampled


@dataclass(frozen=True)
class DiagonalGaussian:
    """q(z given x) = N(mu, diag(sigma²)), h = (mu, logvar), logvar = log sigma².                  # E03

    z = mu + sigma eps        log q = -1/2 Σ_l (eps² + logvar + log 2π)

    dmu = Σ_k dz              dlogvar = Σ_k (dz eps sigma - dlog_q) / 2

    With eps frozen, log q depends on logvar alone: z moves together with mu. That is the sum of a path
    (log q at a z that moves, d/dz = -eps / sigma) and of the score (q's own parameters at a z that stays),
    whose mean is zero. A ``path`` (K, N) drops the score and weighs every draw (objectives/importance.py).
    """

    latent: int
    shapes: ClassVar[Shapes] = {}
    has_density: ClassVar[bool] = True
    pathwise: ClassVar[bool] = True

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def width(self) -> int:
        return 2 * self.latent

    def quiet(self) -> int:
        """How many of the last outputs of the encoder start at zero: the log-variances."""
        return self.latent

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return {"eps": (samples, rows, self.latent)}

    def parameters(self, p: Views, h: Array) -> tuple[Array, Array]:
        """mu and logvar, each (N, L)."""
        return h[:, : self.latent], h[:, self.latent :]

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        mu, logvar = self.parameters(p, h)
        eps = noise["eps"]
        sigma = np.exp(0.5 * logvar)
        z = mu + sigma * eps
        log_qz = -0.5 * (eps * eps + logvar + LOG_TWO_PI).sum(axis=-1)

        def backward(
            dz: Array,
            dlog_qz: Array,
            dmu: Array | float,
            dlogvar: Array | float,
            g: Views,
            path: Array | None = None,
        ) -> Array:
            if path is None:
                score = -0.5 * dlog_qz.sum(axis=0)[:, None]
            else:
                dz, score = path[..., None] * (dz - dlog_qz[..., None] * eps / sigma), 0.0
            dmu = dz.sum(axis=0) + dmu
            dlogvar = 0.5 * (dz * eps).sum(axis=0) * sigma + score + dlogvar
            return np.concatenate([dmu, dlogvar], axis=-1)

        return Sampled(z, log_qz, mu, logvar), backward

    def log_prob(self, p: Views, h: Array, z: Array) -> Array:
        """log q(z given x) at any z (K, N, L)."""
        mu, logvar = self.parameters(p, h)
        return -0.5 * ((z - mu) ** 2 * np.exp(-logvar) + logvar + LOG_TWO_PI).sum(axis=-1)
