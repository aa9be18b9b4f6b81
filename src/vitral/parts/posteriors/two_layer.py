"""Two stochastic layers as one posterior of z = (z1, z2). Derivation: docs/derivations/two_layers.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError
from vitral.parts.heads import GaussianHead, log_normal
from vitral.parts.posteriors.diagonal import DiagonalGaussian
from vitral.parts.posteriors.sampled import Sampled


@dataclass(frozen=True)
class TwoLayerPosterior:
    """q(z given x) = q(z2 given x) q(z1 given x, z2), both diagonal, h = (f, mu2, logvar2), z = (z1, z2).

    z2 = mu2 + sigma2 eps2        (mu1, logvar1) = head(f, z2)        z1 = mu1 + sigma1 eps1
    log q = -1/2 Σ (eps1² + logvar1 + log 2π) - 1/2 Σ (eps2² + logvar2 + log 2π)

    dmu1 = dz1        dlogvar1 = (dz1 eps1 sigma1 - dlog_q) / 2
    (df, dz2) = (0, dz2) + head'(dmu1, dlogvar1)                  z2 reaches the loss by itself and by z1's parameters
    dmu2 = Σ_k dz2        dlogvar2 = Σ_k (dz2 eps2 sigma2 - dlog_q) / 2

    Tomczak and Welling 2018, section 4. ``upper`` of the ``latent`` dimensions are z2 (0: half of them); ``summary``
    numbers f tell the head of z1 what x is. Estimators that drop the score of q are not offered: through z2 the
    score reaches z1, and what is left of it there has no mean of zero.
    """

    latent: int
    upper: int = 0
    summary: int = 64
    hidden: tuple[int, ...] = (300,)
    activation: str = "tanh"
    bound: float = 8.0
    has_density: ClassVar[bool] = True
    pathwise: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.l2 < self.latent:
            raise UsageError(
                f"two layers need at least one dimension each, got latent = {self.latent} and upper = {self.upper}: "
                "set latent to 2 or more, and upper below it"
            )
        assert self.head.n_out == self.l1  # a head that cannot be is refused here, not in training

    @property
    def l2(self) -> int:
        """How many dimensions the upper layer has."""
        return self.upper or self.latent // 2

    @property
    def l1(self) -> int:
        """How many dimensions the lower layer has: the first ones of z."""
        return self.latent - self.l2

    @cached_property
    def head(self) -> GaussianHead:
        n_in = self.summary + self.l2
        return GaussianHead(n_in, self.l1, self.hidden, self.activation, self.bound, quiet=self.l1)

    @property
    def shapes(self) -> Shapes:
        return self.head.shapes

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.head.init(p, rng)

    def width(self) -> int:
        return self.summary + 2 * self.l2

    def quiet(self) -> int:
        """The last outputs of the encoder are the log-variances of z2."""
        return self.l2

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return {"eps1": (samples, rows, self.l1), "eps2": (samples, rows, self.l2)}

    def split(self, h: Array) -> tuple[Array, Array, Array]:
        """f (N, F), mu2 and logvar2 (N, L2)."""
        f, end = self.summary, self.summary + self.l2
        return h[:, :f], h[:, f:end], h[:, end:]

    def parameters(self, p: Views, h: Array) -> tuple[Array, None]:
        """The code (N, L): z2 at its mean and z1 at its mean given that. Over x alone z1 is not Gaussian."""
        mu, _ = self._code(p, h)
        return mu, None

    def _code(self, p: Views, h: Array) -> tuple[Array, Callable[..., Array]]:
        f, mu2, _ = self.split(h)
        mu1, logvar1, head_backward = self.head.forward(p, np.concatenate([f, mu2], axis=-1))

        def backward(dmu: Array, g: Views) -> Array:
            """dmu by the two parameters of h that it depends on, (N, F + L2)."""
            dh = head_backward(dmu[:, : self.l1], arrays.zeros(logvar1.shape, like=logvar1), g)
            dh[:, self.summary :] += dmu[:, self.l1 :]
            return dh

        return np.concatenate([mu1, mu2], axis=-1), backward

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        f, mu2, logvar2 = self.split(h)
        eps1, eps2 = noise["eps1"], noise["eps2"]
        sigma2 = np.exp(0.5 * logvar2)
        z2 = mu2 + sigma2 * eps2
        mu1, logvar1, head_backward = self.head.forward(p, self._joined(f, z2))
        sigma1 = np.exp(0.5 * logvar1)
        z1 = mu1 + sigma1 * eps1
        log_q1 = (eps1 * eps1 + logvar1 + LOG_TWO_PI).sum(axis=-1)
        log_q2 = (eps2 * eps2 + logvar2 + LOG_TWO_PI).sum(axis=-1)
        mu, code_backward = self._code(p, h)

        def backward(
            dz: Array, dlog_qz: Array, dmu: Array | float, dlogvar: float, g: Views, path: None = None
        ) -> Array:
            dz1, dlog_q = dz[..., : self.l1], 0.5 * dlog_qz[..., None]
            dhead = head_backward(dz1, 0.5 * dz1 * eps1 * sigma1 - dlog_q, g)
            dz2 = dz[..., self.l1 :] + dhead[..., self.summary :]
            dlogvar2 = (0.5 * dz2 * eps2 * sigma2 - dlog_q).sum(axis=0)
            dh = np.concatenate([dhead[..., : self.summary].sum(axis=0), dz2.sum(axis=0), dlogvar2], axis=-1)
            if not isinstance(dmu, float):
                dh[:, : self.summary + self.l2] += code_backward(dmu, g)
            return dh

        return Sampled(np.concatenate([z1, z2], axis=-1), -0.5 * (log_q1 + log_q2), mu, None), backward

    def log_prob(self, p: Views, h: Array, z: Array) -> Array:
        """log q(z given x) at any z (K, N, L)."""
        f, mu2, logvar2 = self.split(h)
        z1, z2 = z[..., : self.l1], z[..., self.l1 :]
        mu1, logvar1, _ = self.head.forward(p, self._joined(f, z2))
        return log_normal(z1, mu1, logvar1)[0] + log_normal(z2, mu2, logvar2)[0]

    def _joined(self, f: Array, z2: Array) -> Array:
        """f (N, F) of each row beside every draw of its z2 (K, N, L2)."""
        return np.concatenate([np.broadcast_to(f, (*z2.shape[:-1], self.summary)), z2], axis=-1)


@dataclass(frozen=True)
class UpperLayer:
    """q(z2 given x) of a two-layer posterior by itself, as a posterior of the same h."""

    whole: TwoLayerPosterior
    has_density: ClassVar[bool] = True

    @property
    def latent(self) -> int:
        return self.whole.l2

    @property
    def shapes(self) -> Shapes:
        return self.whole.shapes

    @property
    def _gaussian(self) -> DiagonalGaussian:
        return DiagonalGaussian(self.whole.l2)

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return self._gaussian.noise_shapes(samples, rows)

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        q, gaussian_backward = self._gaussian.sample(p, h[:, self.whole.summary :], noise)

        def backward(*given: Any) -> Array:
            dh = gaussian_backward(*given)
            unread = arrays.zeros((len(h), self.whole.summary), like=h)
            return np.concatenate([unread, dh], axis=-1)

        return q, backward
