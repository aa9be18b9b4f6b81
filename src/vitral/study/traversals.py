"""Traversals: one test image decoded while one latent dimension runs, the dimensions that matter first."""

from __future__ import annotations

import numpy as np

from vitral.data import Data
from vitral.evaluation.latent import codes
from vitral.model import Model

DIMENSIONS, STEPS = 10, 11
REACH = 2.5  # standard deviations of the aggregate posterior q(z), either way from its mean

Arrays = dict[str, np.ndarray]


def of_model(
    model: Model,
    theta: np.ndarray,
    data: Data,
    kl: list[float] | None,
    *,
    context: np.ndarray | None = None,
) -> Arrays:
    """The first test image with one dimension at a time moved over the range of q(z), (R, 11, D).

    Dimensions are sorted by their KL, largest first, or by the variance of their means where the KL has no
    dimensions; at most ten are shown. A conditional model decodes with the context of that image, or with
    ``context`` (C,).
    """
    p = model.views(theta)
    mu, logvar = codes(model, theta, data.test)
    variance = mu.astype(np.float64).var(axis=0)
    order = np.argsort(-(variance if kl is None else np.asarray(kl)), kind="stable")[:DIMENSIONS]
    if logvar is not None:
        variance = variance + np.exp(logvar.astype(np.float64)).mean(axis=0)
    centre, spread = mu.mean(axis=0), np.sqrt(variance).astype(mu.dtype)
    steps = np.linspace(-REACH, REACH, STEPS, dtype=mu.dtype)
    z = np.tile(mu[0], (len(order), STEPS, 1))
    for row, dimension in enumerate(order):
        z[row, :, dimension] = centre[dimension] + steps * spread[dimension]
    if context is None:
        context = data.test.batch(slice(0, 1), theta.dtype.name).context
    frames = model.decode(p, z.reshape(-1, z.shape[-1]), context)
    return {
        "traversals": frames.reshape(len(order), STEPS, -1).astype(np.float32),
        "traversal_dimensions": order.astype(np.int64),
    }
