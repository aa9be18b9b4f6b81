"""A whole file or nothing: written beside its target, flushed to the disk, renamed over it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vitral.errors import ResourceError, VitralError

_RETRY_WINERRORS = (5, 32, 33)  # access denied, sharing violation, lock violation: antivirus or indexer


def write_atomically(path: Path, content: bytes, check: Callable[[Path], None] | None = None) -> None:
    """Write a whole file or nothing: temporary file, fsync, rename, fsync of the folder.

    ``check`` is given the temporary file before it takes the place of an older one, and raises where that must not be.
    Raises ResourceError when the folder cannot be written or the disk is full; an older file at
    ``path`` is untouched then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(temporary)
        _replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, VitralError) as error:
        with suppress(OSError):  # the disk that has just failed may fail at this as well; a later start removes it
            temporary.unlink(missing_ok=True)
        if isinstance(error, VitralError):
            raise
        raise ResourceError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
        ) from error


def _replace(temporary: Path, path: Path, patience: float = 2.5) -> None:
    """A rename, tried again for a while where Windows says that somebody holds the target."""
    until = time.monotonic() + patience
    while True:
        try:
            temporary.replace(path)
            return
        except OSError as error:
            if getattr(error, "winerror", None) not in _RETRY_WINERRORS or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    """JSON with two spaces, keys in their order, no NaN, and a last newline."""
    write_atomically(
        path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    )
