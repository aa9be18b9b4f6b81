"""KL(q(z given x), p(z)) in closed form, for the pairs that have one. Derivation: docs/derivations/kl.md.

A closed form takes the two parts, the views of the whole model, the encoder output h (N, width) and the
context; it returns one value for each dimension, (N, L), in nats, and ``backward(dkl, g) -> dh``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

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


CLOSED_KL = {(DiagonalGaussian, StandardNormal): kl_diagonal_standard}
