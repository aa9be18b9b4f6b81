"""What the codes know about the images, and how far all codes together are from the prior, in nats.

mean KL(q(z given x), p(z)) = I(x; z) + KL(q(z), p(z)),    q(z) = (1/N) Σ_n q(z given x_n)                  # E12

q(z) of the true data distribution is not known, that of N images is: it gives bounds, one from each side.
Derivation and biases: docs/derivations/information.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, logsumexp
from vitral.core.parameters import Views
from vitral.core.randomness import draw, stream
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.evaluation.likelihood import BLOCK, side_by_side, standard_error
from vitral.evaluation.samples import even, mmd2
from vitral.model import Model
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

IMAGES = 10_000  # at most so many images make up q(z): every code is compared with every image
GENERAL = 500  # the same where q is not diagonal, and every pair costs a pass through it
PRIOR_DRAWS = 2_000
CHUNK = 500  # codes at a time
BY_DIMENSION = 10**8  # densities of single dimensions computed, at most
RARE = 0.01  # the share of codes that lie where q(z) is thinnest


class Densities(NamedTuple):
    """At codes z_i of N images: log q(z_i given x_i), log q(z_i) with image i and without it, and log p(z_i)."""

    own: np.ndarray
    included: np.ndarray
    left_out: np.ndarray
    prior: np.ndarray


@dataclass(frozen=True)
class Aggregate:
    """q(z) = (1/N) Σ_n q(z given x_n): the encoder outputs h (N, H) of some images, and one code z (N, L) of each."""

    model: Model
    p: Views
    h: np.ndarray
    z: np.ndarray
    mu: np.ndarray
    logvar: np.ndarray | None

    def log_pairs(self, z: np.ndarray) -> np.ndarray:
        """log q(z_i given x_n), (m, N), for codes z (m, L)."""
        if isinstance(self.model.posterior, DiagonalGaussian):
            return self._diagonal_pairs(z)
        shape = (len(z), len(self.h), z.shape[1])
        return self.model.posterior.log_prob(self.p.posterior, self.h, np.broadcast_to(z[:, None], shape))

    def _diagonal_pairs(self, z: np.ndarray) -> np.ndarray:
        """Three matrix products: -1/2 [z² (1/v)ᵀ - 2 z (mu/v)ᵀ + Σ_l (mu²/v + log v + log 2π)]."""
        precision = np.exp(-self.logvar)
        pairs = z @ (self.mu * precision).T
        pairs -= 0.5 * (z * z) @ precision.T
        pairs -= 0.5 * (self.mu**2 * precision + self.logvar + LOG_TWO_PI).sum(axis=1)
        return pairs

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """log q(z), (m,), with every image in the mean."""
        rows = self._chunked(
            lambda start: logsumexp(self.log_pairs(z[start : start + self.chunk]), 1), len(z)
        )
        return np.concatenate(rows) - np.log(len(self.h))

    @property
    def chunk(self) -> int:
        """How many codes are compared with all images at a time."""
        return CHUNK if isinstance(self.model.posterior, DiagonalGaussian) else max(CHUNK // 50, 1)

    def _chunked(self, function: Callable[[int], Any], count: int) -> list[Any]:
        return side_by_side(function, range(0, count, self.chunk))

    def densities(self) -> Densities:
        """Every log density at the codes of the images themselves."""
        pieces = self._chunked(self._some, len(self.z))
        own, included, left_out = (np.concatenate([piece[k] for piece in pieces]) for k in range(3))
        prior, _ = self.model.prior.log_prob(self.p, self.z[None])
        return Densities(own, included, left_out, prior[0])

    def _some(self, start: int) -> tuple[np.ndarray, ...]:
        """The same of some codes; each image's own term is taken out before the sum, not subtracted after it."""
        pairs, count = self.log_pairs(self.z[start : start + self.chunk]), len(self.h)
        rows = np.arange(len(pairs))
        own = pairs[rows, start + rows].copy()
        pairs[rows, start + rows] = -np.inf
        top = pairs.max(axis=1)
        weights = np.exp(pairs - top[:, None])
        others = top + np.log(weights.sum(axis=1))
        return own, np.logaddexp(others, own) - np.log(count), others - np.log(count - 1)

    def by_dimension(self, z: np.ndarray) -> np.ndarray:
        """log q(z_l) of every dimension by itself, (m, L), where q has a known variance in each."""

        def some(start: int) -> np.ndarray:
            columns = [self._one(z[start : start + CHUNK, k], k) for k in range(z.shape[1])]
            return np.stack(columns, axis=1)

        return np.concatenate(side_by_side(some, range(0, len(z), CHUNK)))

    def _one(self, z: np.ndarray, dimension: int) -> np.ndarray:
        mu, logvar = self.mu[:, dimension], self.logvar[:, dimension]
        squares = (z[:, None] - mu) ** 2 * np.exp(-logvar)
        return logsumexp(-0.5 * (squares + logvar + LOG_TWO_PI), 1) - np.log(len(mu))


