"""What costs nothing to beat: the mean image, and linear codes of the same size (PCA)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitral.data import Rows

BLOCK = 5000


@dataclass(frozen=True)
class Baselines:
    """The mean image (D,) and the principal axes (D, D) of the training rows, best first."""

    mean: np.ndarray
    axes: np.ndarray

    def mean_image_sse(self, rows: Rows) -> float:
        """Squared distance to the mean image, a mean over rows."""
        return self.pca_sse(rows, 0)

    def pca_sse(self, rows: Rows, components: int) -> float:
        """Squared distance to the best linear reconstruction with so many numbers, a mean over rows."""
        total = 0.0
        for start in range(0, len(rows), BLOCK):
            centred = rows.take(slice(start, start + BLOCK), "float64") - self.mean
            kept = centred @ self.axes[:, :components]
            total += float((centred * centred).sum() - (kept * kept).sum())
        return total / len(rows)

    def reconstruct(self, x: np.ndarray, components: int) -> np.ndarray:
        """The best linear reconstructions of x, (N, D)."""
        axes = self.axes[:, :components]
        return self.mean + (x - self.mean) @ axes @ axes.T


def fit_baselines(rows: Rows) -> Baselines:
    """Mean and principal axes of the training rows: eigenvectors of their covariance."""
    features = rows.stored.shape[1]
    sums, products = np.zeros(features), np.zeros((features, features))
    for start in range(0, len(rows), BLOCK):
        x = rows.take(slice(start, start + BLOCK), "float64")
        sums += x.sum(axis=0)
        products += x.T @ x
    mean = sums / len(rows)
    _, axes = np.linalg.eigh(products / len(rows) - np.outer(mean, mean))
    return Baselines(mean, axes[:, ::-1])
