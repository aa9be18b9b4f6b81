"""Which laws hold for which family, at standard points: ``LAWS[family][name](member, seed) -> Check``.

A member is what the family's dict in ``specs`` names, made with some options; a layer and its input width
go together as ``Sized``, a model and its objective as ``Case``. Tests run every law over every member.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from vitral.checks import (
    bounds,
    contracts,
    data,
    flows,
    moments,
    normalisation,
    objective_laws,
    optimisation,
    passes,
)
from vitral.checks.check import Check, not_applicable
from vitral.checks.gradient import gradient
from vitral.checks.observations import FAR, entries, values
from vitral.checks.passes import Arrays, Pass
from vitral.core.arrays import Array
from vitral.core.parameters import Views, count, cut
from vitral.core.randomness import draw, stream
from vitral.model import Batch, Model
from vitral.parts.divergences import CLOSED_KL
from vitral.parts.likelihoods import Bernoulli
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

K, N, D, L = 2, 3, 4, 2  # samples, rows, entries, latents: small, all different where it matters


class Sized(NamedTuple):
    """A layer and the width of what goes in."""

    layer: Any
    n_in: int


class Closed(NamedTuple):
    """A closed-form KL and the classes of its pair."""

    kl: Any
    posterior: type = DiagonalGaussian
    prior: type = StandardNormal


class Case(NamedTuple):
    """A model, its objective and the shape of a batch."""

    model: Model
    objective: Any
    rows: int = 7
    samples: int = 1
    masked: bool = False
    context: int = 0


Law = Callable[[Any, int], Check]
Make = Callable[[Any, np.random.Generator, str], Pass]


def _away_from_zero(rng: np.random.Generator, *shape: int) -> Array:
    """Normal numbers moved 0.1 outwards: no step of a central difference crosses a kink at 0."""
    x = rng.standard_normal(shape)
    return x + np.copysign(0.1, x)


def _layer(member: Sized, rng: np.random.Generator, dtype: str) -> Pass:
    return passes.of_layer(member.layer, _away_from_zero(rng, K, N, member.n_in).astype(dtype))


def _likelihood(member: Any, rng: np.random.Generator, dtype: str, scale: float = 1.0) -> Pass:
    x, o = _scored(member, rng)
    return passes.of_likelihood(member, x.astype(dtype), (scale * o).astype(dtype))


def _scored(member: Any, rng: np.random.Generator) -> tuple[Array, Array]:
    """x (N, D) that the likelihood scores, and a decoder output for it."""
    count = entries(member, D)
    o = rng.standard_normal((K, N, member.width(count)))
    return values(member, rng, (N, count)), o


def _masked_likelihood(member: Any, rng: np.random.Generator, dtype: str) -> Pass:
    x, o, mask = _observed(member, rng)
    return passes.of_likelihood(member, x.astype(dtype), o.astype(dtype), mask.astype(dtype))


def _observed(member: Any, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    x, o = _scored(member, rng)
    mask = (rng.random(x.shape) < 0.6).astype(float)
    mask[:, :2] = [0.0, 1.0]
    return x * mask, o, mask


def _extreme_likelihood(member: Any, rng: np.random.Generator, dtype: str) -> Pass:
    x, o = _scored(member, rng)
    return passes.of_likelihood(member, x.astype(dtype), np.copysign(FAR, o).astype(dtype))


def _posterior(member: Any, rng: np.random.Generator, dtype: str) -> Pass:
    h = rng.standard_normal((N, member.width())).astype(dtype)
    return passes.of_posterior(member, h, draw(member.noise_shapes(K, N), rng, dtype))


def _prior(member: Any, rng: np.random.Generator, dtype: str) -> Pass:
    z = rng.standard_normal((K, N, member.latent)).astype(dtype)
    return passes.of_prior(member, z, context_for(member, N, rng, dtype))


def _extreme_prior(member: Any, rng: np.random.Generator, dtype: str) -> Pass:
    z = np.where(rng.random((K, N, member.latent)) < 0.5, -100.0, 100.0).astype(dtype)
    return passes.of_prior(member, z, context_for(member, N, rng, dtype))


def context_for(member: Any, rows: int, rng: np.random.Generator, dtype: str = "float64") -> Array | None:
    """A context (rows, C) for a part that is given one, else None."""
    given = member.context if "context" in {f.name for f in fields(member)} else 0
    return rng.standard_normal((rows, given)).astype(dtype) if given else None


def _flow(member: Any, rng: np.random.Generator, dtype: str) -> Pass:
    z = rng.standard_normal((K, N, member.latent)).astype(dtype)
    return passes.of_flow(member, z, context_for(member, N, rng, dtype))


def _divergence(member: Closed, rng: np.random.Generator, dtype: str) -> Pass:
    posterior, prior = _pair(member)
    h = rng.standard_normal((N, posterior.width())).astype(dtype)
    return passes.of_divergence(member.kl, posterior, prior, h, context_for(prior, N, rng, dtype))


def _pair(member: Closed) -> tuple[Any, Any]:
    """The posterior and the prior of a closed form, with L dimensions and 3 numbers of context where one is seen."""
    needed = {"latent": L, "context": 3}
    return tuple(
        made(**{f.name: needed[f.name] for f in fields(made) if f.name in needed})
        for made in (member.posterior, member.prior)
    )  # type: ignore[return-value]


def _objective(member: Any, rng: np.random.Generator, dtype: str) -> Pass:
    return passes.of_objective(member.at(3), objective_laws.terms_for(rng, dtype), N + 2)


def _batch(case: Case, rng: np.random.Generator, dtype: str) -> tuple[Batch, Arrays]:
    x = values(case.model.likelihood, rng, (case.rows, case.model.features)).astype(dtype)
    noise = draw(case.model.posterior.noise_shapes(case.samples, case.rows), rng, dtype)
    context = rng.standard_normal((case.rows, case.context)).astype(dtype) if case.context else None
    if not case.masked:
        return Batch(x, x, None, context), noise
    mask = (rng.random(x.shape) < 0.7).astype(dtype)
    return Batch(x * mask, x, mask, context), noise


def _model(case: Case, rng: np.random.Generator, dtype: str) -> Pass:
    return passes.of_model(case.model, *_batch(case, rng, dtype), case.objective.at(3))


def theta_for(part: Pass, rng: np.random.Generator, dtype: str = "float64") -> Array:
    """Random parameters of a part."""
    return (0.5 * rng.standard_normal(count(part.shapes))).astype(dtype)


def _views(member: Any, rng: np.random.Generator) -> Views:
    return cut(0.5 * rng.standard_normal(count(member.shapes)), member.shapes)


def _pass_law(law: Callable[..., Check], make: Make, dtype: str = "float64") -> Law:
    def run(member: Any, seed: int) -> Check:
        rng = stream(seed, "law", 0)
        part = make(member, rng, dtype)
        return law(part, theta_for(part, rng, dtype), rng)

    return run


def _contract(make: Make) -> dict[str, Law]:
    """What every part with a backward obeys."""
    return {
        "gradient": _pass_law(gradient, make),
        "adds": _pass_law(contracts.adds, make),
        "starts_blank": _pass_law(contracts.starts_blank, make),
        "reenters": _pass_law(contracts.reenters, make),
        "leaves_inputs_alone": _pass_law(contracts.leaves_inputs_alone, make),
        "keeps_dtype": _pass_law(contracts.keeps_dtype, make, "float32"),
    }


def _rows(make: Make) -> dict[str, Law]:
    return {"rows_are_independent": _pass_law(contracts.rows_are_independent, make)}


def _terms_add_up(member: Any, seed: int) -> Check:
    rng = stream(seed, "law", 1)
    x, o, mask = _observed(member, rng)
    return normalisation.terms_add_up(member, _views(member, rng), x, o, mask)


def _missing(member: Any, seed: int) -> Check:
    rng = stream(seed, "law", 21)
    x, o, mask = _observed(member, rng)
    others = np.where(mask == 1.0, x, values(member, rng, x.shape))
    return contracts.missing_entries_do_not_matter(member, _views(member, rng), (x, others), o, mask)


def _entries(member: Any, seed: int) -> Check:
    rng = stream(seed, "law", 2)
    return normalisation.entries_sum_to_one(
        member, _views(member, rng), rng.standard_normal((N, member.width(entries(member, D))))
    )


def _images(member: Any, seed: int) -> Check:
    rng, count = stream(seed, "law", 3), entries(member, 8 if isinstance(member, Bernoulli) else 2)
    o = rng.standard_normal((1, 1, member.width(count)))
    return normalisation.images_sum_to_one(member, _views(member, rng), o)


def _surprise(member: Any, seed: int) -> Check:
    return normalisation.surprise_is_not_capped(member, _views(member, stream(seed, "law", 4)))


def _likelihood_draws(member: Any, seed: int) -> Check:
    rng = stream(seed, "law", 5)
    return moments.likelihood_draws(
        member, _views(member, rng), rng.standard_normal((1, 1, member.width(entries(member, D)))), rng
    )


def _posterior_law(law: Callable[..., Check]) -> Law:
    def run(member: Any, seed: int) -> Check:
        if not member.has_density:
            return not_applicable("E03", law.__name__, "a plain autoencoder's code has no density")
        rng = stream(seed, "law", 6)
        return law(member, _views(member, rng), rng.standard_normal((N, member.width())), rng)

    return run


def _pair_views(posterior: Any, prior: Any, rng: np.random.Generator) -> Views:
    """Random parameters of a posterior and a prior."""
    shapes = {"posterior": posterior.shapes, "prior": prior.shapes}
    return cut(0.5 * rng.standard_normal(count(shapes)), shapes)


def _kl_by_draws(member: Closed, seed: int) -> Check:
    rng, (posterior, prior) = stream(seed, "law", 7), _pair(member)
    p, h = _pair_views(posterior, prior, rng), rng.standard_normal((N, posterior.width()))
    return moments.kl_by_draws(posterior, prior, member.kl, p, h, rng, context_for(prior, N, rng))


def _kl_is_a_divergence(member: Closed, seed: int) -> Check:
    rng, (posterior, prior) = stream(seed, "law", 8), _pair(member)
    p, h = _pair_views(posterior, prior, rng), rng.standard_normal((50, posterior.width()))
    return moments.kl_is_a_divergence(posterior, prior, member.kl, p, h, context_for(prior, 50, rng))


def _kl_of_the_sampler(member: Any, seed: int) -> Check:
    pairs = (kl for (q, p), kl in CLOSED_KL.items() if isinstance(member, q) and p is StandardNormal)
    kl = next(pairs, None)
    if kl is None:
        return not_applicable("E08", "KL by Monte Carlo", "this posterior has no closed-form KL")
    rng = stream(seed, "law", 9)
    prior, h = StandardNormal(member.latent), rng.standard_normal((N, member.width()))
    return moments.kl_by_draws(member, prior, kl, _pair_views(member, prior, rng), h, rng)


def _prior_law(law: Callable[..., Check]) -> Law:
    def run(member: Any, seed: int) -> Check:
        rng, shapes = stream(seed, "law", 10), passes.shapes_for(member)
        p = cut(0.5 * rng.standard_normal(count(shapes)), shapes)
        return law(member, p, rng, context_for(member, 1, rng))

    return run


def _flow_law(law: Callable[..., Check]) -> Law:
    def run(member: Any, seed: int) -> Check:
        rng = stream(seed, "law", 20)
        z, context = rng.standard_normal((N, member.latent)), context_for(member, N, rng)
        return law(member, _views(member, rng), z, context)

    return run


def _shards(case: Case, seed: int) -> Check:
    rng = stream(seed, "law", 12)
    if case.objective.whole_batch:
        return not_applicable("E09", "shards add up to the batch", "its rows meet, so it is run unsharded")
    batch, noise = _batch(case, rng, "float64")
    theta = 0.5 * rng.standard_normal(case.model.parameters)
    cuts = (1, case.rows // 2, case.rows - 1) if case.rows > 3 else ()
    return contracts.shards_add_up(case.model, theta, batch, noise, case.objective.at(3), cuts)


def _elbo_is_a_bound(member: bounds.Evaluate, seed: int) -> Check:
    model, p, x = bounds.poor_posterior(seed)
    rng = stream(seed, "law", 14)
    return bounds.elbo_is_a_bound(model, p, x, bounds.evidences(model, p, x), rng, evaluate=member)


def _meets_evidence(member: bounds.Combine, seed: int) -> Check:
    model, p, x = bounds.poor_posterior(seed)
    rng = stream(seed, "law", 15)
    return bounds.importance_bound_meets_evidence(
        model, p, x, bounds.evidences(model, p, x), rng, combine=member
    )


def _rises(member: bounds.Combine, seed: int) -> Check:
    return bounds.importance_bound_rises(*bounds.poor_posterior(seed), stream(seed, "law", 16), combine=member)


def _mean_weight(member: bounds.Combine, seed: int) -> Check:
    return bounds.mean_weight(member, stream(seed, "law", 17).standard_normal((48, N)))


LAWS: dict[str, dict[str, Law]] = {
    "layer": {**_contract(_layer), **_rows(_layer)},
    "likelihood": {
        **_contract(_likelihood),
        **_rows(_likelihood),
        "gradient_with_a_mask": _pass_law(gradient, _masked_likelihood),
        "finite": _pass_law(contracts.finite, _extreme_likelihood, "float32"),
        "surprise_is_not_capped": _surprise,
        "terms_add_up": _terms_add_up,
        "missing_entries_do_not_matter": _missing,
        "entries_sum_to_one": _entries,
        "images_sum_to_one": _images,
        "likelihood_draws": _likelihood_draws,
    },
    "posterior": {
        **_contract(_posterior),
        **_rows(_posterior),
        "sample_moments": _posterior_law(moments.sample_moments),
        "density_of_draws": _posterior_law(moments.density_of_draws),
        "kl_by_draws": _kl_of_the_sampler,
    },
    "prior": {
        **_contract(_prior),
        **_rows(_prior),
        "finite": _pass_law(contracts.finite, _extreme_prior, "float32"),
        "prior_integrates_to_one": _prior_law(normalisation.prior_integrates_to_one),
        "prior_draws": _prior_law(moments.prior_draws),
    },
    "flow": {
        **_contract(_flow),
        **_rows(_flow),
        "logdet_is_slogdet": _flow_law(flows.logdet_is_slogdet),
        "inverse_of_forward": _flow_law(flows.inverse_of_forward),
        "forward_of_inverse": _flow_law(flows.forward_of_inverse),
        "looks_back_only": _flow_law(flows.looks_back_only),
    },
    "divergence": {
        **_contract(_divergence),
        **_rows(_divergence),
        "kl_by_draws": _kl_by_draws,
        "kl_is_a_divergence": _kl_is_a_divergence,
    },
    "objective": {**_contract(_objective), **objective_laws.LAWS},
    "optimiser": {
        "equals_scalar_loop": optimisation.equals_scalar_loop,
        "slices_equal_whole": optimisation.slices_equal_whole,
        "resumes": optimisation.resumes,
        "converges": optimisation.converges,
    },
    "model": {**_contract(_model), "shards_add_up": _shards},
    "evaluation": {
        "exact_on_a_linear_model": bounds.exact_on_a_linear_model,
        "elbo_is_a_bound": _elbo_is_a_bound,
    },
    "importance": {
        "mean_weight": _mean_weight,
        "importance_bound_rises": _rises,
        "importance_bound_meets_evidence": _meets_evidence,
    },
    "data": data.LAWS,
}