def aggregate(model: Model, theta: np.ndarray, rows: Rows, *, seed: int) -> Aggregate:
    """q(z) of these rows, in float64, with one code drawn for each."""
    p = model.views(theta.astype(np.float64))
    pieces = []
    for number in range(-(-len(rows) // BLOCK)):
        batch = rows.batch(slice(number * BLOCK, (number + 1) * BLOCK), "float64")
        h = model.encoder_output(p, batch.inputs, batch.context)
        noise = draw(
            model.posterior.noise_shapes(1, len(h)), stream(seed, "aggregate posterior", number), "float64"
        )
        drawn, _ = model.posterior.sample(p.posterior, h, noise)
        pieces.append((h, drawn.z[0], drawn.mu, drawn.logvar))
    h, z, mu = (np.concatenate([piece[k] for piece in pieces]) for k in range(3))
    known = pieces[0][3] is not None
    return Aggregate(model, p, h, z, mu, np.concatenate([piece[3] for piece in pieces]) if known else None)


def information(
    model: Model,
    theta: np.ndarray,
    rows: Rows,
    *,
    seed: int,
    images: int | None = None,
    prior_draws: int = PRIOR_DRAWS,
) -> dict[str, Any]:
    """Mutual information, marginal KL and how well the prior covers the codes, as plain data in nats.

    At most ``images`` rows are used, spread evenly (10,000; 500 where q is not diagonal). Of N images no more than
    log N nats can be seen: ``mutual_information`` is low and ``mutual_information_upper`` high in expectation,
    ``marginal_kl`` high and ``marginal_kl_lower`` low; the first of each add up to ``kl``. ``_se`` are standard errors
    over images. None: no such number for this model.
    """
    if not model.posterior.has_density:
        raise UsageError("a plain autoencoder has no q(z given x): information needs a VAE")
    if rows.context is not None:
        raise UsageError(
            "I(x; z) against a prior that depends on a condition is no KL: measure a model without one"
        )
    limit = images or (IMAGES if isinstance(model.posterior, DiagonalGaussian) else GENERAL)
    if min(limit, len(rows)) < 2:
        raise UsageError(f"information needs two images or more, got {min(limit, len(rows))}: give more rows")
    q = aggregate(model, theta, rows.select(even(len(rows), limit)), seed=seed)
    at = q.densities()
    by_dimension = _correlation(q, at)
    drawn = np.asarray(model.prior.sample(q.p, prior_draws, stream(seed, "prior draws")), np.float64)
    parts = {
        "images": len(q.z),
        "log_images": float(np.log(len(q.z))),
        **_means(at, sum(by_dimension["dimension_kl"] or [0.0])),
        **by_dimension,
        **_coverage(q, at, drawn),
    }
    distance = mmd2(q.z, drawn, seed=seed)
    return {**parts, "aggregate_mmd2": distance.value, "aggregate_mmd2_se": distance.standard_error}


def _means(at: Densities, known: float) -> dict[str, float | None]:
    """E12 and its two bounds; ``known`` is what the marginal KL is at least, by its dimensions alone."""
    kl, lower = float((at.own - at.prior).mean()), float((at.left_out - at.prior).mean())
    lower = max(lower, known, 0.0)
    return {
        "kl": kl,
        "kl_se": standard_error(at.own - at.prior),
        "mutual_information": float((at.own - at.included).mean()),  # E12
        "mutual_information_upper": kl - lower,
        "mutual_information_se": standard_error(at.own - at.included),
        "marginal_kl": float((at.included - at.prior).mean()),  # E12
        "marginal_kl_lower": lower,
        "marginal_kl_se": standard_error(at.included - at.prior),
    }


def _correlation(q: Aggregate, at: Densities) -> dict[str, Any]:
    """KL(q(z), Π_l q(z_l)), and KL(q(z_l), p(z_l)) of every dimension: together the marginal KL (Chen et al. 2018)."""
    names = ("total_correlation", "total_correlation_lower", "total_correlation_se", "dimension_kl")
    if q.logvar is None:
        return dict.fromkeys(names)
    some = even(len(q.z), max(BY_DIMENSION // q.logvar.size, 2))
    alone = q.by_dimension(q.z[some])
    ratio = at.included[some] - alone.sum(axis=1)
    lower = max(float((at.left_out[some] - alone.sum(axis=1)).mean()), 0.0)
    of_dimensions = None
    if isinstance(q.model.prior, StandardNormal):
        of_dimensions = (alone + 0.5 * (q.z[some] ** 2 + LOG_TWO_PI)).mean(axis=0).tolist()
    values = (float(ratio.mean()), lower, standard_error(ratio), of_dimensions)
    return dict(zip(names, values, strict=True))


def _coverage(q: Aggregate, at: Densities, drawn: np.ndarray) -> dict[str, Any]:
    """Whether each of q(z) and p(z) has density where the other puts its draws; 1% is chance in both.

    ``holes``: the share of prior draws at which q(z) is lower than at 99% of the codes, each judged by the other
    images. ``strays``: the share of codes at which p(z) is lower than at 99% of its own draws.
    """
    own, _ = q.model.prior.log_prob(q.p, drawn[None])
    holes = float((q.log_density(drawn) < np.quantile(at.left_out, RARE)).mean())
    strays = float((at.prior < np.quantile(own[0], RARE)).mean())
    return {
        "prior_draws": len(drawn),
        "holes": holes,
        "holes_se": float(np.sqrt(holes * (1.0 - holes) / len(drawn))),
        "strays": strays,
        "strays_se": float(np.sqrt(strays * (1.0 - strays) / len(q.z))),
        "aggregate_mean": q.z.mean(axis=0).tolist(),
        "aggregate_variance": q.z.var(axis=0, ddof=1).tolist(),
        "prior_mean": drawn.mean(axis=0).tolist(),
        "prior_variance": drawn.var(axis=0, ddof=1).tolist(),
    }


class RateDistortion(NamedTuple):
    """Rate E KL(q(z given x), p(z)) and distortion -E log p(x given z), in nats an image: their sum is -ELBO."""

    rate: float
    rate_se: float | None
    distortion: float
    distortion_se: float | None


def rate_distortion(values: Mapping[str, np.ndarray]) -> RateDistortion:
    """The point of one model, from what ``likelihood.per_image`` measured (Alemi et al. 2018, section 3)."""
    rate, distortion = values["kl"], -values["log_px"]
    if np.isnan(rate).any():
        raise UsageError("a plain autoencoder has no rate: rate and distortion need a VAE")
    return RateDistortion(
        float(rate.mean()), standard_error(rate), float(distortion.mean()), standard_error(distortion)
    )


class CurvePoint(NamedTuple):
    """One model on the rate-distortion plane; ``dominated``: another has less of both."""

    name: str
    beta: float | None
    rate: float
    distortion: float
    dominated: bool


def rate_distortion_curve(entries: Mapping[str, Mapping[str, Any]], split: str = "test") -> list[CurvePoint]:
    """The models of a metrics.json by rising rate: distortion = -(ELBO + KL). Without a rate a model is left out."""
    measured = {
        name: (float(entry[split]["kl"]), -float(entry[split]["elbo"]) - float(entry[split]["kl"]))
        for name, entry in entries.items()
        if entry[split].get("kl") is not None and entry[split].get("elbo") is not None
    }
    points = []
    for name, (rate, distortion) in measured.items():
        beta = entries[name].get("objective", {}).get("beta")
        beaten = any(r < rate and d < distortion for r, d in measured.values())
        points.append(
            CurvePoint(name, beta if isinstance(beta, int | float) else None, rate, distortion, beaten)
        )
    return sorted(points, key=lambda point: point.rate)
