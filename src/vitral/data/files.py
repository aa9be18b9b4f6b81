"""Own data by path: which reader a path belongs to, and the source of rows that comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vitral.data.contract import Contract, Rows, Source, flattened
from vitral.data.fingerprint import Watched
from vitral.data.idx import is_idx, open_idx
from vitral.data.labels import Labels, labels_of, read_labels
from vitral.data.npy import open_npy
from vitral.data.npz import Archive
from vitral.errors import DataError

NAMED = ("digits", "mnist", "sprites")
ARRAY_KEYS = ("x", "X", "data", "images")
LABEL_KEYS = ("y", "labels", "targets")
SIDE_KEYS = ("side", "context")
SCANNED = 4 * 2**20  # bytes that are looked at together
LARGEST = float(np.finfo(np.float32).max)  # models compute in float32


class Arrays(NamedTuple):
    """What a file holds: rows, and in an .npz maybe a label for each (y) and side information (side)."""

    rows: np.ndarray
    labels: Labels | None = None
    side: np.ndarray | None = None


def kind_of(path: Path) -> str | None:
    """Which reader a path belongs to, by its ending: "npy", "npz" or "idx"; "folder"; None for none."""
    if path.is_dir():
        return "folder"
    if path.suffix in (".npy", ".npz"):
        return path.suffix[1:]
    return "idx" if is_idx(path) else None


def is_own(name: str) -> bool:
    """Whether a name of data is a path, and no named set or a slip of the finger in one."""
    return name not in NAMED and (kind_of(Path(name)) is not None or Path(name).exists())


def read_array(path: Path) -> Arrays:
    """The rows of a file, and what an .npz holds beside them: labels under y, labels or targets; side or context."""
    kind = kind_of(path)
    if kind == "npz":
        with Archive(path) as archive:
            return _from_archive(archive)
    return Arrays(open_idx(path) if kind == "idx" else open_npy(path))


def _from_archive(archive: Archive) -> Arrays:
    names = [name for name in archive.names if name not in LABEL_KEYS + SIDE_KEYS]
    chosen = next((name for name in ARRAY_KEYS if name in names), names[0] if len(names) == 1 else None)
    if chosen is None:
        raise DataError(
            f"{archive.path} holds {', '.join(archive.names) or 'nothing'}: "
            f"name the rows one of {', '.join(ARRAY_KEYS)}"
        )
    labels, side = (
        next((name for name in keys if name in archive.names), None) for keys in (LABEL_KEYS, SIDE_KEYS)
    )
    found = archive.read(name for name in (chosen, labels, side) if name is not None)
    given = None if labels is None else labels_of(found[labels], archive.path)
    return Arrays(found[chosen], given, None if side is None else found[side])


def array_file(path: Path, *, labels: str = "") -> Source:
    """A data set from a file. 8-bit arrays are scaled by 255; bits, floats and other integers are taken as they are.

    ``labels`` is a file with one label a row.
    """
    array, beside, side = read_array(path)
    flat = flattened(array, str(path))
    if labels:
        beside = read_labels(Path(labels), len(flat))
    _check_beside(path, len(flat), beside, side)
    low, high, bits = _scanned(flat, str(path))
    levels = flat.dtype == np.uint8 and not bits
    rows = Rows(flat, None if beside is None else beside.numbers, 255.0 if levels else 1.0, side=side)
    unit = "pixel intensity, 0 to 1 (level / 255)" if levels else "the unit of the file"
    whole = low >= 0.0 and (high <= 1.0 or levels)
    contract = Contract(
        flat.shape[1],
        tuple(array.shape[1:]) if array.ndim > 2 else None,
        str(flat.dtype.newbyteorder("=")),
        rows.scale,
        0.0 if whole else -LARGEST,
        1.0 if whole else LARGEST,
        unit,
        bits,
        label=None if beside is None else beside.column,
    )
    mapped = isinstance(array, np.memmap)
    return Source(path.stem, rows, contract, files=(Watched.of(path),) if mapped else ())


def _check_beside(path: Path, rows: int, labels: Labels | None, side: np.ndarray | None) -> None:
    """Refuse labels and side information that are not one of each a row."""
    if labels is not None and labels.numbers.shape != (rows,):
        raise DataError(
            f"{path}: labels have shape {labels.numbers.shape}, the rows need ({rows},): one label a row"
        )
    if side is None:
        return
    if side.ndim != 2 or len(side) != rows or side.shape[1] == 0 or side.dtype.kind not in "buif":
        raise DataError(
            f"{path}: side information is {side.dtype} of shape {side.shape}: give numbers ({rows}, C), C a row"
        )
    if not np.isfinite(side).all():
        raise DataError(f"{path}: side information holds values that are not finite: remove or fill them")


def _scanned(flat: np.ndarray, name: str) -> tuple[float, float, bool]:
    """The least and the greatest stored number, and whether all are 0 or 1: one pass, block after block.

    Refuses the first number that is not finite, or too large for a float32.
    """
    low, high, bits = np.inf, -np.inf, True
    height = max(SCANNED // (flat.shape[1] * flat.dtype.itemsize), 1)
    for start in range(0, len(flat), height):
        block = flat[start : start + height]
        least, greatest = float(block.min()), float(block.max())
        if not (least >= -LARGEST and greatest <= LARGEST):
            Rows(flat, None, 1.0).check(-LARGEST, LARGEST, name)
        low, high = min(low, least), max(high, greatest)
        bits = bits and low >= 0.0 and high <= 1.0 and bool(((block == 0) | (block == 1)).all())
    return low, high, bits
