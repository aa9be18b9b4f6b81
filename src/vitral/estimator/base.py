"""What both estimators share: codes, means, draws, scores, files and pickles of a fitted model."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from vitral import __version__
from vitral.core.randomness import stream
from vitral.data import Contract, Rows
from vitral.errors import DataError
from vitral.estimator import callbacks, files, fitting, frames, rows
from vitral.evaluation.latent import codes, decoded
from vitral.evaluation.likelihood import log_px_by_row
from vitral.specs import Spec


class Generative(BaseEstimator):  # type: ignore[misc]
    """A fitted model is its ``spec_``, its parameters ``theta_`` and the ``contract_`` of its rows."""

    spec_: Spec
    theta_: np.ndarray
    contract_: Contract
    frame_: str | None

    def set_callbacks(self, *given: Any) -> Self:
        """Objects that are called at the begin and end of a fit and of each of its epochs; none takes them away.

        The methods are those of scikit-learn 1.9's experimental protocol: ``setup(estimator, context)``,
        ``on_fit_task_begin``, ``on_fit_task_end`` (which may ask by keyword for X, y and ``fitted_estimator``, and end
        the training by returning True) and ``teardown``.
        """
        checked = callbacks.checked(given)
        if checked:
            self._skl_callbacks = checked
        else:
            self.__dict__.pop("_skl_callbacks", None)
        return self

    def save(self, path: str | Path) -> None:
        """Write the fitted model as a model file (safetensors, no pickle), as ``vitral train`` does.

        Raises NotFittedError before a fit, ResourceError where the file cannot be written.
        """
        check_is_fitted(self)
        files.save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The estimator of a model file or folder: one that ``save`` or ``save_pretrained`` wrote, or one of a run.

        Raises FileError for a file that is damaged, newer or of another kind of model.
        """
        made: Self = files.load(cls, Path(path))
        return made

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """A folder for others: the model file, its configuration, and a card; ``load`` reads it back.

        Raises NotFittedError before a fit, UsageError where a file exists and ``overwrite`` is False.
        """
        check_is_fitted(self)
        return files.trained(self).save_pretrained(folder, overwrite=overwrite)

    def export_onnx(self, path: str | Path, *, part: str = "decoder") -> None:
        """The "encoder", the "decoder" or the "score" as an ONNX file: see ``TrainedModel.export_onnx``.

        Raises NotFittedError before a fit, MissingPackage without the package onnx.
        """
        check_is_fitted(self)
        files.trained(self).export_onnx(path, part=part)

    @property
    def _n_features_out(self) -> int:
        return int(self.spec_.latent)

    def _learned(self, train: Rows) -> None:
        """What else is learned from the rows of a fit: nothing."""

    def _stored(self, X: Any) -> np.ndarray:
        """X as an array, once it has passed the checks."""
        check_is_fitted(self)
        return rows.checked(self, X, self.contract_.columns, reset=False, missing=self.contract_.missing)

    def _given(self, X: Any, y: Any, *, anew: bool) -> fitting.Given:
        """What a fit is given, once it has passed the checks; ``anew`` forgets the columns of the fit before."""
        if not anew:
            return fitting.Given(self._stored(X), X, y, self.contract_.columns)
        columns = frames.columns_of(X)
        stored = rows.checked(self, X, columns, reset=True, missing=self.missing == "model")
        return fitting.Given(stored, X, y, columns)

    def _rows(self, stored: np.ndarray, context: np.ndarray | None = None) -> Rows:
        made = rows.rows_of(self.contract_, stored, self.spec_.build().likelihood)
        return replace(made, context=context)

    def _theta(self, dtype: str) -> np.ndarray:
        return np.asarray(self.theta_.astype(dtype, copy=False))

    def _codes(self, made: Rows) -> np.ndarray:
        """Posterior means (N, L), in the dtype of the rows."""
        return codes(self.spec_.build(), self._theta(rows.computed_in(made.stored)), made)[0]

    def _means(self, Z: Any, context: np.ndarray | None = None, like: Any = None) -> Any:
        """Means of p(x given z) in the units of the data, (N, D), as a frame where there is one to be like."""
        z = check_array(Z, dtype=[np.float64, np.float32], input_name="Z")
        if z.shape[1] != self.spec_.latent:
            raise DataError(f"codes need {self.spec_.latent} numbers each, got {z.shape[1]}: give what transform gives")
        means = decoded(self.spec_.build(), self._theta(z.dtype.name), z, context)
        return frames.outside(self.contract_, means, like, z.dtype)

    def _drawn(self, n: int, rng: np.random.Generator, context: np.ndarray | None = None) -> Any:
        """n draws of x, in the units of the data, (n, D), as a frame where one was fitted."""
        model, theta = self.spec_.build(), self.theta_
        _, x = model.sample(model.views(theta), n, rng, theta.dtype.name, context)
        return frames.outside(self.contract_, x, self.frame_, theta.dtype)

    def _scores(self, made: Rows, bound: bool | None = None) -> np.ndarray:
        """log p(x) of every row in nats and in the units of the data, or its lower bound; (N,) in float64."""
        kind, draws = self.scored_by_
        bound = kind == "elbo" if bound is None else bound
        model, theta = self.spec_.build(), self._theta(rows.computed_in(made.stored))
        scores = log_px_by_row(model, theta, made, samples=draws, seed=self.seed_, bound=bound)
        if model.likelihood.levels is None:  # densities; masses do not change with the unit
            scores = scores + self.contract_.log_slope(made)
        return scores

    def _generator(self, random_state: Any, purpose: str) -> np.random.Generator:
        source = self.random_state if random_state is None else random_state
        return stream(fitting.drawn_seed(source), purpose)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_vitral_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        version = state.pop("_vitral_version", "unknown")
        if version != __version__:
            warnings.warn(
                f"this {type(self).__name__} was pickled by Vitral {version} and is read by {__version__}: "
                "its numbers may differ; files written with save are read for ever",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)
