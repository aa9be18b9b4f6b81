"""``VAE``: the variational autoencoder as transformer, density and outlier detector of scikit-learn."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from vitral.applications.anomaly import scorer
from vitral.core.randomness import stream
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.estimator import fitting, frames, rows
from vitral.estimator.base import Generative
from vitral.estimator.parameters import CONSTRAINTS, CONTAMINATION
from vitral.networks import positive

FENCE = 1.5  # interquartile ranges below the lower quartile: Tukey's fence
FENCE_ROWS = 2048  # rows that it is built from, where there are more


class VAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OutlierMixin, Generative):  # type: ignore[misc]
    """A variational autoencoder: codes, densities, draws and outliers of the rows of X.

    Parameters
    ----------
    n_components : int, default=2
        Numbers of a code: what ``transform`` gives of a row.
    hidden : sequence of int, default=(400,)
        Widths of the encoder's hidden layers, and of the decoder's.
    likelihood : str or dict, default="auto"
        p(x given z). "auto": Bernoulli where all entries of X are 0 or 1; a Gaussian of one learned variance for
        images (``spec["image_shape"]``); else a Gaussian with a learned variance for every column. Any likelihood of
        ``vitral.Spec`` by name, or by a dict of its kind and options. Where it scores the whole line, columns are
        standardised for the model, and all results are in the units of X again.
    beta : float or dict, default=1.0
        Weight of the KL in training; a dict is a schedule of the step.
    max_iter : int, default=100
        Epochs: how often every row is seen.
    batch_size : int or "auto", default="auto"
        Rows a step. "auto": a sixteenth of the rows, at least 16 and at most 128.
    learning_rate : float or dict, default=1e-3
        Of the optimiser (Adam); a dict is a schedule of the step.
    contamination : "auto" or float in (0, 0.5], default="auto"
        Which training rows are outliers: that share with the lowest scores, or with "auto" those that lie more than
        1.5 interquartile ranges below the lower quartile of the scores (of 2,048 rows where there are more).
    missing : "refuse" or "model", default="refuse"
        NaN in X is an error, or an entry that was not observed: the likelihood is that of the others.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the parameters of the fit before, with its scaling.
    verbose : int, default=0
        Every so many epochs a line on stderr, through the logger "vitral".
    random_state : int, RandomState or None, default=None
        One seed is drawn from it at ``fit``. Equal seeds give equal bits.
    spec : dict or None, default=None
        The rest of the engine. Structure: encoder, decoder, posterior, prior, image_shape. Training: objective,
        optimiser, shards, clip, average, start_from, steps (instead of max_iter), validation (share of rows),
        patience, keep. Scores: score ("importance" or "elbo"), draws (100).

    Attributes
    ----------
    theta_ : ndarray
        All parameters, in the dtype of X (float32 for bytes).
    spec_ : vitral.Spec
        What the model is.
    contract_ : vitral.data.Contract
        What its rows are, scaling included.
    n_iter_ : int
        Epochs of the last fit, or passes so far.
    loss_curve_ : list of float
        Mean loss of every epoch while the parameters moved, in nats a row of the scaled data.
    validation_curve_ : list of float or None
        Loss of the validation rows after every epoch, where there are some.
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this.
    n_features_in_, feature_names_in_
        Columns of X, and their names where all are text.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from vitral import VAE
    >>> X = load_iris().data
    >>> vae = VAE(n_components=2, hidden=(32,), random_state=0).fit(X)
    >>> vae.transform(X).shape, vae.sample(3).shape
    ((150, 2), (3, 4))
    >>> bool(vae.score(X) > vae.score(X + 10.0))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**CONSTRAINTS, "contamination": CONTAMINATION}

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden: Any = (400,),
        likelihood: Any = "auto",
        beta: Any = 1.0,
        max_iter: int = 100,
        batch_size: Any = "auto",
        learning_rate: Any = 1e-3,
        contamination: Any = "auto",
        missing: str = "refuse",
        warm_start: bool = False,
        verbose: Any = 0,
        random_state: Any = None,
        spec: dict[str, Any] | None = None,
    ) -> None:
        self.n_components = n_components
        self.hidden = hidden
        self.likelihood = likelihood
        self.beta = beta
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.contamination = contamination
        self.missing = missing
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.spec = spec

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on the rows of X (N, D); y is ignored.

        Raises ValueError for parameters and rows that cannot be used, TrainingDiverged where the loss is no number.
        """
        self._validate_params()
        warm = self.warm_start and hasattr(self, "theta_")
        fitting.fit(self, self._given(X, y, anew=not warm))
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """One pass over the rows of X (N, D): the first fits the scaling, every one the threshold ``offset_``.

        k passes over the same rows give the parameters of ``fit`` with ``max_iter=k``, bit for bit.
        """
        self._validate_params()
        fitting.one_more_pass(self, self._given(X, y, anew=not hasattr(self, "theta_")))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Codes (N, L): the mean of q(z given x) of every row, in the dtype of X. Nothing is drawn."""
        return self._codes(self._rows(self._stored(X)))

    def inverse_transform(self, Z: Any) -> Any:
        """Rows (N, D) for codes (N, L): the mean of p(x given z), in the units of the data.

        A model that was fitted to a data frame gives one of the same package, with the names and types of its columns.
        """
        check_is_fitted(self)
        return self._means(Z, like=self.frame_)

    def reconstruct(self, X: Any) -> Any:
        """The mean of p(x given z) at the code of every row, (N, D), of missing entries too; of a frame, a frame."""
        codes = self._codes(self._rows(self._stored(X)))
        return self._means(codes, like=X if frames.package_of(X) else None)

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> Any:
        """New rows (n, D): z from the prior, x from p(x given z), in the units of the data.

        They come as a frame where one was fitted. There is no y to go with them, so X comes alone, as from
        ``KernelDensity.sample``. Without a ``random_state`` the estimator's own is taken: with a number the same rows
        every time.
        """
        check_is_fitted(self)
        positive("n_samples", n_samples)
        return self._drawn(n_samples, self._generator(random_state, "sample"))

    def score_samples(self, X: Any, *, bound: bool | None = None) -> np.ndarray:
        """log p(x) of every row, (N,) in float64: nats, in the units of the data.

        Estimated by importance sampling with ``spec["draws"]`` draws that all rows share, so that the number of a row
        depends on that row alone. ``bound=True`` gives the evidence lower bound instead. Of a row with missing entries
        it is the density of the others.
        """
        return self._scores(self._rows(self._stored(X)), bound)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of ``score_samples``."""
        return float(np.mean(self.score_samples(X)))

    def anomaly_score(self, X: Any, kind: str = "bound", *, usual: Any = None) -> np.ndarray:
        """How odd every row is, (N,) in float64: higher is odder, the opposite of ``score_samples``.

        ``kind`` is a name of ``vitral.applications.anomaly.SCORES``, in the scaled units of the model: "bound" is
        -ELBO, "likelihood" -log p(x), "reconstruction" the distortion alone, "error" the squared error,
        "relative_error" that of images by their size, "rate" the KL.
        "latent", "typicality", "states" and "neighbours" are relative to ``usual`` rows (R, D) that are no anomalies,
        such as those of the fit. The draws are 16 that all rows share. How-to: docs/anomaly.md.
        """
        made = self._rows(self._stored(X))
        known = None if usual is None else self._rows(self._stored(usual))
        theta = self._theta(rows.computed_in(made.stored))
        return scorer(self.spec_.build(), theta, kind, usual=known, seed=self.seed_)(made)

    def decision_function(self, X: Any) -> np.ndarray:
        """``score_samples(X) - offset_``, (N,): below 0 for outliers."""
        scores = self.score_samples(X)
        return scores - self._offset()

    def predict(self, X: Any) -> np.ndarray:
        """1 for inliers and -1 for outliers, (N,)."""
        return np.where(self.decision_function(X) >= 0.0, 1, -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "model"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _offset(self) -> float:
        if not hasattr(self, "offset_"):
            raise UsageError(
                "this model has no threshold, because no estimator was fitted: set offset_ to one, such as "
                "numpy.percentile(vae.score_samples(X), 5)"
            )
        return float(self.offset_)

    def _learned(self, train: Rows) -> None:
        """The threshold between outliers and others."""
        self.__dict__.pop("offset_", None)
        if self.spec_.build().posterior.has_density:
            self.offset_ = self._threshold(train)

    def _threshold(self, train: Rows) -> float:
        if self.contamination != "auto":
            return float(np.percentile(self._scores(train), 100.0 * self.contamination))
        if len(train) > FENCE_ROWS:
            train = train.select(np.sort(stream(self.seed_, "fence").permutation(len(train))[:FENCE_ROWS]))
        low, high = np.percentile(self._scores(train), (25.0, 75.0))
        return float(low - FENCE * (high - low))

    def _beside(self) -> dict[str, Any]:
        """What else of a fitted estimator goes into its file: nothing."""
        return {}

    def _restored(self) -> None:
        """What is left to do after a file was read: nothing."""
