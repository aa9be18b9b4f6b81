"""Where a training diverged: the first term that is not finite, and what stands behind it in data or gradient."""

from __future__ import annotations

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import named
from vitral.errors import TrainingDiverged
from vitral.model import Model
from vitral.parts.objectives import Terms
from vitral.training.parallel import Work


def explained(model: Model, theta: Array, work: Work, index: np.ndarray, step: int) -> TrainingDiverged:
    """The error for this step, whose batch holds the training rows ``index``."""
    with np.errstate(all="ignore"):
        batch = work.batch(slice(None))
        terms, _, backward = model.run(model.views(theta), batch, work.noise)
        gradient = np.zeros_like(theta)
        g = model.views(gradient)
        _, seeds = work.objective(terms, work.rows)
        backward(seeds, g)
    where = _in_data(batch.target, index) or _in_gradient(model, gradient)
    return TrainingDiverged(step, _term(terms), where=where)


def _term(terms: Terms) -> str:
    """The first term that is not finite, or the gradient when all of them are."""
    for name in ("kl", "log_qz", "log_pz", "log_px"):
        value = getattr(terms, name)
        if value is not None and not np.isfinite(value).all():
            return name
    return "gradient"


def _in_data(x: Array, index: np.ndarray) -> str:
    """The first number of the batch that is not finite."""
    wrong = np.argwhere(~np.isfinite(np.asarray(x, dtype=np.float64)))
    if not len(wrong):
        return ""
    row, column = wrong[0]
    return f"training row {index[row]}, column {column}, is {x[row, column]:g}"


def _in_gradient(model: Model, gradient: Array) -> str:
    """The tensor whose gradient is the first on the way back that is not finite, or else the largest."""
    places = {name: place for name, (place, _) in named(model.shapes).items() if place.stop > place.start}
    largest = {name: float(np.abs(gradient[place]).max()) for name, place in places.items()}
    for name in reversed(largest):
        if not np.isfinite(largest[name]):
            return f"on the way back the first gradient that is not finite is that of {name}"
    name = max(largest, key=lambda one: largest[one])
    return f"the largest gradient is {largest[name]:.2g}, of {name}"
