"""Densities sum or integrate to one: what catches a missing constant, or a loss posing as a likelihood."""

from __future__ import annotations

from functools import singledispatch
from itertools import product
from typing import Any

import numpy as np

from vitral.checks.check import Check, below
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.errors import UsageError
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned

QUADRATURE = 1e-9
REACH, POINTS = 10.0, 161  # standard deviations; the step of 1/8 is exact to rounding for a Gaussian


@singledispatch
def outcomes(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    """Values that each entry can take, (G, D), and the weights of a sum or a quadrature over them.

    o is one row (1, 1, M). A new likelihood registers here how its entries are summed.
    """
    raise UsageError(f"outcomes knows no values of {type(likelihood).__name__}: register them there")


@outcomes.register
def _(likelihood: Bernoulli, p: Views, o: Array) -> tuple[Array, Array]:
    return np.stack([np.zeros(o.shape[-1]), np.ones(o.shape[-1])]), np.ones((2, 1))


@outcomes.register(GaussianFixed)
@outcomes.register(GaussianLearned)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    deviation = np.sqrt(likelihood.noise_variance(p))
    steps = np.linspace(-REACH, REACH, POINTS)[:, None]
    weight = np.full((POINTS, 1), deviation * (steps[1, 0] - steps[0, 0]))
    return likelihood.mean(p, o)[0] + deviation * steps, weight


def entries_sum_to_one(likelihood: Any, p: Views, o: Array) -> Check:
    """E05, E06: Σ or ∫ of exp(log_prob_terms) over the values of each entry is 1, for rows of o (N, M)."""
    worst = 0.0
    for row in o:
        x, weight = outcomes(likelihood, p, row[None, None])
        mass = (weight * np.exp(likelihood.log_prob_terms(p, x, row[None, None])[0])).sum(axis=0)
        worst = max(worst, float(np.abs(mass - 1.0).max()))
    note = f"{o.shape[0]} images, {mass.size} entries each"
    return below("E06", "likelihood of each entry sums to 1", worst, QUADRATURE, "difference from 1", note)


def images_sum_to_one(likelihood: Any, p: Views, o: Array) -> Check:
    """E05, E06: Σ or ∫ of exp(log_prob) over all images of a few entries is 1; o is one row (1, 1, M)."""
    x, weight = outcomes(likelihood, p, o)
    picks = np.array(list(product(range(len(x)), repeat=x.shape[1])))
    images = np.stack([x[picks[:, d], d] for d in range(x.shape[1])], axis=1)
    log_px, _ = likelihood.log_prob(p, images, o)
    mass = float((weight[picks, 0].prod(axis=1) * np.exp(log_px[0])).sum())
    note = f"{len(images)} images of {x.shape[1]} entries"
    return below(
        "E06", "likelihood of images sums to 1", abs(mass - 1.0), QUADRATURE, "difference from 1", note
    )


def terms_add_up(likelihood: Any, p: Views, x: Array, o: Array, mask: Array | None = None) -> Check:
    """log_prob is the sum of log_prob_terms over the observed entries."""
    terms = likelihood.log_prob_terms(p, x, o)
    expected = (terms if mask is None else terms * mask).sum(axis=-1)
    log_px, _ = likelihood.log_prob(p, x, o, mask)
    gap = np.abs(log_px - expected) / (1.0 + np.abs(expected))
    return below("E06", "log likelihood is the sum of its terms", gap.max(), 1e-12, "relative error")


def surprise_is_not_capped(likelihood: Any, p: Views, entries: int) -> Check:
    """E05: at logits of ±1e4 a pixel of the other colour costs 1e4 nats, in float32: nothing is clipped."""
    o = np.where(np.arange(entries) % 2, 1e4, -1e4).astype(np.float32)[None, None]
    terms = likelihood.log_prob_terms(p, (o[0] < 0.0).astype(np.float32), o)
    gap = np.abs(terms / -1e4 - 1.0)
    worst = float(np.nan_to_num(gap, nan=np.inf).max())
    return below("E05", "extreme logits", worst, 1e-6, "relative error", "at logits of +10000 and -10000")


def prior_integrates_to_one(prior: Any, p: Views) -> Check:
    """∫ p(z) dz = 1 by quadrature, in one or two dimensions."""
    axis = np.linspace(-12.0, 12.0, 193)
    z = np.array(list(product(axis, repeat=prior.latent)))
    log_pz, _ = prior.log_prob(p, z[None])
    mass = float(np.exp(log_pz).sum()) * (axis[1] - axis[0]) ** prior.latent
    note = f"{len(z)} points in {prior.latent} dimensions"
    return below("E18", "prior integrates to 1", abs(mass - 1.0), QUADRATURE, "difference from 1", note)
