"""Whether data are still the same: a hash of sampled rows for what is held, a sampled hash for the files behind it.

Neither depends on where a file lies, on its name or on when it was written. A sample is evenly spaced: a change that
misses all of it is not seen, which is the price of a check that takes milliseconds at any size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from vitral.errors import DataError

WHOLE = 2 * 2**20  # bytes of an array that are hashed: all of a smaller one
SAMPLED_ROWS = 1024  # and at most so many rows of a larger one
PIECES, PIECE = 64, 16 * 2**10  # evenly spaced pieces of a file, and their bytes


def fingerprint(parts: Mapping[str, Any]) -> str:
    """64 hexadecimal digits of some parts (dataclasses of arrays and numbers): equal for equal values.

    Every array counts with its type, its shape and its values, sampled where it is large.
    """
    digest = hashlib.sha256()
    for name, part in parts.items():
        for field in fields(part):
            value = getattr(part, field.name)
            if hasattr(value, "shape"):
                digest.update(f"{name}.{field.name} {np.dtype(value.dtype).str} {tuple(value.shape)}\n".encode())
                digest.update(_sample(value))
            elif value is not None:
                digest.update(f"{name}.{field.name} {value!r}\n".encode())
    return digest.hexdigest()


def _sample(array: Any) -> bytes:
    """The bytes of all rows, or of evenly spaced ones, the first and the last among them."""
    rows = len(array)
    width = np.dtype(array.dtype).itemsize * int(np.prod(array.shape[1:], dtype=np.int64))
    index: np.ndarray | slice = slice(None)
    if rows * width > WHOLE:
        few = min(rows, SAMPLED_ROWS, max(WHOLE // max(width, 1), 2))
        index = np.linspace(0, rows - 1, few).astype(np.int64)
    return np.asarray(array[index]).tobytes()


@dataclass(frozen=True)
class Watched:
    """A file that is read while a model trains, as it was when it was opened."""

    path: Path
    size: int
    changed_ns: int
    digest: str

    @classmethod
    def of(cls, path: Path) -> Watched:
        """The file as it is now."""
        now = path.stat()
        return cls(path, now.st_size, now.st_mtime_ns, _digest(path, now.st_size))

    def check(self) -> None:
        """Refuse a file that is gone or holds something else; one that was only touched is fine.

        The time of the last change is a reason to look, never a reason to refuse.
        """
        try:
            now = self.path.stat()
            if now.st_size != self.size:
                self._refuse(f"it had {self.size:,} bytes and has {now.st_size:,}")
            if now.st_mtime_ns != self.changed_ns and _digest(self.path, self.size) != self.digest:
                self._refuse("its bytes are others")
        except OSError as error:
            self._refuse(error.strerror or str(error))

    def _refuse(self, why: str) -> None:
        raise DataError(
            f"{self.path} changed while it was in use ({why}): put the file back as it was, or train anew on a copy "
            "that nothing writes to"
        )


def _digest(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for start in np.linspace(0, max(size - PIECE, 0), min(PIECES, size // PIECE + 1)).astype(np.int64):
            stream.seek(int(start))
            digest.update(stream.read(PIECE))
    return digest.hexdigest()
