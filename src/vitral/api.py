"""A trained model, or a whole run, back in Python: ``vitral.load``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from vitral.core.randomness import stream
from vitral.data import Contract
from vitral.errors import FileError, UsageError, VitralError, unknown
from vitral.evaluation.latent import codes, decoded
from vitral.model import Model
from vitral.persistence import ModelFile, load_model
from vitral.persistence.models import ODD
from vitral.specs import Spec

TINY = "tiny"


@dataclass(frozen=True)
class TrainedModel:
    """A model with its parameters, the contract of its data, facts about its training, and metrics by split.

    Arrays go in as (N, D), (N, H, W) or (N, H, W, C), 8-bit or in the unit of the contract, and are
    checked against it; a model that was trained on drawn bits draws them from grey levels, by its own rule and seed.

    A conditional model is told what to condition on: ``label``, one of ``classes`` or one for each row, or, where
    it was trained with side information, ``context``, (C,) or (rows, C) numbers.

    >>> import vitral
    >>> model = vitral.load("tiny")
    >>> model.decode([[0.0, 0.0]]).shape
    (1, 784)
    """

    spec: Spec
    model: Model
    theta: np.ndarray
    contract: Contract
    facts: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[int, ...]:
        """The labels that a conditional model knows, in their order; empty for others."""
        return () if self.contract.context is None else self.contract.context.classes

    def encode(self, array: Any, *, label: Any = None, context: Any = None) -> np.ndarray:
        """The mean of q(z given x) of every row, (N, L); deterministic."""
        rows = self.contract.rows(np.asarray(array))
        mu, _ = codes(
            self.model, self.theta, replace(rows, context=self.context((len(rows),), label=label, context=context))
        )
        return mu

    def decode(self, z: Any, *, label: Any = None, context: Any = None) -> np.ndarray:
        """The mean of p(x given z) for codes (..., L)."""
        z = np.asarray(z, self.theta.dtype)
        if z.ndim == 0 or z.shape[-1] != self.spec.latent:
            raise UsageError(
                f"codes need {self.spec.latent} numbers each, got shape {z.shape}: give (rows, {self.spec.latent})"
            )
        c = self.context(z.shape[:-1], label=label, context=context)
        return decoded(self.model, self.theta, z, c)

    def reconstruct(self, array: Any, *, label: Any = None, context: Any = None) -> np.ndarray:
        """Decoder means at the mean of q(z given x), (N, D)."""
        given = {"label": label, "context": context}
        return self.decode(self.encode(array, **given), **given)

    def sample(self, n: int, *, seed: int = 0, label: Any = None, context: Any = None) -> np.ndarray:
        """n draws from the model, (n, D): z from the prior, then x from p(x given z).

        Without a label a model with labels draws them too, each class as often as among its training rows.
        """
        _, x, _ = self._drawn(n, seed, label, context)
        return np.asarray(x)

    def prior_means(self, n: int, *, seed: int = 0, label: Any = None, context: Any = None) -> np.ndarray:
        """Decoder means for n draws of z from the prior, (n, D): the same z and labels as ``sample``."""
        z, _, c = self._drawn(n, seed, label, context)
        return self.decode(z, context=c)

    def context(self, shape: tuple[int, ...], *, label: Any = None, context: Any = None) -> np.ndarray | None:
        """What this model is given beside rows of this shape, (*shape, C); None where it is not conditional.

        Raises UsageError for a label that is no class, and where one is missing or not wanted.
        """
        condition = self.contract.context
        if condition is None and label is None and context is None:
            return None
        if condition is None:
            raise UsageError(
                "this model is not conditional: leave label and context out, or train one with model.context 'labels'"
            )
        return condition.numbers(shape, label=label, context=context).astype(self.theta.dtype)

    def _drawn(self, n: int, seed: int, label: Any, context: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """z from the prior and x from p(x given z), n of each, and the context that both were given."""
        if self.contract.context is not None and label is None and context is None:
            label = self.contract.context.drawn(n, stream(seed, "labels"))
        c = self.context((n,), label=label, context=context)
        p, dtype = self.model.views(self.theta), self.theta.dtype.name
        return *self.model.sample(p, n, stream(seed, "sample"), dtype, c), c


@dataclass(frozen=True)
class Run:
    """A run folder: its metrics, its arrays, and its models by name."""

    path: Path

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics.json, as written."""
        file = self.path / "metrics.json"
        if not file.exists():
            raise VitralError(
                f"{self.path} has no metrics.json: the run is not complete; resume it with vitral study --resume"
            )
        return dict(json.loads(file.read_text(encoding="utf-8")))

    @property
    def names(self) -> list[str]:
        """The models of this run."""
        return sorted(file.stem for file in (self.path / "models").glob("*.safetensors"))

    def model(self, name: str) -> TrainedModel:
        """One model of the run, such as "latent-2"."""
        if name not in self.names:
            raise unknown("model", name, self.names)
        return load_file(self.path / "models" / f"{name}.safetensors")


def load(path: str | Path) -> TrainedModel | Run:
    """A model file, a run folder, or "tiny": the small 2-D model inside the package.

    Raises FileError for files that are damaged or newer, UsageError where there is nothing to load.
    """
    if str(path) == TINY:
        with as_file(files("vitral").joinpath("models", "tiny.safetensors")) as packaged:
            return load_file(packaged)
    path = Path(path)
    if path.is_dir():
        if not (path / "recipe.toml").exists():
            raise UsageError(
                f"{path} is not a run folder: it has no recipe.toml; give a run folder or a model file"
            )
        return Run(path)
    if not path.exists() and not path.suffix:
        raise UsageError(f"{unknown('model', path, [TINY])}, or the path of a model file or run folder")
    return load_file(path)


def load_file(path: Path) -> TrainedModel:
    """The model of one .safetensors file."""
    file = load_model(path)
    return TrainedModel(file.spec, file.spec.build(), file.theta, _contract(path, file), file.facts, file.metrics)


def _contract(path: Path, file: ModelFile) -> Contract:
    """The contract of a model file; what it says wrong is the file's fault."""
    try:
        return Contract.from_dict(file.contract)
    except (VitralError, *ODD) as error:
        raise FileError(f"{path} holds a contract of data that this Vitral does not know: {error}") from error


def load_one(path: str | Path, name: str | None = None) -> TrainedModel:
    """A model where a run folder may be given too; ``name`` says which of its models."""
    loaded = load(path)
    if isinstance(loaded, TrainedModel):
        if name is not None:
            raise UsageError(f"{path} is one model and no run folder: leave --model {name} out")
        return loaded
    if name is None and len(loaded.names) != 1:
        raise UsageError(
            f"{path} holds several models: choose one with --model, of {', '.join(loaded.names)}"
        )
    return loaded.model(name or loaded.names[0])
