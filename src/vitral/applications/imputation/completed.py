"""From arrays and tables with holes to rows of a model, and back: everything that was observed stays as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitral.data import Contract, Rows, tables
from vitral.data.contract import flattened


def holed(contract: Contract, array: np.ndarray, hidden: np.ndarray | None = None, name: str = "the array") -> Rows:
    """Rows of an array (N, D), (N, H, W) or (N, H, W, C) as a model reads them, NaN where there is a hole.

    Holes are NaN, and what ``hidden`` says (true, of the shape of the array or of one of its rows). Raises DataError
    for what does not fit the contract.
    """
    flat = flattened(array, name)
    holes = np.isnan(flat) if flat.dtype.kind == "f" else np.zeros(flat.shape, bool)
    if hidden is not None:
        holes = holes | np.broadcast_to(hidden, array.shape).reshape(flat.shape)
    if contract.binary:  # what is observed becomes bits by the model's own rule
        rows = contract.rows(np.where(holes, 0, flat).astype(flat.dtype).reshape(array.shape), name)
        return replace(rows, stored=np.where(holes, np.nan, rows.stored.astype(np.float32)), missing=True)
    scale = contract.scale if flat.dtype == np.uint8 else 1.0
    x = np.where(holes, np.nan, flat if flat.dtype.kind == "f" else flat / scale)
    return replace(contract, missing=True).rows(x.reshape(array.shape), name)


def whole(contract: Contract, array: np.ndarray, rows: Rows, x: np.ndarray) -> np.ndarray:
    """The array with what x (N, D) says in its holes, those of ``rows``, in its own type and unit.

    Columns of a table get whole counts and classes; arrays of whole numbers get rounded ones.
    """
    scaled = contract.location is not None or contract.spread is not None
    data = tables.settled(contract, contract.unscaled(x) if scaled else x)
    if array.dtype == np.uint8 and not scaled:
        data = data * contract.scale
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        data = np.rint(data).clip(limits.min, limits.max)
    flat = array.reshape(data.shape)
    return np.where(np.isnan(rows.stored), data.astype(array.dtype), flat).reshape(array.shape)


def whole_columns(contract: Contract, rows: Rows, x: np.ndarray) -> dict[str, np.ndarray]:
    """Those columns of a table that had holes, by name, without them: in their types and classes."""
    assert contract.columns is not None
    data, holes = contract.filled(rows.stored, x), np.isnan(rows.stored)
    return {
        column.name: tables.outside(column, data[:, place])
        for place, column in enumerate(contract.columns)
        if holes[:, place].any()
    }

