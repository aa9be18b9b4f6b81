"""What a model says of the entries of a row that nobody observed: means, draws, and how far to trust them.

    E[f(x_mis) given x_obs] ~ Σ_k w_k E[f(x_mis) given z_k] / Σ_k w_k        ess = (Σ_k w_k)² / Σ_k w_k²

The estimate is the single imputation of Mattei and Frellsen 2019, section 3.2, with a share of the draws from the prior
(proposals.py); the draws are their multiple imputation, by sampling, importance, resampling (Rubin 1987).
Derivation: docs/derivations/imputation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.applications.imputation.proposals import completions, mixture, normalised
from vitral.core.randomness import stream
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.evaluation.likelihood import side_by_side
from vitral.model import Batch, Model
from vitral.parts.likelihoods import Categorical, Mixed

SAMPLES = 1000  # draws of z for every row
DECODINGS = 5000  # draws of z decoded together: as many rows as fit, at least one
FEW = 10.0  # effective draws below which an estimate rests on almost nothing


@dataclass(frozen=True)
class Imputed:
    """Rows whose holes are filled, x (N, D) as the model sees rows, in float64; observed entries are as they were.

    ``means`` has the conditional mean of a number, the chance of a 1, the most probable class. ``draws`` (M, N, D) are
    draws from p(x_mis given x_obs). ``ess`` (N,) is the effective number of draws behind each row, from 1 to K; NaN
    where nothing was missing.
    """

    means: np.ndarray
    draws: np.ndarray
    ess: np.ndarray

    @property
    def few(self) -> int:
        """How many rows rest on fewer than ten effective draws."""
        return int((self.ess < FEW).sum())


def impute(
    model: Model,
    theta: np.ndarray,
    rows: Rows,
    *,
    for_holes: bool,
    samples: int = SAMPLES,
    draws: int = 0,
    seed: int = 0,
) -> Imputed:
    """Fill the holes of rows (NaN, with ``rows.missing``) by importance sampling with ``samples`` draws of z a row.

    ``for_holes`` says that the encoder was trained with holes and is shown them; another encoder is shown rows that
    the model itself has completed. The means of a row depend on that row alone, its draws on its place as well: equal
    rows get equal means and different draws. A row without any observed entry gets the model's marginal.
    """
    _check(model, samples, draws)
    x = rows.take(slice(None), "float64")
    holes = np.isnan(x)
    open_rows = np.flatnonzero(holes.any(axis=1))
    made = Imputed(x.copy(), np.repeat(x[None], draws, axis=0), np.full(len(x), np.nan))
    height = max(DECODINGS // samples, 1)

    def some(start: int) -> None:
        places = open_rows[start : start + height]
        means, drawn, ess = _of_few(model, theta, rows, places, (for_holes, samples, draws, seed))
        made.means[places] = np.where(holes[places], means, x[places])
        made.draws[:, places] = np.where(holes[places], drawn, x[places])
        made.ess[places] = ess

    side_by_side(some, range(0, len(open_rows), height))
    return made


def _check(model: Model, samples: int, draws: int) -> None:
    if not model.posterior.has_density:
        raise UsageError(
            "a plain autoencoder says nothing of what it was not shown: take a model with a posterior, a VAE"
        )
    if samples < 2:
        raise UsageError(f"samples must be at least 2, got {samples}: 1000, say")
    if draws < 0:
        raise UsageError(f"draws must be at least 0, got {draws}: 5, say")


def _of_few(
    model: Model, theta: np.ndarray, rows: Rows, places: np.ndarray, how: tuple[bool, int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (n, D), draws (M, n, D) and effective draws (n,) of a few rows."""
    for_holes, samples, draws, seed = how
    p, batch = model.views(theta), rows.batch(places, theta.dtype.name)
    if for_holes:
        h = [model.encoder_output(p, batch.inputs, batch.context)]
    else:
        h = completions(model, p, batch, rows.columns, seed)
    weights, o = weighted(model, p, batch, h, samples, seed)
    means = expected(model.likelihood, p.likelihood, o, weights)
    drawn = np.empty((draws, *means.shape))
    for number, place in enumerate(places if draws else ()):
        rng = stream(seed, "imputed draws", int(place))
        drawn[:, number] = _drawn(model, p, o[:, number], weights[:, number], draws, rng)
    return means, drawn, 1.0 / (weights * weights).sum(axis=0)


def weighted(
    model: Model, p: Any, batch: Batch, h: list[np.ndarray], samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Normalised weights (K, N) in float64, and the decoder's outputs o (K, N, M) that they belong to."""
    z, log_ratio = mixture(model, p, batch, h, samples, seed)
    o = model.decoder_output(p, z, batch.context)
    log_px, _ = model.likelihood.log_prob(p.likelihood, batch.target, o, batch.mask)
    return normalised(log_px.astype(np.float64) - log_ratio), o


def expected(likelihood: Any, p: Any, o: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Σ_k w_k E[x given z_k], (N, D); of classes, the one whose Σ_k w_k p(class given z_k) is largest.

    o is (K, N, M), the weights (K, N) add up to 1 over K.
    """
    if isinstance(likelihood, Mixed):
        parts = [expected(part, views, own, weights) for part, views, _, own in likelihood.by_column(p, o)]
        return np.concatenate(parts, axis=-1)
    if isinstance(likelihood, Categorical):
        chances = np.einsum("kn,kndc->ndc", weights, np.exp(likelihood.log_masses(p, o)))
        return np.argmax(chances, axis=-1).astype(np.float64)
    return np.einsum("kn,knd->nd", weights, likelihood.mean(p, o))


def _drawn(
    model: Model, p: Any, o: np.ndarray, weights: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """M draws of x (M, D) of one row: a z by its weight, then x given that z."""
    edges = np.cumsum(weights)
    chosen = np.searchsorted(edges, rng.random(draws) * edges[-1], side="right").clip(max=len(edges) - 1)
    return model.likelihood.sample(p.likelihood, o[chosen], rng)
