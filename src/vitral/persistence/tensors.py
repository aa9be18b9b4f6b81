"""Named tensors and their metadata as one safetensors file: written through one door, read through another.

Writing is the library's, which stores the memory of an array as it lies, so that ``storable`` stands before it. Reading
is ours: the header is checked against the file, and the tensors are views of its bytes.
"""

from __future__ import annotations

import hashlib
import json
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vitral.errors import FileError, UsageError
from vitral.persistence.atomic import write_atomically
from vitral.persistence.header import DTYPES, HEADER_LIMIT, Entry, check_count, damaged, entries, json_object

FORMAT_VERSION = 2
METADATA_KEY = "vitral"
FILE_DIGEST = "file_sha256"
BLANK = "0" * 64  # what stands for the file's digest while it is taken


class Content(NamedTuple):
    """A file in three pieces: the length of the header, the header, and the bytes of the tensors."""

    length: bytes
    header: bytes
    data: bytes | memoryview

    @property
    def size(self) -> int:
        return sum(map(len, self))


def save_tensors(path: Path, tensors: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Named arrays and JSON-able metadata as one safetensors file, read back and compared before it is written.

    Raises UsageError for an array that the format does not hold, ResourceError where the disk does not take it.
    """
    write_atomically(path, encoded(path, tensors, metadata))


def encoded(path: Path, tensors: Mapping[str, Any], metadata: Mapping[str, Any]) -> bytes:
    """The bytes of such a file."""
    from safetensors.numpy import save

    solid = {name: storable(name, array) for name, array in tensors.items()}
    facts = {
        FILE_DIGEST: BLANK,  # first, so that its place is found
        **metadata,
        "format_version": FORMAT_VERSION,
        "sha256": digest(solid),
        "tensors_sha256": {name: digest({name: solid[name]}) for name in sorted(solid)},
    }
    # One key only: safetensors writes several in an order that changes from run to run.
    content = save(solid, {METADATA_KEY: json.dumps(facts)})
    place = content.index(json.dumps(FILE_DIGEST + '": "' + BLANK)[1:-1].encode()) + len(FILE_DIGEST) + 6
    written = hashlib.sha256(content).hexdigest().encode()
    content = content[:place] + written + content[place + len(written) :]
    _read_back(path, content)
    return content


def storable(name: str, array: Any) -> np.ndarray:
    """The one door to a file: an array of a known dtype, little-endian and in C order, with the values of ``array``."""
    if not isinstance(name, str) or name in ("", "__metadata__"):
        raise UsageError(f"a tensor cannot be stored under the name {name!r}: give it a word")
    if isinstance(array, np.ma.MaskedArray):
        raise UsageError(f"tensor {name!r} is a masked array, and a file keeps no mask: fill it first")
    given = np.asarray(array)
    little = given.dtype.newbyteorder("<") if given.dtype.kind in "iuf" else given.dtype
    if little not in DTYPES.values():
        raise UsageError(
            f"tensor {name!r} has dtype {given.dtype}: a file holds {', '.join(DTYPES)}, convert it"
        )
    return np.asarray(given, dtype=little, order="C")


def _read_back(path: Path, content: bytes) -> None:
    """Refuse to write what would not be read back as it is; its digests are those of the arrays given."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    try:
        _parsed(path, Content(content[:8], content[8:end], memoryview(content)[end:]), None)
    except FileError as error:
        raise FileError(f"cannot write {path}, it would not be read back as it is: {error}; report this") from error


def _octets(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)


def load_tensors(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors and the metadata of a file of this kind ("model" or "checkpoint"), checked.

    The tensors are read-only views of the bytes that were read; nothing else of the file's size is allocated.
    Raises FileError for a file that is damaged, hostile, of another kind or of a newer format.
    """
    return _parsed(path, _read(path), kind)


def tensors_of(path: Path, content: bytes, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The same of the bytes of such a file that lie within another one, ``path``."""
    _check_length(path, content[:8], len(content))
    end = 8 + struct.unpack("<Q", content[:8])[0]
    return _parsed(path, Content(content[:8], content[8:end], memoryview(content)[end:]), kind)


def _parsed(path: Path, content: Content, kind: str | None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    header = _header(path, content)
    facts = _metadata(path, header.pop("__metadata__", None), content.size)
    if kind is not None:
        _check_kind(path, facts, kind)
    tensors = {
        name: _view(content.data, entry) for name, entry in entries(path, header, len(content.data)).items()
    }
    _check_digests(path, content, facts, tensors)
    return tensors, facts


def _view(data: bytes | memoryview, entry: Entry) -> np.ndarray:
    if entry.start == entry.end:
        return np.empty(entry.shape, entry.dtype)
    count = (entry.end - entry.start) // entry.dtype.itemsize
    return np.frombuffer(data, entry.dtype, count, entry.start).reshape(entry.shape)


def _read(path: Path) -> Content:
    """The whole file, never memory-mapped: a mapped file cannot be replaced on Windows."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FileError(f"cannot read {path}: it is no file; check the path")
        with path.open("rb") as file:
            length = file.read(8)
            _check_length(path, length, found.st_size)
            needed = struct.unpack("<Q", length)[0]
            return Content(length, file.read(needed), file.read())
    except (OSError, ValueError) as error:
        raise FileError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}; check the path"
        ) from error


def _check_length(path: Path, length: bytes, size: int) -> None:
    """Refuse a header that is larger than any model's, or than the file."""
    if len(length) < 8:
        raise FileError(
            f"{path} is cut short, or no safetensors file: it has {size:,} bytes; restore it from a copy"
        )
    needed = struct.unpack("<Q", length)[0]
    if needed < 2 or needed > HEADER_LIMIT:
        raise FileError(
            f"{path} is not a safetensors file: its first 8 bytes announce a header of {needed:,} bytes, and at most "
            f"{HEADER_LIMIT:,} are read; give another path"
        )
    if needed > size - 8:
        raise FileError(
            f"{path} is cut short, or no safetensors file: it announces a header of {needed:,} bytes, and "
            f"{size - 8:,} are there; restore it from a copy"
        )


def _header(path: Path, content: Content) -> dict[str, Any]:
    try:
        text = content.header.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not a Vitral file: its header is no text; give another path") from error
    check_count(path, text.count('"data_offsets"'))
    return json_object(path, text, content.size, "its header")


def _metadata(path: Path, listed: Any, size: int) -> dict[str, Any]:
    text = listed.get(METADATA_KEY) if isinstance(listed, dict) else None
    if not isinstance(text, str) or len(listed) != 1:
        raise FileError(
            f"{path} is not a Vitral file: its metadata are not one text under {METADATA_KEY!r}; give another path"
        )
    return json_object(path, text, size, "its metadata")


def _check_kind(path: Path, facts: Mapping[str, Any], kind: str) -> None:
    if facts.get("kind") != kind:
        raise FileError(
            f"{path} is not a Vitral {kind} file, but {facts.get('kind', 'something else')!r}: give another path"
        )
    version = facts.get("format_version")
    if type(version) is not int or version < 1:
        raise damaged(path, f"its format version is {version!r}")
    if version > FORMAT_VERSION:
        raise FileError(
            f"{path} has format version {version} and was written by Vitral {facts.get('vitral')}; "
            f"this Vitral reads versions up to {FORMAT_VERSION}: install a newer one"
        )


def _check_digests(
    path: Path, content: Content, facts: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> None:
    """Every byte of a file of format 2 counts; of format 1, those of the tensors."""
    for name, array in tensors.items():
        if array.dtype == bool and (_octets(array) > 1).any():
            raise damaged(path, f"tensor {name!r} of true and false holds other bytes")
    if (facts["format_version"] > 1 or FILE_DIGEST in facts) and not _is_whole(
        content, facts.get(FILE_DIGEST)
    ):
        raise damaged(path, _where(facts.get("tensors_sha256"), tensors))
    if digest(tensors) != facts.get("sha256"):
        raise damaged(path, "its SHA-256 does not match its tensors")


def _is_whole(content: Content, said: Any) -> bool:
    """Whether the digest of the file is the one that it says, which counts as 64 zeros."""
    value = said.encode("ascii", "replace") if isinstance(said, str) and len(said) == len(BLANK) else b""
    if not value or content.header.count(value) != 1:
        return False
    found = hashlib.sha256(content.length)
    found.update(content.header.replace(value, BLANK.encode()))
    found.update(content.data)
    return bool(found.hexdigest() == said)


def _where(listed: Any, tensors: Mapping[str, np.ndarray]) -> str:
    """What does not match: tensors by name, or the rest of the file."""
    each = listed if isinstance(listed, dict) else {}
    wrong = [name for name, array in tensors.items() if each.get(name) != digest({name: array})]
    if not wrong:
        return "its SHA-256 does not match its header (spec, contract, facts), though every tensor is whole"
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return f"the SHA-256 of tensor {', '.join(map(repr, wrong[:3]))}{more} does not match"


def digest(tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, in the order of the names."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        found.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        found.update(_octets(array).data)
    return found.hexdigest()
