"""A model as a file: its spec, its contract and what is known about it, with every tensor under its own name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vitral.core import parameters
from vitral.errors import FileError, VitralError
from vitral.persistence.header import damaged
from vitral.persistence.tensors import digest, load_tensors, save_tensors
from vitral.specs import Spec

BLOCK = 2**16  # numbers looked at together
# What a damaged or hostile spec makes Python say where it is no unknown name.
ODD = (
    TypeError,
    ValueError,
    AttributeError,
    KeyError,
    IndexError,
    ArithmeticError,
    AssertionError,
    RecursionError,
)


class ModelFile(NamedTuple):
    """What a model file holds. ``metrics`` has the numbers that are known, by split; ``vitral`` wrote the file."""

    spec: Spec
    theta: np.ndarray
    contract: dict[str, Any]
    facts: dict[str, Any]
    metrics: dict[str, Any]
    vitral: str


def save_model(
    path: Path,
    spec: Spec,
    theta: np.ndarray,
    contract: Mapping[str, Any],
    facts: Mapping[str, Any],
    version: str,
    metrics: Mapping[str, Any] | None = None,
) -> None:
    """A model file: every tensor under its own name, and what is needed to use it."""
    tensors = _tensors(spec, theta)
    metadata = {"kind": "model", "vitral": version, "spec": spec.to_dict(), "contract": dict(contract)}
    save_tensors(path, tensors, {**metadata, "metrics": dict(metrics or {}), "facts": dict(facts)})


def weights_digest(spec: Spec, theta: np.ndarray) -> str:
    """The SHA-256 that a model file states for its tensors."""
    return digest(_tensors(spec, theta))


def _tensors(spec: Spec, theta: np.ndarray) -> dict[str, np.ndarray]:
    places = parameters.named(spec.build().shapes)
    return {name: theta[where].reshape(shape) for name, (where, shape) in places.items()}


def add_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """The same model file with these metrics; nothing is written where it has them already."""
    file = load_model(path)
    if file.metrics != metrics:
        save_model(path, file.spec, file.theta, file.contract, file.facts, file.vitral, metrics)


def load_model(path: Path, *, allow_nonfinite: bool = False) -> ModelFile:
    """What a model file holds, every tensor checked against the spec; NaN and infinity only where they are allowed.

    Raises FileError, with the path, for anything that is not a whole model file of this format or an older one.
    """
    tensors, metadata = load_tensors(path, "model")
    for key in ("spec", "contract", "facts"):
        if not isinstance(metadata.get(key), dict):
            raise damaged(path, f"it is not a complete model file, {key} is missing")
    facts = metadata["facts"]
    metrics = metadata.get("metrics") or {}
    if not metrics and facts.get("validation"):
        metrics = {"validation": facts["validation"]}  # where format 1 had them
    if not isinstance(metrics, dict):
        raise damaged(path, "its metrics are no table")
    spec, shapes = _spec(path, metadata["spec"], sum(tensor.size for tensor in tensors.values()))
    theta = _assemble(path, shapes, tensors, allow_nonfinite=allow_nonfinite)
    return ModelFile(spec, theta, metadata["contract"], facts, metrics, str(metadata.get("vitral")))


def _spec(path: Path, listed: dict[str, Any], numbers: int) -> tuple[Spec, parameters.Shapes]:
    """The spec, and the shapes of its tensors; refused, before it is built, where the file cannot hold its sizes."""
    try:
        if _sizes(listed) > 4 * numbers + 4096:
            raise damaged(path, f"its spec names sizes that {numbers:,} numbers cannot have")
        spec = Spec.from_dict(listed)
        spec.to_dict()  # reads every entry
        return spec, spec.build().shapes
    except FileError:
        raise
    except VitralError as error:
        raise FileError(f"{path} holds a spec that this Vitral does not know: {error}") from error
    except ODD as error:
        raise damaged(path, "its spec describes no model") from error


def _sizes(listed: Any) -> int:
    """The sum of all whole numbers of a spec: a width, a depth or a count costs at least so many parameters."""
    if isinstance(listed, dict):
        return sum(map(_sizes, listed.values()))
    if isinstance(listed, list):
        return sum(map(_sizes, listed))
    return abs(listed) if isinstance(listed, int) else 0


def _assemble(
    path: Path, shapes: parameters.Shapes, tensors: Mapping[str, np.ndarray], *, allow_nonfinite: bool
) -> np.ndarray:
    places = parameters.named(shapes)
    if set(places) != set(tensors):
        odd = sorted(set(places) ^ set(tensors))
        raise FileError(
            f"{path} does not fit its own spec: unexpected or missing tensors {', '.join(odd[:5])}; "
            "restore it from a copy"
        )
    dtype = next(iter(tensors.values())).dtype
    if dtype not in (np.dtype("float32"), np.dtype("float64")):
        raise FileError(f"{path} holds {dtype} tensors: this version reads float32 and float64, convert them")
    theta = np.empty(sum(tensor.size for tensor in tensors.values()), dtype)
    for name, (where, shape) in places.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != dtype:
            kind = f"{tensor.dtype} of {tensor.shape}"
            raise damaged(path, f"tensor {name!r} is {kind}, and its spec says {dtype} of {shape}")
        if not allow_nonfinite and not _finite(tensor):
            raise FileError(f"{path}: tensor {name!r} holds NaN or infinite weights; train the model again")
        theta[where] = tensor.ravel()
    return theta


def _finite(tensor: np.ndarray) -> bool:
    flat = tensor.reshape(-1)
    return all(bool(np.isfinite(flat[at : at + BLOCK]).all()) for at in range(0, len(flat), BLOCK))
