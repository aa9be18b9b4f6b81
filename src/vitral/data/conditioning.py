"""A data set with the context that a conditional model is given: labels, or side information of the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitral.data.condition import CONTEXTS, Condition
from vitral.data.contract import Data, Rows
from vitral.errors import DataError, UsageError, unknown


def conditioned(data: Data, how: str) -> Data:
    """The same data with a context beside every row; "none" leaves it as it is.

    Raises DataError where the data have no labels, or no side information, to take it from.
    """
    if how not in CONTEXTS:
        raise unknown("context", how, CONTEXTS)
    if how == "none":
        return data
    if how == "labels":
        if data.train.labels is None:
            raise DataError(
                f"model.context 'labels' needs labels, and data {data.name!r} has none: "
                "save them as y in an .npz file, or set model.context to 'none'"
            )
        return given(data, Condition.of_labels(data.train.labels))
    if data.train.side is None:
        raise DataError(
            f"model.context 'side' needs side information, and data {data.name!r} has none: "
            "save (rows, C) numbers as side in an .npz file, or set model.context to 'none'"
        )
    return given(data, Condition("side", data.train.side.shape[1]))


def given(data: Data, condition: Condition) -> Data:
    """The data with the context that a model with this condition reads, as the model numbers its classes."""
    train, validation, test = (
        rows_given(rows, condition, f"{data.name} ({name})") for name, rows in data.parts().items()
    )
    grey = None if data.grey is None else replace(data.grey, context=train.context)
    contract = replace(data.contract, context=condition)
    return replace(data, train=train, validation=validation, test=test, grey=grey, contract=contract)


def rows_given(rows: Rows, condition: Condition, name: str) -> Rows:
    """Rows with their context; refuses rows without labels or side information, or with others."""
    found = rows.labels if condition.kind == "labels" else rows.side
    if found is None:
        raise DataError(f"{name}: {_missing(condition)}")
    try:
        key = "label" if condition.kind == "labels" else "context"
        return replace(rows, context=np.ascontiguousarray(condition.numbers((len(rows),), **{key: found})))
    except (UsageError, DataError) as error:
        raise DataError(f"{name}: {error}") from error


def _missing(condition: Condition) -> str:
    if condition.kind == "labels":
        return f"the model is conditional and the rows have no labels: give one of its classes, {condition.named}"
    return (
        "the model is conditional and the rows have no side information: "
        f"save {condition.width} numbers a row as side in an .npz file"
    )
