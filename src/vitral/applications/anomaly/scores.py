"""How odd a row is, higher being odder: every score is a function of the evidence. Derivation: anomaly.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitral.applications.anomaly.evidence import DRAWS, TINY, Evidence, evidence
from vitral.data import Rows
from vitral.errors import DataError, UsageError, unknown
from vitral.model import Model

NEIGHBOURS = 5
USUAL_ROWS = 5_000  # that are looked at, at most, to learn what is usual
RIDGE = 1e-6  # of its mean diagonal, added to a covariance before it is inverted


def bound(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """-ELBO: what the row costs in nats, its code included; at least its surprise, on average."""
    return seen.distortion + seen.rate


def likelihood(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """-log p_hat(x), by importance sampling."""
    return seen.surprise


def reconstruction(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """-E_q log p(x given z): the reconstruction probability of An and Cho (2015), as a surprise."""
    return seen.distortion


def error(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """|x - x_hat|²: the squared distance to the reconstruction, in the scaled units of the model."""
    return _of_numbers(seen.error)


def relative_error(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """|x - x_hat|² / |x_hat|: for images, where more ink has more edges to miss (docs/anomaly.md)."""
    return _of_numbers(seen.error) / (seen.size + RIDGE)


def rate(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """KL(q(z given x), p(z)): how far the row moves its code from the prior."""
    return seen.rate


def latent(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """(m - c)ᵀ C⁻¹ (m - c): the distance of the code from the usual codes, of mean c and covariance C."""
    return _distance(seen.code, _known(usual).code)


def typicality(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """|surprise - its usual mean|: too likely is odd as well (Nalisnick et al. 2019, for one row)."""
    return np.abs(seen.surprise - _known(usual).surprise.mean())


def states(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """The distance of the whole evidence from the usual one, by its covariance: too good is as odd as too bad.

    The evidence is (log error, rate, surprise, bias, evenness); of names of classes (distortion, rate, surprise). After
    the density of states of Morningstar et al. (2021), with one Gaussian.
    """
    return _distance(_states(seen), _states(_known(usual)))


def neighbours(seen: Evidence, usual: Evidence | None) -> np.ndarray:
    """The distance of the code to the fifth nearest usual code: a search, not a function of the model alone."""
    from sklearn.neighbors import NearestNeighbors

    known = _known(usual).code
    if len(known) < NEIGHBOURS:
        raise DataError(f"score 'neighbours' needs at least {NEIGHBOURS} usual rows, got {len(known)}: give more")
    search = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(known)
    return np.asarray(search.kneighbors(seen.code)[0][:, -1])


Score = Callable[[Evidence, Evidence | None], np.ndarray]
OF_NATS: tuple[Score, ...] = (bound, likelihood, reconstruction, rate, typicality, states)
OF_CODES: tuple[Score, ...] = (error, relative_error, latent, neighbours)  # nothing is drawn: no density is needed
SCORES: dict[str, Score] = {score.__name__: score for score in (*OF_NATS, *OF_CODES)}
RELATIVE = ("latent", "typicality", "states", "neighbours")  # to usual rows


@dataclass(frozen=True)
class Scorer:
    """A trained model and the score that it gives: a function of rows.

    The score of a row depends on that row alone, not on the rows beside it or their order; equal seeds give equal
    bits. ``usual`` is the evidence of rows that are no anomalies, which some scores are relative to.
    """

    model: Model
    theta: np.ndarray
    kind: str = "bound"
    draws: int = DRAWS
    seed: int = 0
    usual: Evidence | None = None

    def __call__(self, rows: Rows) -> np.ndarray:
        """The scores of rows, (N,) in float64: higher is odder."""
        return SCORES[self.kind](self.evidence(rows), self.usual)

    def evidence(self, rows: Rows) -> Evidence:
        """What the score is made of."""
        nats = SCORES[self.kind] in OF_NATS
        return evidence(self.model, self.theta, rows, draws=self.draws, seed=self.seed, nats=nats)


def scorer(
    model: Model,
    theta: np.ndarray,
    kind: str = "bound",
    *,
    usual: Rows | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Scorer:
    """A scorer of one ``kind``, of ``SCORES``; ``usual`` are rows that are no anomalies, as the training rows.

    Raises UsageError for a score that does not exist, or that lacks usual rows or a density.
    """
    if kind not in SCORES:
        raise unknown("score", kind, SCORES)
    made = Scorer(model, theta, kind, draws, seed)
    if kind not in RELATIVE:
        return made
    if usual is None or len(usual) < 2:
        raise UsageError(f"score {kind!r} is relative to usual rows: give at least two rows that are no anomalies")
    return Scorer(model, theta, kind, draws, seed, made.evidence(usual.select(slice(0, USUAL_ROWS))))


def default_score(*, image: bool) -> str:
    """The score that is meant where none is named, by the kind of data: chosen on docs/anomaly.md's evidence."""
    return "relative_error" if image else "bound"


def _of_numbers(error: np.ndarray) -> np.ndarray:
    if np.isnan(error).any():
        raise UsageError("an error needs numbers, and this model's rows hold names of classes: use score 'bound'")
    return error


def _known(usual: Evidence | None) -> Evidence:
    if usual is None:
        raise UsageError("this score is relative to usual rows: make it with scorer(..., usual=rows)")
    return usual


def _states(seen: Evidence) -> np.ndarray:
    """Numbers that say how a row is explained, (N, 5) or (N, 3)."""
    if np.isnan(seen.error).any():
        return np.stack([seen.distortion, seen.rate, seen.surprise], axis=1)
    off = np.log(seen.error + RIDGE)
    return np.stack([off, seen.rate, seen.surprise, seen.bias, seen.evenness], axis=1)


def _distance(points: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distance of points (N, S) from usual ones (R, S)."""
    centre = usual.mean(axis=0)
    spread = np.atleast_2d(np.cov(usual, rowvar=False))
    spread = spread + np.eye(len(spread)) * (RIDGE * np.trace(spread) / len(spread) + TINY)
    away = points - centre
    return np.asarray((away * np.linalg.solve(spread, away.T).T).sum(axis=1))
