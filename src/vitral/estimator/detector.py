"""``PyODVAE``: PyOD's contract of a detector, over a VAE whose defaults suit the search for anomalies in tables.

The one module that imports pyod: without it, importing this module says so in one sentence.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from vitral.applications.anomaly import DRAWS, SCORES
from vitral.errors import MissingPackage, UsageError, unknown
from vitral.estimator.vae import VAE

LIKELIHOOD = {"kind": "gaussian_learned", "link": "identity", "floor": 1e-2}  # of standardised columns
STEPS, BATCH, RATE = 1000, 64, 3e-3


def _pyod() -> Any:
    """The class that detectors derive from."""
    try:
        from pyod.models.base import BaseDetector
    except (ImportError, OSError) as error:
        raise MissingPackage(
            f"PyODVAE needs the package pyod, which does not load ({error}): pip install 'vitral[pyod]'"
        ) from error
    return BaseDetector


_Base = _pyod()


class PyODVAE(_Base):  # type: ignore[misc, valid-type]
    """A detector of anomalies by PyOD's names and sign: higher is more abnormal, labels are 0 and 1.

    Parameters
    ----------
    contamination : float in (0, 0.5], default=0.1
        The share of the training rows that ``threshold_`` and ``labels_`` take for anomalies; scores do not change.
    n_components : int, default=2
        Numbers of a code.
    hidden : sequence of int, default=(64,)
        Widths of the encoder's hidden layers, and of the decoder's.
    score : str, default="bound"
        A name of ``vitral.applications.anomaly.SCORES``; those that are relative are so to the training rows.
    likelihood : str or dict or None, default=None
        p(x given z), as of ``VAE``. None: a Gaussian with one learned variance, of columns that are standardised.
    steps : int, default=1000
        Updates of the parameters, about, whatever the number of rows; at least one pass.
    batch_size : int, default=64
        Rows of a step.
    learning_rate : float, default=3e-3
        Of Adam.
    spec : dict or None, default=None
        The rest of the engine, as of ``VAE``.
    verbose : int, default=0
        Every so many epochs a line on stderr.
    random_state : int, RandomState or None, default=None
        Equal seeds give equal bits.

    Attributes
    ----------
    vae_ : VAE
        The fitted model: ``transform``, ``sample``, ``save`` and the other scores are its own.
    decision_scores_, threshold_, labels_
        Scores of the training rows, the score above which a row is an anomaly, and 1 for those rows.

    Examples
    --------
    >>> import numpy as np
    >>> from vitral import PyODVAE
    >>> X = np.random.default_rng(0).normal(size=(300, 5))
    >>> detector = PyODVAE(contamination=0.05, steps=100, random_state=0).fit(X)
    >>> bool(detector.decision_function(X + 10.0).min() > detector.threshold_)
    True
    """

    def __init__(
        self,
        contamination: Any = 0.1,
        *,
        n_components: int = 2,
        hidden: Any = (64,),
        score: str = "bound",
        likelihood: Any = None,
        steps: int = STEPS,
        batch_size: int = BATCH,
        learning_rate: float = RATE,
        spec: dict[str, Any] | None = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        super().__init__(contamination=contamination)
        self.n_components = n_components
        self.hidden = hidden
        self.score = score
        self.likelihood = likelihood
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.spec = spec
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on the rows of X (N, D), anomalies among them or not; y is ignored."""
        if self.score not in SCORES:
            raise unknown("score", self.score, SCORES)
        self._set_n_classes(None)
        self.vae_ = self._model().fit(X)
        self._usual = X
        self.decision_scores_ = self.decision_function(X)
        self._process_decision_scores()
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """How odd every row of X (N, D) is, (N,): higher is more abnormal."""
        if not hasattr(self, "vae_"):
            raise UsageError("this PyODVAE is not fitted: call fit first")
        return self.vae_.anomaly_score(X, self.score, usual=self._usual)

    def _model(self) -> VAE:
        return VAE(
            self.n_components,
            hidden=self.hidden,
            likelihood=LIKELIHOOD if self.likelihood is None else self.likelihood,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            verbose=self.verbose,
            random_state=self.random_state,
            spec={"draws": DRAWS, **(self.spec or {}), "steps": self.steps},
        )
