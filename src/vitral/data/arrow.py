"""Parquet files and Arrow tables, by pyarrow: the optional package that only this module imports."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from vitral.data.tables import Table
from vitral.data.values import Values, of_codes, of_objects, refused
from vitral.errors import DataError, MissingPackage


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except (ImportError, OSError) as error:
        raise MissingPackage(
            f"parquet files and Arrow tables need pyarrow, which does not load ({error}): "
            "install it with pip install vitral[parquet], or give a .csv file"
        ) from error
    return pyarrow


def read_parquet(path: Path) -> Table:
    """The table in a parquet file, one row group after the other; nulls are missing values."""
    pyarrow = _pyarrow()
    if not path.exists():
        raise DataError(f"no such file: {path}; check the path")
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            plain = [column.name for column in schema if not _nested(pyarrow, column.type)]
            batches = list(file.iter_batches(columns=plain)) if plain else []
            rows = file.metadata.num_rows
        together = pyarrow.Table.from_batches(batches) if batches else None
        return Table(str(path), tuple(_column(pyarrow, field, together, rows) for field in schema))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"cannot read {path}: {said}; write the file again") from error


def table_of(given: Any, name: str) -> Table:
    """The table of anything that exports an Arrow stream."""
    pyarrow = _pyarrow()
    table = pyarrow.table(given)
    return Table(name, tuple(_column(pyarrow, field, table, table.num_rows) for field in table.schema))


def _nested(pyarrow: Any, kind: Any) -> bool:
    return bool(pyarrow.types.is_nested(kind))


def _column(pyarrow: Any, field: Any, table: Any, rows: int) -> Values:
    """A column of Arrow values, by its type."""
    types, kind, name = pyarrow.types, field.type, field.name
    if _nested(pyarrow, kind) or table is None:
        return refused(name, str(kind), rows)
    values = table.column(name)
    if types.is_dictionary(kind):
        return _dictionary(pyarrow, name, values)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_null(kind):
        dtype = {"double": "float64", "float": "float32", "halffloat": "float32", "null": "float64"}
        numbers = values.cast(pyarrow.uint8() if types.is_boolean(kind) else kind).to_numpy().astype(np.float64)
        return Values(name, dtype.get(str(kind), str(kind)), numbers)
    if types.is_string(kind) or types.is_large_string(kind):
        objects = values.to_numpy()
        return of_objects(name, objects, np.array([value is not None for value in objects], bool))
    return refused(name, str(kind), rows)


def _dictionary(pyarrow: Any, name: str, values: Any) -> Values:
    """Categories: the places and labels of all chunks, brought to one list of labels."""
    whole = values.unify_dictionaries().combine_chunks()
    chunk = whole.chunk(0) if hasattr(whole, "chunks") else whole
    codes = chunk.indices.to_numpy(zero_copy_only=False).astype(np.float64)
    labels = chunk.dictionary.to_pylist()
    if any(label is None for label in labels):
        return refused(name, "dictionary with a null", len(codes))
    return of_codes(name, np.nan_to_num(codes, nan=-1.0), labels)


def arrow_table(columns: dict[str, np.ndarray]) -> Any:
    """Columns of values as an Arrow table."""
    pyarrow = _pyarrow()
    made = {name: pyarrow.array(values, from_pandas=True) for name, values in columns.items()}
    return pyarrow.table(made)


def with_columns(given: Any, columns: dict[str, np.ndarray]) -> Any:
    """An Arrow table in which some columns are others, in the type that they had where it holds them."""
    pyarrow = _pyarrow()
    table = pyarrow.table(given)
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        if place < 0:
            table = table.append_column(name, pyarrow.array(values, from_pandas=True))
        else:
            table = table.set_column(place, name, _as(pyarrow, values, table.schema.field(place).type))
    return table


def _as(pyarrow: Any, values: np.ndarray, kind: Any) -> Any:
    made = pyarrow.array(values, from_pandas=True)
    try:
        return made.cast(kind) if not pyarrow.types.is_dictionary(kind) else made.dictionary_encode().cast(kind)
    except pyarrow.ArrowInvalid:  # numbers that the type cannot hold
        return made


def parquet_bytes(columns: dict[str, np.ndarray]) -> bytes:
    """Columns of values as a parquet file."""
    pyarrow, content = _pyarrow(), io.BytesIO()
    pyarrow.parquet.write_table(arrow_table(columns), content)
    return content.getvalue()


def filled_parquet(path: Path, columns: dict[str, np.ndarray]) -> bytes:
    """A parquet file in which some columns are others; the rest, of any type, is what it was."""
    pyarrow, content = _pyarrow(), io.BytesIO()
    pyarrow.parquet.write_table(with_columns(pyarrow.parquet.read_table(path), columns), content)
    return content.getvalue()
