"""Tables: columns as they were read, what they are taken for, and rows of numbers made of them and undone.

The rules, with examples: docs/tables.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vitral.data.columns import KINDS, MISSING, Column
from vitral.data.contract import Contract, Data, Rows, Source
from vitral.data.values import WHOLE, Values
from vitral.errors import DataError, UsageError, unknown

CLASSES = 100  # more different texts than this look like names, and are taken for classes only where that is said
EXACT = 2.0**53  # whole numbers beyond it are no float64
UNIT = "standard deviations of each column (training rows)"
LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Table:
    """Columns of one length, and how to say where a row of them stands."""

    name: str
    columns: tuple[Values, ...]
    place: Callable[[int], str] = "row {}".format

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice is not None:
            raise DataError(f"{self.name} has several columns named {twice!r}: give every column a name of its own")
        if not names or len(self) == 0:
            raise DataError(f"{self.name} has {len(names)} columns and no rows: give a table with both")

    def __len__(self) -> int:
        return len(self.columns[0].numbers) if self.columns else 0

    def column(self, name: str) -> Values:
        """One column that can be used; refuses a name that is not there, and a column with a problem."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            names = [column.name for column in self.columns]
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise DataError(f"{self.name} has no column {name!r}: {hint}it has {_few(names)}")
        if found.problem is not None:
            raise DataError(f"{self.name}: {found.problem}")
        return found

    def refused(self, column: Values, wrong: np.ndarray, what: str) -> DataError:
        """The error about the first row where ``wrong`` (N,) is true."""
        row = int(np.argmax(wrong))
        return DataError(f"{self.name}: {self.place(row)}, column {column.name!r} is {column.shown(row)}; {what}")


def source_of(table: Table, *, columns: Sequence[str] = (), label: str = "", missing: str = "refuse") -> Source:
    """A table as rows before they are split: kinds inferred or as ``columns`` wishes, labels from a column."""
    if missing not in MISSING:
        raise unknown("missing", missing, MISSING)
    kinds = chosen([column.name for column in table.columns], columns, label)
    known = tuple(_inferred(table, table.column(name), kind) for name, kind in kinds.items())
    answer = None if not label else _label(table, table.column(label))
    contract = Contract(len(known), None, "float64", 1.0, -LARGEST, LARGEST, UNIT, columns=known, label=answer,
                        missing=missing == "model")  # fmt: skip
    return Source(table.name, rows_of(table, contract), contract)


def chosen(names: Sequence[str], wishes: Sequence[str], label: str) -> dict[str, str | None]:
    """The columns to use and the kinds wished for: "age", "age:count", "-id", and "*" for all of them."""
    kinds: dict[str, str | None] = {}
    out = {wish[1:] for wish in wishes if wish.startswith("-") and wish not in names}
    for wish in wishes:
        name, colon, kind = wish.rpartition(":")
        if wish in names or not colon or kind not in KINDS:
            name, kind = wish, ""
        if name != "*" and not (name.startswith("-") and name not in names):
            kinds[name] = kind or None
    if not wishes or out or "*" in wishes:
        kinds = {**dict.fromkeys(name for name in names if name not in out), **kinds}
    for name in out - set(names):
        kinds.setdefault(name, None)  # asked for below, which says that there is no such column
    kinds.pop(label, None)
    if not kinds:
        raise UsageError(f"no column is left to model: of {_few(names)}, keep at least one")
    return kinds


def _inferred(table: Table, values: Values, wish: str | None) -> Column:
    """What a column is taken for: as wished, or by its type and its values."""
    numbers = values.numbers[~np.isnan(values.numbers)]
    if len(numbers) == 0:
        raise DataError(f"{table.name}: column {values.name!r} holds no value: leave it out (--columns=-{values.name})")
    kind = wish or _kind(table, values, numbers)
    if kind == "category" or (kind == "boolean" and values.labels is not None):
        labels = _labels(values, numbers)
        if len(labels) < 2 or (kind == "boolean" and len(labels) > 2):
            raise DataError(
                f"{table.name}: column {values.name!r} holds {len(labels)} different values, which is no {kind}: "
                "leave it out, or choose another kind"
            )
        return Column(values.name, kind, values.dtype, labels)
    return Column(values.name, kind, values.dtype)


def _kind(table: Table, values: Values, numbers: np.ndarray) -> str:
    if values.labels is not None:
        if values.dtype != "category" and len(values.labels) > CLASSES:
            raise DataError(
                f"{table.name}: column {values.name!r} holds {len(values.labels)} different texts, which look like "
                f"names and not like classes: leave it out (--columns=-{values.name}), or say {values.name}:category"
            )
        return "category"
    bits = bool(((numbers == 0.0) | (numbers == 1.0)).all()) and numbers.min() < numbers.max()
    return "boolean" if bits or values.dtype == "bool" else "number"


