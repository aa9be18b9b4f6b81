"""Samples agree with the densities that they claim to come from: what no gradient check can see.

Every statistic is measured in its own standard errors, computed from the number of draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vitral.checks.check import STANDARD_ERRORS, Check, below
from vitral.checks.normalisation import outcomes
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Views
from vitral.core.randomness import draw

UNIT = "standard errors"


def sample_moments(
    posterior: Any, p: Views, h: Array, rng: np.random.Generator, *, draws: int = 20_000
) -> Check:
    """E03: (z - mu) / sigma has mean 0 and variance 1 in every row and dimension, and fourth moment 3.

    The fourth moment tells normal noise from uniform noise of the same variance (1.8). Standard errors
    for n draws: 1/sqrt(n), sqrt(2/n) and sqrt(96/n).
    """
    mu, logvar = posterior.parameters(p, h)
    q, _ = posterior.sample(p, h, draw(posterior.noise_shapes(draws, len(h)), rng, "float64"))
    u = (q.z - mu) * np.exp(-0.5 * logvar)
    scores = {
        "mean": np.abs(u.mean(axis=0)).max() * np.sqrt(draws),
        "variance": np.abs((u * u).mean(axis=0) - 1.0).max() * np.sqrt(draws / 2.0),
        "fourth moment": abs((u**4).mean() - 3.0) * np.sqrt(u.size / 96.0),
    }
    worst = max(scores, key=lambda name: scores[name])
    note = f"{draws} draws of {len(h)} images, {h.shape[-1] // 2} dimensions; worst: {worst}"
    return below("E03", "moments of sampled z", scores[worst], STANDARD_ERRORS, UNIT, note)


def density_of_draws(
    posterior: Any, p: Views, h: Array, rng: np.random.Generator, *, draws: int = 50
) -> Check:
    """log q that comes with a draw equals log q evaluated at that draw."""
    q, _ = posterior.sample(p, h, draw(posterior.noise_shapes(draws, len(h)), rng, "float64"))
    gap = np.abs(q.log_qz - posterior.log_prob(p, h, q.z)) / (1.0 + np.abs(q.log_qz))
    return below("E03", "log q of a draw", gap.max(), 1e-9, "relative error", f"{gap.size} draws")


def kl_by_draws(
    posterior: Any, prior: Any, kl: Any, p: Views, h: Array, rng: np.random.Generator, *, draws: int = 20_000
) -> Check:
    """E08: the mean of log q(z given x) - log p(z) over draws of z agrees with the closed form."""
    q, _ = posterior.sample(p.posterior, h, draw(posterior.noise_shapes(draws, len(h)), rng, "float64"))
    log_pz, _ = prior.log_prob(p, q.z)
    exact = kl(posterior, prior, p, h)[0].sum(axis=-1)
    score = standard_score(q.log_qz - log_pz, exact)
    note = f"{draws} draws for each of {len(h)} images; mean KL {exact.mean():.4f} nats"
    return below("E08", "KL by Monte Carlo", np.abs(score).max(), STANDARD_ERRORS, UNIT, note)


def kl_is_a_divergence(posterior: Any, prior: Any, kl: Any, p: Views, h: Array) -> Check:
    """E08: KL >= 0 in every dimension, and 0 at h = 0, where a Gaussian posterior is N(0, I)."""
    value, _ = kl(posterior, prior, p, h)
    at_zero, _ = kl(posterior, prior, p, np.zeros((1, h.shape[-1])))
    worst = max(float(-value.min()), float(np.abs(at_zero).max()))
    return below("E08", "KL is not negative", worst, 1e-12, "nats below zero", f"{value.size} values")


def likelihood_draws(
    likelihood: Any, p: Views, o: Array, rng: np.random.Generator, *, draws: int = 20_000
) -> Check:
    """E05, E06: draws have the mean and the variance of the density, by quadrature, and `mean` is that mean.

    o is one row (1, 1, M). Gaps are summed over the entries, once as they are and once with random signs.
    """
    x, weight = outcomes(likelihood, p, o)
    density = weight * np.exp(likelihood.log_prob_terms(p, x, o)[0])
    mean = (density * x).sum(axis=0)
    spread = (x - mean) ** 2
    variance, fourth = (density * spread).sum(axis=0), (density * spread**2).sum(axis=0)
    sample = likelihood.sample(p, np.broadcast_to(o[0], (draws, *o.shape[1:])), rng)[:, 0]
    signs = np.stack([np.ones(mean.shape), rng.choice([-1.0, 1.0], mean.shape)])
    stated = likelihood.mean(p, o)[0, 0]
    scores = {
        "mean": _signed(signs, sample.mean(axis=0) - mean, variance / draws),
        "variance": _signed(
            signs, ((sample - mean) ** 2).mean(axis=0) - variance, (fourth - variance**2) / draws
        ),
        "stated mean": STANDARD_ERRORS * float(np.abs(stated - mean).max()) / 1e-6,
    }
    worst = max(scores, key=lambda name: scores[name])
    note = f"{draws} draws of {mean.size} entries; worst: {worst}"
    return below("E06", "draws from the likelihood", scores[worst], STANDARD_ERRORS, UNIT, note)


def prior_draws(prior: Any, p: Views, rng: np.random.Generator, *, draws: int = 20_000) -> Check:
    """The mean of r(z) / p(z) over draws from the prior is 1 for any density r narrower than p.

    r = N(m, 0.8² I) for three centres m; their mean ratio moves when draws and density disagree in place,
    in width or in mass.
    """
    z = prior.sample(p, draws, rng)
    latent, width, scores = z.shape[1], 0.8, []
    log_pz = prior.log_prob(p, z[None])[0][0]
    for centre in (0.0, 0.5, -0.5):
        along = centre / np.sqrt(latent)
        log_r = -0.5 * (((z - along) / width) ** 2 + LOG_TWO_PI + 2.0 * np.log(width)).sum(axis=-1)
        scores.append(abs(float(standard_score(np.exp(log_r - log_pz)[:, None], np.ones(1))[0])))
    note = f"{draws} draws in {latent} dimensions"
    return below("E18", "draws from the prior", max(scores), STANDARD_ERRORS, UNIT, note)


def standard_score(sample: Array, exact: Array) -> Array:
    """(mean - exact) / standard error over axis 0, which counts draws; rounding is no error."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    return (sample.mean(axis=0) - exact) / np.maximum(error, 1e-12 * (1.0 + np.abs(exact)))


def _signed(signs: Array, gaps: Array, variances: Array) -> float:
    return float(np.abs(signs @ gaps).max() / (np.sqrt(variances.sum()) + 1e-300))
