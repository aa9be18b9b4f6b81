"""Data: named sets and own arrays, split into training, validation and test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitral.data.binarisation import BINARISATIONS, binarised
from vitral.data.condition import CONTEXTS, Condition
from vitral.data.conditioning import conditioned, given
from vitral.data.contract import Contract, Data, Rows, Source
from vitral.data.files import NAMED, array_file, kind_of
from vitral.data.images import image_folder
from vitral.data.mapped import in_blocks
from vitral.data.opening import is_table, table_source
from vitral.data.splits import CHOICES, SPLITS
from vitral.data.tables import scaled
from vitral.errors import DataError, UsageError, unknown

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


def load_data(
    name: Any,
    *,
    split: str = "auto",
    seed: int = 0,
    limit: int | None = None,
    labels: str = "",
    columns: Sequence[str] = (),
    missing: str = "refuse",
    image_size: str = "",
    grey: bool = False,
    on_bad: str = "error",
    contract: Contract | None = None,
) -> Data:
    """A named set ("mnist", "digits", "sprites"), an array file (.npy, .npz, IDX) or a table, split into three.

    ``split`` is "official" (MNIST: 50,000 / 10,000 / 10,000), "notebook" (MNIST pooled and split
    48,000 / 12,000 / 10,000 as the notebook does), "random" (80 / 10 / 10 by ``seed``) or "auto":
    official where there is one. ``limit`` keeps at most that many training rows, and a quarter of it
    for validation and test each. ``labels`` is a file with one label a row (.npy, IDX, .txt or .csv).

    A table is a .csv, .tsv, .txt or .parquet file, a pandas or polars DataFrame, anything that exports Arrow, or a
    mapping of names to values (docs/tables.md). ``labels`` is then the column of labels, ``columns`` which ones to use
    ("age", "age:count", "-id", "*"; default: all), and ``missing`` is "refuse" or "model". A ``contract`` is that of
    a trained model: its columns are looked up and scaled as they were in training.

    A folder of images is read as ``image_folder`` says: ``image_size`` is WIDTHxHEIGHT to scale them to, ``grey`` turns
    colours into brightness, and ``on_bad`` says whether unusable files are refused ("error") or left out ("skip").

    >>> load_data("digits").train.stored.shape
    (1439, 64)
    """
    if split not in CHOICES:
        raise unknown("split", split, CHOICES)
    images = {"size": image_size, "grey": grey, "on_bad": on_bad}
    source = _source(name, labels, columns, missing, contract, images)
    if split == "auto":
        split = "official" if source.official else "random"
    source = replace(source, rows=replace(source.rows, stored=in_blocks(source.rows.stored)))
    parts = SPLITS[split](source, seed)
    train, validation, test = (source.rows.select(index) for index in parts)
    if limit is not None:
        few = slice(0, limit // 4)
        train, validation, test = train.select(slice(0, limit)), validation.select(few), test.select(few)
    if min(len(train), len(validation), len(test)) == 0:
        got = (
            f"{len(source.rows)} rows" if limit is None else f"{len(source.rows)} rows and a limit of {limit}"
        )
        raise DataError(f"{source.name} has too few rows for three splits, got {got}: at least 10 are needed")
    data = Data(source.name, split, train, validation, test, source.contract, files=source.files, notes=source.notes)
    return data if contract is not None or source.contract.columns is None else scaled(data)


def _source(
    name: Any,
    labels: str,
    columns: Sequence[str],
    missing: str,
    contract: Contract | None,
    images: dict[str, Any],
) -> Source:
    if is_table(name):
        return table_source(name, labels=labels, columns=columns, missing=missing, contract=contract)
    if columns or missing != "refuse":
        raise UsageError(f"columns and missing are those of a table, got data {name!r}: leave them out")
    if name not in NAMED:
        return _own(Path(name), labels, images)
    if labels:
        raise UsageError(f"{name} has labels of its own: leave {labels} out")
    if name == "mnist":
        from vitral.data.mnist import mnist

        return mnist()
    if name == "digits":
        from vitral.data.digits import digits

        return digits()
    from vitral.data.sprites import sprites

    return sprites()


def _own(path: Path, labels: str, images: dict[str, Any]) -> Source:
    if kind_of(path) == "folder":
        if labels:
            raise UsageError(f"labels of a folder are the names of its sub-folders: leave {labels} out")
        return image_folder(path, **images)
    if images["size"] or images["grey"]:
        raise UsageError(f"image_size and grey are those of a folder of images, got {path}: leave them out")
    if kind_of(path) is not None:
        return array_file(path, labels=labels)
    if path.exists():
        raise UsageError(
            f"{path} is no file that Vitral reads: give .npy, .npz, IDX, .csv, .tsv, .txt, .parquet or a folder, "
            f"or one of {', '.join(NAMED)}"
        )
    raise unknown("data", str(path), NAMED)
