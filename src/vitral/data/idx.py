"""The IDX format, in which MNIST and its relatives come, plain or compressed with gzip.

    0  0  type  D    then D sizes of 4 bytes, then the numbers; the most significant byte comes first

The sizes are compared with the file before anything is allocated, and no more than they say is ever unpacked.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import numpy as np

from vitral.data.npy import Header, Stream, filled
from vitral.data.refusals import check_expansion, check_is_file, refused
from vitral.errors import VitralError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
NAME = re.compile(r".*(\.idx|[.-]idx[0-9]-[a-z0-9]+|-ubyte)(\.gz)?", re.IGNORECASE)  # how such names end
AGAIN = "copy the file again"
DAMAGE = (OSError, EOFError, zlib.error, ValueError)


def is_idx(path: Path) -> bool:
    """Whether a path is named like an IDX file: x.idx, train-images-idx3-ubyte, t10k-labels.idx1-ubyte.gz."""
    return NAME.fullmatch(path.name) is not None


def open_idx(path: Path, *, empty: bool = False) -> np.ndarray:
    """The array of an IDX file: a read-only memory map of a plain one, in memory where it was compressed.

    An array without a single number is refused, unless ``empty`` ones are wanted.
    Raises DataError, with one sentence, for whatever is not exactly one array.
    """
    check_is_file(path)
    try:
        return _unpacked(path, empty) if path.suffix.lower() == ".gz" else _mapped(path, empty)
    except VitralError:
        raise
    except DAMAGE as error:
        raise refused(path, f"it is damaged ({error})", AGAIN) from error


def _mapped(path: Path, empty: bool) -> np.ndarray:
    size = path.stat().st_size
    with path.open("rb") as stream:
        header = _header(stream, path, empty)
    if size - header.start != header.size:
        raise refused(
            path,
            f"its sizes {header.shape} need {header.size:,} bytes of data and {size - header.start:,} follow",
            AGAIN,
        )
    if header.size == 0:
        return np.empty(header.shape, header.dtype)
    return np.memmap(path, header.dtype, "r", header.start, header.shape)


def _unpacked(path: Path, empty: bool) -> np.ndarray:
    with gzip.open(path) as stream:
        header = _header(stream, path, empty)
        check_expansion(path, header.start + header.size)
        return filled(stream, header, path)


def _header(stream: Stream, path: Path, empty: bool) -> Header:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\x00\x00" or start[2] not in TYPES or not 1 <= start[3] <= 4:
        raise refused(path, "it does not begin as an IDX file of one to four dimensions", "check the file")
    sizes = stream.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise refused(path, "it ends within its header", AGAIN)
    shape = tuple(int.from_bytes(sizes[place : place + 4], "big") for place in range(0, len(sizes), 4))
    if 0 in shape and not empty:
        raise refused(path, f"it has shape {shape}, which holds nothing", "check the file")
    return Header(np.dtype(TYPES[start[2]]), shape, False, 4 + len(sizes))
