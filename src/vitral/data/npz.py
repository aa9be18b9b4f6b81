"""The .npz format: a zip file of .npy members, each checked against what the zip file says before it is unpacked."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np

from vitral.data.npy import filled, read_header
from vitral.data.refusals import check_expansion, check_is_file, refused
from vitral.errors import VitralError

ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what numpy.savez writes
AGAIN = "save it again with numpy.savez"
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, RuntimeError, OverflowError)


class Archive:
    """The members of an .npz file by name, as a context; ``read`` unpacks some of them.

    Raises DataError, with one sentence, for whatever is damaged, encrypted, or promises too much.
    """

    def __init__(self, path: Path) -> None:
        check_is_file(path)
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGE as error:
            self._refuse(error)
        self._members = {info.filename.removesuffix(".npy"): info for info in self._zip.infolist()}
        if len(self._members) < len(self._zip.infolist()):
            self._zip.close()
            raise refused(path, "two of its arrays have the same name", AGAIN)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def read(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """These members in memory; their sizes are checked together before the first is unpacked."""
        chosen = {name: self._members[name] for name in names}
        for name, info in chosen.items():
            if info.flag_bits & ENCRYPTED:
                raise refused(self._called(name), "it is encrypted", AGAIN)
            if info.compress_type not in METHODS:
                raise refused(self._called(name), "it is packed in a way that numpy.savez does not use", AGAIN)
        check_expansion(self.path, sum(info.file_size for info in chosen.values()))
        return {name: self._unpacked(name, info) for name, info in chosen.items()}

    def _unpacked(self, name: str, info: zipfile.ZipInfo) -> np.ndarray:
        try:
            with self._zip.open(info) as stream:
                return filled(stream, read_header(stream, info.file_size, self._called(name)), self._called(name))
        except VitralError:
            raise
        except DAMAGE as error:
            self._refuse(error)

    def _called(self, name: str) -> str:
        return f"{name!r} in {self.path}"

    def _refuse(self, error: Exception) -> NoReturn:
        why = "it is not a zip file" if str(error) == "File is not a zip file" else f"it is damaged ({error})"
        raise refused(self.path, why, "copy the file again, or save it again with numpy.savez") from error
