"""Tables wherever they come from: a file by its ending, or a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitral.data.contract import Contract, Source
from vitral.data.csv_file import ENDINGS, read_csv
from vitral.data.files import is_own
from vitral.data.frames import is_frame, table_of
from vitral.data.tables import Table, rows_of, source_of
from vitral.errors import DataError

TABLES = (*ENDINGS, ".parquet")


def is_table(given: Any) -> bool:
    """Whether this names the file of a table, or is a frame."""
    return given.lower().endswith(TABLES) if isinstance(given, str) else is_frame(given)


def path_keys(data: Any) -> list[str]:
    """Which entries of a recipe's data are paths; the labels of a table are a column of it."""
    name = str(data.get("name")) if isinstance(data, Mapping) else ""
    if name.lower().endswith(TABLES):
        return ["name"]
    return ["name", "labels"] if is_own(name) else []


def opened(given: Any, as_text: Sequence[str] = ()) -> Table:
    """The columns of a file or a frame; of a .csv file, those ``as_text`` are read as they are written."""
    if not isinstance(given, str):
        return table_of(given)
    path = Path(given)
    if path.suffix.lower() != ".parquet":
        return read_csv(path, as_text)
    from vitral.data.arrow import read_parquet

    return read_parquet(path)


def table_source(
    given: Any, *, labels: str, columns: Sequence[str], missing: str, contract: Contract | None
) -> Source:
    """All rows of a table, as a new model will see them, or as one with this contract does."""
    if contract is None:
        wished = [wish.rpartition(":")[0] for wish in columns if wish.endswith((":category", ":boolean"))]
        table = opened(given, wished)
        source = source_of(table, columns=columns, label=labels, missing=missing)
    else:
        table = opened(given, texts(contract))
        source = Source(table.name, rows_of(table, known(contract, table.name)), contract)
    return replace(source, name=Path(given).stem if isinstance(given, str) else "table")


def texts(contract: Contract) -> list[str]:
    """The columns that were texts when the model was trained, and are so whatever they hold now."""
    columns = (*(contract.columns or ()), *(() if contract.label is None else (contract.label,)))
    return [column.name for column in columns if column.categories and column.dtype == "string"]


def known(contract: Contract, name: str) -> Contract:
    """The contract of a model of tables; refuses one of plain rows."""
    if contract.columns is None:
        raise DataError(
            f"{name} is a table, and the model was trained on plain rows: give rows of {contract.features} numbers"
        )
    return contract
