"""A training state as one file, whole or not at all, and the last two of them.

    kept = Checkpoints(Path("checkpoints/latent-2"))
    kept.save(Saved(state, asked))
    saved, problems = kept.load()

One file holds everything that a training needs to go on, so that no two files can disagree: the arrays as tensors, and
all other numbers as JSON in a tensor of bytes, since the header of a file has a limit and a history has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vitral import __version__
from vitral.environment import fingerprint
from vitral.errors import FileError, UsageError
from vitral.persistence import load_tensors, save_tensors, write_atomically
from vitral.training.loop import TrainState

BESIDE, SLOTS, FACTS = "beside.", "slots.", "facts"


@dataclass
class Saved:
    """A state, what was ``asked`` of its training (recipe, data), and what its owner wants to find again.

    ``beside`` are arrays, ``notes`` plain data; ``made_on`` is the environment that computed the state.
    """

    state: TrainState
    asked: Mapping[str, Any]
    beside: dict[str, np.ndarray] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    made_on: dict[str, Any] | None = None

    @property
    def place(self) -> tuple[int, int, float]:
        """How far the training is: its steps, the epochs that were measured, and how much slower it goes."""
        return self.state.step, len(self.state.history), -self.state.slowing


def save_checkpoint(path: Path, saved: Saved) -> None:
    """Write a whole state or nothing. Raises ResourceError where it cannot be written."""
    state = saved.state
    tensors = state.arrays() | {"best": state.best}
    tensors |= {BESIDE + name: array for name, array in saved.beside.items()}
    facts = {"state": state.facts(), "asked": saved.asked, "notes": saved.notes}
    facts["made_on"] = saved.made_on or fingerprint(state.theta.dtype.name)
    tensors[FACTS] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    save_tensors(path, tensors, {"kind": "checkpoint", "vitral": __version__})


def load_checkpoint(path: Path) -> Saved:
    """The state of a file. Raises FileError where it is damaged, or no checkpoint."""
    tensors, _ = load_tensors(path, "checkpoint")
    try:
        facts = json.loads(tensors[FACTS].tobytes())
        slots, beside = _named(tensors, SLOTS), _named(tensors, BESIDE)
        average = tensors["average"].copy() if "average" in tensors else None
        theta, best = tensors["theta"].copy(), tensors["best"].copy()
        state = TrainState(theta, slots, best=best, average=average, **facts["state"])
        return Saved(state, facts["asked"], beside, facts["notes"], facts["made_on"])
    except (KeyError, ValueError, TypeError) as error:
        raise FileError(f"{path} is no complete checkpoint ({error}): delete it, or restore it from a copy") from error


def _named(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): a.copy() for name, a in tensors.items() if name.startswith(prefix)}


class Checkpoints:
    """The last two states of one training, in two files that are written in turns.

    A state replaces the older of the two, so that a whole one is there at every moment, whatever happens to the other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = tuple(path.with_name(f"{path.name}.{turn}.safetensors") for turn in "ab")
        self.latest: tuple[int, int, float] | None = None
        self._turn = 0

    def exist(self) -> bool:
        return any(file.exists() for file in self.files)

    def adopt(self, others: Checkpoints) -> None:
        """Begin with the states of another training."""
        for here, there in zip(self.files, others.files, strict=True):
            if there.exists():
                write_atomically(here, there.read_bytes())

    def save(self, saved: Saved) -> None:
        """Keep a state, unless it is the latest already, or its parameters are no longer finite."""
        if saved.place == self.latest or not _finite(saved.state):
            return
        save_checkpoint(self.files[self._turn], saved)
        self.latest, self._turn = saved.place, 1 - self._turn

    def load(self) -> tuple[Saved | None, list[str]]:
        """The later of the states that can be read, and a sentence about each that cannot.

        Raises FileError where there are files and none of them can be read.
        """
        found, problems = {}, []
        for turn, file in enumerate(self.files):
            if file.exists():
                try:
                    found[turn] = load_checkpoint(file)
                except FileError as error:
                    problems.append(str(error))
        if not found:
            if problems:
                raise FileError(f"no checkpoint of {self.path.name} can be read: {'; '.join(problems)}")
            return None, []
        turn = max(found, key=lambda one: found[one].place)
        self.latest, self._turn = found[turn].place, 1 - turn
        return found[turn], problems


def _finite(state: TrainState) -> bool:
    return all(bool(np.isfinite(array).all()) for array in (state.theta, state.measured))


def refuse_another(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise UsageError, with every difference by its key, where something else is asked for than before."""
    found = list(differences(before, json.loads(json.dumps(now))))
    if found:
        raise UsageError(
            f"{path} belongs to another run: {'; '.join(found)}: put back what has changed, or start a new run"
        )


def differences(before: Mapping[str, Any], now: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """What differs between two tables, one sentence a key."""
    for key in dict.fromkeys([*before, *now]):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{place}{key}.")
        elif old != new:
            yield f"{place}{key} was {json.dumps(old)} and is {json.dumps(new)}"
