"""KL(q(z given x), p(z)) in closed form, for the pairs that have one. Derivation: docs/derivations/kl.md.

A closed form takes the two parts, the views of the whole model, the encoder output h (N, width) and the
context; it returns one value for each dimension, (N, L), in nats, and ``backward(dkl, g) -> dh``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.posteriors import DiagonalGaussian, FullGaussian
from vitral.parts.priors import ConditionalGaussian, StandardNormal

Divergence = tuple[Array, Callable[[Array, Views], Array]]


def kl_diagonal_standard(
    posterior: DiagonalGaussian, prior: StandardNormal, p: Views, h: Array, context: Array | None = None
) -> Divergence:
    """KL(N(mu, diag(sigma²)), N(0, I)), h = (mu, logvar).                                         # E08

    kl = (mu² + sigma² - logvar - 1) / 2        a location part mu²/2 and a width part

    dmu = dkl mu        dlogvar = dkl (sigma² - 1) / 2
    """
    mu, logvar = posterior.parameters(p.posterior, h)
    variance = np.exp(logvar)
    kl = 0.5 * (mu * mu + variance - logvar - 1.0)

    def backward(dkl: Array, g: Views) -> Array:
        return np.concatenate([dkl * mu, dkl * (0.5 * (variance - 1.0))], axis=-1)

    return kl, backward


def kl_full_standard(
    posterior: FullGaussian, prior: StandardNormal, p: Views, h: Array, context: Array | None = None
) -> Divergence:
    """KL(N(mu, C Cᵀ), N(0, I)) with C lower triangular. Derivation: docs/derivations/posteriors.md.

    kl_l = (mu_l² + Σ_j C_lj² - 1) / 2 - log C_ll

    dmu = dkl mu        dC_lj = dkl_l C_lj        dlog C_ll = dkl_l (C_ll² - 1)

    kl_l is the average KL of q(z_l given z_1 .. z_{l-1}) to N(0, 1): never negative, and the sum is exact.
    """
    mu, factor, log_diagonal = posterior.factor(h)
    kl = 0.5 * (mu * mu + (factor * factor).sum(axis=-1) - 1.0) - log_diagonal

    def backward(dkl: Array, g: Views) -> Array:
        return posterior.unfactor(dkl * mu, dkl[..., None] * factor, dkl * np.expm1(2.0 * log_diagonal))

    return kl, backward


def kl_diagonal_conditional(
    posterior: DiagonalGaussian, prior: ConditionalGaussian, p: Views, h: Array, context: Array | None = None
) -> Divergence:
    """KL(N(mu, diag(sigma²)), N(m, diag(v))) with m and log v functions of the context.                # E08

    kl = ((mu - m)² / v + sigma² / v - logvar + log v - 1) / 2

    dmu = dkl (mu - m) / v = -dm        dlogvar = dkl (sigma² / v - 1) / 2
    dlog v = dkl (1 - ((mu - m)² + sigma²) / v) / 2
    """
    mu, logvar = posterior.parameters(p.posterior, h)
    m, log_v, prior_backward = prior.parameters(p.prior, context)
    pull = (mu - m) * np.exp(-log_v)
    ratio, square = np.exp(logvar - log_v), (mu - m) * pull
    kl = 0.5 * (square + ratio - logvar + log_v - 1.0)

    def backward(dkl: Array, g: Views) -> Array:
        dmu = dkl * pull
        prior_backward(-dmu, dkl * (0.5 * (1.0 - square - ratio)), g.prior)
        return np.concatenate([dmu, dkl * (0.5 * (ratio - 1.0))], axis=-1)

    return kl, backward


CLOSED_KL: dict[tuple[type, type], Callable[..., Divergence]] = {
    (DiagonalGaussian, StandardNormal): kl_diagonal_standard,
    (DiagonalGaussian, ConditionalGaussian): kl_diagonal_conditional,
    (FullGaussian, StandardNormal): kl_full_standard,
}
