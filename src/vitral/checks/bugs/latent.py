"""Broken posteriors, closed-form KLs and priors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Views
from vitral.parts.divergences import Divergence, kl_diagonal_standard
from vitral.parts.posteriors import DiagonalGaussian, Sampled
from vitral.parts.priors import StandardNormal


class Altered(DiagonalGaussian):
    """A sampler with a hook for its width and one for its noise; its backward follows its forward."""

    def width_of(self, logvar: Array) -> tuple[Array, Array]:
        sigma = np.exp(0.5 * logvar)
        return sigma, 0.5 * sigma

    def noise_of(self, eps: Array) -> Array:
        return eps

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        mu, logvar = self.parameters(p, h)
        eps, (sigma, slope) = self.noise_of(noise["eps"]), self.width_of(logvar)
        log_qz = -0.5 * (eps * eps + logvar + LOG_TWO_PI).sum(axis=-1)

        def backward(
            dz: Array, dlog_qz: Array, dmu: Array, dlogvar: Array, g: Views, path: None = None
        ) -> Array:
            pull = (dz * eps).sum(axis=0) * slope - 0.5 * dlog_qz.sum(axis=0)[:, None]
            return np.concatenate([dz.sum(axis=0) + dmu, pull + dlogvar], axis=-1)

        return Sampled(mu + sigma * eps, log_qz, mu, logvar), backward


class VarianceAsDeviation(Altered):
    """sigma = exp(logvar)"""

    def width_of(self, logvar: Array) -> tuple[Array, Array]:
        return np.exp(logvar), np.exp(logvar)


class HalfDeviation(Altered):
    """sigma = exp(logvar / 2) / 2"""

    def width_of(self, logvar: Array) -> tuple[Array, Array]:
        sigma, slope = super().width_of(logvar)
        return 0.5 * sigma, 0.5 * slope


class NoNoise(Altered):
    """z = mu"""

    def width_of(self, logvar: Array) -> tuple[Array, Array]:
        return np.zeros_like(logvar), np.zeros_like(logvar)


class UniformNoise(Altered):
    """eps drawn from [0, 1) instead of N(0, 1)"""

    def noise_of(self, eps: Array) -> Array:
        return np.random.default_rng(1).random(eps.shape).astype(eps.dtype)


class CentredUniformNoise(UniformNoise):
    """eps uniform with mean 0 and variance 1: only the fourth moment differs"""

    def noise_of(self, eps: Array) -> Array:
        return np.sqrt(12.0, dtype=eps.dtype) * (super().noise_of(eps) - eps.dtype.type(0.5))


class NoEpsInGradient(Altered):
    """dlogvar = dz sigma / 2, without eps"""

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        q, _ = super().sample(p, h, noise)
        _, backward = super().sample(p, h, {"eps": np.ones_like(noise["eps"])})
        return q, backward


class NoHalfInGradient(Altered):
    """dlogvar = dz eps sigma, without the 1/2 of the square root"""

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        q, backward = super().sample(p, h, noise)

        def doubled(
            dz: Array, dlog_qz: Array, dmu: Array, dlogvar: Array, g: Views, path: None = None
        ) -> Array:
            twice = backward(2.0 * dz, dlog_qz, dmu, dlogvar, g)
            twice[:, : self.latent] -= dz.sum(axis=0)
            return twice

        return q, doubled


class NoConstant(Altered):
    """log q without log 2π"""

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        q, backward = super().sample(p, h, noise)
        assert q.log_qz is not None
        return q._replace(log_qz=q.log_qz + 0.5 * self.latent * LOG_TWO_PI), backward


def scaled(kl: Callable[..., Divergence], factor: float) -> Callable[..., Divergence]:
    """KL times a factor, with the gradient to match."""

    def broken(*given: Any) -> Divergence:
        value, backward = kl(*given)
        return factor * value, lambda dkl, g: backward(factor * dkl, g)

    return broken


def averaged(posterior: DiagonalGaussian, *given: Any) -> Divergence:
    """KL divided by the number of latent dimensions."""
    return scaled(kl_diagonal_standard, 1.0 / posterior.latent)(posterior, *given)


negated = scaled(kl_diagonal_standard, -1.0)
doubled = scaled(kl_diagonal_standard, 2.0)


def no_half_in_gradient(posterior: DiagonalGaussian, *given: Any) -> Divergence:
    """dlogvar = sigma² - 1, without the 1/2."""
    value, backward = kl_diagonal_standard(posterior, *given)

    def doubled_half(dkl: Array, g: Views) -> Array:
        dh = backward(dkl, g)
        dh[:, posterior.latent :] *= 2.0
        return dh

    return value, doubled_half


def scaled_by_sigma_in_gradient(posterior: DiagonalGaussian, *given: Any) -> Divergence:
    """dlogvar = (sigma² - 1) sigma / 2"""
    value, backward = kl_diagonal_standard(posterior, *given)
    h = given[2]

    def broken(dkl: Array, g: Views) -> Array:
        dh = backward(dkl, g)
        dh[:, posterior.latent :] *= np.exp(0.5 * h[:, posterior.latent :])
        return dh

    return value, broken


def averaged_in_value(posterior: DiagonalGaussian, *given: Any) -> Divergence:
    """the KL that is reported is a mean, its gradient that of the sum"""
    value, backward = kl_diagonal_standard(posterior, *given)
    return value / posterior.latent, backward


class UniformDraws(StandardNormal):
    """z drawn uniformly from the square of the same variance"""

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: None = None) -> Array:
        return rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), (n, self.latent))


class NoPriorConstant(StandardNormal):
    """log p = -z² / 2"""

    def log_prob(self, p: Views, z: Array, context: None = None) -> tuple[Array, Callable[..., Array]]:
        log_pz, backward = super().log_prob(p, z)
        return log_pz + 0.5 * self.latent * LOG_TWO_PI, backward
