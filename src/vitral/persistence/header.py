"""The header of a safetensors file: believed only after every number in it was compared with the file.

Nothing here allocates by a declared size. A refusal is a FileError of one sentence, which names the file and, where a
tensor is at fault, the tensor.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vitral.errors import FileError

# A contract of 30,000 columns with long names, a mixed likelihood and a tensor for each of them takes 11 MB.
HEADER_LIMIT = 2**25  # bytes of JSON
TENSOR_LIMIT = 2**16
MOST_AXES = 32  # what NumPy 1.26 holds

# What Python makes of a brace, a bracket and a comma of JSON, in bytes; and what that may come to beside the file.
_COST = {"{": 240, "[": 64, ",": 40}
_COST_FREE = 2**19
_COST_OF_A_BYTE = 4

DTYPES = {
    "BOOL": np.dtype("?"),
    **{f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}


class Entry(NamedTuple):
    """A tensor of the header: where its bytes lie, and what they are."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    end: int


def damaged(path: Path, what: str) -> FileError:
    """The error for a file that is not as it was written."""
    return FileError(f"{path} is damaged: {what}; restore it from a copy")


def json_object(path: Path, text: str, file_size: int, what: str) -> dict[str, Any]:
    """A JSON object without repeated keys, parsed only where it can become no more than the file explains."""
    cost = sum(each * text.count(mark) for mark, each in _COST.items())
    if cost > _COST_FREE + _COST_OF_A_BYTE * file_size:
        raise FileError(
            f"{path} is not a Vitral file: {what} holds far more entries than a file of {file_size:,} bytes needs; "
            "give another path"
        )
    try:
        made = json.loads(text, object_pairs_hook=_without_repeats)
    except _Repeated as error:
        raise damaged(path, f"{what} has the key {_short(error.key)} twice") from error
    except (ValueError, RecursionError) as error:
        raise FileError(
            f"{path} is not a Vitral file: {what} cannot be read as JSON; give another path"
        ) from error
    if not isinstance(made, dict):
        raise FileError(f"{path} is not a Vitral file: {what} is no JSON object; give another path")
    return made


class _Repeated(Exception):
    """A key that a JSON object has twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _Repeated(key)
        made[key] = value
    return made


def entries(path: Path, header: dict[str, Any], data_size: int) -> dict[str, Entry]:
    """The tensors of a header, which must fill the ``data_size`` bytes behind it: no hole, no overlap, no rest."""
    check_count(path, len(header))
    found = {name: _entry(path, name, listed, data_size) for name, listed in header.items()}
    reached = 0
    for name, entry in sorted(found.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != reached:
            what = "overlaps the one before it" if entry.start < reached else "leaves a hole before it"
            raise damaged(
                path, f"tensor {_short(name)} {what}, at byte {min(entry.start, reached):,} of the data"
            )
        reached = entry.end
    if reached != data_size:
        raise damaged(path, f"{data_size - reached:,} bytes behind its last tensor belong to none")
    return found


def check_count(path: Path, count: int) -> None:
    """Refuse more tensors than any model has."""
    if count > TENSOR_LIMIT:
        raise damaged(path, f"it lists {count:,} tensors, and at most {TENSOR_LIMIT:,} are read")


def _entry(path: Path, name: str, listed: Any, data_size: int) -> Entry:
    of = f"tensor {_short(name)}"
    if not isinstance(listed, dict) or set(listed) != {"dtype", "shape", "data_offsets"}:
        raise damaged(path, f"{of} is not described by its dtype, shape and data_offsets")
    kind, shape, offsets = listed["dtype"], listed["shape"], listed["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise FileError(
            f"{path}: {of} has dtype {_short(kind)}, which Vitral does not read: convert it to one of "
            f"{', '.join(DTYPES)}"
        )
    if not _whole_numbers(shape) or len(shape) > MOST_AXES:
        raise damaged(path, f"the shape of {of} is not a list of at most {MOST_AXES} whole numbers")
    if not _whole_numbers(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1]:
        raise damaged(path, f"the data_offsets of {of} are not a first and a last byte")
    start, end = offsets
    if end > data_size:
        raise damaged(
            path, f"it is cut short: {of} ends at byte {end:,} of the data, and {data_size:,} are there"
        )
    needed = math.prod(shape) * DTYPES[kind].itemsize
    if needed != end - start:
        raise damaged(
            path, f"{of} of shape {_short(shape)} needs {needed:,} bytes, and {end - start:,} are given"
        )
    if needed == 0 and math.prod(size or 1 for size in shape) > 2**31:
        raise damaged(path, f"{of} holds nothing, and has the shape {_short(shape)}")
    return Entry(DTYPES[kind], tuple(shape), start, end)


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one < 2**63 for one in value)


def _short(value: Any) -> str:
    """A value of a damaged file, in at most 60 characters of ASCII."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
