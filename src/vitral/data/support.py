"""Whether a likelihood can score the rows of a data set at all; if not, the first entry that it cannot score."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitral.data.contract import Data, Rows
from vitral.errors import DataError
from vitral.parts.likelihoods.base import Likelihood

NEAR = 1e-3  # of a level: how far from a whole level a float32 number may be


def check_support(data: Data, likelihood: Any) -> None:
    """Refuse data that a likelihood gives no probability, naming the row, the column and the value."""
    low, high = likelihood.support
    if data.contract.location is not None and np.isfinite([low, high]).any():
        raise DataError(
            f"the numbers of data {data.name!r} are scaled to mean 0 and standard deviation 1 in each column, and the "
            f"likelihood scores {low:g} to {high:g}: choose 'auto', or a Gaussian"
        )
    for name, rows in data.parts().items():
        if data.contract.low < low or data.contract.high > high:
            rows.check(low, high, f"{data.name} ({name})")
        check_values(rows, likelihood, f"{data.name} ({name})")


def check_values(rows: Rows, likelihood: Any, name: str) -> None:
    """Refuse rows within the range of a likelihood that are no levels, counts or classes that it knows."""
    _check_levels(rows, likelihood.levels, name)
    if type(likelihood).offence is Likelihood.offence:
        return
    for start in range(0, len(rows), rows.height):
        x = rows.take(slice(start, start + rows.height), "float64")
        if rows.missing:  # a number that every column scores, where nobody observed one
            x = np.where(np.isnan(x), 0.0, x)
        found = likelihood.offence(x)
        if found is not None:
            row, column, what = found
            raise DataError(
                f"{rows.place(name, start + row, column)}; the likelihood scores {what} "
                "there: change the data, or choose another likelihood"
            )


def _check_levels(rows: Rows, levels: int | None, name: str) -> None:
    """Refuse x that are not whole levels of so many; 8-bit rows divided by levels - 1 are so by construction."""
    if levels is None or (rows.stored.dtype == np.uint8 and rows.scale == levels - 1.0):
        return
    for start in range(0, len(rows), rows.height):
        level = rows.take(slice(start, start + rows.height), "float64") * (levels - 1.0)
        wrong = np.abs(level - np.rint(level)) > NEAR
        if wrong.any():
            row, column = (int(place) for place in np.argwhere(wrong)[0])
            value = level[row, column] / (levels - 1.0)
            raise DataError(
                f"{name}: row {start + row}, column {column} is {value:g}, which is none of the {levels} levels 0, "
                f"1/{levels - 1}, ..., 1 that the likelihood has masses for: {_advice(rows)}"
            )


def _advice(rows: Rows) -> str:
    if rows.stored.dtype == np.uint8 and rows.scale > 1.0:
        return f"these data have {int(rows.scale) + 1}; set model.likelihood.levels, or choose another likelihood"
    return "give 8-bit rows, or choose another likelihood"
