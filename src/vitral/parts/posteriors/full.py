"""A Gaussian posterior with full covariance. Derivation: docs/derivations/posteriors.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.posteriors.sampled import Sampled


@dataclass(frozen=True)
class FullGaussian:
    """q(z given x) = N(mu, C Cᵀ), h = (mu, log diag C, C below the diagonal row by row)

    z = mu + C eps        log q = -Σ_l (eps²/2 + log C_ll + log(2π)/2)        logvar_l = log Σ_j C_lj²

    dmu = Σ_k dz      dC = Σ_k dz epsᵀ, below the diagonal      dlog C_ll = C_ll dC_ll - Σ_k dlog_q

    C is the Cholesky factor of the covariance; its diagonal is an exponential, so that every h is allowed. All
    of C starts quiet: sigma = 1, no correlation. For path estimators d log q/dz = -C⁻ᵀ eps.
    """

    latent: int
    shapes: ClassVar[Shapes] = {}
    has_density: ClassVar[bool] = True
    pathwise: ClassVar[bool] = True

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def width(self) -> int:
        return self.latent + self.quiet()

    def quiet(self) -> int:
        """How many of the last outputs of the encoder start at zero: all of C."""
        return self.latent * (self.latent + 1) // 2

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return {"eps": (samples, rows, self.latent)}

    def parameters(self, p: Views, h: Array) -> tuple[Array, Array]:
        """mu and the logarithms of the marginal variances, each (N, L)."""
        mu, factor, _ = self.factor(h)
        return mu, np.log((factor * factor).sum(axis=-1))

    def factor(self, h: Array) -> tuple[Array, Array, Array]:
        """mu (N, L), C (N, L, L), lower triangular, and log diag C (N, L)."""
        mu, log_diagonal = h[:, : self.latent], h[:, self.latent : 2 * self.latent]
        factor = arrays.zeros((h.shape[0], self.latent, self.latent), like=h)
        diagonal, below = list(range(self.latent)), self._below()
        factor[:, diagonal, diagonal] = np.exp(log_diagonal)
        factor[:, below[0], below[1]] = h[:, 2 * self.latent :]
        return mu, factor, log_diagonal

    def unfactor(self, dmu: Array, dfactor: Array, dlog_diagonal: Array) -> Array:
        """dh: the reverse of ``factor``."""
        below = self._below()
        return np.concatenate([dmu, dlog_diagonal, dfactor[:, below[0], below[1]]], axis=-1)

    def _below(self) -> tuple[list[int], list[int]]:
        """Rows and columns of the entries below the diagonal."""
        pairs = [(i, j) for i in range(self.latent) for j in range(i)]
        return [i for i, _ in pairs], [j for _, j in pairs]

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        mu, factor, log_diagonal = self.factor(h)
        eps = noise["eps"]
        columns = eps.transpose(1, 2, 0)  # (N, L, K)
        z = mu + (factor @ columns).transpose(2, 0, 1)
        log_qz = -(0.5 * (eps * eps + LOG_TWO_PI) + log_diagonal).sum(axis=-1)
        variance = (factor * factor).sum(axis=-1)

        def backward(
            dz: Array,
            dlog_qz: Array,
            dmu: Array | float,
            dlogvar: Array | float,
            g: Views,
            path: Array | None = None,
        ) -> Array:
            if path is None:
                score = -dlog_qz.sum(axis=0)[:, None]
            else:
                pull = np.linalg.solve(factor.swapaxes(-1, -2), columns).transpose(2, 0, 1)
                dz, score = path[..., None] * (dz - dlog_qz[..., None] * pull), 0.0
            dfactor = dz.transpose(1, 2, 0) @ eps.transpose(1, 0, 2)
            dfactor += (2.0 * dlogvar / variance)[..., None] * factor
            diagonal = list(range(self.latent))
            dlog_diagonal = np.exp(log_diagonal) * dfactor[:, diagonal, diagonal] + score
            return self.unfactor(dz.sum(axis=0) + dmu, dfactor, dlog_diagonal)

        return Sampled(z, log_qz, mu, np.log(variance)), backward

    def log_prob(self, p: Views, h: Array, z: Array) -> Array:
        """log q(z given x) at any z (K, N, L), eps = C⁻¹ (z - mu)."""
        mu, factor, log_diagonal = self.factor(h)
        eps = np.linalg.solve(factor, (z - mu).transpose(1, 2, 0)).transpose(2, 0, 1)
        return -(0.5 * (eps * eps + LOG_TWO_PI) + log_diagonal).sum(axis=-1)
