"""Own arrays by path: .npy and .npz, never unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vitral.data.contract import BLOCK, Contract, Rows, Source, flattened, only_bits
from vitral.data.fingerprint import Watched
from vitral.errors import DataError

ARRAY_KEYS = ("x", "X", "data", "images")
LABEL_KEYS = ("y", "labels", "targets")
SIDE_KEYS = ("side", "context")


class Arrays(NamedTuple):
    """What a file holds: rows, and in an .npz maybe a label for each (y) and side information (side)."""

    rows: np.ndarray
    labels: np.ndarray | None = None
    side: np.ndarray | None = None


def read_array(path: Path) -> Arrays:
    """The rows of a file, and what an .npz holds beside them: labels under y, labels or targets; side or context."""
    if not path.exists():
        raise DataError(f"no such file: {path}; check the path")
    try:
        if path.suffix == ".npy":
            return Arrays(np.load(path, mmap_mode="r", allow_pickle=False))
        with np.load(path, allow_pickle=False) as archive:
            return _from_archive(path, archive)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        why = "it is not an array file" if "pickle" in str(error) else error
        raise DataError(f"cannot read {path}: {why}; save it again with numpy.save or numpy.savez") from error


def _from_archive(path: Path, archive: Any) -> Arrays:
    names = [name for name in archive.files if name not in LABEL_KEYS + SIDE_KEYS]
    chosen = next((name for name in ARRAY_KEYS if name in names), names[0] if len(names) == 1 else None)
    if chosen is None:
        raise DataError(
            f"{path} holds {', '.join(archive.files) or 'nothing'}: name the rows one of {', '.join(ARRAY_KEYS)}"
        )
    labels, side = (
        next((archive[name] for name in keys if name in archive.files), None) for keys in (LABEL_KEYS, SIDE_KEYS)
    )
    return Arrays(archive[chosen], labels, side)


def array_file(path: Path) -> Source:
    """A data set from a file. 8-bit arrays are scaled by 255, bits and floats are taken as they are."""
    array, labels, side = read_array(path)
    flat = flattened(array, str(path))
    _check_beside(path, len(flat), labels, side)
    levels = flat.dtype == np.uint8 and not only_bits(flat)
    rows = Rows(flat, labels, 255.0 if levels else 1.0, side=side)
    rows.check(-np.inf, np.inf, str(path))
    low, high, binary = _range(rows)
    image_shape = tuple(array.shape[1:]) if array.ndim > 2 else None
    unit = "pixel intensity, 0 to 1 (level / 255)" if levels else "the unit of the file"
    return Source(
        path.stem,
        rows,
        Contract(flat.shape[1], image_shape, str(flat.dtype), rows.scale, low, high, unit, binary),
        files=(Watched.of(path),) if path.suffix == ".npy" else (),
    )


def _check_beside(path: Path, rows: int, labels: np.ndarray | None, side: np.ndarray | None) -> None:
    """Refuse labels and side information that are not one of each a row."""
    if labels is not None and labels.shape != (rows,):
        raise DataError(f"{path}: labels have shape {labels.shape}, the rows need ({rows},): one label a row")
    if labels is not None and labels.dtype.kind not in "bui":
        raise DataError(f"{path}: labels hold {labels.dtype} values: give whole numbers")
    if side is None:
        return
    if side.ndim != 2 or len(side) != rows or side.shape[1] == 0 or side.dtype.kind not in "buif":
        raise DataError(
            f"{path}: side information is {side.dtype} of shape {side.shape}: give numbers ({rows}, C), C a row"
        )
    if not np.isfinite(side).all():
        raise DataError(f"{path}: side information holds values that are not finite: remove or fill them")


def _range(rows: Rows) -> tuple[float, float, bool]:
    """The least interval of [0, 1] and the real line that holds every value; whether all are 0 or 1."""
    low, high, binary = np.inf, -np.inf, True
    for start in range(0, len(rows), BLOCK):
        x = rows.take(slice(start, start + BLOCK), "float64")
        low, high = min(low, x.min()), max(high, x.max())
        binary = binary and bool(((x == 0.0) | (x == 1.0)).all())
    if low >= 0.0 and high <= 1.0:
        return 0.0, 1.0, binary
    return -float(np.finfo(np.float64).max), float(np.finfo(np.float64).max), False
