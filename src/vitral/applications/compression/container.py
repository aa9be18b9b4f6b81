"""The compressed file, byte by byte: header with a table of chunks, blocks, footer. Format: docs/compressed_file.md.

    start    magic, version, length of the header; the header, JSON; CRC32 of all that
    blocks   what belongs beside the array, the model, the chunks, as the header lists them
    copy     the start once more, for the day on which the first one is damaged
    footer   length of the file, length of the copy, CRC32 of these two, the magic backwards

Nothing here allocates by a declared size. A refusal is a FileError of one sentence that names the file.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from vitral.errors import FileError
from vitral.persistence.header import json_object

T = TypeVar("T")
MAGIC = b"\x89VITRAL\n"
VERSION = 1
START = struct.Struct("<8sHHI")  # magic, version, zero, length of the header
FOOTER = struct.Struct("<QII8s")  # length of the file, length of the copy, CRC32 of these, magic backwards
CRC = struct.Struct("<I")
HEADER_LIMIT = 2**25  # bytes
CHUNK_ROWS = 16_384  # at most: what damage may cost, and what a chunk adds to the bits of its rows
DEFLATE = 1032  # zlib makes at most so many bytes of one
METHODS = ("stored", "zlib", "model")
KINDS = ("npy", "idx", "png")
STEPS = (1, 255)  # what one level of the model is in the data: 255 where bits are black and white pixels
INTEGERS = re.compile(r"\|[biu]1|[<>][iu][248]")
DIGEST = re.compile(r"[0-9a-f]{64}")


class Block(NamedTuple):
    """A piece of the file that is packed with zlib: its length, its CRC32, and its length unpacked."""

    length: int
    crc: int
    unpacked: int


class Chunk(NamedTuple):
    """Some rows: how many, how they are coded, the length and the CRC32 of their bytes."""

    rows: int
    method: str
    length: int
    crc: int


class Piece(NamedTuple):
    """A block as its file is read: what to call it, its length and its CRC32."""

    what: str
    length: int
    crc: int


@dataclass(frozen=True)
class Reference:
    """Which model coded the chunks: its digest, what it codes, and where it lies if it is in the file."""

    sha256: str
    features: int
    levels: int
    embedded: Block | None


@dataclass(frozen=True)
class Header:
    """What a file says of itself. ``sha256`` is that of the array's bytes in C order."""

    vitral: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    fortran: bool
    step: int
    sha256: str
    model: Reference | None
    beside: Block | None
    chunks: tuple[Chunk, ...]

    @property
    def features(self) -> int:
        """Numbers of one row."""
        return math.prod(self.shape[1:])

    @property
    def row_bytes(self) -> int:
        return self.features * np.dtype(self.dtype).itemsize

    @property
    def size(self) -> int:
        """Bytes of the array, as an exact whole number however large."""
        return self.shape[0] * self.row_bytes

    @property
    def pieces(self) -> list[Piece]:
        """All blocks, in their order in the file."""
        embedded = None if self.model is None else self.model.embedded
        named = (("what belongs beside the array", self.beside), ("the model in it", embedded))
        found = [Piece(what, block.length, block.crc) for what, block in named if block is not None]
        first = 0
        for chunk in self.chunks:
            end = first + chunk.rows
            found.append(Piece(f"the chunk of rows {first:,} to {end - 1:,}", chunk.length, chunk.crc))
            first = end
        return found

    def told_apart(self, blocks: Sequence[T]) -> tuple[T | None, T | None, list[T]]:
        """Of one thing for each block: that of what lies beside the array, that of the model, those of the chunks."""
        left = list(blocks)
        beside = left.pop(0) if self.beside is not None else None
        embedded = left.pop(0) if self.model is not None and self.model.embedded is not None else None
        return beside, embedded, left

    def to_bytes(self) -> bytes:
        """JSON without a space; equal headers are equal bytes."""
        model = self.model and {
            "sha256": self.model.sha256, "features": self.model.features, "levels": self.model.levels,
            "embedded": self.model.embedded,
        }  # fmt: skip
        entries = {
            "vitral": self.vitral, "kind": self.kind, "dtype": self.dtype, "shape": self.shape, "fortran": self.fortran,
            "step": self.step, "sha256": self.sha256, "model": model, "beside": self.beside, "chunks": self.chunks,
        }  # fmt: skip
        return json.dumps(entries, separators=(",", ":")).encode()


