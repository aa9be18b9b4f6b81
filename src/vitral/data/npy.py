"""The .npy format: its header is checked against the size of the file before anything is allocated.

NumPy's own reader allocates what a header claims before it looks at the file, takes negative sizes, and ignores what
follows the data; this one does not. Python objects are never unpickled. Format: numpy.lib.format, versions 1 to 3.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from vitral.data.refusals import check_is_file, refused, too_large
from vitral.errors import VitralError

MAGIC = b"\x93NUMPY"
LENGTHS = {1: 2, 2: 4, 3: 4}  # bytes of the header's length, by version
LONGEST_HEADER = 10_000  # as numpy.load has it
PLAIN = re.compile(r"[<>|=]?[biufcUS][0-9]{1,6}")  # numbers and texts
CHUNK = 2**20  # bytes that are read at a time
MOST_FORTRAN = 256 * 2**20  # bytes of column-major data that are turned into rows in memory


class Stream(Protocol):
    """What a header or data can be read from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Header:
    """What a .npy file says of its array, and where the data start."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def size(self) -> int:
        """Bytes of data, as an exact whole number however large."""
        return self.dtype.itemsize * math.prod(self.shape)


def open_npy(path: Path, *, empty: bool = False) -> np.ndarray:
    """The array of a .npy file as a read-only memory map; column-major ones are turned into rows, in memory.

    An array without a single number is refused, unless ``empty`` ones are wanted.
    Raises DataError, with one sentence, for whatever is not exactly one array of numbers or texts.
    """
    check_is_file(path)
    try:
        with path.open("rb") as stream:
            header = read_header(stream, path.stat().st_size, path, empty=empty)
        if header.size == 0:
            return np.empty(header.shape, header.dtype)
        mapped: np.ndarray = np.memmap(
            path, header.dtype, "r", header.start, header.shape, "F" if header.fortran else "C"
        )
    except VitralError:
        raise
    except (OSError, ValueError) as error:
        raise refused(path, error, "check the file") from error
    return mapped if not header.fortran or mapped.ndim == 1 else _by_rows(mapped, path)


def _by_rows(mapped: np.ndarray, path: Path) -> np.ndarray:
    """The same array with every row in one piece."""
    if mapped.nbytes > MOST_FORTRAN:
        raise refused(
            path,
            f"its {mapped.nbytes:,} bytes are stored column by column, and rows are read",
            "save numpy.ascontiguousarray of it",
        )
    return np.ascontiguousarray(mapped)


def read_header(stream: Stream, size: int, name: object, *, empty: bool = False) -> Header:
    """The header at the beginning of a stream of ``size`` bytes, which must be exactly header and data.

    An array without a single number is refused, unless ``empty`` ones are wanted.
    """
    magic = stream.read(len(MAGIC) + 2)
    if magic[:-2] != MAGIC or len(magic) < len(MAGIC) + 2:
        raise refused(name, "it is not a .npy array")
    width = LENGTHS.get(magic[-2])
    if width is None:
        raise refused(name, f"it has version {magic[-2]}.{magic[-1]} of the format, and 1 to 3 are known")
    length = int.from_bytes(stream.read(width), "little")
    if length > LONGEST_HEADER:
        raise refused(name, f"its header claims {length:,} bytes, and {LONGEST_HEADER:,} is the most")
    text = stream.read(length)
    start = len(MAGIC) + 2 + width + length
    if len(text) < length:
        raise refused(name, "it ends within its header", "copy the file again")
    header = Header(*_entries(text, magic[-2], name), start)
    _check_size(header, size, name, empty=empty)
    return header


def _entries(text: bytes, version: int, name: object) -> tuple[np.dtype, tuple[int, ...], bool]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a strange escape in a header is a damaged header
            entries = ast.literal_eval(text.decode("utf-8" if version == 3 else "latin1").strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError, Warning) as error:
        raise refused(name, "its header cannot be read") from error
    if not isinstance(entries, dict) or set(entries) != {"descr", "fortran_order", "shape"}:
        raise refused(name, "its header is not that of an array")
    shape, fortran = entries["shape"], entries["fortran_order"]
    sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
    if not sizes or type(fortran) is not bool or len(shape) > 32:
        raise refused(name, f"its header claims the shape {_short(shape)}, and sizes are whole numbers from 0")
    return _dtype(entries["descr"], name), shape, fortran


def _dtype(described: object, name: object) -> np.dtype:
    """The type of a number or a text; records and Python objects are refused."""
    if not isinstance(described, str):
        raise refused(name, f"it holds records, {_short(described)}", "save one plain array of numbers")
    if "O" in described:
        raise refused(name, "it holds Python objects, which are never unpickled", "save an array of numbers")
    try:
        if PLAIN.fullmatch(described):
            return np.dtype(described)
    except TypeError:
        pass
    raise refused(name, f"it holds {_short(described)} values, not numbers", "save integers or floats")


def _check_size(header: Header, size: int, name: object, *, empty: bool) -> None:
    held = size - header.start
    if header.size > held:
        raise refused(
            name,
            f"its header promises {header.size:,} bytes of data and {max(held, 0):,} follow",
            "copy the file again, or save it again with numpy.save",
        )
    if header.size < held:
        raise refused(name, f"{held - header.size:,} bytes follow its data, so it is not one array")
    if header.size == 0 and not empty:
        raise refused(name, f"it has shape {header.shape}, which holds nothing", "give (rows, features)")


def filled(stream: Stream, header: Header, name: object) -> np.ndarray:
    """The data of a header from a stream, in the machine's memory; the stream must end where they end.

    The size was compared with that of the file before.
    """
    try:
        held = np.empty(header.size, np.uint8)
    except MemoryError as error:
        raise too_large(name, header.size) from error
    done = 0
    while done < len(held):
        piece = stream.read(min(CHUNK, len(held) - done))
        if not piece:
            raise refused(name, f"its data end after {done:,} of {len(held):,} bytes", "copy the file again")
        held[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    if stream.read(1):
        raise refused(name, "bytes follow its data, so it is not one array")
    array = held.view(header.dtype).reshape(header.shape, order="F" if header.fortran else "C")
    return np.ascontiguousarray(array)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

