"""Samples agree with the densities that they claim to come from: what no gradient check can see.

Every statistic is measured in its own standard errors, computed from the number of draws.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, singledispatch
from typing import Any

import numpy as np

from vitral.checks.check import STANDARD_ERRORS, Check, below
from vitral.checks.normalisation import repeated
from vitral.checks.observations import outcomes, stated
from vitral.checks.passes import shapes_for
from vitral.core.arrays import LOG_TWO_PI, Array, sigmoid
from vitral.core.parameters import Views, count, cut
from vitral.core.randomness import draw
from vitral.parts.posteriors import DiagonalGaussian, FullGaussian, TwoLayerPosterior

UNIT = "standard errors"


def sample_moments(
    posterior: Any, p: Views, h: Array, rng: np.random.Generator, *, draws: int = 20_000
) -> Check:
    """E03: u = C⁻¹ (z - mu) of a Gaussian q has mean 0, covariance I and fourth moment 3, in every row.

    The fourth moment tells normal noise from uniform noise of the same variance (1.8). Standard errors
    for n draws: 1/sqrt(n), sqrt(2/n) (also along axes that are turned) and sqrt(96/n). A q that is no Gaussian
    has no such moments: its draws are compared with its density.
    """
    q, _ = posterior.sample(p, h, draw(posterior.noise_shapes(draws, len(h)), rng, "float64"))
    u = standardised(posterior, p, h, q.z)
    log_density = partial(posterior.log_prob, p, h)
    scores = _bridges(log_density, q.z, rng) if u is None else _moments(u, rng)
    if q.logvar is not None:
        marginal = (q.z - q.mu) * np.exp(-0.5 * q.logvar)
        scores["stated variance"] = np.abs((marginal**2).mean(axis=0) - 1.0).max() * np.sqrt(draws / 2.0)
    worst = max(scores, key=lambda name: scores[name])
    note = f"{draws} draws of {len(h)} images, {q.z.shape[-1]} dimensions; worst: {worst}"
    return below("E03", "moments of sampled z", scores[worst], STANDARD_ERRORS, UNIT, note)


@singledispatch
def standardised(posterior: Any, p: Views, h: Array, z: Array) -> Array | None:
    """u = C⁻¹ (z - mu), which is N(0, I) if z is drawn as q says; None where q is no Gaussian."""
    return None


@standardised.register
def _(posterior: DiagonalGaussian, p: Views, h: Array, z: Array) -> Array:
    mu, logvar = posterior.parameters(p, h)
    return (z - mu) * np.exp(-0.5 * logvar)


@standardised.register
def _(posterior: FullGaussian, p: Views, h: Array, z: Array) -> Array:
    latent = posterior.latent
    factor = np.zeros((len(h), latent, latent))
    rows, columns = np.tril_indices(latent, -1)
    factor[:, rows, columns] = h[:, 2 * latent :]
    factor += np.exp(h[:, latent : 2 * latent])[:, None] * np.eye(latent)
    return np.stack([np.linalg.solve(c, (z[:, n] - h[n, :latent]).T).T for n, c in enumerate(factor)], axis=1)


@standardised.register
def _(posterior: TwoLayerPosterior, p: Views, h: Array, z: Array) -> Array:
    """Each layer given the one above: together they are as many independent N(0, 1)."""
    f, mu2, logvar2 = posterior.split(h)
    z1, z2 = z[..., : posterior.l1], z[..., posterior.l1 :]
    seen = np.concatenate([np.broadcast_to(f, (*z2.shape[:-1], f.shape[1])), z2], axis=-1)
    mu1, logvar1, _ = posterior.head.forward(p, seen)
    return np.concatenate(
        [(z1 - mu1) * np.exp(-0.5 * logvar1), (z2 - mu2) * np.exp(-0.5 * logvar2)], axis=-1
    )


def _moments(u: Array, rng: np.random.Generator) -> dict[str, float]:
    """Along the axes, and along as many random ones: correlated dimensions have a variance that is not 1 there."""
    draws, _, latent = u.shape
    turned = u @ np.linalg.qr(rng.standard_normal((latent, latent)))[0]
    return {
        "mean": np.abs(u.mean(axis=0)).max() * np.sqrt(draws),
        "variance": np.abs((u * u).mean(axis=0) - 1.0).max() * np.sqrt(draws / 2.0),
        "covariance": np.abs((turned * turned).mean(axis=0) - 1.0).max() * np.sqrt(draws / 2.0),
        "fourth moment": abs((u**4).mean() - 3.0) * np.sqrt(u.size / 96.0),
    }


def _bridges(
    log_density: Callable[[Array], Array], z: Array, rng: np.random.Generator
) -> dict[str, float]:
    """E_q[r / (q + r)] = E_r[q / (q + r)] for any density r: both are the integral of q r / (q + r).

    Nothing here exceeds 1, so that every mean has an honest standard error. The two sides part when draws of q and
    its density disagree in place, in width or in mass. r is Gaussian, fitted to one half of the draws z (K, N, L).
    """
    fitted, fresh = np.array_split(z, 2)
    log_qz, scores = log_density(fresh), {}
    for width, shift in ((1.0, 0.0), (0.6, 0.0), (1.0, 0.5)):
        pairs = [_gaussian(fitted[:, n], width, shift) for n in range(z.shape[1])]
        eps = rng.standard_normal(fresh.shape)
        y = np.stack([centre + eps[:, n] @ factor.T for n, (centre, factor) in enumerate(pairs)], axis=1)
        of_q = sigmoid(_log_gaussian(pairs, fresh) - log_qz)
        of_r = sigmoid(log_density(y) - _log_gaussian(pairs, y))
        error = np.sqrt(of_q.var(axis=0, ddof=1) / len(of_q) + of_r.var(axis=0, ddof=1) / len(of_r)) + 1e-12
        gap = np.abs(of_q.mean(axis=0) - of_r.mean(axis=0)) / error
        scores[f"bridge to a Gaussian of width {width} and shift {shift}"] = gap.max()
    return scores


def _gaussian(fitted: Array, width: float, shift: float) -> tuple[Array, Array]:
    """Centre and Cholesky factor: moments of the draws (K, L), then widened and moved, in standard deviations."""
    factor = np.linalg.cholesky(np.atleast_2d(np.cov(fitted.T)))
    return fitted.mean(axis=0) + shift * np.sqrt((factor * factor).sum(axis=1)), width * factor


def _log_gaussian(pairs: list[tuple[Array, Array]], z: Array) -> Array:
    """log N(z; centre, C Cᵀ) of every row n of z (K, N, L)."""
    found = []
    for n, (centre, factor) in enumerate(pairs):
        u = np.linalg.solve(factor, (z[:, n] - centre).T)
        found.append(-0.5 * (u * u + LOG_TWO_PI).sum(axis=0) - np.log(np.diag(factor)).sum())
    return np.stack(found, axis=1)


def density_of_draws(
    posterior: Any, p: Views, h: Array, rng: np.random.Generator, *, draws: int = 50
) -> Check:
    """log q that comes with a draw equals log q evaluated at that draw."""
    q, _ = posterior.sample(p, h, draw(posterior.noise_shapes(draws, len(h)), rng, "float64"))
    gap = np.abs(q.log_qz - posterior.log_prob(p, h, q.z)) / (1.0 + np.abs(q.log_qz))
    return below("E03", "log q of a draw", gap.max(), 1e-9, "relative error", f"{gap.size} draws")


def kl_by_draws(
    posterior: Any,
    prior: Any,
    kl: Any,
    p: Views,
    h: Array,
    rng: np.random.Generator,
    context: Array | None = None,
    *,
    draws: int = 20_000,
) -> Check:
    """E08: the mean of log q(z given x) - log p(z) over draws of z agrees with the closed form."""
    q, _ = posterior.sample(p.posterior, h, draw(posterior.noise_shapes(draws, len(h)), rng, "float64"))
    log_pz, _ = prior.log_prob(p, q.z, context)
    exact = kl(posterior, prior, p, h, context)[0].sum(axis=-1)
    score = standard_score(q.log_qz - log_pz, exact)
    note = f"{draws} draws for each of {len(h)} images; mean KL {exact.mean():.4f} nats"
    return below("E08", "KL by Monte Carlo", np.abs(score).max(), STANDARD_ERRORS, UNIT, note)


def kl_is_a_divergence(
    posterior: Any, prior: Any, kl: Any, p: Views, h: Array, context: Array | None = None
) -> Check:
    """E08: KL >= 0 in every dimension, and 0 where h and all parameters are: posterior and prior are N(0, I)."""
    value, _ = kl(posterior, prior, p, h, context)
    shapes = {"posterior": posterior.shapes, "prior": prior.shapes}
    at_zero, _ = kl(posterior, prior, cut(np.zeros(count(shapes)), shapes), np.zeros_like(h), context)
    worst = max(float(-value.min()), float(np.abs(at_zero).max()))
    return below("E08", "KL is not negative", worst, 1e-12, "nats below zero", f"{value.size} values")


def likelihood_draws(
    likelihood: Any, p: Views, o: Array, rng: np.random.Generator, *, draws: int = 20_000
) -> Check:
    """E05, E06: draws have the mean, the variance and the mean log density of the density, by quadrature.

    And ``mean`` is that mean, or the likeliest value where x holds names. o is one row (1, 1, M). Gaps are summed
    over the entries, once as they are and once with random signs.
    """
    x, weight = outcomes(likelihood, p, o)
    log_p = likelihood.log_prob_terms(p, x, o)[0]
    density = weight * np.exp(log_p)
    drawn = likelihood.sample(p, np.broadcast_to(o[0], (draws, *o.shape[1:])), rng)[:, 0]
    mean = (density * x).sum(axis=0)
    of_values = {"mean": x - mean, "variance": (x - mean) ** 2, "log density": log_p}
    of_draws = {"mean": drawn - mean, "variance": (drawn - mean) ** 2}
    of_draws["log density"] = likelihood.log_prob_terms(p, drawn, o)[0]
    signs = np.stack([np.ones(mean.shape), rng.choice([-1.0, 1.0], mean.shape)])
    gap = np.abs(likelihood.mean(p, o)[0, 0] - stated(likelihood, x, density)).max()
    scores = {"stated mean": STANDARD_ERRORS * float(gap) / 1e-6}
    for name, values in of_values.items():
        with np.errstate(over="ignore"):  # no density at all is the worst one
            exact = (density * values).sum(axis=0)
            spread = (density * (values - exact) ** 2).sum(axis=0) / draws
        scores[name] = _signed(signs, of_draws[name].mean(axis=0) - exact, spread)
    worst = max(scores, key=lambda name: scores[name])
    note = f"{draws} draws of {mean.size} entries; worst: {worst}"
    return below("E06", "draws from the likelihood", scores[worst], STANDARD_ERRORS, UNIT, note)


def prior_draws(
    prior: Any, p: Views, rng: np.random.Generator, context: Array | None = None, *, draws: int = 20_000
) -> Check:
    """Draws from the prior have its density, by two identities that hold for any p, with z ~ p.

    E_p[r / (p + r)] = E_r[p / (p + r)] for three Gaussians r: see ``_bridges``.
    E[f(z_l) dlog p/dz_l + f'(z_l)] = 0 for f = 1, z and sin z (Stein's identity), in every dimension. It sees
    no missing constant, and needs no r.
    """
    z = prior.sample(p, draws, rng, repeated(context, draws))
    log_pz, backward = prior.log_prob(p, z[None], repeated(context, draws))
    shapes = shapes_for(prior)
    slope = backward(np.ones_like(log_pz), cut(np.zeros(count(shapes)), shapes))[0]
    gaps = [slope, z * slope + 1.0, np.sin(z) * slope + np.cos(z)]
    scores = [_worst(gap, np.zeros(z.shape[1])) for gap in gaps]
    scores += _bridges(lambda y: prior.log_prob(p, y, context)[0], z[:, None], rng).values()
    note = f"{draws} draws in {z.shape[1]} dimensions"
    return below("E18", "draws from the prior", max(scores), STANDARD_ERRORS, UNIT, note)


def _worst(sample: Array, exact: Array) -> float:
    return float(np.abs(standard_score(sample, exact)).max())


def standard_score(sample: Array, exact: Array) -> Array:
    """(mean - exact) / standard error over axis 0, which counts draws; rounding is no error."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    return (sample.mean(axis=0) - exact) / np.maximum(error, 1e-12 * (1.0 + np.abs(exact)))


def _signed(signs: Array, gaps: Array, variances: Array) -> float:
    return float(np.abs(signs @ gaps).max() / (np.sqrt(variances.sum()) + 1e-12))
