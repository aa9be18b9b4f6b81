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

from vitral import __version__
from vitral.applications.imputation import SAMPLES, Imputed, holed, impute, whole, whole_columns
from vitral.core.randomness import stream
from vitral.data import Contract, Rows
from vitral.data.frames import frame_like, is_frame, table_of, with_columns
from vitral.data.opening import known
from vitral.data.support import check_values
from vitral.data.tables import decoded as decoded_table
from vitral.data.tables import named_codes, outside, rows_of
from vitral.errors import FileError, UsageError, VitralError, unknown
from vitral.evaluation.latent import codes, decoded
from vitral.evaluation.likelihood import log_px_hat
from vitral.export.pretrained import Contents, is_pretrained, load_pretrained, save_pretrained
from vitral.model import Model
from vitral.persistence import ModelFile, load_model, save_model, write_atomically
from vitral.persistence.models import ODD
from vitral.specs import Spec

TINY = "tiny"


@dataclass(frozen=True)
class Completed:
    """What was given, without holes: ``values`` the means, ``draws`` several completions, each of its kind.

    ``ess`` (N,) is the effective number of draws behind every row, NaN where nothing was missing; below about ten the
    values of a row rest on almost nothing.
    """

    values: Any
    draws: tuple[Any, ...]
    ess: np.ndarray


