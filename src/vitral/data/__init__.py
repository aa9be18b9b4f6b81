"""Data: named sets and own arrays, split into training, validation and test rows."""

from __future__ import annotations

from pathlib import Path

from vitral.data.binarisation import BINARISATIONS, binarised
from vitral.data.condition import CONTEXTS, Condition
from vitral.data.conditioning import conditioned, given
from vitral.data.contract import Contract, Data, Rows, Source
from vitral.data.splits import CHOICES, SPLITS
from vitral.errors import DataError, UsageError, unknown

NAMED = ("digits", "mnist", "sprites")

__all__ = [
    "BINARISATIONS",
    "CONTEXTS",
    "Condition",
    "Contract",
    "Data",
    "Rows",
    "binarised",
    "conditioned",
    "given",
    "load_data",
]


def load_data(name: str, *, split: str = "auto", seed: int = 0, limit: int | None = None) -> Data:
    """A named set ("mnist", "digits", "sprites") or an array file (.npy, .npz), split into three.

    ``split`` is "official" (MNIST: 50,000 / 10,000 / 10,000), "notebook" (MNIST pooled and split
    48,000 / 12,000 / 10,000 as the notebook does), "random" (80 / 10 / 10 by ``seed``) or "auto":
    official where there is one. ``limit`` keeps at most that many training rows, and a quarter of it
    for validation and test each.

    >>> load_data("digits").train.stored.shape
    (1439, 64)
    """
    if split not in CHOICES:
        raise unknown("split", split, CHOICES)
    source = _source(name)
    if split == "auto":
        split = "official" if source.official else "random"
    parts = SPLITS[split](source, seed)
    train, validation, test = (source.rows.select(index) for index in parts)
    if limit is not None:
        few = slice(0, limit // 4)
        train, validation, test = train.select(slice(0, limit)), validation.select(few), test.select(few)
    if min(len(train), len(validation), len(test)) == 0:
        got = (
            f"{len(source.rows)} rows" if limit is None else f"{len(source.rows)} rows and a limit of {limit}"
        )
        raise DataError(f"{name} has too few rows for three splits, got {got}: at least 10 are needed")
    return Data(source.name, split, train, validation, test, source.contract, files=source.files)


def _source(name: str) -> Source:
    if name == "mnist":
        from vitral.data.mnist import mnist

        return mnist()
    if name == "digits":
        from vitral.data.digits import digits

        return digits()
    if name == "sprites":
        from vitral.data.sprites import sprites

        return sprites()
    path = Path(name)
    if path.suffix in (".npy", ".npz"):
        from vitral.data.files import array_file

        return array_file(path)
    if path.exists():
        raise UsageError(
            f"{name} is not an array file: give a .npy or .npz file, or one of {', '.join(NAMED)}"
        )
    raise unknown("data", name, NAMED)