def _labels(values: Values, numbers: np.ndarray) -> tuple[Any, ...]:
    """The classes of a column: as its type has them, or all that occur, sorted."""
    if values.labels is not None and values.dtype == "category":
        return values.labels
    places = np.unique(numbers)
    if values.labels is not None:
        return tuple(sorted(values.labels[int(place)] for place in places))
    return tuple((places.astype(np.int64) if values.dtype in WHOLE else places).tolist())


def _label(table: Table, values: Values) -> Column:
    """The column of labels: whole numbers as they are, anything else numbered in order."""
    if values.labels is None and values.dtype in (*WHOLE, "bool"):
        return Column(values.name, "number", values.dtype)
    return Column(values.name, "category", values.dtype, _labels(values, values.numbers[~np.isnan(values.numbers)]))


def rows_of(table: Table, contract: Contract) -> Rows:
    """The rows of a table as a contract reads them, by the names of its columns; refuses what does not fit."""
    assert contract.columns is not None
    stored = np.empty((len(table), len(contract.columns)))
    for place, column in enumerate(contract.columns):
        values = table.column(column.name)
        stored[:, place] = encoded(table, values, column)
        if not contract.missing and (holes := np.isnan(stored[:, place])).any():
            raise table.refused(values, holes, "nothing may be: fill it, leave the column or the row out, or "
                                "set data.missing to 'model' (--missing model)")  # fmt: skip
    labels = None if contract.label is None else _answers(table, contract.label)
    return replace(contract.of(stored), labels=labels)


def _answers(table: Table, label: Column) -> np.ndarray | None:
    """The labels (N,) as whole numbers; None where the table does not have that column."""
    if all(column.name != label.name for column in table.columns):
        return None
    values = table.column(label.name)
    found = encoded(table, values, label)
    wrong = np.isnan(found) | (found != np.rint(found))
    if wrong.any():
        raise table.refused(values, wrong, "every label must be a class: leave the row out, or correct it")
    return found.astype(np.int64)


def encoded(table: Table, values: Values, column: Column) -> np.ndarray:
    """The numbers (N,) that a column is stored as, NaN where it has no value."""
    numbers = values.numbers
    known = ~np.isnan(numbers)
    if column.categories:
        return _places(table, values, column)
    if values.labels is not None:
        raise table.refused(values, known, f"the column holds {_words(column)}: correct it, or leave it empty")
    if column.kind == "boolean":
        wrong = known & (numbers != 0.0) & (numbers != 1.0)
    elif column.kind == "count":
        wrong = known & ((numbers < 0.0) | (numbers != np.rint(numbers)))
    else:
        wrong = np.isinf(numbers)
    if values.dtype in WHOLE and column.dtype in WHOLE:
        wrong |= np.abs(numbers) >= EXACT
    if wrong.any():
        raise table.refused(values, wrong, f"the column holds {_words(column)}: correct it, or leave the column out")
    return numbers


def _places(table: Table, values: Values, column: Column) -> np.ndarray:
    """The place of every value among the classes of its column."""
    numbers, known = values.numbers, ~np.isnan(values.numbers)
    labels, codes = values.labels, numbers
    if labels is None:
        different, inverse = np.unique(numbers[known], return_inverse=True)
        labels, codes = tuple(different.tolist()), np.full(len(numbers), np.nan)
        codes[known] = inverse
    place = {label: float(number) for number, label in enumerate(column.categories)}
    table_of_places = np.array([*(place.get(label, -1.0) for label in labels), np.nan])
    found = table_of_places[np.where(known, codes, len(labels)).astype(np.int64)]
    if (found < 0.0).any():
        what = f"which is none of the classes {_few(column.categories)}: correct it, leave it empty where values may " \
               "be missing, or train a model that knows it"  # fmt: skip
        raise table.refused(values, found < 0.0, what)
    return found


def _words(column: Column) -> str:
    return {"count": "counts, whole numbers of at least 0", "boolean": "0 and 1, or true and false"}.get(
        column.kind, "finite numbers, whole ones below 2^53" if column.dtype in WHOLE else "finite numbers"
    )


