"""From rows to parameters: what ``fit`` and ``partial_fit`` of both estimators do."""

from __future__ import annotations

import contextlib
import copy
import logging
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from vitral.core.randomness import stream
from vitral.data import Condition, Contract, Data, Rows
from vitral.data.columns import Column
from vitral.estimator import frames, parameters, rows
from vitral.estimator.callbacks import Calls
from vitral.estimator.targets import Target
from vitral.model import Model
from vitral.specs import Spec, check_together
from vitral.training.loop import Epoch, Plan, TrainState, one_pass, start, train

FIRST_ROWS = 5_000  # that the initialisation of the parts may look at


@dataclass(frozen=True)
class Given:
    """What a fit is given: X as an array, X and y as they came, and what y stands for with its numbers."""

    stored: np.ndarray
    X: Any
    y: Any = None
    columns: tuple[Column, ...] | None = None
    target: Target | None = None
    context: np.ndarray | None = None

    @property
    def condition(self) -> Condition | None:
        return None if self.target is None else self.target.condition

    def with_target(self, target: Target) -> Given:
        """The same with what y stands for."""
        return replace(self, target=target, context=target.numbers(self.y, len(self.stored)))


@dataclass(frozen=True)
class Begun:
    """A model before its first step, or where an earlier fit has left it."""

    spec: Spec
    model: Model
    contract: Contract
    train: Rows
    state: TrainState
    plan: Plan
    seed: int
    given: Given


def drawn_seed(random_state: Any) -> int:
    """128 bits drawn from what scikit-learn takes for a source of randomness."""
    words = check_random_state(random_state).randint(0, 2**32, size=4, dtype=np.uint64)
    return sum(int(word) << (32 * place) for place, word in enumerate(words))


def fit(estimator: Any, given: Given) -> None:
    """Train for ``max_iter`` epochs, calling the callbacks; with ``warm_start`` from the parameters that are there."""
    warm = estimator.warm_start and hasattr(estimator, "theta_")
    begun = _again(estimator, given) if warm else _new(estimator, given)
    said = parameters.structure(estimator.spec)
    data = _split(begun, said["validation"])
    before = list(estimator.loss_curve_) if warm else []
    with _told(estimator.verbose) as say, Calls(estimator, given.X, given.y, begun.plan.epochs).open() as calls:
        calls.begin_epoch()
        with contextlib.closing(_epochs(begun, data)) as epochs:  # once closed, the arrays of the state are whole
            for epoch in epochs:
                say(epoch.record, begun.plan.epochs)
                if calls.end_epoch(lambda: snapshot(estimator, begun, begun.state, before)) or epoch.last:
                    break
                calls.begin_epoch()
        keep(estimator, begun, begun.state, before)
        calls.end(lambda: snapshot(estimator, begun, begun.state, before))


def _epochs(begun: Begun, data: Data) -> Generator[Epoch, None, None]:
    """Every epoch that has been trained."""
    with contextlib.closing(train(begun.model, data, begun.plan, begun.state, seed=begun.seed)) as events:
        for event, _ in events:
            if isinstance(event, Epoch) and event.record["epoch"] > 0:
                yield event


def one_more_pass(estimator: Any, given: Given) -> None:
    """One pass over the rows given, with the optimiser as the last fit or pass has left it."""
    begun = _again(estimator, given, goes_on=True) if hasattr(estimator, "theta_") else _new(estimator, given)
    losses = list(getattr(estimator, "loss_curve_", []))
    begun = replace(begun, plan=replace(begun.plan, keep="last"))
    data = _split(begun, 0.0)
    steps = one_pass(begun.model, data, begun.plan, begun.state, seed=begun.seed, number=len(losses))
    loss = float(np.mean([event.loss for event, _ in steps]))
    keep(estimator, begun, begun.state, [*losses, loss])


def _new(estimator: Any, given: Given) -> Begun:
    """A new model for these rows, and the scaling that they ask for."""
    shape = parameters.structure(estimator.spec)["image_shape"]
    missing = estimator.missing == "model"
    likelihood = rows.likelihood_for(estimator.likelihood, given.stored, given.columns, image=shape is not None)
    contract = rows.contract_for(
        given.stored, likelihood, shape, given.columns, missing=missing, context=given.condition
    )
    width = 0 if given.condition is None else given.condition.width
    spec = parameters.spec_of(estimator, likelihood, contract.features, contract.inputs, width)
    model, seed = spec.build(), drawn_seed(estimator.random_state)
    train_rows = _rows(contract, model, given)
    plan = _plan(estimator, model, train_rows)
    theta = model.init(seed, plan.dtype, train_rows.take(slice(0, FIRST_ROWS), plan.dtype))
    return Begun(spec, model, contract, train_rows, start(model, theta, plan), plan, seed, given)


