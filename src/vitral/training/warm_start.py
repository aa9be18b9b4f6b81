"""A training that begins with the parameters of another model, wherever they fit."""

from __future__ import annotations

from pathlib import Path

from vitral.core.arrays import Array
from vitral.core.parameters import named
from vitral.errors import UsageError
from vitral.model import Model
from vitral.persistence import load_model


def warm_start(model: Model, theta: Array, other: Model, other_theta: Array) -> list[str]:
    """Write every tensor of ``other`` whose name and shape fit into ``theta``, and return their names.

    What does not fit stays as it was initialised: another latent size keeps the hidden layers, another prior the
    encoder and the decoder. Raises UsageError where nothing fits.
    """
    here, there = named(model.shapes), named(other.shapes)
    taken = [name for name, (_, shape) in here.items() if name in there and there[name][1] == shape]
    if not taken:
        raise UsageError(
            f"none of the {len(there)} tensors of the model to start from fits this one: names and shapes differ, as "
            f"{_shown(there)} there and {_shown(here)} here; use the same networks, or leave start_from out"
        )
    for name in taken:
        theta[here[name][0]] = other_theta[there[name][0]]
    return taken


def warm_start_from(model: Model, theta: Array, path: str | Path) -> list[str]:
    """The same, from a model file."""
    if not Path(path).is_file():
        raise UsageError(
            f"training.start_from must be a model file, and there is none at {path}: check the path"
        )
    other = load_model(Path(path))
    return warm_start(model, theta, other.spec.build(), other.theta)


def _shown(tensors: dict[str, tuple[slice, tuple[int, ...]]]) -> str:
    """The first tensor that holds anything."""
    return next(f"{name} {shape}" for name, (place, shape) in tensors.items() if place.stop > place.start)
