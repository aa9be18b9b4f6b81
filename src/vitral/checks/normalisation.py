"""Densities sum or integrate to one: what catches a missing constant, or a loss posing as a likelihood."""

from __future__ import annotations

from functools import singledispatch
from itertools import product
from typing import Any

import numpy as np

from vitral.checks.check import Check, below, not_applicable
from vitral.checks.observations import FAR, outcomes, surprise
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.priors import FlowPrior

QUADRATURE = 1e-9

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
    columns, weight = range(x.shape[1]), np.broadcast_to(weight, x.shape)
    picks = np.array(list(product(*(np.flatnonzero(weight[:, d]) for d in columns))))
    log_px, _ = likelihood.log_prob(p, x[picks, columns], o)
    mass = float((weight[picks, columns].prod(axis=1) * np.exp(log_px[0])).sum())
    note = f"{len(picks)} images of {x.shape[1]} entries"
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


def surprise_is_not_capped(likelihood: Any, p: Views) -> Check:
    """E05: at outputs of ±1e4 a value next to impossible costs what its formula says, in float32: unclipped."""
    found, name = surprise(likelihood), "extreme outputs"
    if found is None:
        return not_applicable("E05", name, "no output of this likelihood makes a value impossible")
    terms = likelihood.log_prob_terms(p, found.x, found.o)
    worst = float(np.nan_to_num(np.abs(terms / found.log_p - 1.0), nan=np.inf).max())
    return below("E05", name, worst, 1e-6, "relative error", f"at outputs of {FAR:+g} and {-FAR:+g}")


def prior_integrates_to_one(
    prior: Any, p: Views, rng: np.random.Generator | None = None, context: Array | None = None
) -> Check:
    """∫ p(z) dz = 1 by quadrature, in one or two dimensions; given one row of context (1, C) where it needs one."""
    axis = grid(prior)
    z = np.array(list(product(axis, repeat=prior.latent)))
    log_pz, _ = prior.log_prob(p, z[None], repeated(context, len(z)))
    mass = float(np.exp(log_pz).sum()) * (axis[1] - axis[0]) ** prior.latent
    note = f"{len(z)} points in {prior.latent} dimensions"
    return below("E18", "prior integrates to 1", abs(mass - 1.0), QUADRATURE, "difference from 1", note)


@singledispatch
def grid(prior: Any) -> Array:
    """Where one dimension of a prior is summed; a prior that stretches further registers here."""
    return np.linspace(-12.0, 12.0, 193)


@grid.register
def _(prior: FlowPrior) -> Array:
    return np.linspace(-20.0, 20.0, 641)  # two layers of bound 1/2 make it 2.7 times wider or narrower


def repeated(context: Array | None, rows: int) -> Array | None:
    """One row of context (1, C) for each of many rows."""
    return None if context is None else np.broadcast_to(context, (rows, context.shape[1]))
