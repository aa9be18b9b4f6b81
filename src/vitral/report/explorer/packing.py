"""Arrays as text: the formats in which the page carries its numbers, and what the browser makes of them.

An entry of the page's ``arrays`` is an object:

    {"dtype": "q8", "shape": [784, 400], "bytes": "<base64 of zlib>", "scale": "<base64>", "offset": 0.5, "delta": 400}

``bytes`` is base64 of a zlib stream (``DecompressionStream("deflate")`` in a browser) of the values in C order,
little-endian; ``dtype`` says what they are:

    f4   32-bit floats                    exact
    f2   16-bit floats, widened           error at most 2^-11 of the value (2^-25 below 2^-14)
    u1   unsigned bytes
    q8   signed bytes, -127 to 127; a coarser quantisation uses fewer of them, and zlib takes what that frees
    i2   signed 16-bit integers
    i4   signed 32-bit integers

Integers without ``scale`` are the values themselves (labels, epochs, 8-bit levels). With ``scale`` the value is a
32-bit float, computed in double precision and rounded once, in a browser as in Python, so that both have the same bits:

    value = Math.fround(offset + scale * integer)

``scale`` and ``offset`` are a number for the whole array, or base64 (of raw little-endian 32-bit floats, no zlib) with
one a column, which is the last axis. A missing ``offset`` is 0. With ``delta`` d every integer but the first d is
stored as its difference to the integer d places before, modulo 2^8, 2^16 or 2^32; one pass gives them back:

    for (let i = d; i < stored.length; i++) stored[i] += stored[i - d];      (a typed array wraps the same way)

Neighbouring tiles are alike, so that their differences are small and shrink well.

Every lossy packing comes with the greatest error that it made, measured.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

INTEGERS = {"u1": "<u1", "q8": "<i1", "i2": "<i2", "i4": "<i4"}
FLOATS = {"f4": "<f4", "f2": "<f2"}
LEVELS = 127  # on either side of zero, of a q8

Entry = dict[str, Any]


@dataclass(frozen=True)
class Packed:
    """An entry of the page, and the greatest difference between what it holds and what was given."""

    entry: Entry
    max_error: float


def floats(array: np.ndarray, dtype: str = "f4") -> Packed:
    """Floats as they are, "f4", or halved, "f2". Raises ValueError where a number does not fit."""
    values = np.asarray(array, np.float32)
    with np.errstate(over="ignore"):
        stored = values.astype(FLOATS[dtype])
    if not np.isfinite(stored).all():
        raise ValueError(f"a number is not finite as {dtype}: the page holds finite numbers only")
    return _measured(_entry(dtype, stored), values)


def integers(array: np.ndarray, dtype: str, *, scale: float | None = None, delta: int = 0) -> Packed:
    """Whole numbers as they are; with ``scale`` the page reads each as so many times it, as 1/255 of a level."""
    values = np.asarray(array)
    stored = values.astype(INTEGERS[dtype])
    if not np.array_equal(stored, values):
        raise ValueError(f"a number is not one of {dtype}: choose a wider type")
    entry = _entry(dtype, stored, delta=delta)
    if scale is not None:
        entry["scale"] = float(scale)
    return Packed(entry, 0.0)


def weights(array: np.ndarray, levels: int = LEVELS, inputs: np.ndarray | None = None) -> Packed:
    """A matrix in whole multiples of a scale a column, at most ``levels`` of them either way from zero.

    Column j has the scale max |w_j| / levels, so that no error passes half of it (and its rounding to 32 bits). With
    rows x of ``inputs`` the errors of x W are kept small instead of those of W: see ``_compensated``.
    """
    values = np.asarray(array, np.float32)
    scale = (np.abs(values).max(axis=tuple(range(values.ndim - 1))) / levels).astype(np.float32)
    apart = np.where(scale > 0.0, scale, np.float32(1.0)).astype(np.float64)
    stored = _rounded(values / apart, levels) if inputs is None else _compensated(values / apart, levels, inputs)
    return _measured({**_entry("q8", stored), "scale": _column_text(scale)}, values)


def _rounded(steps: np.ndarray, levels: int) -> np.ndarray:
    return np.clip(np.rint(steps), -levels, levels).astype(np.int8)


def _compensated(steps: np.ndarray, levels: int, inputs: np.ndarray) -> np.ndarray:
    """Whole steps of a matrix (n, m), row after row, each one's rounding made up for by the rows to come.

    Of all changes of the rows after k, the one that keeps E |x dW|² least when row k is off by e is -e U_k / U_kk, with
    U the upper Cholesky factor of the inverse of E[x xᵀ] (Hassibi and Stork 1993; Frantar et al. 2023).
    """
    x, rest = inputs.astype(np.float64), steps.astype(np.float64)
    moments = x.T @ x / len(x)
    moments += 0.01 * max(moments.trace() / len(moments), 1e-12) * np.eye(len(moments))  # inputs that never vary
    upper = np.linalg.cholesky(np.linalg.inv(moments)).T
    stored = np.empty(steps.shape, np.int8)
    for k in range(len(rest)):
        stored[k] = _rounded(rest[k], levels)
        rest[k + 1 :] -= np.outer(upper[k, k + 1 :], (rest[k] - stored[k]) / upper[k, k])
    return stored


def spread(array: np.ndarray, dtype: str = "i2", *, delta: int = 0) -> Packed:
    """Numbers in even steps between the least and the greatest of the whole array: codes, log-variances, curves."""
    values = np.asarray(array, np.float32)
    kind = np.iinfo(INTEGERS[dtype])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    scale = (high - low) / (int(kind.max) - int(kind.min)) or 1.0
    offset = low - scale * int(kind.min)
    stored = np.rint((values.astype(np.float64) - offset) / scale)
    stored = np.clip(stored, kind.min, kind.max).astype(INTEGERS[dtype])
    return _measured({**_entry(dtype, stored, delta=delta), "scale": scale, "offset": offset}, values)


def greys(array: np.ndarray, steps: int = 255, *, delta: int = 0) -> Packed:
    """Numbers in [0, 1] as whole multiples of 1 / steps: pictures, which eyes read in far fewer than 255."""
    values = np.asarray(array, np.float32)
    stored = np.rint(np.clip(values, 0.0, 1.0) * steps).astype(np.uint8)
    return _measured({**_entry("u1", stored, delta=delta), "scale": 1.0 / steps}, values)


def unpack(entry: Mapping[str, Any]) -> np.ndarray:
    """The array that a browser makes of an entry, to the last bit."""
    dtype, shape = entry["dtype"], tuple(entry["shape"])
    raw = zlib.decompress(base64.b64decode(entry["bytes"]))
    stored = np.frombuffer(raw, {**INTEGERS, **FLOATS}[dtype])
    if entry.get("delta"):
        stored = _summed(stored, entry["delta"])
    stored = stored.reshape(shape)
    if dtype in FLOATS:
        return stored.astype(np.float32)
    if "scale" not in entry:
        return stored
    scale, offset = (_columns(entry.get(name, 0.0)) for name in ("scale", "offset"))
    return (offset + scale * stored.astype(np.float64)).astype(np.float32)


def _summed(differences: np.ndarray, delta: int) -> np.ndarray:
    """The integers again: sums of every ``delta``-th difference."""
    rows = -(-differences.size // delta)
    padded = np.zeros(rows * delta, differences.dtype)
    padded[: differences.size] = differences
    sums = np.cumsum(padded.reshape(rows, delta), axis=0, dtype=differences.dtype)
    return sums.reshape(-1)[: differences.size]


def size_of(entry: Mapping[str, Any]) -> int:
    """How many characters of the page an entry takes, about: its texts."""
    return sum(len(value) for value in entry.values() if isinstance(value, str)) + 60


def _entry(dtype: str, stored: np.ndarray, *, delta: int = 0) -> Entry:
    """The parts that every entry has."""
    entry: Entry = {"dtype": dtype, "shape": list(stored.shape)}
    if delta:
        stored = stored.reshape(-1).copy()
        stored[delta:] -= stored[:-delta].copy()  # wraps around, as the sums in the browser do
        entry["delta"] = delta
    content = zlib.compress(np.ascontiguousarray(stored).tobytes(), 9)
    return {**entry, "bytes": base64.b64encode(content).decode("ascii")}


def _measured(entry: Entry, values: np.ndarray) -> Packed:
    error = np.abs(unpack(entry).astype(np.float64) - values)
    return Packed(entry, float(error.max()) if error.size else 0.0)


def _column_text(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode("ascii")


def _columns(given: float | str) -> np.ndarray:
    """A number, or one a column, in double precision."""
    if isinstance(given, str):
        return np.frombuffer(base64.b64decode(given), "<f4").astype(np.float64)
    return np.float64(given)
