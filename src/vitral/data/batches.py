"""Minibatches: an order of the rows for each epoch, cut into pieces."""

from __future__ import annotations

import numpy as np


def steps_per_epoch(rows: int, size: int) -> int:
    """How many batches cover all rows; the last may be short."""
    return -(-rows // size)


def batch_of(order: np.ndarray, position: int, size: int) -> np.ndarray:
    """The rows of one batch of an epoch."""
    return order[position * size : (position + 1) * size]
