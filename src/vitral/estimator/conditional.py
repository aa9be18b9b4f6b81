"""``ConditionalVAE``: p(x given y), learned from labels or from numbers beside each row."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from vitral.core.arrays import logsumexp
from vitral.errors import DataError, UsageError
from vitral.estimator import fitting, frames, targets
from vitral.estimator.base import Generative
from vitral.estimator.parameters import CONSTRAINTS
from vitral.networks import positive


class ConditionalVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Generative):  # type: ignore[misc]
    """A variational autoencoder of p(x given y): encoder and decoder see y beside the row.

    y is a class for each row (whole numbers, text) or numbers beside it (fractions, several columns). Where it is left
    out later, as pipelines do, classes are summed over: ``score_samples(X)`` is log p(x) = log Σ_y p(y) p(x given y),
    and ``transform(X)`` weighs the codes by p(y given x). Numbers cannot be left out.

    Parameters
    ----------
    condition : "auto", "labels" or "numbers", default="auto"
        What y is. "auto": numbers where it has fractions or several columns, else labels.
    n_components, hidden, likelihood, beta, max_iter, batch_size, learning_rate, missing, warm_start, verbose, \
random_state, spec
        As of ``VAE``.

    Attributes
    ----------
    classes_ : ndarray or None
        The classes of y, in their order.
    theta_, spec_, contract_, n_iter_, loss_curve_, validation_curve_, n_features_in_, feature_names_in_
        As of ``VAE``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from vitral import ConditionalVAE
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ConditionalVAE(hidden=(32,), random_state=0).fit(X, y)
    >>> rows, labels = model.sample(4, y=2)
    >>> rows.shape, labels
    ((4, 4), array([2, 2, 2, 2]))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "condition": [StrOptions(set(targets.CONDITIONS))],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        condition: str = "auto",
        hidden: Any = (400,),
        likelihood: Any = "auto",
        beta: Any = 1.0,
        max_iter: int = 100,
        batch_size: Any = "auto",
        learning_rate: Any = 1e-3,
        missing: str = "refuse",
        warm_start: bool = False,
        verbose: Any = 0,
        random_state: Any = None,
        spec: dict[str, Any] | None = None,
    ) -> None:
        self.n_components = n_components
        self.condition = condition
        self.hidden = hidden
        self.likelihood = likelihood
        self.beta = beta
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.missing = missing
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.spec = spec

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the rows of X (N, D) given y, (N,) or (N, C)."""
        self._validate_params()
        warm = self.warm_start and hasattr(self, "theta_")
        given = self._given(X, y, anew=not warm)
        _check_target(given.stored, y)
        target = self.target_.again(y) if warm else targets.target_of(y, self.condition)
        fitting.fit(self, given.with_target(target))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """One pass over the rows of X (N, D) given y; the first may be told all ``classes`` that will come."""
        self._validate_params()
        first = not hasattr(self, "theta_")
        given = self._given(X, y, anew=first)
        _check_target(given.stored, y)
        target = targets.target_of(y, self.condition, classes) if first else self.target_.again(y)
        fitting.one_more_pass(self, given.with_target(target))
        return self

    def transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Codes (N, L): the mean of q(z given x, y), or without y of the mixture over the classes, given x."""
        stored = self._stored(X)
        if y is not None:
            return self._codes(self._rows(stored, self._context(y, len(stored))))
        codes = [self._codes(self._rows(stored, context)) for context in self._every_class(len(stored))]
        joint = self._joint(stored)
        weights = np.exp(joint - logsumexp(joint, axis=0))
        return np.asarray(np.einsum("cn,cnl->nl", weights.astype(codes[0].dtype), np.stack(codes)))

    def inverse_transform(self, Z: Any, y: Any = None) -> Any:
        """Rows (N, D) for codes (N, L) and y: the mean of p(x given z, y), in the units of the data; as of ``VAE``."""
        check_is_fitted(self)
        return self._means(Z, self._context(y, len(Z)), self.frame_)

    def reconstruct(self, X: Any, y: Any) -> Any:
        """The mean of p(x given z, y) at the code of every row, (N, D); of a frame, a frame."""
        stored = self._stored(X)
        context = self._context(y, len(stored))
        return self._means(self._codes(self._rows(stored, context)), context, X if frames.package_of(X) else None)

    def sample(self, n_samples: int = 1, *, y: Any = None, random_state: Any = None) -> tuple[Any, np.ndarray]:
        """New rows (n, D) and their y: as asked for, one for all or for each, or classes as often as in training."""
        check_is_fitted(self)
        positive("n_samples", n_samples)
        rng = self._generator(random_state, "sample")
        if y is None:
            y = self._classes()[rng.choice(len(self._classes()), n_samples, p=self.target_.condition.shares)]
        return self._drawn(n_samples, rng, self._context(y, n_samples)), np.array(self.target_.each(y, n_samples))

    def score_samples(self, X: Any, y: Any = None, *, bound: bool | None = None) -> np.ndarray:
        """log p(x given y) of every row, or without y log p(x), (N,) in float64: nats, in the units of the data."""
        stored = self._stored(X)
        if y is None:
            return np.asarray(logsumexp(self._joint(stored, bound), axis=0))
        return self._scores(self._rows(stored, self._context(y, len(stored))), bound)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of ``score_samples``."""
        return float(np.mean(self.score_samples(X, y)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "model"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = True
        return tags

    def _context(self, y: Any, rows: int) -> np.ndarray:
        if y is None:
            raise UsageError(f"this model is conditional, and no {self.target_.condition.needs.replace('label', 'y')}")
        return self.target_.numbers(y, rows)

    def _classes(self) -> np.ndarray:
        if self.target_.classes is None:
            raise UsageError("y holds numbers, which cannot be summed over: give y")
        return self.target_.classes

    def _every_class(self, rows: int) -> list[np.ndarray]:
        return [self._context(label, rows) for label in self._classes()]

    def _joint(self, stored: np.ndarray, bound: bool | None = None) -> np.ndarray:
        """log p(y) + log p(x given y) of every class, (C, N)."""
        scores = [self._scores(self._rows(stored, context), bound) for context in self._every_class(len(stored))]
        shares = np.asarray(self.target_.condition.shares)
        with np.errstate(divide="ignore"):  # a class that was announced and has not come yet
            return np.asarray(np.stack(scores) + np.log(shares)[:, None])

    def _beside(self) -> dict[str, Any]:
        """What of y goes into a file."""
        t = self.target_
        return {"target_": {"classes": t.classes, "seen": t.seen, "location": t.location, "spread": t.spread}}

    def _restored(self) -> None:
        """y as it was, from what a file told; or, of a model of the command line, from its contract."""
        told = getattr(self, "target_", None) or {}
        known = {name: None if value is None else np.asarray(value) for name, value in told.items()}
        condition = self.contract_.context
        assert condition is not None, "the file was read as one of a conditional model"
        if not known and condition.kind == "labels":
            known = {"classes": np.asarray(condition.classes)}
        if not known:
            known = {"location": np.zeros(condition.width), "spread": np.ones(condition.width)}
        self.target_ = targets.Target(condition, **known)
        self.classes_ = self.target_.classes


def _check_target(stored: np.ndarray, y: Any) -> None:
    if y is None:
        raise DataError(
            "ConditionalVAE requires y to be passed, but the target y is None: give labels or numbers, or use VAE"
        )
    check_consistent_length(stored, y)
