"""Several models beside one another: which of their numbers share a scale, and differences paired by image.

Every model scores the same test images, so the error of a difference is the standard error of the differences
of single images; with several seeds the spread between the seeds' differences is added in squares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.data import Data
from vitral.evaluation.likelihood import standard_error
from vitral.model import Model
from vitral.parts.likelihoods import (
    Bernoulli,
    BetaBinomial,
    Categorical,
    ContinuousBernoulli,
    DiscretisedLogistic,
    GaussianFixed,
    GaussianImage,
    GaussianLearned,
    GaussianPixel,
    LogisticMixture,
    Mixed,
    Poisson,
)
from vitral.study import measure

COMPARED = ("elbo", "log_px_hat")
SCALES = {
    "mass": "probability masses",
    "density": "probability densities",
    "mixed": "densities of some columns and masses of others",
    "loss": "losses that are no likelihood (a Bernoulli on grey levels)",
    "none": "models without a density of their codes",
}

MASSES = (Bernoulli, BetaBinomial, Categorical, DiscretisedLogistic, LogisticMixture, Poisson)
DENSITIES = (ContinuousBernoulli, GaussianFixed, GaussianImage, GaussianLearned, GaussianPixel)
SCALE_OF: dict[type, str] = {**dict.fromkeys(MASSES, "mass"), **dict.fromkeys(DENSITIES, "density"), Mixed: "mixed"}

Images = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Scored:
    """One model of a comparison: the scale of its numbers, and those of every test image, seed by seed."""

    name: str
    scale: str
    seeds: Sequence[Images]


def scale_of(model: Model, data: Data) -> str:
    """On which scale a model's likelihood is measured: masses and densities do not compare, nor losses with either."""
    if not model.posterior.has_density:
        return "none"
    if measure.loss_only(model, data):
        return "loss"
    return SCALE_OF[type(model.likelihood)]


def tables(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """One table for each scale, models in their order: differences to the first, and to the best."""
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        groups.setdefault(one.scale, []).append(one)
    return [_table(scale, group) for scale, group in groups.items()]


def _table(scale: str, group: list[Scored]) -> dict[str, Any]:
    key = next((key for key in reversed(COMPARED) if all(_values(one, key) for one in group)), None)
    best = None if key is None else max(group, key=lambda one: float(np.mean(_values(one, key))))
    rows = {}
    for one in group:
        rows[one.name] = {
            f"{name}_to_{where}{ending}": value
            for where, other in (("first", group[0]), ("best", best))
            for name in COMPARED
            for ending, value in zip(("", "_se"), difference(one, other, name), strict=True)
        }
    return {
        "scale": scale,
        "by": key,
        "first": group[0].name,
        "best": None if best is None else best.name,
        "models": rows,
    }


def _values(one: Scored, key: str) -> list[float]:
    """The mean over images of every seed that has it."""
    return [float(images[key].mean()) for images in one.seeds if key in images]


def difference(one: Scored, other: Scored | None, key: str) -> tuple[float | None, float | None]:
    """one - other with its error: differences of single images, averaged over the seeds that both have.

    error² = se² over images + sd² / S over the S seeds
    """
    if other is None or one is other:
        return None, None
    pairs = [
        mine[key] - theirs[key]
        for mine, theirs in zip(one.seeds, other.seeds, strict=False)
        if key in mine and key in theirs
    ]
    if not pairs:
        return None, None
    over_images = standard_error(np.mean(pairs, axis=0)) or 0.0
    of_seeds = [float(pair.mean()) for pair in pairs]
    between = float(np.var(of_seeds, ddof=1)) / len(pairs) if len(pairs) > 1 else 0.0
    return float(np.mean(of_seeds)), float(np.sqrt(over_images**2 + between))
