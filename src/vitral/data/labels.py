"""One label a row, from an array, a text or a column: whole numbers as they are, names as classes in their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vitral.data.columns import Column
from vitral.data.idx import is_idx, open_idx
from vitral.data.npy import open_npy
from vitral.data.refusals import check_is_file, refused
from vitral.errors import DataError, UsageError

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
TEXTS = (".csv", ".txt")
LONGEST_TEXT = 2**28  # bytes


class Labels(NamedTuple):
    """A whole number for every row, (N,); where classes have ``names``, it is the place of the row's in them."""

    numbers: np.ndarray
    names: tuple[str, ...] = ()

    @property
    def column(self) -> Column | None:
        """What a contract says of them, where they have names."""
        return Column("label", "category", "string", self.names) if self.names else None


def labels_of(array: np.ndarray, name: object) -> Labels:
    """Labels as an array holds them: whole numbers, or texts."""
    if array.dtype.kind == "U" and array.ndim == 1:
        try:
            return named(array.tolist())
        except SystemError as error:  # NumPy's answer to numbers that are no characters
            raise refused(name, "its texts hold what is no character in Unicode") from error
    if array.dtype.kind not in "bui":
        raise DataError(f"{name}: labels hold {array.dtype} values: give whole numbers, or names as text")
    return Labels(np.asarray(array, array.dtype.newbyteorder("=")))


def named(texts: Sequence[str]) -> Labels:
    """Names as numbers: the place of each in the alphabetical list of all."""
    names, places = np.unique(np.asarray(texts), return_inverse=True)
    return Labels(places.reshape(-1).astype(np.int64), tuple(names.tolist()))


def renumbered(numbers: np.ndarray, own: Column | None, wanted: Column | None, name: object) -> np.ndarray:
    """Labels that are places in one list of names, as places in another; as they are where neither has names.

    A name that is a whole number ("7", of a sub-folder) and that number are the same class. Raises DataError for a
    name that the other list does not have.
    """
    names = None if own is None else own.categories
    known = None if wanted is None or not wanted.categories else [str(category) for category in wanted.categories]
    present = np.unique(numbers)
    called = {int(number): str(names[number]) if names else str(number) for number in present}
    if known is None:
        whole = bool(names) and all(WHOLE.fullmatch(text) for text in called.values())
        return _replaced(numbers, {number: int(text) for number, text in called.items()}) if whole else numbers
    strange = [text for text in called.values() if text not in known]
    if strange and not names:
        return numbers
    if strange:
        raise DataError(f"{name} has the class {strange[0]!r}, and the model knows {', '.join(known)}: leave it out")
    return _replaced(numbers, {number: known.index(text) for number, text in called.items()})


def _replaced(numbers: np.ndarray, by: dict[int, int]) -> np.ndarray:
    """Every number replaced by another one."""
    present, places = np.unique(numbers, return_inverse=True)
    return np.array([by[int(number)] for number in present], np.int64)[places.reshape(numbers.shape)]


def read_labels(path: Path, rows: int) -> Labels:
    """The labels of a .npy or IDX file, or of a .txt or .csv file with one a line; refuses another number of them.

    A .csv file may begin with the name of its column. Lines of whole numbers are numbers, others are names.
    """
    if path.suffix.lower() in TEXTS:
        return _from_text(path, rows)
    if path.suffix != ".npy" and not is_idx(path):
        raise UsageError(f"labels cannot be read from {path}: give a .npy, IDX, .txt or .csv file")
    labels = labels_of(open_idx(path) if is_idx(path) else open_npy(path), path)
    if labels.numbers.shape != (rows,):
        raise DataError(f"{path}: labels have shape {labels.numbers.shape}, the rows need ({rows},): one label a row")
    return labels


def _from_text(path: Path, rows: int) -> Labels:
    check_is_file(path)
    if path.stat().st_size > LONGEST_TEXT:
        raise refused(path, "it has more than 256 MiB", "save the labels as .npy")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise refused(path, error, "save it as text in UTF-8, one label a line") from error
    header = int(path.suffix.lower() == ".csv" and len(lines) == rows + 1)
    texts = [line.strip().strip('"') for line in lines[header:]]
    for number, text in enumerate(texts, start=1 + header):
        if not text or (path.suffix.lower() == ".csv" and re.search("[,;\t]", text)):
            found = "is empty" if not text else "holds more than one column"
            raise DataError(f"{path}, line {number} {found}: give one label a line")
    if len(texts) != rows:
        raise DataError(f"{path} holds {len(texts)} labels, the rows are {rows}: give one a row")
    if all(WHOLE.fullmatch(text) for text in texts):
        return Labels(np.array([int(text) for text in texts]))
    return named(texts)
