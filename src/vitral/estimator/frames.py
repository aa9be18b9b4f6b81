"""Data frames at the estimator's door: which columns are more than numbers, and rows given back as they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from vitral.data import tables
from vitral.data.columns import Column
from vitral.data.contract import Contract
from vitral.data.frames import frame_like, table_of
from vitral.data.values import WHOLE

NUMBERS = (*WHOLE, "float16", "float32", "float64")
PACKAGES = ("pandas", "polars")


def package_of(X: Any) -> str | None:
    """Which package a data frame comes from; None for anything else."""
    package = type(X).__module__.partition(".")[0]
    return package if package in PACKAGES and type(X).__name__ == "DataFrame" else None


def columns_of(X: Any) -> tuple[Column, ...] | None:
    """What the columns of a frame are, or None for what has none by name.

    Where all hold numbers they are just that, as in an array. Else every column is taken for what it looks like: text
    and categories for classes, true and false (or 0 and 1) for truth, the others for numbers.
    """
    if package_of(X) is None or not all(isinstance(name, str) for name in X.columns):
        return None
    kinds = [str(kind).lower() for kind in X.dtypes]
    if all(kind in NUMBERS for kind in kinds):
        return tuple(Column(str(name), "number", kind) for name, kind in zip(X.columns, kinds, strict=True))
    return tables.source_of(table_of(X, "X"), missing="model").contract.columns


def mixed(columns: Sequence[Column] | None) -> bool:
    """Whether some columns are more than numbers."""
    return columns is not None and any(column.kind != "number" for column in columns)


def stored(estimator: Any, X: Any, columns: tuple[Column, ...], *, reset: bool) -> np.ndarray:
    """A frame with columns of classes as rows of numbers (N, D), NaN where there is none; its names are checked."""
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    contract = Contract(len(columns), None, "float64", 1.0, 0.0, 1.0, "", columns=columns, missing=True)
    return tables.rows_of(table_of(X, "X"), contract).stored


def outside(contract: Contract, x: np.ndarray, like: Any, dtype: Any) -> Any:
    """Rows x (N, D) of a model in the units of the data: an array, or a frame like another or of a package."""
    if like is None or contract.columns is None:
        return np.asarray(contract.unscaled(x), dtype)
    made = frame_like(like, tables.decoded(contract, x))
    if isinstance(like, str) and like == "pandas":
        made = made.astype({column.name: "category" for column in contract.columns if column.dtype == "category"})
    return made


def scaled(contract: Contract, rows: np.ndarray) -> Contract:
    """The contract of a mixed table with the scaling of its number columns."""
    assert contract.columns is not None
    location, spread = tables.fitted(contract.of(rows), contract.columns, "X")
    return replace(contract, location=location, spread=spread, unit=tables.UNIT)
