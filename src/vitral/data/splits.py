"""How rows become training, validation and test: three index arrays or slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitral.core.randomness import stream
from vitral.data.contract import Source
from vitral.data.mapped import rows_of_blocks
from vitral.errors import UsageError

Parts = tuple[np.ndarray | slice, np.ndarray | slice, np.ndarray | slice]


def official(source: Source, seed: int) -> Parts:
    """The set's own test rows; validation is the last part of its own training rows."""
    train, validation, test = _needed(source.official, source, "official")
    return (
        slice(0, train),
        slice(train, train + validation),
        slice(train + validation, train + validation + test),
    )


def large(source: Source, seed: int) -> Parts:
    """The official test rows, and all official training rows but the last 400, which are validation rows.

    As the code of Burda et al. 2016 splits MNIST: 59,600 / 400 / 10,000.
    """
    train, validation, test = _needed(source.official, source, "large")
    known, kept = train + validation, 400
    return slice(0, known - kept), slice(known - kept, known), slice(known, known + test)


def notebook(source: Source, seed: int) -> Parts:
    """The notebook's: all rows pooled, scikit-learn's stratified split with random_state 42, twice."""
    from sklearn.model_selection import train_test_split

    labels = _needed(source.rows.labels if source.official else None, source, "notebook")
    rest, test = train_test_split(np.arange(len(labels)), test_size=10_000, random_state=42, stratify=labels)
    train, validation = train_test_split(rest, test_size=0.2, random_state=42, stratify=labels[rest])
    return train, validation, test


def random(source: Source, seed: int) -> Parts:
    """80 / 10 / 10 of the rows in an order drawn from the seed; of a large file, of its blocks."""
    if source.rows.block:
        return _by_blocks(len(source.rows), source.rows.block, seed)
    order = stream(seed, "split").permutation(len(source.rows))
    tenth = max(len(order) // 10, 1)
    return order[: -2 * tenth], order[-2 * tenth : -tenth], order[-tenth:]


def _by_blocks(rows: int, block: int, seed: int) -> Parts:
    """80 / 10 / 10 of the blocks in an order drawn from the seed; rows beyond the last whole block are for training."""
    order = stream(seed, "split").permutation(rows // block)
    tenth = max(len(order) // 10, 1)
    train, validation, test = (
        rows_of_blocks(some, block) for some in (order[: -2 * tenth], order[-2 * tenth : -tenth], order[-tenth:])
    )
    return np.append(train, np.arange(rows // block * block, rows)), validation, test


def _needed(found: Any, source: Source, split: str) -> Any:
    if found is None:
        raise UsageError(
            f"split {split!r} exists for mnist only, got data {source.name!r}: use split 'random'"
        )
    return found


SPLITS = {"large": large, "notebook": notebook, "official": official, "random": random}
CHOICES = ("auto", *SPLITS)  # auto: official where there is one, else random
