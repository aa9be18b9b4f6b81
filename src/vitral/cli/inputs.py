"""What several commands read: the rows that they are to work on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitral.api import TrainedModel
from vitral.data import Data, Rows, load_data
from vitral.data.files import array_file
from vitral.errors import DataError, UsageError
from vitral.specs import objective


def model_data(trained: TrainedModel, name: str | None, split: str = "auto") -> Data:
    """A data set in three parts for a model: the model's own, or another one that fits its contract."""
    if name is None:
        own = trained.facts.get("data")
        if own is None:
            raise UsageError("this model does not say which data it was trained on: name them with --data")
        data = load_data(
            own["name"], split=own["split"], seed=trained.facts["data_seed"], limit=own["limit"] or None
        )
    else:
        data = load_data(name, split=split)
    if data.contract.features != trained.contract.features:
        raise DataError(
            f"{data.name} has {data.contract.features} features a row, the model needs {trained.contract.features}: "
            "give data of that size"
        )
    for part, rows in data.parts().items():
        if data.contract.low < trained.contract.low or data.contract.high > trained.contract.high:
            rows.check(trained.contract.low, trained.contract.high, f"{data.name} ({part})")
    return data


def rows_to_use(trained: TrainedModel, name: str | None) -> Rows:
    """The test rows of a named set, or all rows of a file."""
    if name is not None and name.endswith((".npy", ".npz")):
        source = array_file(Path(name))
        rows = trained.contract.rows(source.rows.stored, name)
        return Rows(rows.stored, source.rows.labels, rows.scale)
    return model_data(trained, name).test


def final_objective(trained: TrainedModel) -> Any:
    """What the model was trained with, as it stood at the end of any schedule."""
    return objective(trained.facts.get("objective", "elbo")).at(10**9)


def row(rows: Rows, index: int) -> Rows:
    """One row by its index."""
    if not 0 <= index < len(rows):
        raise UsageError(f"row {index} does not exist: there are {len(rows)} rows, 0 to {len(rows) - 1}")
    return rows.select(slice(index, index + 1))