def crc_of(content: bytes) -> int:
    """CRC32, as zlib, gzip and PNG have it."""
    return zlib.crc32(content)


def assembled(header: Header, blocks: Sequence[bytes]) -> bytes:
    """The bytes of a file with these blocks, which the header lists."""
    text = header.to_bytes()
    start = START.pack(MAGIC, VERSION, 0, len(text)) + text
    start += CRC.pack(crc_of(start))
    total = 2 * len(start) + sum(map(len, blocks)) + FOOTER.size
    ends = struct.pack("<QI", total, len(start))
    return b"".join([start, *blocks, start, ends, CRC.pack(crc_of(ends)), MAGIC[::-1]])


def parsed(name: object, content: bytes) -> tuple[Header, list[bytes]]:
    """A whole file, taken apart: header, copy and footer agree, every byte has its place, every block its CRC32.

    Raises FileError for everything else.
    """
    header, begin = start_of(name, content)
    _check_end(name, content, header, begin)
    blocks, place = [], begin
    for piece in header.pieces:
        block = content[place : place + piece.length]
        if crc_of(block) != piece.crc:
            raise damaged(name, f"{piece.what} does not match its CRC32")
        blocks.append(block)
        place += piece.length
    return header, blocks


def _check_end(name: object, content: bytes, header: Header, begin: int) -> None:
    """The copy of the header and the footer are there, and belong to this header."""
    if len(content) < begin + FOOTER.size or content[-len(MAGIC) :] != MAGIC[::-1]:
        raise damaged(name, "its end is missing")
    total, length, crc, _ = FOOTER.unpack(content[-FOOTER.size :])
    if crc != crc_of(content[-FOOTER.size : -FOOTER.size + 12]):
        raise damaged(name, "its footer does not match its CRC32")
    if total != len(content):
        raise damaged(name, f"it has {len(content):,} bytes, and its footer says {total:,}")
    expected = 2 * begin + sum(piece.length for piece in header.pieces) + FOOTER.size
    if length != begin or expected != total:
        raise damaged(name, f"its header lists {expected:,} bytes, and {total:,} are there")
    if content[total - FOOTER.size - begin : total - FOOTER.size] != content[:begin]:
        raise damaged(name, "the copy of its header differs from its header")


def start_of(name: object, content: bytes) -> tuple[Header, int]:
    """The header at the start of these bytes, and where it ends."""
    if content[: len(MAGIC)] != MAGIC:
        raise FileError(f"{name} is not a file of vitral compress: it begins with other bytes; give another path")
    if len(content) < START.size:
        raise damaged(name, "it ends within its header")
    _, version, zero, length = START.unpack(content[: START.size])
    if version > VERSION:
        raise FileError(
            f"{name} has version {version} of the format, and this Vitral reads versions up to {VERSION}: install a "
            "newer one, or restore the file from a copy if it is damaged"
        )
    end = START.size + length
    if length > HEADER_LIMIT or end + CRC.size > len(content):
        raise damaged(name, "it ends within its header")
    if CRC.unpack(content[end : end + CRC.size])[0] != crc_of(content[:end]):
        raise damaged(name, "its header does not match its CRC32")
    if version < 1 or zero != 0:
        raise damaged(name, f"its version is {version}.{zero}")
    return _header(name, content[START.size : end]), end + CRC.size


def either_start(name: object, content: bytes) -> tuple[Header, int, int]:
    """The header of a damaged file, from its start or its copy; where its blocks begin, and where they end."""
    try:
        header, length = start_of(name, content)
    except FileError as error:
        if content[-len(MAGIC) :] != MAGIC[::-1] or len(content) < FOOTER.size:
            lost = "its header is damaged, and the copy at its end is missing"
            raise FileError(f"{name} cannot be salvaged: {lost}; restore it from a copy") from error
        _, said, _, _ = FOOTER.unpack(content[-FOOTER.size :])
        header, length = start_of(name, content[max(len(content) - FOOTER.size - said, 0) :])
    return header, length, len(content) - FOOTER.size - length


