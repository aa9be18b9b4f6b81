"""What is compressed and comes back: .npy arrays, IDX files and folders of PNGs, as an array and what lies beside it.

A .npy file and an IDX file (unpacked, where it was .gz) come back byte by byte; of a PNG the pixels and the name.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vitral.data.files import kind_of
from vitral.data.idx import TYPES, is_idx, open_idx
from vitral.data.images import png_folder, write_png_folder
from vitral.data.npy import open_npy, read_header
from vitral.errors import DataError, FileError, ResourceError, UsageError
from vitral.persistence import write_atomically

IDX = {np.dtype(text): number for number, text in TYPES.items() if text[1] in "ui"}
OUTSIDE = ("./", "../")
NAME = re.compile(r"(?:[^/\\:*?\"<>|\x00-\x1f]{1,255}/)?[^/\\:*?\"<>|\x00-\x1f]{1,255}\.png", re.IGNORECASE)


class Original(NamedTuple):
    """An array (N, ...) of integers; ``kind`` is that of its file; ``beside`` is what else that file needs.

    That is the header of a .npy file where numpy.save would write another one, and the names of images as JSON.
    """

    kind: str
    array: np.ndarray
    fortran: bool = False
    beside: bytes = b""


def original_of(path: Path) -> Original:
    """What a path holds. Raises DataError for all that is no .npy, IDX or folder of PNGs with integers in it."""
    kind = kind_of(path)
    if kind == "folder":
        images, names = png_folder(path)
        return Original("png", images, False, json.dumps(names, separators=(",", ":")).encode())
    if kind not in ("npy", "idx"):
        if not path.exists():
            raise DataError(f"no such file: {path}; check the path")
        raise DataError(f"cannot compress {path}: give a .npy array, an IDX file or a folder of PNG files")
    if kind == "npy":
        return _npy(path)
    array = open_idx(path, empty=True)
    check_integers(array, path)
    return Original("idx", array)


def _npy(path: Path) -> Original:
    array = open_npy(path, empty=True)
    with path.open("rb") as stream:
        header = read_header(stream, path.stat().st_size, path, empty=True)
        stream.seek(0)
        text = stream.read(header.start)
    check_integers(array, path)
    usual = npy_header(header.dtype.str, array.shape, fortran=header.fortran)
    return Original("npy", array, header.fortran, b"" if text == usual else text)


def of_array(array: np.ndarray) -> Original:
    """An array as numpy.save would write it."""
    check_integers(array, "the array")
    return Original("npy", array, not array.flags.c_contiguous and array.flags.f_contiguous)


def check_integers(array: np.ndarray, name: object) -> None:
    """Refuse what is not (rows, ...) of integers or of true and false."""
    if array.dtype.kind == "f":
        raise DataError(
            f"{name} holds {array.dtype} values, and levels are coded, which are integers: give the 8-bit original, or "
            "for intensities in [0, 1] numpy.rint(255 * x).astype('uint8')"
        )
    if array.dtype.kind not in "bui":
        raise DataError(f"{name} holds {array.dtype} values: give an array of integers")
    if array.ndim == 0:
        raise DataError(f"{name} is a single number: give an array of rows")


def npy_header(dtype: str, shape: tuple[int, ...], *, fortran: bool) -> bytes:
    """The header that numpy.save writes (version 1.0, with room for the first size to grow), padded to 64 bytes."""
    text = f"{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    growing = shape[-1 if fortran else 0] if shape else 0
    text += " " * (21 - len(str(growing)) if shape else 0)
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin1")


def file_bytes(original: Original, *, packed: bool = False) -> bytes:
    """The .npy or IDX file of an array; an IDX file packed with gzip where that is asked for."""
    array = original.array
    if original.kind == "npy":
        header = original.beside or npy_header(array.dtype.str, array.shape, fortran=original.fortran)
        return header + array.tobytes(order="F" if original.fortran else "C")
    content = struct.pack(f">4B{array.ndim}I", 0, 0, IDX[array.dtype], array.ndim, *array.shape) + array.tobytes()
    return gzip.compress(content, mtime=0) if packed else content


def names_of(original: Original, name: object) -> list[str]:
    """The names of images, each one safe to write into a folder."""
    try:
        names = json.loads(original.beside)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{name} is damaged: the names of its images cannot be read; use --salvage") from error
    rows = len(original.array)
    if not isinstance(names, list) or len(names) != rows or len(set(map(str, names))) != rows:
        raise FileError(f"{name} is damaged: it has not one name for each of its {rows} images; use --salvage")
    for one in names:
        if not isinstance(one, str) or not NAME.fullmatch(one) or one.startswith(OUTSIDE):
            raise FileError(f"{name} is not to be trusted: an image is called {str(one)[:60]!r}; nothing was written")
    return names


def check(original: Original, name: object) -> None:
    """Refuse what would not make the file that it is said to be: other bytes, other kinds of images, unsafe names."""
    array, beside = original.array, original.beside
    if original.kind == "png":
        if array.dtype != np.uint8 or array.ndim not in (3, 4) or array.shape[3:] not in ((), (3,)) or not array.size:
            raise FileError(f"{name} is damaged: images of {array.dtype} and shape {array.shape}; use --salvage")
        names_of(original, name)
    elif original.kind == "idx" and (beside or original.fortran or array.dtype not in IDX or array.ndim > 4):
        raise FileError(f"{name} is damaged: no IDX file has {array.dtype} and shape {array.shape}; use --salvage")
    elif beside:
        _check_header(original, name)


def _check_header(original: Original, name: object) -> None:
    """The header of a .npy file must be that of the array."""
    try:
        size = len(original.beside) + original.array.nbytes
        header = read_header(io.BytesIO(original.beside), size, name, empty=True)
    except DataError as error:
        raise FileError(f"{name} is damaged: its .npy header is none ({error}); use --salvage") from error
    dtype, shape = original.array.dtype, original.array.shape
    if (header.dtype, header.shape, header.fortran) != (dtype, shape, original.fortran):
        raise FileError(f"{name} is damaged: its .npy header is not that of its array; use --salvage")


def target(path: Path, kind: str, *, force: bool) -> Path:
    """Where an original of this kind can be written; UsageError for an ending that is not its own."""
    endings = {"npy": path.suffix == ".npy", "idx": is_idx(path), "png": True}
    if not endings[kind]:
        wanted = {"npy": "a .npy array: choose --out NAME.npy", "idx": "an IDX file: choose --out NAME.idx"}
        raise UsageError(f"cannot write {path.name!r}: the file holds {wanted[kind]}")
    if not path.parent.is_dir():
        raise UsageError(f"the folder {path.parent} does not exist: make it, or choose another --out")
    if path.is_dir() or (kind == "png" and path.exists()):
        raise UsageError(f"{path} exists: choose another --out")
    if path.exists() and not force:
        raise UsageError(f"{path} exists: use --force to overwrite it, or another --out")
    if not os.access(path.parent, os.W_OK):
        raise ResourceError(f"the folder {path.parent} cannot be written: choose another --out")
    return path


def write(path: Path, original: Original, name: object) -> None:
    """A file, whole or not at all; a folder of PNGs is filled under another name and then given its own."""
    if original.kind != "png":
        write_atomically(path, file_bytes(original, packed=path.suffix.lower() == ".gz"))
        return
    write_png_folder(path, zip(names_of(original, name), original.array, strict=True))
