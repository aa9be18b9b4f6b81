"""What no law of a model can see: test rows that were trained on, and labels that belong to other rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitral.checks.check import STANDARD_ERRORS, Check, below, information, not_applicable
from vitral.core.arrays import Array
from vitral.core.randomness import stream
from vitral.data import Contract, Rows
from vitral.data.contract import Source
from vitral.data.splits import random

NEIGHBOURS, SHUFFLES = 5, 20
LABELLED = 500  # rows whose neighbours are looked up
SPLIT, LABELS = "test rows that were trained on", "labels belong to their rows"
ROWS, CLASSES = 300, 3  # of the data that the laws draw

Cut = Callable[[Source, int], tuple[Rows, Rows]]


def splits_are_disjoint(train: Rows, test: Rows) -> Check:
    """The share of test rows that equal a training row; as large as the share of training rows with a twin is chance.

    Of rows in random order a test row has a twin among the training rows as often as a training row has: the bound is
    that share and five standard errors of a share of so many test rows.
    """
    known = _counted(train)
    twins = sum(count for count in known.values() if count > 1) / max(len(train), 1)
    shared = sum(count for row, count in _counted(test).items() if row in known) / max(len(test), 1)
    rate = (twins * len(train) + 1.0) / (len(train) + 2.0)
    slack = STANDARD_ERRORS * np.sqrt(rate * (1.0 - rate) / max(len(test), 1)) + 1.0 / max(len(test), 1)
    note = f"{len(test)} test rows beside {len(train)} training rows, of which a share of {twins:.4f} has a twin"
    return below("Z13", SPLIT, shared, twins + slack, "share of the rows", note)


def _counted(rows: Rows) -> dict[bytes, int]:
    """How often each row occurs, by its bytes."""
    found: dict[bytes, int] = {}
    for first in range(0, len(rows), rows.height):
        for row in np.ascontiguousarray(rows.stored[first : first + rows.height]):
            key = row.tobytes()
            found[key] = found.get(key, 0) + 1
    return found


def labels_belong(codes: Array, labels: Array | None, rng: np.random.Generator) -> Check:
    """Neighbours among the codes (N, L) share a label more often than they do after the labels are shuffled.

    Measured is the share that chance reaches, the mean of 20 shuffles and five of their standard deviations; the bound
    is the share with the labels as they are. A model that learned nothing fails this as wrong labels do.
    """
    if labels is None or len(np.unique(labels)) < 2:
        return not_applicable("Z12", LABELS, "the rows have no labels of two classes")
    codes, labels = codes[:LABELLED], labels[:LABELLED]
    squares = (codes * codes).sum(axis=1)
    distances = squares[:, None] + squares - 2.0 * codes @ codes.T
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1)[:, : min(NEIGHBOURS, len(codes) - 1)]
    own = _agreement(near, labels)
    shuffled = [_agreement(near, rng.permutation(labels)) for _ in range(SHUFFLES)]
    chance = float(np.mean(shuffled) + STANDARD_ERRORS * np.std(shuffled, ddof=1))
    note = f"{len(codes)} rows, {near.shape[1]} neighbours each, {SHUFFLES} shuffles of mean {np.mean(shuffled):.3f}"
    return below("Z12", LABELS, chance, own, "share of the neighbours", note)


def labels_informed(codes: Array, labels: Array | None, rng: np.random.Generator) -> Check:
    """The same as a number to read: of a model's own data nobody knows whether labels have to do with the rows."""
    found = labels_belong(codes, labels, rng)
    if found.bound is None:
        return found
    note = f"chance reaches {found.measured:.3f}; {found.note}"
    return information(found.id, found.name, found.bound, found.unit, note)


def _agreement(near: Array, labels: Array) -> float:
    return float((labels[near] == labels[:, None]).mean())


def cut_at_random(source: Source, seed: int) -> tuple[Rows, Rows]:
    """Training and test rows of the random split, as every command takes them."""
    train, _, test = random(source, seed)
    return source.rows.select(train), source.rows.select(test)


def _drawn(seed: int) -> Source:
    """Rows around three centres, all different, in the order of their labels as many a file holds them."""
    rng = stream(seed, "law", 30)
    labels = np.sort(rng.integers(0, CLASSES, ROWS))
    x = (4.0 * np.eye(CLASSES))[labels] + rng.standard_normal((ROWS, CLASSES))
    return Source("rows", Rows(x, labels, 1.0), Contract(CLASSES, None, "float64", 1.0, -9.0, 9.0, "number"))


def _disjoint(member: Cut, seed: int) -> Check:
    return splits_are_disjoint(*member(_drawn(seed), seed))


def _labelled(member: Cut, seed: int) -> Check:
    train, _ = member(_drawn(seed), seed)
    return labels_belong(train.take(slice(None), "float64"), train.labels, stream(seed, "law", 31))


LAWS: dict[str, Callable[[Cut, int], Check]] = {"splits_are_disjoint": _disjoint, "labels_belong": _labelled}
