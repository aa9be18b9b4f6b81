"""Broken data: rows that are trained on and tested on, and labels of other rows."""

from __future__ import annotations

from dataclasses import replace

from vitral.checks.data import cut_at_random
from vitral.data import Rows
from vitral.data.contract import Source
from vitral.data.splits import random


def labels_in_the_old_order(source: Source, seed: int) -> tuple[Rows, Rows]:
    """the rows are reordered, their labels are not"""
    train, test = cut_at_random(source, seed)
    assert source.rows.labels is not None
    return replace(train, labels=source.rows.labels[: len(train)]), test


def tested_on_training_rows(source: Source, seed: int) -> tuple[Rows, Rows]:
    """training takes all rows, the test rows among them"""
    _, _, test = random(source, seed)
    return source.rows, source.rows.select(test)


BUGS = (
    ("Z12", "labels in another order than their rows", "data", labels_in_the_old_order, cut_at_random,
     ("labels_belong",)),
    ("Z13", "training and test overlap", "data", tested_on_training_rows, cut_at_random, ("splits_are_disjoint",)),
)  # fmt: skip
