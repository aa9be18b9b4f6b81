"""Own arrays by path: .npy and .npz, never unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from vitral.data.contract import BLOCK, Contract, Rows, Source, flattened
from vitral.errors import DataError

ARRAY_KEYS = ("x", "X", "data", "images")
LABEL_KEYS = ("y", "labels", "targets")


def read_array(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The rows of a file, and its labels where an .npz holds them under y, labels or targets."""
    if not path.exists():
        raise DataError(f"no such file: {path}; check the path")
    try:
        if path.suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), None
        with np.load(path, allow_pickle=False) as archive:
            return _from_archive(path, archive)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        why = "it is not an array file" if "pickle" in str(error) else error
        raise DataError(f"cannot read {path}: {why}; save it again with numpy.save or numpy.savez") from error


def _from_archive(path: Path, archive: Any) -> tuple[np.ndarray, np.ndarray | None]:
    names = [name for name in archive.files if name not in LABEL_KEYS]
    chosen = next((name for name in ARRAY_KEYS if name in names), names[0] if len(names) == 1 else None)
    if chosen is None:
        raise DataError(
            f"{path} holds {', '.join(archive.files) or 'nothing'}: name the rows one of {', '.join(ARRAY_KEYS)}"
        )
    labels = next((archive[name] for name in LABEL_KEYS if name in archive.files), None)
    return archive[chosen], labels


def array_file(path: Path) -> Source:
    """A data set from a file. 8-bit arrays are scaled by 255; floats are taken as they are."""
    array, labels = read_array(path)
    flat = flattened(array, str(path))
    if labels is not None and labels.shape != (flat.shape[0],):
        raise DataError(
            f"{path}: labels have shape {labels.shape}, the rows need ({flat.shape[0]},): one label a row"
        )
    if labels is not None and labels.dtype.kind not in "bui":
        raise DataError(f"{path}: labels hold {labels.dtype} values: give whole numbers")
    scale = 255.0 if flat.dtype == np.uint8 else 1.0
    rows = Rows(flat, labels, scale)
    rows.check(-np.inf, np.inf, str(path))
    low, high, binary = _range(rows)
    image_shape = tuple(array.shape[1:]) if array.ndim > 2 else None
    unit = "pixel intensity, 0 to 1 (level / 255)" if scale == 255.0 else "the unit of the file"
    return Source(
        path.stem, rows, Contract(flat.shape[1], image_shape, str(flat.dtype), scale, low, high, unit, binary)
    )


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
