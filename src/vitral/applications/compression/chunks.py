"""Rows to the bytes of a chunk and back: by the model, by zlib, or as they are, whichever is shortest.

A chunk knows nothing of its neighbours, so that damage costs one chunk.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np

from vitral.applications.compression.bitsback import decoded, encoded
from vitral.applications.compression.container import CHUNK_ROWS, Chunk, Header, crc_of, damaged
from vitral.applications.compression.integer import IntegerModel

WIDE = 2**24  # numbers in a chunk at most, where rows are wide
HOPELESS = 2  # zlib at its fastest needs so many times the model's bytes: at its usual level it will not beat them
FASTEST, USUAL = 1, 6


class Coding(NamedTuple):
    """How values become symbols: the model, if there is one, and what one of its levels is in the data."""

    model: IntegerModel | None
    step: int = 1


def rows_in_chunk(features: int) -> int:
    """How many rows one chunk holds."""
    return max(min(CHUNK_ROWS, WIDE // max(features, 1)), 1)


def packed(rows: np.ndarray, coding: Coding) -> tuple[Chunk, bytes]:
    """Rows (n, D) of integers as a chunk and its bytes."""
    raw = rows.tobytes()
    found = {"stored": raw}
    symbols = symbols_of(rows, coding)
    if symbols is not None and coding.model is not None:
        found["model"] = encoded(coding.model, symbols)
    quick = zlib.compress(raw, FASTEST)
    if "model" not in found or len(quick) < HOPELESS * len(found["model"]):
        found["zlib"] = min(quick, zlib.compress(raw, USUAL), key=len)
    method = min(found, key=lambda name: len(found[name]))
    content = found[method]
    return Chunk(len(rows), method, len(content), crc_of(content)), content


def symbols_of(rows: np.ndarray, coding: Coding) -> np.ndarray | None:
    """Rows as levels of the model; None where a value is none of its levels."""
    if coding.model is None or not rows.size:
        return None
    top = (coding.model.levels - 1) * coding.step
    if int(rows.min()) < 0 or int(rows.max()) > top:
        return None
    levels = rows.astype(np.uint8)
    symbols = levels // coding.step
    return symbols if coding.step == 1 or bool((symbols * coding.step == levels).all()) else None


def step_of(rows: np.ndarray, model: IntegerModel | None, height: int) -> int:
    """255 where a model of bits is given black and white pixels, else 1: all rows (N, D) are looked at, in blocks."""
    if model is None or model.levels != 2 or rows.dtype != np.uint8 or not rows.size:
        return 1
    blocks = (rows[start : start + height] for start in range(0, len(rows), height))
    white = [int(block.max()) for block in blocks if bool(((block == 0) | (block == 255)).all())]
    return 255 if 255 in white and len(white) == -(-len(rows) // height) else 1


def unpacked(name: object, header: Header, chunk: Chunk, content: bytes, model: IntegerModel | None) -> np.ndarray:
    """The rows (n, D) of a chunk whose CRC32 was found right; FileError where its bytes make no such rows."""
    if chunk.method == "model":
        return _of_model(name, header, chunk, content, model)
    raw = content if chunk.method == "stored" else inflated(name, content, chunk.rows * header.row_bytes)
    return np.frombuffer(raw, header.dtype).reshape(chunk.rows, header.features)


def _of_model(
    name: object, header: Header, chunk: Chunk, content: bytes, model: IntegerModel | None
) -> np.ndarray:
    if model is None:
        raise damaged(name, "a chunk was coded by a model that the file does not name")
    symbols = np.asarray(decoded(model, content, chunk.rows))
    if symbols.shape != (chunk.rows, header.features):
        raise damaged(name, f"a chunk holds rows of shape {symbols.shape}")
    values: np.ndarray = (symbols * header.step).astype(header.dtype)
    return values


def inflated(name: object, content: bytes, size: int) -> bytes:
    """What zlib packed, which must be exactly so many bytes; no more than that is ever unpacked."""
    try:
        stream = zlib.decompressobj()
        raw = stream.decompress(content, size + 1)
        if len(raw) == size and stream.eof and not stream.unused_data:
            return raw
    except zlib.error as error:
        raise damaged(name, f"zlib cannot read a block ({error})") from error
    raise damaged(name, f"a block that should hold {size:,} bytes holds others")
