"""Anomalies: scores of rows, thresholds that keep their promise, and which columns make a row odd."""

from vitral.applications.anomaly.attribution import contributions
from vitral.applications.anomaly.calibration import Calibration, calibration, share_threshold
from vitral.applications.anomaly.evidence import DRAWS, Evidence, evidence
from vitral.applications.anomaly.scores import RELATIVE, SCORES, USUAL_ROWS, Scorer, default_score, scorer

__all__ = [
    "DRAWS",
    "RELATIVE",
    "SCORES",
    "USUAL_ROWS",
    "Calibration",
    "Evidence",
    "Scorer",
    "calibration",
    "contributions",
    "default_score",
    "evidence",
    "scorer",
    "share_threshold",
]
