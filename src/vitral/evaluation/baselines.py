"""What costs nothing to beat: the mean image, and linear codes of the same size (PCA)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitral.data import Rows

BLOCK = 5000


@dataclass(frozen=True)
class Baselines:
    """The mean image (D,) and the principal axes (D, D) of the training rows, best first.

    Where nothing was observed, a row is taken to have the mean, and no error.
    """

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
            if rows.missing:
                total += self._observed_sse(centred, components)
                continue
            kept = centred @ self.axes[:, :components]
            total += float((centred * centred).sum() - (kept * kept).sum())
        return total / len(rows)

    def _observed_sse(self, centred: np.ndarray, components: int) -> float:
        axes, known = self.axes[:, :components], np.nan_to_num(centred)
        residual = np.where(np.isnan(centred), 0.0, known - known @ axes @ axes.T)
        return float((residual * residual).sum())

    def reconstruct(self, x: np.ndarray, components: int) -> np.ndarray:
        """The best linear reconstructions of x, (N, D)."""
        axes = self.axes[:, :components]
        return self.mean + np.nan_to_num(x - self.mean) @ axes @ axes.T


def fit_baselines(rows: Rows) -> Baselines:
    """Mean and principal axes of the training rows: eigenvectors of their covariance."""
    features = rows.stored.shape[1]
    mean = _observed_mean(rows) if rows.missing else None
    sums, products = np.zeros(features), np.zeros((features, features))
    for start in range(0, len(rows), BLOCK):
        x = rows.take(slice(start, start + BLOCK), "float64")
        if mean is not None:
            x = np.where(np.isnan(x), mean, x)
        sums += x.sum(axis=0)
        products += x.T @ x
    mean = sums / len(rows)
    _, axes = np.linalg.eigh(products / len(rows) - np.outer(mean, mean))
    return Baselines(mean, axes[:, ::-1])


def _observed_mean(rows: Rows) -> np.ndarray:
    """The mean of what was observed of every entry, (D,); 0 where nothing was."""
    sums, counts = np.zeros(rows.stored.shape[1]), np.zeros(rows.stored.shape[1])
    for start in range(0, len(rows), BLOCK):
        x = rows.take(slice(start, start + BLOCK), "float64")
        sums += np.nansum(x, axis=0)
        counts += (~np.isnan(x)).sum(axis=0)
    return sums / np.maximum(counts, 1.0)
