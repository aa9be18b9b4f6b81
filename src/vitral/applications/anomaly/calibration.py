"""From scores to decisions: p-values, and thresholds that keep what they promise. Derivation: anomaly.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vitral.errors import DataError, UsageError


@dataclass(frozen=True)
class Calibration:
    """The scores of n rows that are no anomalies and were not trained on, sorted.

    p(s) = (1 + #{held-out scores >= s}) / (n + 1)

    If a row is exchangeable with the held-out rows, P(p <= a) <= a for every a, whatever the model (Vovk et al. 2005,
    proposition 2.4): a false alarm is as rare as promised, on average over calibrations.
    """

    scores: np.ndarray

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """How rare such a score is among normal rows, (N,), in [1 / (n + 1), 1]."""
        n = len(self.scores)
        above = n - np.searchsorted(self.scores, scores, side="left")
        return np.asarray((1.0 + above) / (n + 1.0))

    def threshold(self, fpr: float) -> float:
        """The score above which a row is an outlier, so that at most ``fpr`` of normal rows are: p <= fpr.

        It is the k-th smallest held-out score, k = ⌈(n + 1)(1 - fpr)⌉. Raises DataError where n is too small to say.
        """
        n = len(self.scores)
        k = math.ceil((n + 1) * (1.0 - fpr) - 1e-9)
        if k > n:
            raise DataError(
                f"a false-positive rate of {fpr:g} needs at least {math.ceil(1.0 / fpr - 1e-9) - 1} held-out normal "
                f"rows, got {n}: give more of them, or ask for {1.0 / (n + 1):.2g}"
            )
        return float(self.scores[k - 1])


def calibration(scores: np.ndarray) -> Calibration:
    """A calibration by the scores (n,) of held-out normal rows."""
    scores = np.sort(np.asarray(scores, np.float64).ravel())
    if not len(scores):
        raise DataError("a calibration needs held-out normal rows, got none: give some")
    if not np.isfinite(scores).all():
        raise DataError("the scores of held-out rows hold NaN or infinity: look at those rows first")
    return Calibration(scores)


def share_threshold(scores: np.ndarray, contamination: float) -> float:
    """The score above which lies a share ``contamination`` of these rows, ties excepted: no promise, a quota."""
    check_share("contamination", contamination, 0.5)
    return float(np.quantile(scores, 1.0 - contamination))


def check_share(name: str, value: float, most: float) -> None:
    """Refuse a share outside (0, most]."""
    if not 0.0 < value <= most:
        raise UsageError(f"{name} must be a share above 0 and at most {most:g}, got {value:g}: write 0.05, say")
