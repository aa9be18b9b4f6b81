"""How many rows a step and how many epochs suit few rows or many, where nobody says."""

from __future__ import annotations

LEAST_BATCH, MOST_BATCH, STEPS = 16, 128, 16  # so many steps an epoch, between these sizes of a batch
LEAST_EPOCHS, MOST_EPOCHS, UPDATES = 30, 300, 5000  # about so many steps in all, within these epochs


def batch_size(rows: int) -> int:
    """Rows a step: at least 16 steps an epoch of few rows, and 128 rows of many."""
    return min(max(rows // STEPS, LEAST_BATCH), MOST_BATCH)


def epochs(rows: int, batch: int) -> int:
    """How often every row is seen in about 5,000 steps: 300 times of few rows, 30 times of many."""
    return min(max(UPDATES * batch // max(rows, 1), LEAST_EPOCHS), MOST_EPOCHS)