def _few(names: Sequence[Any], most: int = 8) -> str:
    shown = ", ".join(map(str, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def scaled(data: Data) -> Data:
    """The data with every number column in standard deviations from its mean, both of the training rows alone."""
    columns = data.contract.columns
    assert columns is not None
    location, spread = fitted(data.train, columns, data.name)
    contract = replace(data.contract, location=location, spread=spread)
    parts = (replace(rows, location=location, spread=spread) for rows in data.parts().values())
    train, validation, test = parts
    return replace(data, train=train, validation=validation, test=test, contract=contract)


def fitted(rows: Rows, columns: Sequence[Column], name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of what was observed of every number column; 0 and 1 for the other kinds.

    A column whose values are all the same has spread 1: it is only moved. One that nobody observed is refused.
    """
    location, spread = np.zeros(len(columns)), np.ones(len(columns))
    for place, column in enumerate(columns):
        values = rows.stored[:, place]
        values = values[~np.isnan(values)]
        if len(values) == 0:
            raise DataError(f"{name}: column {column.name!r} has no value in any training row: leave it out")
        if column.kind == "number":
            with np.errstate(over="ignore", invalid="ignore"):
                location[place], spread[place] = values.mean(), values.std()
            if not np.isfinite([location[place], spread[place]]).all():
                raise DataError(f"{name}: column {column.name!r} holds numbers too large to be squared: scale it")
            even = spread[place] <= 1e-12 * abs(location[place])
            spread[place] = 1.0 if even else spread[place]
    return tuple(location.tolist()), tuple(np.where(spread > 0.0, spread, 1.0).tolist())


def likelihood_for(columns: Sequence[Column]) -> dict[str, Any]:
    """The likelihood that fits the columns of a table: each scored by its kind.

    A table of numbers alone is scored all at once: the same density as a Gaussian for every column, without a loop.
    """
    if all(column.kind == "number" for column in columns):
        return {"kind": "gaussian_pixel", "link": "identity"}
    kinds = {"number": "gaussian", "boolean": "bernoulli", "count": "poisson"}
    entries: list[Any] = [
        {"kind": "categorical", "classes": len(column.categories)} if column.kind == "category" else kinds[column.kind]
        for column in columns
    ]
    return {"kind": "mixed", "columns": entries}


def decoded(contract: Contract, x: np.ndarray) -> dict[str, np.ndarray]:
    """Rows x (N, D) as columns with their names, types and classes: the inverse of ``rows_of`` and its scaling.

    Numbers of a column of whole numbers are rounded, and a chance of at least one half is true.
    """
    assert contract.columns is not None
    data = contract.unscaled(x)
    return {column.name: outside(column, data[:, place]) for place, column in enumerate(contract.columns)}


def outside(column: Column, numbers: np.ndarray) -> np.ndarray:
    """The values of one column; None where there is none and its type has no NaN."""
    known = ~np.isnan(numbers)
    if column.kind == "boolean":
        numbers = np.where(known, numbers >= 0.5, np.nan)
    if column.categories:
        labels = np.array([*column.categories, None], dtype=object)
        made = labels[np.where(known, numbers, len(column.categories)).astype(np.int64)]
        plain = known.all() and column.dtype in (*WHOLE, "float32", "float64", "bool")
        return made.astype(column.dtype) if plain else made
    if column.dtype in ("float32", "float64"):
        return numbers.astype(column.dtype)
    whole = np.rint(numbers[known])
    made = whole.astype(bool) if column.dtype == "bool" else _whole(whole, column.dtype)
    if known.all():
        return made
    holed = np.full(len(numbers), None, dtype=object)
    holed[known] = made
    return holed


def _whole(numbers: np.ndarray, dtype: str) -> np.ndarray:
    """Rounded numbers in their type, or in int64, or as they are: the first that holds them all."""
    for wanted in (dtype, "int64"):
        limits = np.iinfo(wanted)
        if ((numbers >= float(limits.min)) & (numbers <= min(float(limits.max), EXACT))).all():
            return numbers.astype(wanted)
    return numbers


def named_codes(mu: np.ndarray) -> dict[str, np.ndarray]:
    """Codes (N, L) as columns z1, z2, ..."""
    return {f"z{place + 1}": column for place, column in enumerate(mu.T)}


def settled(contract: Contract, data: np.ndarray) -> np.ndarray:
    """Data (N, D) of a model of a table as its columns know them: 0 or 1, whole counts and whole numbers."""
    made = np.array(data, np.float64)
    for place, column in enumerate(contract.columns or ()):
        if column.kind == "boolean":
            made[:, place] = made[:, place] >= 0.5
        elif column.kind == "count" or (column.kind == "number" and column.dtype in WHOLE):
            made[:, place] = np.rint(made[:, place])
    return made
