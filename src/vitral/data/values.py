"""One column of a table as it was read: numbers, or places in a list of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@dataclass(frozen=True)
class Values:
    """One column as it was read: ``numbers`` (N,) in float64, NaN where there is none.

    Where the values are ``labels``, the numbers are places in that list. ``problem`` says why a column cannot be
    used, which matters where it is.
    """

    name: str
    dtype: str
    numbers: np.ndarray
    labels: tuple[Any, ...] | None = None
    problem: str | None = None

    def shown(self, row: int) -> str:
        """The value of a row, as a reader of a message wants to see it."""
        value = self.numbers[row]
        if np.isnan(value):
            return "missing"
        return f"{value:g}" if self.labels is None else repr(self.labels[int(value)])


def of_codes(name: str, codes: np.ndarray, labels: list[Any]) -> Values:
    """A column of categories: places in a list of labels, negative where there is none."""
    return Values(name, "category", np.where(codes < 0, np.nan, codes.astype(np.float64)), tuple(labels))


def of_objects(name: str, values: np.ndarray, known: np.ndarray) -> Values:
    """A column of Python values: texts, or numbers, or true and false; a mixture has a problem."""
    kinds = {type(value) for value in values[known]}
    numbers = np.full(len(values), np.nan)
    if kinds and all(issubclass(kind, str) for kind in kinds):
        labels, codes = np.unique(values[known].astype(str), return_inverse=True)
        numbers[known] = codes
        return Values(name, "string", numbers, tuple(labels.tolist()))
    if all(issubclass(kind, bool | int | float | np.number | np.bool_) for kind in kinds):
        numbers[known] = values[known].astype(np.float64)
        flags = bool(kinds) and kinds <= {bool, np.bool_}
        whole = bool(kinds) and all(issubclass(kind, int | np.integer) for kind in kinds)
        return Values(name, "bool" if flags else "int64" if whole else "float64", numbers)
    words = " and ".join(sorted({kind.__name__ for kind in kinds}))
    return Values(name, "string", numbers, problem=f"column {name!r} holds values of type {words}: give it one type")


def refused(name: str, kind: str, rows: int) -> Values:
    """A column of a type that has no place in a row of numbers, to be refused by its name where it is used."""
    problem = (
        f"column {name!r} holds {kind} values: make numbers, texts or categories of it, or leave it out "
        f"(--columns=-{name})"
    )
    return Values(name, kind, np.full(rows, np.nan), problem=problem)
