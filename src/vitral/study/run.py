"""The study: train the models of a recipe, evaluate them, write the run folder.

A generator of events, like the training loop that it wraps: ``Stage`` when something begins, ``Step`` and
``Epoch`` while a model trains. It may be stopped between two steps and resumed bit for bit
(docs/resume.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from vitral import __version__
from vitral.data import Data
from vitral.data.batches import steps_per_epoch
from vitral.environment import commit, show_versions
from vitral.errors import ResourceError, VitralError
from vitral.model import Model
from vitral.persistence import add_metrics, load_model, save_model, write_json
from vitral.specs import described_objective
from vitral.study import pictures, results, second_stage
from vitral.study.estimate import seconds_left
from vitral.study.folder import EXPLORER, RunFolder
from vitral.study.jobs import Job, Trained, jobs, open_data
from vitral.study.keeping import INTERVAL, Keeper
from vitral.study.notebook import NotebookReplay, Sequence, fill
from vitral.study.recipes import Recipe
from vitral.study.recording import Recorder, collected
from vitral.training.loop import Epoch, Step, TrainState, start, train
from vitral.training.memory import check_memory

FIRST_ROWS = 5000  # training rows that an initialisation may look at


class Interrupted(VitralError):
    """The caller asked to stop; the state was saved."""

    exit_code = 130


class Stage(NamedTuple):
    """A part of the study begins: its name, its number of steps (0: unknown), and how many are done."""

    name: str
    steps: int = 0
    done: int = 0


class Estimate(NamedTuple):
    """How long the study will take, from a few timed steps."""

    seconds: float


class Notice(NamedTuple):
    """Something that does not stop the work, and that its owner should know: one sentence."""

    sentence: str


Event = Stage | Estimate | Notice | Step | Epoch


@dataclass(frozen=True)
class Manner:
    """How a run is carried out, which changes none of its numbers unless ``slower`` is asked for.

    ``stop`` is asked after every step. A checkpoint is written after every epoch, and in an epoch after every ``every``
    seconds. ``strict`` refuses to go on in another environment; ``slower`` goes on with half the learning rate.
    """

    stop: Callable[[], bool] = lambda: False
    every: float = INTERVAL
    strict: bool = False
    slower: bool = False


PLAIN = Manner()


def study(
    recipe: Recipe,
    folder: RunFolder,
    *,
    command: str,
    data: Data | None = None,
    show_data: bool = True,
    manner: Manner = PLAIN,
) -> Iterator[Event]:
    """Run a recipe into a folder; what the folder already holds of the same recipe is not done again."""
    began, started = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    data = data or open_data(recipe)
    trained = yield from train_all(recipe, data, folder, manner)
    metrics: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for part, collect in results.parts(recipe, data, trained, show_data=show_data):
        yield Stage(part)
        with threadpool_limits(1, "blas"):  # why: see training/parallel.py
            collect(metrics, arrays)
    write_json(folder.path / "metrics.json", metrics)
    folder.write_arrays(arrays)
    folder.write_arrays(collected(data, trained, show_data=show_data), EXPLORER)
    for one in trained:
        add_metrics(folder.model(one.job.name), results.numbers(metrics, one.job))
    facts = {"seed": recipe.training.seed, "command": command, "started": started}
    facts |= {"wall_seconds": round(time.monotonic() - began, 1), "commit": commit()}
    write_json(folder.path / "environment.json", show_versions() | facts)


def train_all(
    recipe: Recipe, data: Data, folder: RunFolder, manner: Manner = PLAIN
) -> Generator[Event, None, list[Trained]]:
    """Train every model of a recipe; those that the folder already holds are loaded."""
    todo = jobs(recipe, data)
    left = [job for job in todo if not folder.model(job.name).exists()]
    trained = []
    for job in {repr((job.spec, job.plan)): job for job in left}.values():
        check_memory(job.name, job.spec.build(), data, job.plan)
    if left:
        yield Estimate(seconds_left([job for job in left if job.base(todo) is None], data))
    asked = {"recipe": recipe.to_dict(), "data": _described(data)}
    for job in todo:
        _adopt(job, job.base(todo), folder)
        keeper = Keeper(job.name, folder, asked, every=manner.every, strict=manner.strict)
        trained.append((yield from _trained(job, recipe, data, folder, keeper, manner)))
    return trained


def _described(data: Data) -> dict[str, Any]:
    """What a resumed training has to find again."""
    rows = {name: len(part) for name, part in data.parts().items()}
    return {"name": data.name, "split": data.split, "rows": rows, "values": data.fingerprint()}


def _adopt(job: Job, base: Job | None, folder: RunFolder) -> None:
    """Let a second stage begin where the training of its base ended, instead of training the same bits again."""
    here = folder.checkpoints(job.name)
    if base is not None and not here.exist() and not folder.model(job.name).exists():
        here.adopt(folder.checkpoints(base.name))


def _trained(
    job: Job, recipe: Recipe, data: Data, folder: RunFolder, keeper: Keeper, manner: Manner
) -> Generator[Event, None, Trained]:
    """Train a job, or load what an earlier start of the same run has finished."""
    state = keeper.reopened()
    yield from map(Notice, keeper.told())
    if not folder.model(job.name).exists():
        model, replay = job.spec.build(), _replay(job, recipe, data)
        weights = replay.weights() if replay else None  # drawn in any case: what it draws next comes after them
        if state is None:
            state = _new(job, model, data, weights)
        elif manner.slower:
            state.slowing *= 0.5
            keeper.save(state)  # at once: whoever goes on again need not ask again
        yield from _train(job, model, data, keeper, state, replay, manner.stop)
        yield from _finish(job, recipe, data, folder, state)
    file = load_model(folder.model(job.name))  # a second stage has given it another prior
    records, recorded = folder.records(job.name), keeper.recorded
    return Trained(replace(job, spec=file.spec), file.spec.build(), file.theta, records, recorded)


def _train(
    job: Job,
    model: Model,
    data: Data,
    keeper: Keeper,
    state: TrainState,
    replay: NotebookReplay | None,
    stop: Callable[[], bool],
) -> Iterator[Event]:
    """Train to the end of the plan; ``keeper`` holds every state that somebody might go on from."""
    recorder = Recorder.of(job, model, data)
    yield Stage(job.name, job.plan.epochs * steps_per_epoch(len(data.train), job.plan.batch), state.step)
    for event, _ in train(model, data, job.plan, state, seed=job.seed, randomness=replay):
        if isinstance(event, Epoch):
            keeper.epoch()
            keeper.keep({"frames": pictures.reconstructions(model, state.measured, data)} if job.main else {})
        if recorder is not None:
            keeper.keep(recorder.look(event, state))
        if isinstance(event, Epoch) or keeper.due:
            keeper.save(state)
        yield event
        yield from map(Notice, keeper.told())
        if isinstance(event, Step) and stop():
            _stop(job, keeper, state)
    keeper.finish(state)
    yield from map(Notice, keeper.told())


def _stop(job: Job, keeper: Keeper, state: TrainState) -> None:
    """Save and leave."""
    problem = keeper.save(state)
    if problem is not None:
        raise ResourceError(f"stopped at step {state.step} of {job.name}, which was not saved: {problem}") from problem
    raise Interrupted(f"stopped at step {state.step} of {job.name}; everything so far is saved")


def _finish(job: Job, recipe: Recipe, data: Data, folder: RunFolder, state: TrainState) -> Iterator[Event]:
    """The second stage, where one is asked for, and the model file."""
    theta = state.result(job.plan)
    facts = {
        "kind": job.kind,
        "recipe": recipe.name,
        "seed": job.seed,
        "epochs": len(state.history) - 1,
        "objective": described_objective(job.plan.objective),
        "data": asdict(recipe.data),
        "data_seed": recipe.training.seed,
    }
    metrics = {"validation": state.history[-1]["validation"]}
    if state.slowing != 1.0:
        facts["slowing"] = state.slowing
    spec = job.spec
    if job.second_stage:
        yield Stage(f"second stage of {job.name}")
        spec, theta, facts["second_stage"] = second_stage.carry_out(
            spec, theta, data, job.second_stage, seed=job.seed
        )
        metrics = {}  # those were of another prior
    save_model(folder.model(job.name), spec, theta, data.contract.to_dict(), facts, __version__, metrics)


def _new(job: Job, model: Model, data: Data, weights: dict[str, np.ndarray] | None) -> TrainState:
    """The state before the first step, with the replay's ``weights`` where there is one."""
    theta = model.init(job.seed, job.plan.dtype, data.train.take(slice(0, FIRST_ROWS), job.plan.dtype))
    if weights:
        fill(model, theta, weights, job.spec.latent)
    return start(model, theta, job.plan)


def _replay(job: Job, recipe: Recipe, data: Data) -> NotebookReplay | None:
    if not recipe.training.replay:
        return None
    epochs = tuple(recipe.epochs(index) for index in range(len(recipe.model.latents)))
    hidden = job.spec.build().encoder.layers[0].n_out
    sequence = Sequence(
        recipe.model.latents, epochs, len(data.train), job.plan.batch, data.contract.features, hidden
    )
    return NotebookReplay(sequence, job.index)