@dataclass(frozen=True)
class TrainedModel:
    """A model with its parameters, the contract of its data, facts about its training, and metrics by split.

    Arrays go in as (N, D), (N, H, W) or (N, H, W, C), 8-bit or in the unit of the contract, and are
    checked against it; a model that was trained on drawn bits draws them from grey levels, by its own rule and seed.

    A model of a table is given frames (pandas, polars, anything that exports Arrow, or a mapping of names to values)
    whose columns are found by name, and gives frames of the same kind. An array is taken as rows of numbers in the
    order of ``contract.columns``, a class by its place. What comes out is in the unit of the data.

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

    def rows(self, given: Any) -> Rows:
        """Rows as this model reads them, of an array or a frame; raises DataError for what does not fit."""
        if is_frame(given):
            return rows_of(table_of(given), known(self.contract, "this"))
        rows = self.contract.rows(np.asarray(given))
        if self.contract.columns is not None:
            check_values(rows, self.model.likelihood, "the array")
        return rows

    def encode(self, array: Any, *, label: Any = None, context: Any = None) -> Any:
        """The mean of q(z given x) of every row, (N, L); deterministic. Of a frame: columns z1, z2, ... of its kind."""
        mu = self._codes(self.rows(array), label, context)
        return frame_like(array, named_codes(mu)) if is_frame(array) else mu

    def _codes(self, rows: Rows, label: Any, context: Any) -> np.ndarray:
        c = self.context((len(rows),), label=self._label_of(rows, label, context), context=context)
        return codes(self.model, self.theta, replace(rows, context=c))[0]

    def _label_of(self, rows: Rows, label: Any, context: Any) -> Any:
        """The label that was given, or else those that a table holds beside its rows, where the model reads them."""
        condition = self.contract.context
        own = condition is not None and condition.kind == "labels" and label is None and context is None
        return rows.labels if own else label

    def score(
        self, array: Any, *, samples: int = 100, seed: int = 0, label: Any = None, context: Any = None
    ) -> np.ndarray:
        """log p(x) of every row in nats, (N,), by importance sampling with fixed noise: higher is more usual.

        Of scaled features it is a density in the unit of the data; what is missing is left out, which gives the
        marginal of the rest. Raises UsageError for a plain autoencoder.
        """
        rows = self.rows(array)
        c = self.context((len(rows),), label=self._label_of(rows, label, context), context=context)
        log_px = log_px_hat(self.model, self.theta, replace(rows, context=c), samples=samples, seed=seed)
        density = self.model.likelihood.levels is None  # masses of levels do not change with the unit
        return log_px + self.contract.log_slope(rows) if self._scaled and density else log_px

    def decode(self, z: Any, *, label: Any = None, context: Any = None) -> np.ndarray:
        """The mean of p(x given z) for codes (..., L), (..., D); of a scaled feature, in the unit of the data."""
        x = self._means(z, label, context)
        return self.outside(x)

    def _means(self, z: Any, label: Any, context: Any) -> np.ndarray:
        z = np.asarray(z, self.theta.dtype)
        if z.ndim == 0 or z.shape[-1] != self.spec.latent:
            raise UsageError(
                f"codes need {self.spec.latent} numbers each, got shape {z.shape}: give (rows, {self.spec.latent})"
            )
        c = self.context(z.shape[:-1], label=label, context=context)
        return decoded(self.model, self.theta, z, c)

    def reconstruct(self, array: Any, *, label: Any = None, context: Any = None) -> Any:
        """Decoder means at the mean of q(z given x), (N, D); of a frame: its columns, in their types and classes."""
        rows = self.rows(array)
        label = self._label_of(rows, label, context)
        x = self._means(self._codes(rows, label, context), label, context)
        if is_frame(array):
            return frame_like(array, decoded_table(self.contract, x))
        return self.outside(x)

    def impute(
        self, given: Any, *, hidden: Any = None, draws: int = 0, samples: int = SAMPLES, seed: int = 0,
        label: Any = None, context: Any = None,
    ) -> Completed:  # fmt: skip
        """What is missing, filled in: NaN of an array, holes of a frame, and what ``hidden`` marks.

        Importance-weighted means given the rest of the row (Mattei and Frellsen 2019), the most probable of classes;
        with ``draws`` also so many draws. ``hidden`` is true where an entry of an array is to be ignored, of its shape
        or of that of a row. A model that was not trained with holes is shown rows that it has completed itself.

        Parameters
        ----------
        given
            An array (N, D), (N, H, W) or (N, H, W, C), or a frame: what comes back is of its kind and its types.
        samples
            Draws of z behind every row.

        Raises DataError for what does not fit the model, UsageError for a plain autoencoder.
        """
        if is_frame(given):
            if hidden is not None:
                raise UsageError("hidden is for arrays: leave entries of a frame empty")
            contract = replace(known(self.contract, "this"), missing=True)
            rows = rows_of(table_of(given), contract)
        else:
            given = np.asarray(given)
            rows = holed(self.contract, given, None if hidden is None else np.asarray(hidden, bool))
        check_values(rows, self.model.likelihood, "the data")
        c = self.context((len(rows),), label=self._label_of(rows, label, context), context=context)
        rows = replace(rows, context=c)
        made = self.imputed(rows, draws=draws, samples=samples, seed=seed)
        if is_frame(given):
            back = [with_columns(given, whole_columns(self.contract, rows, x)) for x in (made.means, *made.draws)]
        else:
            back = [whole(self.contract, given, rows, x) for x in (made.means, *made.draws)]
        return Completed(back[0], tuple(back[1:]), made.ess)

    def imputed(self, rows: Rows, *, draws: int = 0, samples: int = SAMPLES, seed: int = 0) -> Imputed:
        """The same of rows as this model reads them, in its own units."""
        how = {"samples": samples, "draws": draws, "seed": seed}
        return impute(self.model, self.theta, rows, for_holes=self.contract.missing, **how)

    def outside(self, x: np.ndarray) -> np.ndarray:
        """x (..., D) in the unit of the data, where the features of this model are scaled one by one."""
        return self.contract.unscaled(x) if self._scaled else x

    @property
    def _scaled(self) -> bool:
        return self.contract.location is not None or self.contract.spread is not None

    def sample(
        self, n: int, *, seed: int = 0, label: Any = None, context: Any = None, frame: Any = None
    ) -> Any:
        """n draws from the model, (n, D): z from the prior, then x from p(x given z).

        Without a label a model with labels draws them too, each class as often as among its training rows. Of a model
        of a table: the columns by name, or a ``frame``: "pandas", "polars", "arrow", or "array" of numbers.
        """
        _, x, c = self._drawn(n, seed, label, context)
        return self._made(np.asarray(x), c, frame)

    def prior_means(
        self, n: int, *, seed: int = 0, label: Any = None, context: Any = None, frame: Any = None
    ) -> Any:
        """Decoder means for n draws of z from the prior, (n, D): the same z and labels as ``sample``."""
        z, _, c = self._drawn(n, seed, label, context)
        return self._made(self._means(z, None, c), c, frame)

    def _made(self, x: np.ndarray, context: np.ndarray | None, frame: Any) -> Any:
        if self.contract.columns is not None and frame != "array":
            return frame_like(frame, decoded_table(self.contract, x) | self._label_column(context))
        if frame not in (None, "array"):
            raise UsageError("this model was trained on plain rows, which have no columns: leave frame out")
        return self.outside(x)

    def _label_column(self, context: np.ndarray | None) -> dict[str, np.ndarray]:
        """The column of labels that new rows of a conditional model were made for."""
        condition, column = self.contract.context, self.contract.label
        if context is None or condition is None or condition.kind != "labels" or column is None:
            return {}
        return {column.name: outside(column, np.asarray(condition.classes, np.float64)[context.argmax(axis=1)])}

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


    def save(self, path: str | Path) -> None:
        """One file with everything; ``vitral.load`` gives this model back. Raises ResourceError on a full disk."""
        contract = self.contract.to_dict()
        save_model(Path(path), self.spec, self.theta, contract, self.facts, __version__, self.metrics)

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """A folder for others: model.safetensors, config.json and README.md, a card filled from the run; no network.

        ``vitral.load`` of the folder gives this model back. Raises UsageError where one of the files exists and
        ``overwrite`` is False.
        """
        contents = Contents(self.spec, self.theta, self.contract.to_dict(), self.facts, self.metrics)
        return save_pretrained(Path(folder), contents, overwrite=overwrite)

    def export_onnx(self, path: str | Path, *, part: str = "decoder") -> None:
        """The "encoder", the "decoder" or the "score" as an ONNX file, for float32 rows in the units of the data.

        The encoder makes ``mean`` and, where it is known, ``logvar`` (rows, L) of ``x`` (rows, D); the decoder ``x``
        of ``z``; the score ``elbo`` (rows,), in nats, of ``x``. A conditional model takes ``context`` (rows, C) too.
        Raises MissingPackage without the package onnx, UsageError for what has no such form. How-to: docs/export.md.
        """
        from vitral.export.onnx_file import onnx_bytes
        from vitral.export.parts import recorded

        recording = recorded(part, self.model, self.theta, self.contract)
        write_atomically(Path(path), onnx_bytes(part, recording, f"x is measured in {self.contract.unit}"))


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
    """A model file, a run folder, a folder of ``save_pretrained``, or "tiny": the small 2-D model of the package.

    Raises FileError for files that are damaged or newer, UsageError where there is nothing to load.
    """
    if str(path) == TINY:
        with as_file(files("vitral").joinpath("models", "tiny.safetensors")) as packaged:
            return load_file(packaged)
    path = Path(path)
    if path.is_dir():
        if (path / "recipe.toml").exists():
            return Run(path)
        if is_pretrained(path):
            return _trained(path, load_pretrained(path))
        raise UsageError(
            f"{path} is not a run folder: it has no recipe.toml; give a run folder, a folder with model.safetensors "
            "and config.json, or a model file"
        )
    if not path.exists() and not path.suffix:
        raise UsageError(f"{unknown('model', path, [TINY])}, or the path of a model file or run folder")
    return load_file(path)


def load_file(path: Path) -> TrainedModel:
    """The model of one .safetensors file."""
    return _trained(path, load_model(path))


def _trained(path: Path, file: ModelFile) -> TrainedModel:
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
