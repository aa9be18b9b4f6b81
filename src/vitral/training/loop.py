"""The training loop: a generator that yields an event after every step and every epoch.

    for event, state in train(model, data, plan, state, seed=0):
        ...

It prints, saves and draws nothing: whoever consumes the events does. Epoch 0 is the untrained model.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from vitral.core.arrays import Array
from vitral.core.randomness import draw, stream
from vitral.data import Data
from vitral.data.batches import batch_of, steps_per_epoch
from vitral.data.mapped import mixed
from vitral.errors import TrainingDiverged, UsageError
from vitral.evaluation.likelihood import per_image, summary
from vitral.model import Model
from vitral.parts.objectives import ELBO, BetaTC
from vitral.parts.optimisers import Adam
from vitral.parts.schedules import Schedule, value_at
from vitral.specs import check_together
from vitral.training.divergence import explained
from vitral.training.parallel import Work, Workers
from vitral.training.warm_start import warm_start_from

REPORTED = ("loss", "elbo", "sse", "kl")


@dataclass(frozen=True)
class Plan:
    """How to train. ``keep`` is "last" or "best" (by validation loss); ``patience`` epochs without a
    better validation loss stop the training (0: never). ``shards`` cuts each batch into so many parts,
    computed on as many threads, whose gradients are added in order. ``monitor_rows`` training rows are
    measured after each epoch, exactly like validation.

    ``clip`` is the greatest length that a gradient may have (0: any). ``average`` is the decay of the running
    average of the parameters (0: none): where there is one, it is what is measured and kept. ``start_from`` is a
    model file whose tensors are taken where name and shape fit.
    """

    epochs: int = 10
    batch: int = 128
    rate: float | Schedule = 1e-3
    optimiser: Any = field(default_factory=Adam)
    objective: Any = field(default_factory=ELBO)
    dtype: str = "float32"
    shards: int = 1
    keep: str = "last"
    patience: int = 0
    monitor_rows: int = 10_000
    clip: float = 0.0
    average: float = 0.0
    start_from: str = ""


class Randomness(Protocol):
    """Where the order of the rows and the noise come from."""

    def order(self, epoch: int, rows: int) -> np.ndarray: ...
    def noise(self, step: int, shapes: dict[str, tuple[int, ...]], dtype: str) -> dict[str, np.ndarray]: ...


@dataclass(frozen=True)
class Streams:
    """Order and noise as functions of the seed: nothing to save, nothing to restore.

    Rows that are read in blocks of so many (0: they are at hand) are mixed within a few blocks (data/mapped.py).
    """

    seed: int
    block: int = 0

    def order(self, epoch: int, rows: int) -> np.ndarray:
        rng = stream(self.seed, "shuffle", epoch)
        return mixed(rows, self.block, rng) if self.block else rng.permutation(rows)

    def noise(self, step: int, shapes: dict[str, tuple[int, ...]], dtype: str) -> dict[str, np.ndarray]:
        return draw(shapes, stream(self.seed, "noise", step), dtype)


@dataclass
class TrainState:
    """All that a resumed training needs: nothing else changes while it runs.

    ``sums`` are the running epoch's loss, kl and count of batches; ``history`` the records so far. ``slowing`` is a
    factor of the plan's rate, below 1 where a training goes on more slowly after it had diverged.
    """

    theta: Array
    slots: dict[str, Array]
    step: int = 0
    sums: dict[str, float] = field(default_factory=lambda: {"loss": 0.0, "kl": 0.0, "batches": 0.0})
    history: list[dict[str, Any]] = field(default_factory=list)
    best: Array | None = None
    best_epoch: int = 0
    average: Array | None = None
    slowing: float = 1.0

    def facts(self) -> dict[str, Any]:
        """What is not an array: plain data."""
        return {name: getattr(self, name) for name in ("step", "sums", "history", "best_epoch", "slowing")}

    def arrays(self) -> dict[str, Array]:
        """What the steps change, by the names that checkpoints use."""
        average = {} if self.average is None else {"average": self.average}
        return {"theta": self.theta, **average, **{f"slots.{name}": slot for name, slot in self.slots.items()}}

    def hold(self, arrays: dict[str, Array]) -> None:
        """Go on with these arrays in the places of the same names."""
        self.theta, self.average = arrays["theta"], arrays.get("average")
        self.slots = {name: arrays[f"slots.{name}"] for name in self.slots}

    @property
    def measured(self) -> Array:
        """The parameters that are measured and kept: the running average, or else theta itself."""
        return self.theta if self.average is None else self.average

    @property
    def best_loss(self) -> float:
        return self.history[self.best_epoch]["validation"]["loss"]

    def result(self, plan: Plan) -> Array:
        """The parameters that the plan asks to keep."""
        return self.best if plan.keep == "best" else self.measured


class Step(NamedTuple):
    """One optimiser step: its number from 1, its epoch from 1, and the loss of its batch."""

    step: int
    epoch: int
    loss: float


class Epoch(NamedTuple):
    """The record of an epoch, as it goes into progress/<model>.jsonl, and whether it is the last."""

    record: dict[str, Any]
    last: bool


def start(model: Model, theta: Array, plan: Plan) -> TrainState:
    """The state before the first step. When its training ends, ``theta`` holds the numbers; before, the state does."""
    if plan.start_from:
        warm_start_from(model, theta, plan.start_from)
    average = theta.copy() if plan.average > 0.0 else None
    return TrainState(theta, plan.optimiser.start(theta), best=theta.copy(), average=average)


def train(
    model: Model,
    data: Data,
    plan: Plan,
    state: TrainState,
    *,
    seed: int,
    randomness: Randomness | None = None,
) -> Generator[tuple[Step | Epoch, TrainState], None, None]:
    """Train until the plan ends, from wherever ``state`` stands. The state is changed in place.

    Raises UsageError for an objective that the model cannot be trained with, TrainingDiverged at the first
    step whose loss or gradient is not finite, and DataError at the first epoch that begins with changed files.
    """
    _check(model, plan)
    source = Batches(model, data, plan, randomness or Streams(seed, data.train.block), seed)
    per_epoch = steps_per_epoch(len(data.train), plan.batch)
    with Workers(model, source, state) as workers:
        while True:
            epoch, position = divmod(state.step, per_epoch)
            if position == 0 and len(state.history) == epoch:
                event = _end_epoch(model, data, plan, state, seed)
                yield event, state
                if event.last:
                    return
            elif position == 0 and _finished(plan, state):
                return
            yield from _steps(model, source, state, workers)


def one_pass(
    model: Model, data: Data, plan: Plan, state: TrainState, *, seed: int, number: int
) -> Iterator[tuple[Step, TrainState]]:
    """One pass over these rows, number 0 being the first, from wherever ``state`` stands; nothing is measured.

    The rows may be others in every pass. Passes over the same rows take the very steps of ``train``.
    """
    _check(model, plan)
    source = Batches(model, data, plan, Streams(seed, data.train.block), seed, began=(state.step, number))
    with Workers(model, source, state) as workers:
        for step in range(state.step, state.step + source.per_epoch):
            loss = _one_step(model, source, state, workers)
            yield Step(step + 1, number + 1, loss), state


def _check(model: Model, plan: Plan) -> None:
    """Plans made by hand are checked here; those of a recipe were checked when it was read."""
    check_together(model, plan.objective)
    if isinstance(plan.objective, BetaTC) and plan.objective.train_rows < 2:
        raise UsageError(
            f"objective 'beta_tc' needs to know how many training rows there are, at least 2, got "
            f"{plan.objective.train_rows}: set train_rows to len(data.train)"
        )


class Batches:
    """The batch, the noise and the objective of any step: functions of its number and of the seed.

    ``began`` is a step with which an epoch began, and the number of that epoch from 0.
    """

    def __init__(
        self,
        model: Model,
        data: Data,
        plan: Plan,
        randomness: Randomness,
        seed: int,
        *,
        began: tuple[int, int] = (0, 0),
    ) -> None:
        self.began = began
        self.model, self.data, self.plan, self.randomness, self.seed = model, data, plan, randomness, seed
        self.per_epoch = steps_per_epoch(len(data.train), plan.batch)
        self._order: tuple[int, np.ndarray] | None = None  # of the running epoch
        observed = data.train.observed() if data.train.missing else model.features
        self.constant = model.likelihood.constant(observed)  # of the loss of a batch

    def index(self, step: int) -> np.ndarray:
        """The training rows of the batch."""
        passed, position = divmod(step - self.began[0], self.per_epoch)
        epoch = self.began[1] + passed
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, self.randomness.order(epoch, len(self.data.train))
        return batch_of(self._order[1], position, self.plan.batch)

    def work(self, step: int) -> Work:
        index = self.index(step)
        bits = partial(stream, self.seed, "bits", step)
        batch = partial(self.data.minibatch, index, self.plan.dtype, bits)
        shapes = self.model.posterior.noise_shapes(self.plan.objective.samples, len(index))
        noise = self.randomness.noise(step, shapes, self.plan.dtype)
        return Work(len(index), batch, noise, self.plan.objective.at(step))


def _steps(model: Model, source: Batches, state: TrainState, workers: Workers) -> Iterator[tuple[Step, TrainState]]:
    """The steps that are left of the running epoch."""
    source.data.check_files()
    epoch = state.step // source.per_epoch
    for step in range(state.step, (epoch + 1) * source.per_epoch):
        loss = _one_step(model, source, state, workers)
        yield Step(step + 1, epoch + 1, loss), state


def _one_step(model: Model, source: Batches, state: TrainState, workers: Workers) -> float:
    """Loss, gradient, update; the sums of the epoch grow by this batch."""
    try:
        loss, kl = workers.gradients(state.step)
        finite = np.isfinite(loss)
    except FloatingPointError:
        finite = False
    if not finite:
        raise explained(model, state.theta, workers.work(state.step), source.index(state.step), state.step + 1)
    rate = state.slowing * value_at(source.plan.rate, state.step)
    state.step += 1
    workers.step(state.step, rate)
    loss -= source.constant
    for name, value in (("loss", loss), ("kl", kl), ("batches", 1.0)):
        state.sums[name] += value
    return loss


def _end_epoch(model: Model, data: Data, plan: Plan, state: TrainState, seed: int) -> Epoch:
    """Measure the model as it stands on training and validation rows, alike, and update the best."""
    epoch = len(state.history)
    monitored = data.train.select(slice(0, plan.monitor_rows))
    objective = plan.objective.at(state.step)
    record: dict[str, Any] = {"epoch": epoch, "step": state.step, "running": _running(state)}
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite raises just below
        for split, rows in (("train", monitored), ("validation", data.validation)):
            values = per_image(
                model, state.measured, rows, objective, seed=seed, purpose=f"monitor {split}"
            )
            if not np.isfinite(values["loss"]).all():
                raise TrainingDiverged(state.step, f"{split} loss")
            record[split] = {name: summary(values)[name] for name in REPORTED}
            if not model.likelihood.numeric:  # names of categories have no squared error
                record[split]["sse"] = None
        at_mean = per_image(
            model, state.measured, data.validation, objective, seed=seed, purpose="", at_mean=True
        )
    record["validation"]["loss_at_mean"] = float(at_mean["loss"].mean())
    record["validation"]["loss_at_mean_by_batch"] = _mean_of_batch_means(at_mean["loss"], plan.batch)
    state.history.append(record)
    state.sums = {"loss": 0.0, "kl": 0.0, "batches": 0.0}
    if epoch == 0 or record["validation"]["loss"] < state.best_loss:
        state.best_epoch = epoch
        state.best[...] = state.measured
    return Epoch(record, _finished(plan, state))


def _mean_of_batch_means(values: Array, batch: int) -> float:
    """The notebook's average: a short last batch counts as much as a full one."""
    return float(np.mean([values[first : first + batch].mean() for first in range(0, len(values), batch)]))


def _running(state: TrainState) -> dict[str, float] | None:
    """Means over the batches of the epoch while the weights moved, as the notebook reports them."""
    batches = state.sums["batches"]
    return {name: state.sums[name] / batches for name in ("loss", "kl")} if batches else None


def _finished(plan: Plan, state: TrainState) -> bool:
    epoch = len(state.history) - 1
    out_of_patience = plan.patience > 0 and epoch - state.best_epoch >= plan.patience
    return epoch >= plan.epochs or out_of_patience
