"""Which columns or pixels make a row odd. Derivation: anomaly.md."""

from __future__ import annotations

import numpy as np

from vitral.applications.anomaly.evidence import DRAWS, distortions
from vitral.data import Rows
from vitral.model import Model


def contributions(
    model: Model, theta: np.ndarray, rows: Rows, usual: Rows | None = None, *, draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """Nats of the distortion that every entry of a row pays, (N, D), beyond what it pays in ``usual`` rows on average.

    c_d = -E_q log p(x_d given z) - its mean over usual rows        Σ_d c_d = distortion - its usual mean

    Without usual rows nothing is taken off, and the sum is the distortion itself. The code of a row belongs to all its
    entries together: the rate is nobody's in particular.
    """
    own = distortions(model, theta, rows, draws=draws, seed=seed)
    if usual is None:
        return own
    return own - distortions(model, theta, usual, draws=draws, seed=seed).mean(axis=0)
