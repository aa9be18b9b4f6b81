"""A training state as one file, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitral.errors import UsageError
from vitral.persistence import load_tensors, save_tensors
from vitral.training.loop import TrainState


def save_checkpoint(path: Path, state: TrainState, asked: dict[str, Any]) -> None:
    """Everything of the state, and what was ``asked`` (recipe, data), to refuse another resume."""
    tensors = state.arrays() | {"best": state.best}
    facts = {"step": state.step, "sums": state.sums, "history": state.history, "best_epoch": state.best_epoch}
    save_tensors(path, tensors, {"kind": "checkpoint", "state": facts, "asked": asked})


def load_checkpoint(path: Path, asked: dict[str, Any]) -> TrainState:
    """The state of a checkpoint; refused when something else is asked for now."""
    tensors, metadata = load_tensors(path, "checkpoint")
    differing = [key for key in asked if metadata["asked"].get(key) != asked[key]]
    if differing:
        raise UsageError(
            f"{path} belongs to a run with another {', '.join(differing)}: resume with the same, or start a new run"
        )
    slots = {
        name.removeprefix("slots."): tensor.copy()
        for name, tensor in tensors.items()
        if name.startswith("slots.")
    }
    average = tensors["average"].copy() if "average" in tensors else None
    best = tensors["best"].copy()
    return TrainState(tensors["theta"].copy(), slots, best=best, average=average, **metadata["state"])
