"""What ``vitral score`` computes: scores, p-values, outliers, and what every entry adds to a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vitral.api import TrainedModel
from vitral.applications.anomaly import (
    RELATIVE,
    Calibration,
    Scorer,
    calibration,
    contributions,
    default_score,
    scorer,
    share_threshold,
)
from vitral.applications.anomaly.calibration import check_share
from vitral.cli.inputs import model_data, rows_to_use
from vitral.cli.pictures import PICTURES, image_shape
from vitral.data import Data, Rows
from vitral.evaluation.latent import codes, decoded

REFERENCE = 5_000  # usual rows that are looked at, at most
SHOWN = 10  # images of a picture


@dataclass(frozen=True)
class Asked:
    """A model, and what is asked of it."""

    trained: TrainedModel
    kind: str
    fpr: float | None
    contamination: float | None
    normal: str | None
    data_name: str | None
    label: str | None
    draws: int
    seed: int
    quiet: bool

    @cached_property
    def data(self) -> Data:
        """The data that the model was trained on, or those that --data names."""
        return model_data(self.trained, self.data_name, quiet=self.quiet)

    @cached_property
    def usual(self) -> Rows:
        """Training rows: what the model takes for usual."""
        return self.data.train.select(slice(0, REFERENCE))

    @property
    def held_out(self) -> Rows:
        """Rows without outliers that the model was not trained on."""
        if self.normal is None:
            return self.data.validation
        return rows_to_use(self.trained, self.normal, label=self.label, quiet=self.quiet)

    @property
    def score(self) -> str:
        """The name of the score: what "auto" stands for is the kind of data's."""
        image = self.trained.contract.image_shape is not None
        return default_score(image=image) if self.kind == "auto" else self.kind

    @cached_property
    def scorer(self) -> Scorer:
        usual = self.usual if self.score in RELATIVE else None
        one = self.trained
        return scorer(one.model, one.theta, self.score, usual=usual, draws=self.draws, seed=self.seed)


def scored(
    asked: Asked, name: str | None, announce: Callable[[str], None]
) -> tuple[Rows, dict[str, np.ndarray], float | None]:
    """The rows, the columns of the result by name, and the threshold where one was asked for."""
    for what, share, most in (("--fpr", asked.fpr, 1.0), ("--contamination", asked.contamination, 0.5)):
        if share is not None:
            check_share(what, share, most)
    announce("scores")
    rows = rows_to_use(asked.trained, name, label=asked.label, quiet=asked.quiet)
    columns: dict[str, np.ndarray] = {"row": np.arange(len(rows)), "score": asked.scorer(rows)}
    threshold = None
    if asked.fpr is not None or asked.normal is not None:
        announce("calibration")
        known: Calibration = calibration(asked.scorer(asked.held_out))
        columns["p_value"] = known.p_values(columns["score"])
        threshold = None if asked.fpr is None else known.threshold(asked.fpr)
    if asked.contamination is not None:
        threshold = share_threshold(columns["score"], asked.contamination)
    if threshold is not None:
        columns["outlier"] = columns["score"] > threshold
    return rows, columns, threshold


def summed_up(asked: Asked, columns: dict[str, np.ndarray], threshold: float | None, count: int) -> dict[str, Any]:
    """What --json says of the result."""
    scores = columns["score"]
    oddest = np.argsort(-scores, kind="stable")[:count]
    about = {"score": asked.score, "draws": asked.draws, "rows": len(scores), "threshold": threshold}
    about["outliers"] = int(columns["outlier"].sum()) if threshold is not None else None
    about["oddest"] = [{name: column[row].item() for name, column in columns.items()} for row in oddest]
    return about


def explained(asked: Asked, rows: Rows, scores: np.ndarray, path: Path, language: str) -> Any:
    """What every entry adds beyond its usual part: a picture of the oddest images, columns by name, or an array."""
    one = asked.trained
    if path.suffix in PICTURES:
        rows = rows.select(np.argsort(-scores, kind="stable")[:SHOWN])
    added = contributions(one.model, one.theta, rows, asked.usual, draws=asked.draws, seed=asked.seed)
    if path.suffix in PICTURES:
        return _picture(one, rows, added, language)
    return added if path.suffix == ".npy" else _columns(one, added)


def _columns(one: TrainedModel, added: np.ndarray) -> dict[str, np.ndarray]:
    """The row, the column that adds most, and what each adds, in nats."""
    known = one.contract.columns
    names = [f"x{place}" for place in range(added.shape[1])] if known is None else [column.name for column in known]
    most = np.array(names, dtype=object)[added.argmax(axis=1)]
    first = {"row": np.arange(len(added)), "most": most}
    return first | {f"{name}_nats": added[:, place] for place, name in enumerate(names)}


def _picture(one: TrainedModel, rows: Rows, added: np.ndarray, language: str) -> Any:
    """The oddest images, what the model makes of them, and where they are odd: white is most."""
    from vitral.report.figures.images import reconstruction_figure
    from vitral.report.language import language as words_of

    words, shape = words_of(language), image_shape(one)
    means = decoded(one.model, one.theta, codes(one.model, one.theta, rows)[0], rows.context)
    heat = np.maximum(added, 0.0)
    heat = heat / np.maximum(heat.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    shown = {"row.original": rows.take(slice(None)), "row.at_mean": means, "row.heat": heat}
    named = {words.text(name): images for name, images in shown.items()}
    return reconstruction_figure(named, shape, title=words.text("score.title"), language=language)
