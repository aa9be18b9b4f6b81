"""The latent space in numbers: codes, KL per dimension, active units, neighbours."""

from __future__ import annotations

import numpy as np

from vitral.data import Rows
from vitral.evaluation.likelihood import CACHED, side_by_side
from vitral.model import Model

ACTIVE = (
    0.01  # variance over images of E_q[z_l] above which a unit is active (Burda et al. 2016, section 5.2)
)


def codes(model: Model, theta: np.ndarray, rows: Rows) -> tuple[np.ndarray, np.ndarray | None]:
    """mu and logvar of q(z given x) for every row, (N, L); logvar is None for a plain autoencoder."""
    p = model.views(theta)

    def some(start: int) -> tuple[np.ndarray, np.ndarray | None]:
        batch = rows.batch(slice(start, start + CACHED), theta.dtype.name)
        return model.encode(p, batch.inputs, batch.context)

    pairs = side_by_side(some, range(0, max(len(rows), 1), CACHED))
    mu = np.concatenate([pair[0] for pair in pairs])
    return mu, None if pairs[0][1] is None else np.concatenate([pair[1] for pair in pairs])


def decoded(model: Model, theta: np.ndarray, z: np.ndarray, context: np.ndarray | None = None) -> np.ndarray:
    """The mean of p(x given z) for codes (..., L), with their context (..., C), if any: (..., D)."""
    p, flat = model.views(theta), z.reshape(-1, z.shape[-1])
    beside = None if context is None else context.reshape(-1, context.shape[-1])

    def some(start: int) -> np.ndarray:
        part = slice(start, start + CACHED)
        return model.decode(p, flat[part], None if beside is None else beside[part])

    means = np.concatenate(side_by_side(some, range(0, max(len(flat), 1), CACHED)))
    return means.reshape(*z.shape[:-1], means.shape[-1])


def kl_parts(mu: np.ndarray, logvar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean KL to N(0, I) of each dimension, (L,), as a location and a width part, in nats.    # E08

    location mu²/2 + width (sigma² - 1 - logvar)/2
    """
    mu, logvar = mu.astype(np.float64), logvar.astype(np.float64)
    return 0.5 * (mu * mu).mean(axis=0), 0.5 * (np.exp(logvar) - 1.0 - logvar).mean(axis=0)


def mu_shortcut(logvar: np.ndarray, beta: float) -> float:
    """What evaluating at z = mu is predicted to hide: (beta/2) Σ_l (1 - sigma_l²), in nats.       # E13"""
    return float(0.5 * beta * (1.0 - np.exp(logvar.astype(np.float64))).sum(axis=1).mean())


def active_units(mu: np.ndarray) -> int:
    """How many dimensions carry information: Var over images of the posterior mean above 0.01."""
    return int((mu.astype(np.float64).var(axis=0) > ACTIVE).sum())


def knn_accuracy(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, neighbours: int
) -> float:
    """Share of test codes whose ``neighbours`` nearest training codes vote for the right class."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(n_neighbors=min(neighbours, len(train))).fit(train, train_labels)
    return float((classifier.predict(test) == test_labels).mean())
