"""Data frames in and out: pandas and polars by what they can do, anything that exports Arrow through pyarrow.

A frame is accepted without importing its package: whoever has one has loaded it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vitral.data.tables import Table
from vitral.data.values import WHOLE, Values, of_codes, of_objects, refused
from vitral.errors import DataError, MissingPackage, UsageError

FRAMES = ("pandas", "polars", "arrow")


def is_frame(given: Any) -> bool:
    """Whether something is a table with named columns: a frame, or a mapping of names to values."""
    return isinstance(given, Mapping) or _package(given) != "" or hasattr(given, "__arrow_c_stream__")


def _package(given: Any) -> str:
    """The package that a frame comes from, where its columns are read without pyarrow."""
    top = type(given).__module__.partition(".")[0]
    return top if top in ("pandas", "polars") and type(given).__name__ == "DataFrame" else ""


def table_of(given: Any, name: str = "the table") -> Table:
    """The columns of a frame, of a mapping of names to values, or of what exports Arrow."""
    if isinstance(given, Mapping):
        columns = [_of_array(str(key), np.asarray(values)) for key, values in given.items()]
        if len({len(column.numbers) for column in columns}) > 1:
            raise DataError(f"{name} has columns of different lengths: give one value a row in each")
        return Table(name, tuple(columns))
    package = _package(given)
    if package == "pandas":
        return Table(name, tuple(_of_pandas(str(key), series) for key, series in given.items()))
    if package == "polars":
        return Table(name, tuple(_of_polars(series) for series in given.get_columns()))
    if not hasattr(given, "__arrow_c_stream__"):
        raise DataError(f"{name} is a {type(given).__name__}: give a pandas or polars DataFrame, or columns by name")
    from vitral.data import arrow

    return arrow.table_of(given, name)


def _of_pandas(name: str, series: Any) -> Values:
    """A pandas column: by its type, or by its values where its type says nothing."""
    kind = str(series.dtype)
    if kind == "category":
        return of_codes(name, np.asarray(series.cat.codes), series.cat.categories.tolist())
    known = ~np.asarray(series.isna(), dtype=bool)
    folded = kind.lower()
    if folded in (*WHOLE, "float32", "float64", "bool", "boolean", "float16"):
        numbers = np.full(len(known), np.nan)
        numbers[known] = series[known].to_numpy().astype(np.float64)
        return Values(name, {"boolean": "bool", "float16": "float32"}.get(folded, folded), numbers)
    if kind == "object" or kind.startswith(("str", "string")):
        return of_objects(name, series.to_numpy(dtype=object), known)
    return refused(name, kind, len(known))


def _of_polars(series: Any) -> Values:
    """A polars column, by its type."""
    name, kind = series.name, str(series.dtype)
    base, folded = kind.partition("(")[0], kind.lower()
    if folded in (*WHOLE, "float32", "float64", "boolean"):
        numbers = np.array(series.to_list(), dtype=np.float64) if series.null_count() else series.to_numpy()
        return Values(name, "bool" if folded == "boolean" else folded, np.asarray(numbers, dtype=np.float64))
    if base in ("String", "Categorical", "Enum"):
        texts = np.array([*series.to_list(), None], dtype=object)[:-1]
        found = of_objects(name, texts, ~series.is_null().to_numpy())
        if base == "String" or found.labels is None:
            return found
        labels = tuple(series.dtype.categories.to_list()) if base == "Enum" else found.labels
        places = {label: float(place) for place, label in enumerate(labels)}
        moved = np.array([*(places[label] for label in found.labels), np.nan])
        codes = np.where(np.isnan(found.numbers), len(found.labels), found.numbers).astype(np.int64)
        return Values(name, "category", moved[codes], labels)
    return refused(name, kind, len(series))


def _of_array(name: str, values: np.ndarray) -> Values:
    """A column given as an array (N,)."""
    if values.ndim != 1:
        raise DataError(f"column {name!r} has shape {values.shape}: give one value a row")
    if values.dtype.kind in "OU":
        objects = values.astype(object)
        return of_objects(name, objects, np.array([value is not None and value == value for value in objects], bool))
    dtype = "float32" if values.dtype == np.float16 else values.dtype.name
    if dtype not in (*WHOLE, "float32", "float64", "bool"):
        return refused(name, dtype, len(values))
    return Values(name, dtype, values.astype(np.float64))


def frame_like(like: Any, columns: dict[str, np.ndarray]) -> Any:
    """Columns as a frame like another, by name ("pandas", "polars", "arrow") or by example; None: as they are.

    Of an example, the result has the index, and the type of every column that it has too and that holds its values.
    """
    if like is None or isinstance(like, Mapping):
        return columns
    if isinstance(like, str):
        return _named(like, columns)
    package = _package(like)
    if package == "pandas":
        made = type(like)(columns, index=like.index)
        made.columns = [{str(name): name for name in like.columns}.get(name, name) for name in made.columns]
        return made.astype({name: like.dtypes[name] for name in made.columns if _fits(made, like, name)})
    if package == "polars":
        made = type(like)(_lists(columns))
        return made.cast({name: like.schema[name] for name in made.columns if name in like.schema}, strict=True)
    from vitral.data import arrow

    return arrow.arrow_table(columns)


def with_columns(like: Any, columns: dict[str, np.ndarray]) -> Any:
    """A copy of a frame in which some columns are others, in the type that they had; new ones stand at its end."""
    if isinstance(like, Mapping):
        return {**like, **columns}
    if not columns:
        return like
    package = _package(like)
    if package == "pandas":
        made = like.copy()
        for name, series in frame_like(like, columns).items():
            made[name] = series
        return made
    if package == "polars":
        return like.with_columns(frame_like(like, columns).get_columns())
    from vitral.data import arrow

    return arrow.with_columns(like, columns)


def _lists(columns: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    """Columns as lists, with None where there is no value."""
    return {
        name: [None if value != value else value for value in values.tolist()] for name, values in columns.items()
    }


def _fits(made: Any, like: Any, name: Any) -> bool:
    """Whether a column of the example exists and its type holds the values that were made."""
    if name not in like.columns:
        return False
    wanted, values = str(like.dtypes[name]), made[name]
    if wanted.lower() not in WHOLE or values.dtype.kind == "b":
        return True
    known = values[~values.isna()]
    if len(known) < len(values) and wanted in WHOLE:
        return False  # NumPy's whole numbers know no hole
    limits = np.iinfo(wanted.lower())
    return all(limits.min <= value <= limits.max and value == int(value) for value in known.tolist())


def _named(package: str, columns: dict[str, np.ndarray]) -> Any:
    """Columns as a frame of a package that is named."""
    if package not in FRAMES:
        raise UsageError(f"frame must be one of {', '.join(FRAMES)}, or a frame to be like, got {package!r}")
    if package == "arrow":
        from vitral.data import arrow

        return arrow.arrow_table(columns)
    try:
        if package == "pandas":
            import pandas

            return pandas.DataFrame(columns)
        import polars

        return polars.DataFrame(_lists(columns))
    except ImportError as error:
        raise MissingPackage(f"{package} cannot be imported ({error}): install it, or leave frame out") from error
