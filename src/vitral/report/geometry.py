"""Two facts about a standard normal in the plane, used by the figures and by the tables beside them."""

from __future__ import annotations

import numpy as np

RADII = (1, 2, 3)


def prior_mass_within(radius: float) -> float:
    """The mass that a standard normal in two dimensions has within a radius: 1 - exp(-r²/2)."""
    return float(-np.expm1(-(radius**2) / 2))


def share_of_tiles_beyond(axis: np.ndarray, radius: float) -> float:
    """The share of the points of the square grid on `axis` that lie further from the origin than `radius`."""
    axis = np.asarray(axis, float)
    return float(np.mean(np.hypot(axis[:, None], axis[None, :]) > radius))
