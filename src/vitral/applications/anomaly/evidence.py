"""What a model says about every row, in nats: the evidence that all scores are made of. Derivation: anomaly.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from vitral.core.arrays import logsumexp
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.evaluation import likelihood
from vitral.evaluation.latent import codes, decoded
from vitral.evaluation.likelihood import CACHED, shared_noise, side_by_side
from vitral.model import Batch, Model
from vitral.networks import positive

Measure = Callable[[Model, Any, Batch, dict[str, np.ndarray]], np.ndarray]
TINY = np.finfo(np.float64).tiny
DRAWS = 16  # of z for every row, the same for all rows


@dataclass(frozen=True)
class Evidence:
    """Of every row: distortion, rate and surprise (N,), the code (N, L), and what its residual is like.

    distortion = -E_q log p(x given z)      rate = E_q[log q(z given x) - log p(z)]      distortion + rate = -ELBO
    surprise = -log p_hat(x)                code = mean of q(z given x)
    r = x - x_hat(code)                     error = Σ_d r_d²      bias = Σ_d r_d      evenness = Σ_d |r_d| / sqrt(error)
    size = sqrt(Σ_d x_hat_d²), of x_hat in the unit of the data, whose zero means something: black, nothing

    All but the size in the scaled units of the model; sums over what was observed. What is made of the residual is NaN
    where values are names of classes.
    """

    distortion: np.ndarray
    rate: np.ndarray
    surprise: np.ndarray
    code: np.ndarray
    error: np.ndarray
    bias: np.ndarray
    evenness: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.distortion)

    def select(self, index: np.ndarray | slice) -> Evidence:
        """That of some of the rows."""
        return Evidence(**{each.name: getattr(self, each.name)[index] for each in fields(self)})


def evidence(
    model: Model, theta: np.ndarray, rows: Rows, *, draws: int = DRAWS, seed: int = 0, nats: bool = True
) -> Evidence:
    """The evidence of rows, from ``draws`` of z that all rows share: that of a row depends on that row alone.

    Without ``nats`` nothing is drawn, and only code and error are known: all that a plain autoencoder has, whose codes
    have no density. Raises UsageError where it is asked for nats.
    """
    mu, _ = codes(model, theta, rows)
    in_nats = _by_row(model, theta, rows, _nats, draws, seed) if nats else np.full((len(rows), 3), np.nan)
    return Evidence(*in_nats.T, mu.astype(np.float64), *_residuals(model, theta, rows, mu))


def distortions(
    model: Model, theta: np.ndarray, rows: Rows, *, draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """-E_q log p(x_d given z) of every entry, (N, D); 0 where nothing was observed. They sum to the distortion."""
    return _by_row(model, theta, rows, _entries, draws, seed)


def _by_row(
    model: Model, theta: np.ndarray, rows: Rows, measure: Measure, draws: int, seed: int
) -> np.ndarray:
    """``measure`` of every row, with one set of draws for all of them."""
    if not model.posterior.has_density:
        raise UsageError("a plain autoencoder has no likelihood: its only scores are 'error' and 'latent'")
    positive("draws", draws)
    noise, p = shared_noise(model, draws, seed, theta.dtype), model.views(theta)
    height = max(CACHED // draws, 1)

    def some(start: int) -> np.ndarray:
        batch = rows.batch(slice(start, start + height), theta.dtype.name)
        return np.asarray(measure(model, p, batch, likelihood.spread(noise, len(batch.target))), np.float64)

    return np.concatenate(side_by_side(some, range(0, len(rows), height)))


def _nats(model: Model, p: Any, batch: Batch, noise: dict[str, np.ndarray]) -> np.ndarray:
    """Distortion, rate and surprise, (N, 3)."""
    terms, _, _ = model.run(p, batch, noise)
    log_px = terms.log_px.astype(np.float64)
    each = np.asarray(terms.log_qz, np.float64) - terms.log_pz
    surprise = np.log(len(log_px)) - logsumexp(log_px - each, axis=0)
    return np.stack([-log_px.mean(axis=0), each.mean(axis=0), surprise], axis=1)


def _entries(model: Model, p: Any, batch: Batch, noise: dict[str, np.ndarray]) -> np.ndarray:
    """-E_q log p(x_d given z), (N, D)."""
    _, o, _ = model.run(p, batch, noise)
    terms = model.likelihood.log_prob_terms(p.likelihood, batch.target, o)
    if batch.mask is not None:
        terms = terms * batch.mask
    return -terms.mean(axis=0, dtype=np.float64)


def _residuals(model: Model, theta: np.ndarray, rows: Rows, mu: np.ndarray) -> np.ndarray:
    """Error, bias and evenness of the residual of every row at its code, and the size of its mean, (4, N)."""
    if not model.likelihood.numeric:
        return np.full((4, len(rows)), np.nan)
    made = np.empty((4, len(rows)))
    location = 0.0 if rows.location is None else np.asarray(rows.location)
    spread = 1.0 if rows.spread is None else np.asarray(rows.spread)
    for some in (slice(start, start + CACHED) for start in range(0, len(rows), CACHED)):
        context = None if rows.context is None else rows.context[some]
        mean = decoded(model, theta, mu[some], context).astype(np.float64)
        residual = np.nan_to_num(rows.take(some, "float64") - mean)
        error = (residual * residual).sum(axis=-1)
        evenness = np.abs(residual).sum(axis=-1) / np.sqrt(error + TINY)
        size = np.sqrt(((mean * spread + location) ** 2).sum(axis=-1))
        made[:, some] = error, residual.sum(axis=-1), evenness, size
    return made