def damaged(name: object, what: str) -> FileError:
    """The error for a file that is not as it was written."""
    return FileError(f"{name} is damaged: {what}; restore it from a copy, or recover what is whole with --salvage")


def _header(name: object, text: bytes) -> Header:
    """A header whose every entry was looked at: only then it is believed."""
    try:
        entries = json_object(Path(str(name)), text.decode("utf-8"), len(text), "its header")
        return _checked(name, entries)
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, OverflowError) as error:
        raise damaged(name, f"its header holds what no file has ({str(error)[:100]})") from error


def _checked(name: object, entries: Mapping[str, Any]) -> Header:
    if set(entries) != set(Header.__dataclass_fields__):
        raise ValueError(f"keys {', '.join(sorted(entries))}")
    shape = tuple(_whole(size) for size in entries["shape"])
    if not 1 <= len(shape) <= 32 or type(entries["fortran"]) is not bool:
        raise ValueError(f"shape {shape}")
    header = Header(
        str(entries["vitral"]), _one_of(entries["kind"], KINDS), _matching(entries["dtype"], INTEGERS), shape,
        entries["fortran"], _one_of(entries["step"], STEPS), _matching(entries["sha256"], DIGEST),
        None if entries["model"] is None else _reference(entries["model"]), _block(entries["beside"]),
        tuple(_chunk(*chunk) for chunk in entries["chunks"]),
    )  # fmt: skip
    _check_rows(header)
    return header


def _check_rows(header: Header) -> None:
    """The chunks hold all rows, and none promises more than its bytes and its method explain."""
    if sum(chunk.rows for chunk in header.chunks) != header.shape[0]:
        raise ValueError(f"chunks of {sum(chunk.rows for chunk in header.chunks)} rows, shape {header.shape}")
    for chunk in header.chunks:
        needed = chunk.rows * header.row_bytes
        if chunk.method == "stored" and needed != chunk.length:
            raise ValueError(f"a stored chunk of {chunk.length} bytes for {needed}")
        if chunk.method == "zlib" and needed > DEFLATE * chunk.length:
            raise ValueError(f"{needed} bytes from {chunk.length} of zlib")
        if chunk.method == "model" and (header.model is None or header.model.features != header.features):
            raise ValueError("a chunk of a model that the file does not name")


def _reference(entries: Any) -> Reference:
    sha256, features, levels, embedded = (entries[key] for key in ("sha256", "features", "levels", "embedded"))
    return Reference(_matching(sha256, DIGEST), _whole(features), _one_of(levels, (2, 256)), _block(embedded))


def _block(entries: Any) -> Block | None:
    if entries is None:
        return None
    block = Block(*map(_whole, entries))
    if block.unpacked > DEFLATE * block.length:
        raise ValueError(f"{block.unpacked} bytes from {block.length} of zlib")
    return block


def _chunk(rows: Any, method: Any, length: Any, crc: Any) -> Chunk:
    if not 1 <= _whole(rows) <= CHUNK_ROWS:
        raise ValueError(f"a chunk of {rows} rows")
    return Chunk(rows, _one_of(method, METHODS), _whole(length), _whole(crc))


def _whole(number: Any) -> int:
    if type(number) is not int or not 0 <= number < 2**62:
        raise ValueError(f"{number!r} where a whole number belongs")
    return number


def _one_of(value: Any, known: tuple[Any, ...]) -> Any:
    if type(value) is not type(known[0]) or value not in known:
        raise ValueError(f"{value!r}")
    return value


def _matching(text: Any, form: re.Pattern[str]) -> str:
    if not isinstance(text, str) or form.fullmatch(text) is None:
        raise ValueError(f"{text!r}")
    return text