def _again(estimator: Any, given: Given, *, goes_on: bool = False) -> Begun:
    """The model as it is, for other rows; ``goes_on`` takes the optimiser and the seed along."""
    spec, contract = estimator.spec_, replace(estimator.contract_, context=given.condition)
    model = spec.build()
    train_rows = _rows(contract, model, given)
    plan = replace(_plan(estimator, model, train_rows), dtype=estimator.theta_.dtype.name)
    if goes_on and estimator._state is not None:
        state = copy.deepcopy(estimator._state)
        slots = plan.optimiser.start(state.theta)
        if slots.keys() != state.slots.keys():  # another optimiser begins anew
            state.slots = slots
        return Begun(spec, model, contract, train_rows, state, plan, estimator.seed_, given)
    state = start(model, estimator.theta_.copy(), replace(plan, start_from=""))
    seed = drawn_seed(estimator.random_state)
    return Begun(spec, model, contract, train_rows, state, plan, seed, given)


def _rows(contract: Contract, model: Model, given: Given) -> Rows:
    return replace(rows.rows_of(contract, given.stored, model.likelihood), context=given.context)


def _plan(estimator: Any, model: Model, train_rows: Rows) -> Plan:
    dtype = rows.computed_in(train_rows.stored)
    plan = parameters.plan_of(estimator, len(train_rows), dtype, model.parameters)
    check_together(model, plan.objective)
    return plan


def _split(begun: Begun, share: float) -> Data:
    """All rows for training, or a share of them, drawn from the seed, for validation."""
    whole = begun.train
    if share == 0.0:
        few = whole.select(slice(0, parameters.WATCHED))
        return Data("X", "none", whole, few, few, begun.contract)
    order = stream(begun.seed, "validation").permutation(len(whole))
    count = min(max(round(share * len(whole)), 1), max(len(whole) - 1, 1))
    held = whole.select(order[-count:])
    return Data("X", "random", whole.select(order[:-count]), held, held, begun.contract)


def keep(estimator: Any, begun: Begun, state: TrainState, before: list[float]) -> None:
    """Everything that a fitted estimator knows, in attributes that end in an underscore."""
    records = [record for record in state.history if record["epoch"] > 0]
    estimator.spec_, estimator.contract_, estimator.seed_ = begun.spec, begun.contract, begun.seed
    estimator.theta_ = state.result(begun.plan)
    estimator.loss_curve_ = [*before, *(record["running"]["loss"] for record in records)]
    estimator.validation_curve_ = [record["validation"]["loss"] for record in records]
    estimator.n_iter_ = len(records) or len(estimator.loss_curve_)
    said = parameters.structure(estimator.spec)
    if said["validation"] == 0.0:
        estimator.validation_curve_ = None
    estimator.scored_by_ = (said["score"], said["draws"])
    estimator._state = replace(state, history=[], best=None)  # a pass writes into a copy of it
    estimator.frame_ = frames.package_of(begun.given.X)
    if begun.given.target is not None:
        estimator.target_, estimator.classes_ = begun.given.target, begun.given.target.classes
    estimator._learned(begun.train)


def snapshot(estimator: Any, begun: Begun, state: TrainState, before: list[float]) -> Any:
    """A fitted estimator, as if the training had ended here."""
    made = copy.copy(estimator)
    keep(made, begun, copy.deepcopy(state), before)
    return made


@contextlib.contextmanager
def _told(verbose: Any) -> Iterator[Any]:
    """Every so many epochs a line through the logger "vitral", on stderr where nobody has set up logging."""
    every, log = int(verbose), logging.getLogger("vitral.estimator")

    def say(record: dict[str, Any], epochs: int) -> None:
        if every and record["epoch"] % every == 0:
            log.info("epoch %d of %d: loss %.4g", record["epoch"], epochs, record["running"]["loss"])

    if not every:
        yield say
        return
    own = None if log.hasHandlers() else logging.StreamHandler(sys.stderr)
    level = log.level
    log.setLevel(logging.INFO)
    if own is not None:
        log.addHandler(own)
    try:
        yield say
    finally:
        log.setLevel(level)
        if own is not None:
            log.removeHandler(own)
