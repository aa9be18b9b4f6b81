"""``VAEOverSampler``: imbalanced-learn's contract of a sampler, over a conditional model of the classes.

The one module that imports imbalanced-learn: without it, importing this module says so in one sentence.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_consistent_length, validate_data

from vitral.applications.augmentation import STARTS, around_rows, from_prior
from vitral.core.randomness import stream
from vitral.errors import DataError, MissingPackage, UsageError
from vitral.estimator import fitting, frames
from vitral.estimator.conditional import ConditionalVAE
from vitral.training import pace

HIDDEN, LATENT = (64,), 8  # of the model where none is given: chosen on half of the tables of docs/augmentation.md
UPDATES, LEAST_EPOCHS = 1000, 20  # steps of its training, about, where the rows are few


def _imbalanced_learn() -> Any:
    """The class that over-samplers derive from, and the function that looks at y."""
    try:
        from imblearn.over_sampling.base import BaseOverSampler
        from imblearn.utils import check_target_type
    except (ImportError, OSError) as error:
        raise MissingPackage(
            "VAEOverSampler needs the package imbalanced-learn, which does not load "
            f"({error}): pip install 'vitral[imblearn]'"
        ) from error
    return BaseOverSampler, check_target_type


_Base, _check_target_type = _imbalanced_learn()


class VAEOverSampler(_Base):  # type: ignore[misc, valid-type]
    """Over-sampling by a conditional variational autoencoder of all classes, fitted to the rows that are given.

    In a pipeline of imbalanced-learn ``fit_resample`` sees the training rows alone, and so does the model. One model
    learns all classes: what they share is learned from the large ones, also for a class of five rows.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        How many rows of which class there shall be, as everywhere in imbalanced-learn.
    start : "rows" or "prior", default="rows"
        Where new rows come from: codes drawn around those of rows of the class, or the prior of the class.
    draws : "auto" or bool, default="auto"
        Draws of p(x given z), or its means. "auto": means, which helped classifiers more, but draws where columns hold
        classes or bits, of which a mean is no value.
    estimator : ConditionalVAE or None, default=None
        The model, cloned and fitted; None takes one that suits small tables.
    random_state : int, RandomState or None, default=None
        Of the training and of what is drawn. Equal seeds give equal bits.

    Attributes
    ----------
    estimator_ : ConditionalVAE
        The fitted model.
    sampling_strategy_ : dict
        How many rows were made of each class.
    n_features_in_, feature_names_in_
        Columns of X, and their names where all are text.

    Notes
    -----
    X may be an array of numbers (8-bit images too, as rows), a pandas DataFrame, whose columns of classes stay what
    they are, or a sparse matrix, which is made dense for the model. Whole numbers are rounded and stay within their
    type. NaN is an entry that was not observed; new rows have none.

    Examples
    --------
    >>> from collections import Counter
    >>> from sklearn.datasets import load_iris
    >>> from vitral import VAEOverSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:110], y[:110]
    >>> made, labels = VAEOverSampler(random_state=0).fit_resample(X, y)
    >>> sorted(Counter(labels.tolist()).items())
    [(0, 50), (1, 50), (2, 50)]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_Base._parameter_constraints,
        "start": [StrOptions(set(STARTS))],
        "draws": [StrOptions({"auto"}), "boolean"],
        "estimator": [HasMethods(["fit", "sample", "score_samples"]), None],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        start: str = "rows",
        draws: Any = "auto",
        estimator: Any = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.start = start
        self.draws = draws
        self.estimator = estimator
        self.random_state = random_state

    def _check_X_y(  # noqa: N802 - the name that imbalanced-learn calls
        self, X: Any, y: Any
    ) -> tuple[Any, np.ndarray, bool]:
        """X as it is modelled: an array or sparse matrix of numbers, or a frame with columns of classes."""
        y, as_one_vs_all = _check_target_type(y, indicate_one_vs_all=True)
        if frames.package_of(X) == "polars":
            raise DataError("imbalanced-learn knows no polars DataFrame: give X.to_pandas()")
        columns = None if _all_sparse(X) else frames.columns_of(X)
        if frames.mixed(columns):
            if self.draws is False:
                raise UsageError("X has columns of classes, and a mean of classes is no row: leave draws out")
            validate_data(self, X=X, y=y, reset=True, skip_check_array=True)
            check_consistent_length(X, y)
            return X, y, as_one_vs_all
        X, y = validate_data(
            self, X=X, y=y, reset=True, accept_sparse=["csr", "csc"], ensure_all_finite="allow-nan"
        )
        return X, y, as_one_vs_all

    def _fit_resample(self, X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
        """The rows that were given, then the new ones, class after class."""
        rows = X.toarray() if issparse(X) else X
        chance = check_random_state(self.random_state)
        self.estimator_ = self._model(rows).set_params(random_state=int(chance.randint(2**31 - 1)))
        self.estimator_.fit(rows, y)
        wanted = [np.full(count, label) for label, count in self.sampling_strategy_.items()]
        labels = np.concatenate([y[:0], *wanted]).astype(y.dtype)
        rng = stream(fitting.drawn_seed(chance), "over-sampling")
        made = self._rows(rows, y, labels, rng)
        whole = np.concatenate([_as_array(rows), made])
        return type(X)(whole) if issparse(X) else whole, np.concatenate([y, labels])

    def _model(self, rows: Any) -> ConditionalVAE:
        """A model that is not fitted yet: the given one's clone, or one of the size that suits small tables."""
        model = self.estimator
        if model is None:
            batch = pace.batch_size(len(rows))
            epochs = max(UPDATES * batch // len(rows), LEAST_EPOCHS)
            model = ConditionalVAE(LATENT, hidden=HIDDEN, max_iter=epochs)
        if not isinstance(model, ConditionalVAE):
            raise UsageError(f"estimator must be a ConditionalVAE, got {type(model).__name__}: give one")
        holes = rows.isna().to_numpy() if hasattr(rows, "columns") else np.isnan(rows)
        made: ConditionalVAE = clone(model)
        made.set_params(condition="labels", missing="model" if holes.any() else model.missing)
        return made

    def _rows(self, rows: Any, y: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """New rows (n, D) of these classes, in the units and with the values of the columns."""
        model, context = self.estimator_, self.estimator_.target_.numbers(labels, len(labels))
        engine, theta = model.spec_.build(), model.theta_
        as_they_come = frames.mixed(model.contract_.columns) or model.spec_.likelihood["kind"] == "bernoulli"
        draws = bool(as_they_come) if self.draws == "auto" else bool(self.draws)
        if self.start == "prior":
            x = from_prior(engine, theta, len(labels), rng, context=context, draws=draws)
        else:
            places = [rng.choice(np.flatnonzero(y == label)) for label in labels]
            known = model._rows(model._stored(rows), model.target_.numbers(y, len(y)))
            x = around_rows(engine, theta, known, np.array(places, np.intp), rng, draws=draws)
        made = frames.outside(model.contract_, x, model.frame_ if hasattr(rows, "columns") else None, theta.dtype)
        return _as_array(made) if hasattr(made, "columns") else _of_kind(made, rows.dtype)

    def _more_tags(self) -> dict[str, Any]:
        return {"X_types": ["2darray", "sparse", "dataframe"], "allow_nan": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _all_sparse(X: Any) -> bool:
    """Whether X is a frame of sparse columns, which scikit-learn turns into a sparse matrix."""
    return hasattr(X, "dtypes") and hasattr(X, "columns") and all("Sparse" in str(kind) for kind in X.dtypes)


def _as_array(rows: Any) -> np.ndarray:
    """Rows as one array; of a frame with columns of classes, an array of objects."""
    return np.asarray(rows.to_numpy(dtype=object) if hasattr(rows, "columns") else rows)


def _of_kind(made: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """New numbers in the dtype of X: whole numbers are rounded, and lie within the limits of their type."""
    if dtype.kind not in "iu":
        return made.astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(made), limits.min, limits.max), dtype)
