"""The ELBO and the importance-weighted bound lie under log p(x), which quadrature gives in 1-D and 2-D.

log p(x) = ELBO + KL(q(z given x), p(z given x))                                               # E10
IWAE_K = E[ log (1/K) Σ_k w_k ],  w = p(x given z) p(z) / q(z given x),  rises with K to log p(x)   # E11
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from vitral.checks.check import STANDARD_ERRORS, Check, below
from vitral.checks.moments import standard_score
from vitral.core.arrays import LOG_TWO_PI, Array, logsumexp
from vitral.core.parameters import Views
from vitral.core.randomness import draw, stream
from vitral.model import Batch, Model
from vitral.parts.layers import Affine, Chain
from vitral.parts.likelihoods import GaussianFixed
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

REACH = 6.5  # the lattice covers the prior this far from the origin, or further where q asks for it
REACH_DRAWS = 2000  # of a prior, to see how far it reaches
COARSE, LEVELS = 0.25, 14  # the first step of the lattice, and how often it may be halved
TOLERANCE, ENOUGH = 1e-3, 30_000  # nats and points: whichever comes first ends the refinement
KEPT, DROPPED = 400, 1e-5  # cells always split, and the share of the mass that may be lost at a level
CHUNK = 1024
RARE = math.log(2e6)  # nats: a bound above log p(x) by this much happens once in two million draws


class Evidence(NamedTuple):
    """log p(x) in nats, how much the last refinement changed it, and how many points were decoded."""

    log_px: float
    change: float
    points: int


def log_joint(model: Model, p: Views, x: Array, z: Array, context: Array | None = None) -> Array:
    """log p(x given z) + log p(z) of one row x (1, D), given its context (1, C), at many z (G, L)."""
    values = []
    for start in range(0, len(z), CHUNK):
        some = z[start : start + CHUNK, None]
        o = model.decoder_output(p, some, context)
        log_px, _ = model.likelihood.log_prob(p.likelihood, x, o)
        values.append((log_px + model.prior.log_prob(p, some, context)[0])[:, 0])
    return np.concatenate(values)


def log_evidence(
    model: Model, p: Views, x: Array, *, reach: float = REACH, context: Array | None = None
) -> Evidence:
    """log ∫ p(x given z) p(z) dz of one row x (1, D) over a lattice that is refined where the mass lies.

    Each level halves the step of the best cells and drops the rest, less than 1e-5 of the mass. On a smooth
    integrand a lattice is exact as soon as its step is no wider than the narrowest peak.
    """
    latent, step = model.prior.latent, COARSE
    halves = np.array(list(product((-0.25, 0.25), repeat=latent)))
    axis = np.arange(-reach, reach + step / 2.0, step)
    cells = np.array(list(product(axis, repeat=latent)))
    joint = log_joint(model, p, x, cells, context)
    estimate, points, change = _mass(joint, step, latent), len(cells), np.inf
    for _ in range(LEVELS):
        keep = _worth_splitting(joint)
        cells = (cells[keep][:, None] + step * halves).reshape(-1, latent)
        step /= 2.0
        joint = log_joint(model, p, x, cells, context)
        refined, points = _mass(joint, step, latent), points + len(cells)
        change, estimate = abs(refined - estimate), refined
        if change < TOLERANCE or points > ENOUGH:
            break
    return Evidence(estimate, change, points)


def _mass(joint: Array, step: float, latent: int) -> float:
    return float(logsumexp(joint, axis=0)) + latent * float(np.log(step))


def _worth_splitting(joint: Array) -> Array:
    order = np.argsort(joint)
    share = np.cumsum(np.exp(joint[order] - joint.max()))
    keep = np.zeros(joint.size, dtype=bool)
    keep[order[min(int((share <= DROPPED * share[-1]).sum()), max(joint.size - KEPT, 0)) :]] = True
    return keep


def elbo_rows(
    model: Model, p: Views, x: Array, noise: dict[str, Array], context: Array | None = None
) -> Array:
    """The ELBO of every row and draw, (K, N), with the KL in closed form where there is one."""
    terms, _, _ = model.run(p, Batch(x, x, context=context), noise)
    kl = terms.log_qz - terms.log_pz if terms.kl is None else terms.kl.sum(axis=-1)
    return terms.log_px - kl


def importance_bound(log_w: Array) -> Array:
    """log (1/K) Σ_k w_k of every row; log_w is (K, N)."""
    return logsumexp(log_w, axis=0) - np.log(len(log_w))


Evaluate = Callable[..., Array]  # as elbo_rows
Combine = Callable[[Array], Array]


def evidences(model: Model, p: Views, x: Array, context: Array | None = None) -> list[Evidence]:
    """log p(x) of every row of x, on a lattice wide enough for its q and for the prior."""
    mu, logvar = model.encode(p, x, context)
    assert logvar is not None
    widest = max(REACH, float((np.abs(mu) + REACH * np.exp(0.5 * logvar)).max()), _reach(model.prior, p, context))
    found = []
    for row in range(len(x)):
        given = None if context is None else context[row : row + 1]
        found.append(log_evidence(model, p, x[row : row + 1], reach=float(np.ceil(widest)), context=given))
    return found


def _reach(prior: Any, p: Views, context: Array | None) -> float:
    """How far from the origin a prior has mass, by its draws: their mean and 6.5 standard deviations."""
    if isinstance(prior, StandardNormal):
        return REACH
    draws = REACH_DRAWS if context is None else REACH_DRAWS * len(context)
    given = None if context is None else np.tile(context, (REACH_DRAWS, 1))
    z = prior.sample(p, draws, stream(0, "reach"), given)
    return float((np.abs(z.mean(axis=0)) + REACH * z.std(axis=0)).max())


def elbo_is_a_bound(
    model: Model,
    p: Views,
    x: Array,
    exact: list[Evidence],
    rng: np.random.Generator,
    *,
    draws: int = 1500,
    evaluate: Evaluate = elbo_rows,
    context: Array | None = None,
) -> Check:
    """E10: ELBO <= log p(x) for every row of x, the excess in nats against five standard errors."""
    noise = draw(model.posterior.noise_shapes(draws, len(x)), rng, "float64")
    values = evaluate(model, p, x, noise, *([] if context is None else [context]))
    elbo, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(draws)
    excess = elbo - [evidence.log_px for evidence in exact]
    slack = STANDARD_ERRORS * error + [evidence.change + 1e-9 for evidence in exact]
    worst = int(np.argmax(excess - slack))
    rows = ", ".join(f"{a:.3f} <= {b.log_px:.3f}" for a, b in zip(elbo, exact, strict=True))
    note = f"images 0 to {len(x) - 1}: {rows}; {draws} draws, quadrature to {_accuracy(exact):.0e}"
    return below("E10", "ELBO - log p(x)", excess[worst], slack[worst], "nats", note)


def _accuracy(exact: list[Evidence]) -> float:
    return max(evidence.change for evidence in exact)


def importance_bound_meets_evidence(
    model: Model,
    p: Views,
    x: Array,
    exact: list[Evidence],
    rng: np.random.Generator,
    *,
    draws: int = 1500,
    two_sided: bool = True,
    combine: Combine = importance_bound,
    context: Array | None = None,
) -> Check:
    """E11: with many draws the bound agrees with log p(x) by quadrature; if not ``two_sided``, is not above.

    A trained q may miss a mode of the true posterior, and then no number of draws shows what is missing.
    The standard error is that of log mean w, and is trusted where 50 draws or more carry the weight. With
    fewer, where q is far too narrow, the bound may lie below log p(x) by any amount, and above it by c nats
    with a probability of at most exp(-c) (Markov's inequality), whatever the tails of w.
    """
    noise = draw(model.posterior.noise_shapes(draws, len(x)), rng, "float64")
    log_w = model.log_weights(p, Batch(x, x, context=context), noise)
    w = np.exp(log_w - log_w.max(axis=0))
    carrying = w.sum(axis=0) ** 2 / (w * w).sum(axis=0)
    gap = combine(log_w) - [evidence.log_px for evidence in exact]
    if two_sided:
        gap = np.where(carrying >= 50.0, np.abs(gap), gap)
    slack = STANDARD_ERRORS * w.std(axis=0, ddof=1) / w.mean(axis=0) / np.sqrt(draws)
    slack = np.where(carrying >= 50.0, slack + slack**2, RARE)
    slack += [evidence.change + 1e-9 for evidence in exact]
    worst = int(np.argmax(gap - slack))
    note = f"images 0 to {len(x) - 1}; {draws} draws each, at least {carrying.min():.0f} carry the weight"
    return below("E11", "importance bound against log p(x)", gap[worst], slack[worst], "nats", note)


def importance_bound_rises(
    model: Model,
    p: Views,
    x: Array,
    rng: np.random.Generator,
    *,
    draws: int = 64,
    repeats: int = 20,
    combine: Combine = importance_bound,
    context: Array | None = None,
) -> Check:
    """E11: the bound, averaged over repeats, does not fall from 1 to 8 to 64 draws (independent for each)."""
    means, errors = [], []
    for size in (1, 8, draws):
        shapes = model.posterior.noise_shapes(size * repeats, len(x))
        log_w = model.log_weights(p, Batch(x, x, context=context), draw(shapes, rng, "float64"))
        bounds = np.array([combine(log_w[k * size : (k + 1) * size]).mean() for k in range(repeats)])
        means.append(bounds.mean())
        errors.append(bounds.std(ddof=1) / np.sqrt(repeats))
    falls = [
        (a - b) / max(np.hypot(c, d), 1e-9 * (1.0 + abs(a)))
        for a, b, c, d in zip(means[:-1], means[1:], errors[:-1], errors[1:], strict=True)
    ]
    note = "mean bound with 1, 8, {} draws: {:.3f}, {:.3f}, {:.3f} nats".format(draws, *means)
    return below("E11", "importance bound falls with K", max(falls), STANDARD_ERRORS, "standard errors", note)


def one_sample_is_the_elbo(
    model: Model,
    p: Views,
    x: Array,
    rng: np.random.Generator,
    *,
    draws: int = 500,
    context: Array | None = None,
) -> Check:
    """E11: the mean of log w, the bound with K = 1, is the ELBO with its KL in closed form."""
    noise = draw(model.posterior.noise_shapes(draws, len(x)), rng, "float64")
    log_w = model.log_weights(p, Batch(x, x, context=context), noise)
    gap = log_w - elbo_rows(model, p, x, noise, context)
    score = standard_score(gap, np.zeros(len(x)))
    note = f"{draws} draws for each of images 0 to {len(x) - 1}"
    return below(
        "E11",
        "one importance sample is the ELBO",
        np.abs(score).max(),
        STANDARD_ERRORS,
        "standard errors",
        note,
    )


def mean_weight(combine: Combine, log_w: Array) -> Check:
    """E11: the bound is the logarithm of the mean weight, by the definition, in plain floats."""
    exact = np.log(np.exp(log_w).sum(axis=0) / len(log_w))
    gap = np.abs(combine(log_w) - exact).max()
    return below("E11", "log of the mean weight", gap, 1e-9, "nats", f"{log_w.size} weights")


def linear_gaussian(features: int, latent: int, variance: float, seed: int) -> tuple[Model, Array]:
    """A linear model whose posterior is known and diagonal, and the theta that encodes exactly it.

    x = z W + b + noise with orthogonal rows of W:  q(z given x) = N(Λ W (x - b) / s², Λ),
    Λ = diag(1 / (1 + |W_l|² / s²))
    """
    rng = np.random.default_rng(seed)
    model = Model(
        encoder=Chain((Affine(features, 2 * latent),)),
        posterior=DiagonalGaussian(latent),
        prior=StandardNormal(latent),
        decoder=Chain((Affine(latent, features),)),
        likelihood=GaussianFixed(variance, "identity"),
        features=features,
    )
    theta = np.zeros(model.parameters)
    p = model.views(theta)
    encoder, decoder = next(iter(p.encoder)), next(iter(p.decoder))
    directions = np.linalg.qr(rng.standard_normal((features, latent)))[0].T
    decoder.W[...] = directions * np.linspace(1.5, 0.5, latent)[:, None]
    decoder.b[...] = 0.3 * rng.standard_normal(features)
    narrowed = 1.0 / (1.0 + (decoder.W**2).sum(axis=1) / variance)
    encoder.W[:, :latent] = decoder.W.T * narrowed / variance
    encoder.b[:latent] = -(decoder.b @ encoder.W[:, :latent])
    encoder.b[latent:] = np.log(narrowed)
    return model, theta


def poor_posterior(seed: int) -> tuple[Model, Views, Array]:
    """A linear model whose q is too wide and off centre, so that the bounds differ visibly, and two rows."""
    model, theta = linear_gaussian(3, 1, 0.5, seed)
    p = model.views(theta)
    next(iter(p.encoder)).b[...] += [0.4, 0.5]
    return model, p, stream(seed, "law", 13).standard_normal((2, 3))


def linear_gaussian_log_px(model: Model, p: Views, x: Array) -> Array:
    """log N(x; b, Wᵀ W + s² I) of every row: the exact log p(x) of a linear model."""
    decoder = next(iter(p.decoder))
    covariance = decoder.W.T @ decoder.W + model.likelihood.noise_variance(p.likelihood) * np.eye(x.shape[1])
    residual = x - decoder.b
    distance = (residual * np.linalg.solve(covariance, residual.T).T).sum(axis=1)
    return -0.5 * (distance + np.linalg.slogdet(covariance)[1] + x.shape[1] * LOG_TWO_PI)


def cubature(latent: int, rows: int) -> dict[str, Array]:
    """2L points ±sqrt(L) e_l as noise: their plain mean is exact for every quadratic function of z."""
    points = np.sqrt(latent) * np.concatenate([np.eye(latent), -np.eye(latent)])
    return {"eps": np.repeat(points[:, None], rows, axis=1)}


def exact_on_a_linear_model(evaluate: Evaluate, seed: int) -> Check:
    """E10: where q is the exact posterior, the ELBO is log p(x), for every x."""
    model, theta = linear_gaussian(5, 2, 0.4, seed)
    x = np.random.default_rng(seed).standard_normal((7, 5))
    p = model.views(theta)
    elbo = evaluate(model, p, x, cubature(2, 7)).mean(axis=0)
    gap = np.abs(elbo - linear_gaussian_log_px(model, p, x)).max()
    return below("E10", "ELBO of the exact posterior", gap, 1e-9, "nats", "linear Gaussian model, 7 rows")
