"""The study: train the models of a recipe, evaluate them, write the run folder.

A generator of events, like the training loop that it wraps: ``Stage`` when something begins, ``Step`` and
``Epoch`` while a model trains. It may be stopped between two steps and resumed bit for bit.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from vitral import __version__
from vitral.data import Data
from vitral.data.batches import steps_per_epoch
from vitral.environment import commit, show_versions
from vitral.errors import VitralError
from vitral.model import Model
from vitral.persistence import load_model, save_model, write_atomically, write_json
from vitral.specs import described_objective
from vitral.study import pictures, results, second_stage
from vitral.study.estimate import seconds_left
from vitral.study.folder import RunFolder
from vitral.study.jobs import Job, Trained, jobs, open_data
from vitral.study.notebook import NotebookReplay, Sequence, fill
from vitral.study.recipes import Recipe, to_toml
from vitral.training.checkpoints import load_checkpoint, save_checkpoint
from vitral.training.loop import Epoch, Step, TrainState, start, train

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


Event = Stage | Estimate | Step | Epoch


def study(
    recipe: Recipe,
    folder: RunFolder,
    *,
    command: str,
    data: Data | None = None,
    show_data: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Run a recipe into a folder; what the folder already holds of the same recipe is not done again."""
    began, started = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    data = data or open_data(recipe)
    trained = yield from train_all(recipe, data, folder, stop=stop)
    metrics: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for part, collect in results.parts(recipe, data, trained, show_data=show_data):
        yield Stage(part)
        with threadpool_limits(1, "blas"):  # why: see training/parallel.py
            collect(metrics, arrays)
    write_json(folder.path / "metrics.json", metrics)
    folder.write_arrays(arrays)
    facts = {"seed": recipe.training.seed, "command": command, "started": started}
    facts |= {"wall_seconds": round(time.monotonic() - began, 1), "commit": commit()}
    write_json(folder.path / "environment.json", show_versions() | facts)


def train_all(
    recipe: Recipe, data: Data, folder: RunFolder, *, stop: Callable[[], bool] = lambda: False
) -> Generator[Event, None, list[Trained]]:
    """Train every model of a recipe; those that the folder already holds are loaded."""
    todo = jobs(recipe, data)
    left = [job for job in todo if not folder.model(job.name).exists()]
    trained = []
    if left:
        yield Estimate(seconds_left([job for job in left if job.base(todo) is None], data))
    for job in todo:
        _adopt(job, job.base(todo), folder)
        trained.append((yield from _trained(job, recipe, data, folder, stop)))
    return trained


def _adopt(job: Job, base: Job | None, folder: RunFolder) -> None:
    """Let a second stage begin where the training of its base ended, instead of training the same bits again."""
    if base is None or folder.checkpoint(job.name).exists() or folder.model(job.name).exists():
        return
    folder.write_records(job.name, folder.records(base.name))
    copies = {Strip(folder, base).path: Strip(folder, job).path}
    copies[folder.checkpoint(base.name)] = folder.checkpoint(job.name)  # last: where it is, all is
    for there, here in copies.items():
        if there.exists():
            write_atomically(here, there.read_bytes())


def _trained(
    job: Job, recipe: Recipe, data: Data, folder: RunFolder, stop: Callable[[], bool]
) -> Generator[Event, None, Trained]:
    """Train a job, or load what an earlier start of the same run has finished."""
    if not folder.model(job.name).exists():
        yield from _train(job, job.spec.build(), recipe, data, folder, stop)
    spec, theta, _, _ = load_model(folder.model(job.name))  # a second stage has given it another prior
    records, strip = folder.records(job.name), Strip(folder, job).load()
    return Trained(replace(job, spec=spec), spec.build(), theta, records, strip)


def _train(
    job: Job, model: Model, recipe: Recipe, data: Data, folder: RunFolder, stop: Callable[[], bool]
) -> Iterator[Event]:
    asked = {"recipe": to_toml(recipe), "data": [data.name, *(len(rows) for rows in data.parts().values())]}
    replay = _replay(job, recipe, data)
    state = _begin(job, model, data, folder, replay, asked)
    yield Stage(job.name, job.plan.epochs * steps_per_epoch(len(data.train), job.plan.batch), state.step)
    clock = time.monotonic()
    for event, _ in train(model, data, job.plan, state, seed=job.seed, randomness=replay):
        if isinstance(event, Epoch):
            seconds, clock = time.monotonic() - clock, time.monotonic()
            _record(job, model, data, folder, state, seconds)
            save_checkpoint(folder.checkpoint(job.name), state, asked)
        yield event
        if isinstance(event, Step) and stop():
            save_checkpoint(folder.checkpoint(job.name), state, asked)
            raise Interrupted(f"stopped at step {state.step} of {job.name}; everything so far is saved")
    theta = state.result(job.plan)
    facts = {
        "kind": job.kind,
        "recipe": recipe.name,
        "seed": job.seed,
        "epochs": len(state.history) - 1,
        "objective": described_objective(job.plan.objective),
        "data": asdict(recipe.data),
        "data_seed": recipe.training.seed,
        "validation": state.history[-1]["validation"],
    }
    spec = job.spec
    if job.second_stage:
        yield Stage(f"second stage of {job.name}")
        spec, theta, facts["second_stage"] = second_stage.carry_out(
            spec, theta, data, job.second_stage, seed=job.seed
        )
    save_model(folder.model(job.name), spec, theta, data.contract.to_dict(), facts, __version__)


def _record(job: Job, model: Model, data: Data, folder: RunFolder, state: TrainState, seconds: float) -> None:
    """One more line of progress, and one more row of the film strip."""
    earlier = len(state.history) - 1
    records = folder.records(job.name)[:earlier]
    folder.write_records(job.name, [*records, {**state.history[-1], "seconds": round(seconds, 3)}])
    if job.main:
        Strip(folder, job).add(earlier, pictures.reconstructions(model, state.measured, data))


def _begin(
    job: Job,
    model: Model,
    data: Data,
    folder: RunFolder,
    replay: NotebookReplay | None,
    asked: dict[str, Any],
) -> TrainState:
    """The state of the checkpoint where there is one, else a new one."""
    weights = replay.weights() if replay else None
    if folder.checkpoint(job.name).exists():
        return load_checkpoint(folder.checkpoint(job.name), asked)
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


class Strip:
    """The same test images reconstructed after every epoch, kept beside the checkpoint until the end."""

    def __init__(self, folder: RunFolder, job: Job) -> None:
        self.path = folder.path / "checkpoints" / f"{job.name}-strip.npz"

    def load(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Epochs (E,) and frames (E, 10, D)."""
        if not self.path.exists():
            return None
        with np.load(self.path, allow_pickle=False) as archive:
            return archive["epochs"], archive["frames"]

    def add(self, epoch: int, frame: np.ndarray) -> None:
        earlier = self.load() if epoch else None
        epochs, frames = (
            (earlier[0][:epoch], earlier[1][:epoch]) if earlier else (np.empty(0, int), frame[None][:0])
        )
        content = io.BytesIO()
        np.savez(content, epochs=np.append(epochs, epoch), frames=np.concatenate([frames, frame[None]]))
        write_atomically(self.path, content.getvalue())
