"""The kill test: a training that is killed hundreds of times, at random moments, and goes on each time.

    python benchmarks/kills.py --kills 1000

A child process trains a small model and keeps a checkpoint after every step; SIGKILL ends it without warning, wherever
it is; the next child goes on. After every kill a checkpoint must be there that can be read, is no older than the last
one whose writing had ended, and holds the very bits that an uninterrupted training had at that step. Whenever a
training reaches its end, its model file must equal the uninterrupted one's, byte for byte. Anything else ends this
program with what went wrong. The child is a fork of this process, so that a kill costs milliseconds and not the start
of an interpreter; where there is no fork (Windows) there is no kill test.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: a forked copy must have one thread

import argparse
import hashlib
import json
import mmap
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vitral.data import Data
from vitral.environment import show_versions
from vitral.study import folder as folders
from vitral.study import run as study_run
from vitral.study.folder import RunFolder
from vitral.study.jobs import open_data
from vitral.study.recipes import Recipe, load_recipe, to_toml
from vitral.study.run import Manner, train_all
from vitral.training.checkpoints import Checkpoints, Saved

NAME = "latent-2"
CHANGES = (
    "data.name=digits", "data.limit=400", "model.encoder.hidden=[32]", "model.decoder.hidden=[32]", "training.epochs=4",
    "training.batch=20", "training.shards=1", "training.average=0.9", "training.keep=best", "training.monitor_rows=40",
)  # fmt: skip
PHASES = ("starting", "computing", "writing a checkpoint", "writing progress", "writing the model")
LONGEST = 0.15  # seconds that a child may live
AT_WORK = 0.8  # the share of children whose time is counted from their first write, however slowly they start
RESULTS = Path(__file__).parent / "results" / "kills.json"


class Board:
    """What a child was doing when it was killed, in memory that outlives it."""

    def __init__(self) -> None:
        self.numbers = np.frombuffer(mmap.mmap(-1, 16), np.int64)
        self.clear()

    def clear(self) -> None:
        self.numbers[:] = 0, -1

    @property
    def phase(self) -> str:
        return PHASES[self.numbers[0]]

    @property
    def saved(self) -> int:
        """The step of the last checkpoint whose writing ended; -1: none did."""
        return int(self.numbers[1])

    def wait(self) -> None:
        """Wait until the child is at work, for a second at most: it may have had nothing to do."""
        until = time.monotonic() + 1.0
        while self.numbers[0] == 0 and time.monotonic() < until:
            time.sleep(0.001)

    def during(self, phase: int, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, marked while it lasts."""

        def marked(*given: Any) -> Any:
            self.numbers[0] = phase
            done = work(*given)
            if phase == 2:
                self.numbers[1] = given[1].state.step
            self.numbers[0] = 1
            return done

        return marked


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def begun(path: Path, recipe: Recipe) -> RunFolder:
    """The run folder as the command line begins it, or goes on with it."""
    if (path / folders.RECIPE).exists():
        return folders.reopen(path)
    return folders.create(path, to_toml(recipe), "go on", force=False)


def uninterrupted(path: Path, recipe: Recipe, data: Data) -> tuple[str, dict[Any, str]]:
    """The digest of the model file, and of the parameters at every place where a checkpoint was kept."""
    trajectory: dict[Any, str] = {}
    save = Checkpoints.save

    def noted(kept: Checkpoints, saved: Saved) -> None:
        trajectory[saved.place] = digest(saved.state.theta.tobytes() + saved.state.measured.tobytes())
        save(kept, saved)

    Checkpoints.save = noted
    try:
        for _ in train_all(recipe, data, begun(path, recipe), Manner(every=0.0)):
            pass
    finally:
        Checkpoints.save = save
    return digest(RunFolder(path).model(NAME).read_bytes()), trajectory


def child(path: Path, recipe: Recipe, data: Data, board: Board) -> int:
    """Start a process that trains to the end, and return its number."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        Checkpoints.save = board.during(2, Checkpoints.save)
        RunFolder.write_records = board.during(3, RunFolder.write_records)
        study_run.save_model = board.during(4, study_run.save_model)
        for _ in train_all(recipe, data, begun(path, recipe), Manner(every=0.0)):
            pass
        code = 0
    finally:
        os._exit(code)


def check(path: Path, board: Board, trajectory: dict[Any, str]) -> int:
    """Hold what a killed child has left to the promise; the step that it can go on from, -1 where it had none yet."""
    saved, problems = RunFolder(path).checkpoints(NAME).load()
    assert not problems, f"a checkpoint is damaged: {problems}"
    if saved is None:
        assert board.saved < 0, f"the checkpoint of step {board.saved} is gone"
        return -1
    step = saved.state.step
    assert step >= board.saved, f"step {board.saved} was saved, and the latest checkpoint is of step {step}"
    found = digest(saved.state.theta.tobytes() + saved.state.measured.tobytes())
    assert found == trajectory[saved.place], f"the checkpoint of step {step} holds other bits"
    return step


def kill_often(kills: int, folder: Path, seed: int = 0) -> dict[str, Any]:
    """Kill so many children, and return the counts. Raises AssertionError where a promise is broken."""
    recipe = load_recipe("train", CHANGES)
    data, board, choose = open_data(recipe), Board(), random.Random(seed)
    began = time.monotonic()
    wanted, trajectory = uninterrupted(folder / "alone", recipe, data)
    phases: Counter[str] = Counter()
    ends = stray = 0
    steps: list[int] = []
    while sum(phases.values()) < kills or ends == 0:
        path = folder / f"run-{ends}"
        board.clear()
        process = child(path, recipe, data, board)
        if sum(phases.values()) < kills:
            if choose.random() < AT_WORK:
                board.wait()
            time.sleep(choose.uniform(0.0, LONGEST))
            os.kill(process, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if code == 0:
            model = digest(RunFolder(path).model(NAME).read_bytes())
            assert model == wanted, f"the model of run {ends} differs: {model} instead of {wanted}"
            ends += 1
            continue
        assert code == -signal.SIGKILL, f"a child ended by itself, with exit code {code}"
        phases[board.phase] += 1
        stray += len(list(path.rglob(".*.tmp")))
        steps.append(check(path, board, trajectory))
    return {
        "kills": sum(phases.values()), "while": dict(phases.most_common()), "temporary_files_left": stray,
        "trainings_ended": ends, "steps_of_a_training": max(step for step, *_ in trajectory),
        "different_steps_gone_on_from": len(set(steps)), "model_sha256": wanted,
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_often(asked.kills, Path(folder), asked.seed)
    document = {"schema": 1, **found, "seed": asked.seed, "machine": show_versions()}
    asked.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
