"""Arrays to the bytes of compressed files and back: ``vitral.compress`` and ``vitral.decompress``."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vitral import __version__
from vitral.applications.compression.chunks import Coding, inflated, packed, rows_in_chunk, step_of, unpacked
from vitral.applications.compression.container import (
    Block,
    Header,
    Reference,
    assembled,
    crc_of,
    damaged,
    parsed,
)
from vitral.applications.compression.integer import IntegerModel, quantised
from vitral.applications.compression.originals import Original, check, of_array
from vitral.data.refusals import EXPANSION, SMALL
from vitral.environment import free_memory
from vitral.errors import DataError, FileError, ResourceError, UsageError
from vitral.persistence.tensors import encoded as tensors_to_bytes
from vitral.persistence.tensors import tensors_of

MOST_BYTES = 2**40  # of an array, also where nobody knows how much memory there is
KIND = "codec"  # of the tensors of an embedded model
Announce = Callable[[str, int, int], None]


def compress(array: Any, model: Any, *, embed: bool = False) -> bytes:
    """An array of integers as the bytes of a compressed file, which ``decompress`` turns into the same array.

    ``array`` is (rows, ...) of integers or of true and false, each row with as many numbers as the model's; ``model`` a
    ``TrainedModel`` or its integer form. Rows with values that the model does not know are packed with zlib. With
    ``embed`` the model goes into the file, which then needs nothing else to be read. What was written is decoded and
    compared before it is returned. Raises DataError for other arrays, UsageError for a model that cannot code.
    """
    coder = integer_model(model)
    original = of_array(np.asarray(array))
    content = compressed(original, coder, embed=embed)
    verify(content, original, coder)
    return content


def decompress(content: bytes, model: Any = None) -> np.ndarray:
    """The array in the bytes of a compressed file, with its shape, dtype and order.

    ``model`` is the one that ``compress`` was given, unless it was embedded. Raises FileError for bytes that are
    damaged, UsageError for a missing or another model, ResourceError for an array that does not fit into memory.
    """
    original = decompressed("the content", content, None if model is None else integer_model(model))
    return np.asfortranarray(original.array) if original.fortran else original.array


def integer_model(model: Any) -> IntegerModel:
    """A model in exact integer arithmetic, as it is or made of a trained one."""
    return model if isinstance(model, IntegerModel) else quantised(model)


def compressed(
    original: Original, model: IntegerModel, *, embed: bool, name: str = "the array", announce: Announce | None = None
) -> bytes:
    """The bytes of a compressed file; ``announce`` is told a word and how many of the rows are done."""
    rows = _rows(original.array, model, name)
    height = rows_in_chunk(model.features)
    coding = Coding(model, step_of(rows, model, height))
    chunks, contents, digest = [], [], hashlib.sha256()
    for start in range(0, len(rows), height):
        some = np.ascontiguousarray(rows[start : start + height])
        digest.update(some.tobytes())
        chunk, content = packed(some, coding)
        chunks.append(chunk)
        contents.append(content)
        tell(announce, "compressing", start + len(some), len(rows))
    used = any(chunk.method == "model" for chunk in chunks)
    beside, beside_block = _block(original.beside)
    weights, embedded = _block(_weights(model) if used and embed else b"")
    reference = Reference(model.digest, model.features, model.levels, embedded) if used else None
    array = original.array
    header = Header(
        __version__, original.kind, array.dtype.str, array.shape, original.fortran, coding.step, digest.hexdigest(),
        reference, beside_block, tuple(chunks),
    )  # fmt: skip
    return assembled(header, [*beside, *weights, *contents])


def _rows(array: np.ndarray, model: IntegerModel, name: str) -> np.ndarray:
    """The array as rows (N, D) of the model's size; nothing else is asked of them."""
    features = int(np.prod(array.shape[1:], dtype=np.int64))
    if features != model.features:
        raise DataError(
            f"{name} has {features} numbers a row, the model codes rows of {model.features}: give rows of that size, "
            "or another model"
        )
    return array.reshape(len(array), features)


