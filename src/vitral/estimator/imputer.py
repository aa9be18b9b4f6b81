"""``VAEImputer``: holes filled in, as a transformer of scikit-learn."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from vitral.applications.imputation import Imputed, impute
from vitral.data import Rows, tables
from vitral.data.frames import with_columns
from vitral.errors import DataError
from vitral.estimator import fitting, frames
from vitral.estimator.base import Generative
from vitral.estimator.parameters import CONSTRAINTS
from vitral.networks import positive

OWN = ("n_components", "hidden", "likelihood", "max_iter", "batch_size", "learning_rate", "verbose", "random_state",
       "spec")  # fmt: skip
RARE = 0.05  # the share of rows that may rest on few effective draws without a warning


class VAEImputer(TransformerMixin, Generative):  # type: ignore[misc]
    """Missing values (NaN) of X, filled in by a variational autoencoder that is trained on what was observed.

    ``fit`` trains on the observed entries alone; ``transform`` gives every hole its mean given the rest of its row, by
    importance sampling (Mattei and Frellsen 2019). What was observed comes back bit for bit.

    Parameters
    ----------
    n_components : int, default=10
        Numbers of a code.
    hidden : sequence of int, default=(128,)
        Widths of the encoder's hidden layers, and of the decoder's.
    likelihood : str or dict, default="auto"
        p(x given z), as of ``VAE``. Columns of classes in a data frame have likelihoods of their own.
    max_iter : int or "auto", default="auto"
        Epochs: how often every row is seen. "auto": about 5,000 steps, at least 30 epochs and at most 300.
    batch_size : int or "auto", default="auto"
        Rows a step. "auto": a sixteenth of the rows, at least 16 and at most 128.
    learning_rate : float or dict, default=1e-3
        Of the optimiser (Adam); a dict is a schedule of the step.
    samples : int, default=1000
        Draws of z behind every row that is imputed.
    add_indicator : bool, default=False
        Whether ``transform`` adds a column for every one that had holes in ``fit``: 1 where a value was missing.
    verbose : int, default=0
        Every so many epochs a line on stderr, through the logger "vitral".
    random_state : int, RandomState or None, default=None
        One seed is drawn from it at ``fit``. Equal seeds give equal bits.
    spec : dict or None, default=None
        The rest of the engine, as of ``VAE``.

    Attributes
    ----------
    indicated_ : ndarray of int
        Which columns have an indicator: those that had holes in ``fit``, with ``add_indicator``.
    theta_, spec_, contract_, n_iter_, loss_curve_, n_features_in_, feature_names_in_
        As of ``VAE``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from vitral import VAEImputer
    >>> X = load_iris().data
    >>> holes = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    >>> whole = VAEImputer(max_iter=50, random_state=0).fit_transform(holes)
    >>> whole.shape, bool(np.isnan(whole).any())
    ((150, 4), False)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{name: CONSTRAINTS[name] for name in OWN},
        "max_iter": [StrOptions({"auto"}), *CONSTRAINTS["max_iter"]],
        "samples": [Interval(Integral, 2, None, closed="left")],
        "add_indicator": ["boolean"],
    }
    missing = "model"
    beta = 1.0
    warm_start = False

    def __init__(
        self,
        n_components: int = 10,
        *,
        hidden: Any = (128,),
        likelihood: Any = "auto",
        max_iter: Any = "auto",
        batch_size: Any = "auto",
        learning_rate: Any = 1e-3,
        samples: int = 1000,
        add_indicator: bool = False,
        verbose: Any = 0,
        random_state: Any = None,
        spec: dict[str, Any] | None = None,
    ) -> None:
        self.n_components = n_components
        self.hidden = hidden
        self.likelihood = likelihood
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.samples = samples
        self.add_indicator = add_indicator
        self.verbose = verbose
        self.random_state = random_state
        self.spec = spec

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on what was observed of the rows of X (N, D); y is ignored.

        Raises ValueError for parameters and rows that cannot be used, such as a column without any value, and
        TrainingDiverged where the loss is no number.
        """
        self._validate_params()
        given = self._given(X, y, anew=True)
        holes = np.isnan(given.stored)
        if holes.all(axis=0).any():
            number = int(np.argmax(holes.all(axis=0)))
            raise DataError(f"column {self._base_names()[number]!r} of X holds no value: leave it out")
        fitting.fit(self, given)
        self.indicated_ = np.flatnonzero(holes.any(axis=0) & self.add_indicator)
        return self

    def transform(self, X: Any) -> Any:
        """X (N, D) without holes, in its dtype; of a frame with columns of classes, a frame like it.

        Numbers are conditional means, classes the most probable ones; a column of whole numbers stays one. The values
        of a row depend on that row alone. Warns where many rows rest on few effective draws.
        """
        stored = self._stored(X)
        made = self._imputed(stored)
        return self._outside(X, stored, made.means)

    def draw(self, X: Any, n_draws: int = 5, *, random_state: Any = None) -> list[Any]:
        """Several completions of X, each drawn from p(missing given observed): for multiple imputation.

        Without a ``random_state`` the seed of the fit is taken. How to combine what is computed from each:
        docs/imputation.md.
        """
        positive("n_draws", n_draws)
        stored = self._stored(X)
        seed = None if random_state is None else fitting.drawn_seed(random_state)
        made = self._imputed(stored, draws=n_draws, seed=seed)
        return [self._outside(X, stored, one) for one in made.draws]

    def effective_sample_size(self, X: Any) -> np.ndarray:
        """The effective number of draws behind the values of every row, (N,), 1 to ``samples``; NaN without holes."""
        return self._of_rows(self._rows(self._stored(X))).ess

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the columns of X, and those of the indicators."""
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        added = [f"missingindicator_{names[number]}" for number in self.indicated_]
        return np.array([*names, *added], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = [] if self.add_indicator else ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return len(self.get_feature_names_out())

    def _base_names(self) -> list[Any]:
        return list(getattr(self, "feature_names_in_", range(self.n_features_in_)))

    def _beside(self) -> dict[str, Any]:
        """What else of a fitted imputer goes into its file."""
        return {"indicated_": self.indicated_}

    def _restored(self) -> None:
        """A model that was trained elsewhere has no indicators."""
        self.indicated_ = np.array(getattr(self, "indicated_", ()), dtype=np.int64)

    def _imputed(self, stored: np.ndarray, draws: int = 0, seed: int | None = None) -> Imputed:
        made = self._of_rows(self._rows(stored), draws, seed)
        holed = int((~np.isnan(made.ess)).sum())
        if made.few > RARE * holed:
            warnings.warn(
                f"{made.few} of {holed} rows with holes rest on fewer than 10 effective draws: take more samples, or "
                "a smaller model",
                UserWarning,
                stacklevel=3,
            )
        return made

    def _of_rows(self, rows: Rows, draws: int = 0, seed: int | None = None) -> Imputed:
        dtype = "float32" if rows.stored.dtype == np.float32 else "float64"
        seed = self.seed_ if seed is None else seed
        model, theta = self.spec_.build(), self._theta(dtype)
        return impute(model, theta, rows, for_holes=True, samples=self.samples, draws=draws, seed=seed)

    def _outside(self, X: Any, stored: np.ndarray, x: np.ndarray) -> Any:
        """Rows x of the model in the units of X, with what was observed as it is there, and the indicators."""
        whole, holes = self.contract_.filled(stored, x), np.isnan(stored)
        columns, flags = self.contract_.columns, holes[:, self.indicated_]
        if columns is None or not frames.mixed(columns) or frames.package_of(X) is None:
            return np.hstack([whole, flags.astype(whole.dtype)]) if self.add_indicator else whole
        made = {
            column.name: tables.outside(column, whole[:, number])
            for number, column in enumerate(columns)
            if holes[:, number].any()
        }
        names = self.get_feature_names_out()[len(columns) :]
        return with_columns(X, made | dict(zip(names, flags.T, strict=True)))
