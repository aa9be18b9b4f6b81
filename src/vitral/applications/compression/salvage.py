"""What is left of a damaged file: every chunk whose bytes are whole, and a list of the rows that are lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from vitral.applications.compression.archive import Announce, block_bytes, check_size, coder_of, tell
from vitral.applications.compression.chunks import unpacked
from vitral.applications.compression.container import (
    Chunk,
    Header,
    Piece,
    crc_of,
    either_start,
)
from vitral.applications.compression.integer import IntegerModel
from vitral.applications.compression.originals import Original, check, names_of
from vitral.errors import FileError, VitralError


class Lost(NamedTuple):
    """Rows ``first`` to ``end`` - 1 of the array as it was, and why they cannot be read."""

    first: int
    end: int
    why: str


class Saved(NamedTuple):
    """The rows of all whole chunks, in their order, without those that are lost; ``notes`` say what else is missing."""

    original: Original
    lost: list[Lost]
    notes: list[str]


def salvaged(name: object, content: bytes, model: IntegerModel | None, announce: Announce | None = None) -> Saved:
    """The rows of every chunk that is whole. Raises FileError where none is, UsageError for a missing model.

    The header is taken from either end, and a chunk is looked for where it lies from the start and from the end, so
    that bytes which were cut out or put in cost the chunk that they stood in and no other.
    """
    header, begin, end = either_start(name, content)
    check_size(name, header)
    blocks = [_whole(content, piece, places) for piece, places in _placed(header, begin, end)]
    packed_beside, embedded, contents = header.told_apart(blocks)
    coder = coder_of(name, header, embedded, model)
    kept, lost = _kept(name, header, contents, coder, announce)
    if not kept and header.chunks:
        raise FileError(f"{name} is damaged: none of its {len(header.chunks)} chunks is whole; restore it from a copy")
    rows = np.concatenate([np.empty((0, header.features), header.dtype), *kept])
    array = rows.astype(header.dtype, copy=False).reshape(len(rows), *header.shape[1:])
    beside, notes = _beside(name, header, packed_beside, lost)
    if not lost and hashlib.sha256(array.tobytes()).hexdigest() != header.sha256:
        notes.append("every chunk is whole, and together they are not what was compressed: somebody changed the file")
    original = Original(header.kind, array, header.fortran, beside)
    check(original, name)
    return Saved(original, lost, notes)


def _kept(
    name: object, header: Header, contents: list[bytes | None], model: IntegerModel | None, announce: Announce | None
) -> tuple[list[np.ndarray], list[Lost]]:
    """The rows of every chunk that can be read, and what is lost."""
    kept: list[np.ndarray] = []
    lost: list[Lost] = []
    first = 0
    for chunk, content in zip(header.chunks, contents, strict=True):
        rows = _rows_or_reason(name, header, chunk, content, model)
        if isinstance(rows, str):
            lost.append(Lost(first, first + chunk.rows, rows))
        else:
            kept.append(rows)
        first += chunk.rows
        tell(announce, "recovering", first, header.shape[0])
    return kept, lost


def _placed(header: Header, begin: int, end: int) -> Iterator[tuple[Piece, tuple[int, int]]]:
    """Every block, with where it should begin: counted from the start of the file, and from its end."""
    left = sum(piece.length for piece in header.pieces)
    for piece in header.pieces:
        yield piece, (begin, end - left)
        begin, left = begin + piece.length, left - piece.length


def _whole(content: bytes, piece: Piece, places: tuple[int, int]) -> bytes | None:
    """The bytes of a block from the first place where they have its CRC32."""
    for place in places:
        block = content[max(place, 0) : max(place, 0) + piece.length]
        if len(block) == piece.length and crc_of(block) == piece.crc:
            return block
    return None


def _rows_or_reason(
    name: object, header: Header, chunk: Chunk, block: bytes | None, model: IntegerModel | None
) -> np.ndarray | str:
    if block is None:
        return "its bytes are damaged"
    try:
        return unpacked(name, header, chunk, block, model)
    except VitralError:
        return "its bytes are whole, and make no rows"


def _beside(name: object, header: Header, block: bytes | None, lost: list[Lost]) -> tuple[bytes, list[str]]:
    """What lies beside the rows that are left: of images their names, or numbers where those are lost."""
    if header.kind != "png":
        return b"", []
    rows, notes = header.shape[0], []
    try:
        names = names_of(Original("png", np.empty((rows, 0)), False, block_bytes(name, header.beside, block)), name)
    except VitralError:
        names, notes = [f"{row:06}.png" for row in range(rows)], ["the names of the images are lost: they are numbered"]
    gone = {row for one in lost for row in range(one.first, one.end)}
    left = [one for row, one in enumerate(names) if row not in gone]
    return json.dumps(left, separators=(",", ":")).encode(), notes
