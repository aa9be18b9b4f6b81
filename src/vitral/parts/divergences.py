"""KL(q(z given x), p(z)) in closed form, for the pairs that have one. Derivation: docs/derivations/kl.md."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitral.core.arrays import Array
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal


def kl_diagonal_standard(mu: Array, logvar: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """KL(N(mu, diag(sigma²)), N(0, I)), one value for each dimension, (N, L), in nats.            # E08

    kl = (mu² + sigma² - logvar - 1) / 2        a location part mu²/2 and a width part

    dmu = dkl mu        dlogvar = dkl (sigma² - 1) / 2
    """
    variance = np.exp(logvar)
    kl = 0.5 * (mu * mu + variance - logvar - 1.0)

    def backward(dkl: Array) -> tuple[Array, Array]:
        return dkl * mu, dkl * (0.5 * (variance - 1.0))

    return kl, backward


CLOSED_KL = {(DiagonalGaussian, StandardNormal): kl_diagonal_standard}