def _block(raw: bytes) -> tuple[list[bytes], Block | None]:
    if not raw:
        return [], None
    content = zlib.compress(raw, 9)
    return [content], Block(len(content), crc_of(content), len(raw))


def _weights(model: IntegerModel) -> bytes:
    return tensors_to_bytes(Path("the model"), model.tensors(), {"kind": KIND, "facts": model.facts()})


def embedded_size(model: IntegerModel) -> int:
    """Bytes that this model adds to a file in which it is embedded."""
    return len(_block(_weights(model))[0][0])


def verify(
    content: bytes, original: Original, model: IntegerModel | None, announce: Announce | None = None
) -> None:
    """Decode and compare, entry by entry; FileError where anything differs, before anything is replaced."""
    back = decompressed("what was written", content, model, announce=announce)
    same = back.array.dtype == original.array.dtype and np.array_equal(back.array, original.array)
    if not same or back[2:] != original[2:] or back.kind != original.kind:
        raise FileError("what was written would not come back as it was, and nothing was kept; report this")


def decompressed(
    name: object, content: bytes, model: IntegerModel | None, announce: Announce | None = None
) -> Original:
    """The original of a file that is whole; FileError for any other."""
    header, blocks = parsed(name, content)
    check_size(name, header)
    packed_beside, embedded, contents = header.told_apart(blocks)
    coder = coder_of(name, header, embedded, model)
    beside = block_bytes(name, header.beside, packed_beside)
    array = np.empty(header.shape, header.dtype)
    rows, digest, start = array.reshape(header.shape[0], header.features), hashlib.sha256(), 0
    for chunk, block in zip(header.chunks, contents, strict=True):
        some = unpacked(name, header, chunk, block, coder)
        digest.update(some.tobytes())
        rows[start : start + chunk.rows] = some
        start += chunk.rows
        tell(announce, "reading back", start, len(rows))
    if digest.hexdigest() != header.sha256:
        raise damaged(name, "its rows do not match its SHA-256")
    original = Original(header.kind, array, header.fortran, beside)
    check(original, name)
    return original


def tell(announce: Announce | None, what: str, done: int, total: int) -> None:
    if announce is not None:
        announce(what, done, total)


def check_size(name: object, header: Header) -> None:
    """Refuse an array that does not fit, before anything is made."""
    free = free_memory()
    most = MOST_BYTES if free is None else min(free, MOST_BYTES)
    if header.size > most:
        raise ResourceError(
            f"{name} says that it holds an array of {header.size:,} bytes, and at most {most:,} can be made here: read "
            "it on a machine with more memory, if you trust the file"
        )


def block_bytes(name: object, block: Block | None, content: bytes | None) -> bytes:
    """What zlib packed into a block, which may be no more than such blocks hold; nothing where there is none."""
    if block is None:
        return b""
    if content is None or block.unpacked > max(EXPANSION * block.length, SMALL):
        raise damaged(name, f"a block of {block.length:,} bytes promises {block.unpacked:,}")
    return inflated(name, content, block.unpacked)


def coder_of(
    name: object, header: Header, embedded: bytes | None, given: IntegerModel | None
) -> IntegerModel | None:
    """The model that coded the chunks, given or in the file; UsageError where there is none, or another."""
    reference = header.model
    if reference is None:
        return None
    if given is not None and given.digest == reference.sha256:
        return given
    if embedded is not None:
        return _restored(name, reference, block_bytes(name, reference.embedded, embedded))
    said = f"{name} was coded by the model with SHA-256 {reference.sha256[:16]}..., which is not in it"
    if given is None:
        raise UsageError(f"{said}: name that model too")
    raise UsageError(f"{said}, and the model given has {given.digest[:16]}...: give the one it was compressed with")


def _restored(name: object, reference: Reference, content: bytes) -> IntegerModel:
    tensors, facts = tensors_of(Path(str(name)), content, KIND)
    if not isinstance(facts.get("facts"), dict):
        raise damaged(name, "the model in it says nothing of itself")
    model = IntegerModel.restored(tensors, facts["facts"])
    if (model.digest, model.features, model.levels) != (reference.sha256, reference.features, reference.levels):
        raise damaged(name, "the model in it is not the one that its header names")
    return model
