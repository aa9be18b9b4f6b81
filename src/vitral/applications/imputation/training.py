"""A model for rows with holes, trained on those very rows: what ``vitral impute`` does where no model is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vitral.applications.imputation.completed import holed
from vitral.data import Contract, Data, tables
from vitral.data.contract import Source
from vitral.data.frames import table_of
from vitral.errors import DataError
from vitral.model import Model
from vitral.specs import Spec
from vitral.training import pace
from vitral.training.loop import Epoch, Plan, Step, TrainState, start, train

LATENT, HIDDEN, RATE = 10, (128,), 1e-3  # chosen on two tables, measured on others: docs/imputation.md
WATCHED = 64  # rows that are measured after every epoch
FIRST_ROWS = 5000  # that the initialisation may look at


@dataclass(frozen=True)
class Settings:
    """The size of the model and the length of its training; 0 epochs: as many as suit the rows."""

    latent: int = LATENT
    hidden: tuple[int, ...] = HIDDEN
    epochs: int = 0


@dataclass(frozen=True)
class Training:
    """A model before its first step, with all rows to train on."""

    spec: Spec
    model: Model
    data: Data
    plan: Plan
    state: TrainState
    seed: int

    def events(self) -> Iterator[Step | Epoch]:
        """Train; every step and epoch is told. Afterwards ``theta`` holds the result."""
        for event, _ in train(self.model, self.data, self.plan, self.state, seed=self.seed):
            yield event

    @property
    def theta(self) -> np.ndarray:
        return self.state.result(self.plan)


def begin(source: Source, settings: Settings, seed: int) -> Training:
    """A model for these rows, with the likelihood of their columns; raises DataError where nothing was observed."""
    few = source.rows.select(slice(0, WATCHED))
    data = Data(source.name, "none", source.rows, few, few, source.contract, files=source.files)
    if source.contract.columns is not None:
        data = tables.scaled(data)
    contract = data.contract
    likelihood: Any = "gaussian_learned"
    if contract.columns is not None:
        likelihood = tables.likelihood_for(contract.columns)
    networks = {part: {"hidden": list(settings.hidden)} for part in ("encoder", "decoder")}
    spec = Spec(contract.features, settings.latent, likelihood=likelihood, image_shape=contract.image_shape,
                inputs=contract.inputs, **networks)  # fmt: skip
    model, rows = spec.build(), len(data.train)
    batch = pace.batch_size(rows)
    plan = Plan(epochs=settings.epochs or pace.epochs(rows, batch), batch=batch, rate=RATE, monitor_rows=WATCHED)
    theta = model.init(seed, plan.dtype, data.train.take(slice(0, FIRST_ROWS), plan.dtype))
    return Training(spec, model, data, plan, start(model, theta, plan), seed)


def source_of_array(array: np.ndarray, name: str, hidden: np.ndarray | None = None) -> Source:
    """Rows (N, D) as a table of numbers, images (N, H, W) or (N, H, W, C) as such; NaN and ``hidden`` are holes."""
    if array.ndim == 2:
        known = array.astype(np.float64)
        if hidden is not None:
            known[np.broadcast_to(hidden, known.shape)] = np.nan
        columns = {f"column {number}": known[:, number] for number in range(known.shape[1])}
        return replace(tables.source_of(table_of(columns, name), missing="model"), name=name)
    return _images(array, name, hidden)


def _images(array: np.ndarray, name: str, hidden: np.ndarray | None) -> Source:
    levels = array.dtype == np.uint8
    unit = "pixel intensity, 0 to 1 (level / 255)" if levels else "the unit of the file"
    features, shape = int(np.prod(array.shape[1:])), tuple(array.shape[1:])
    contract = Contract(features, shape, array.dtype.name, 255.0 if levels else 1.0, 0.0, 1.0, unit, missing=True)
    rows = holed(contract, array, hidden, name)
    unseen = np.isnan(rows.stored).all(axis=0)
    if unseen.any():
        raise DataError(
            f"{name}: {int(unseen.sum())} of {features} pixels are missing in every image, and nothing can be learned "
            "of them: name a model that was trained on whole images"
        )
    return Source(name, rows, contract)

