"""The certificate: every check of the reference equations that applies, run on one trained model.

Exact checks run in float64 on the trained weights, statistical ones on a few of the images given, with
bounds in standard errors. A check that does not apply says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vitral.checks import bounds, course, identities, moments, normalisation, objective, passes
from vitral.checks.bench import IMAGES, POINT, Bench
from vitral.checks.check import Check, information, not_applicable
from vitral.checks.gradient import directional, gradient
from vitral.core.arrays import Array
from vitral.errors import DataError
from vitral.model import Model
from vitral.parts.optimisers import Adam
from vitral.parts.priors import StandardNormal

ENTRIES = 4  # of every tensor, besides the random directions over all parameters
EVIDENCE_IMAGES, SHORTCUT_IMAGES = 3, 200


def certify(
    model: Model,
    theta: Array,
    x: Array,
    seed: int = 0,
    *,
    beta: float = 1.0,
    context: Array | None = None,
    own: Any = None,
    optimiser: Any = None,
) -> list[Check]:
    """Every check that applies to a trained model, on the first rows of x; equal arguments, equal numbers.

    Parameters
    ----------
    model, theta
        The model and its flat parameters, of any float dtype; the checks run in float64.
    x : (N, D)
        Images as the model was trained on them, at least one. At most 200 are used.
    seed
        Seed of all random directions, entries and draws.
    beta
        Weight of the KL in the objective that the model was trained with.
    context : (N, C)
        What a conditional model is given beside each image.
    own
        The objective that the model was trained with, as it stood at the end; the ELBO with ``beta`` otherwise.
    optimiser
        The optimiser that it was trained with, Adam otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from vitral import Spec
    >>> model = Spec(features=4, latent=2, encoder={"hidden": [8]}, decoder={"hidden": [8]}).build()
    >>> x = np.random.default_rng(0).random((5, 4))
    >>> all(check.passed is not False for check in certify(model, model.init(0), x))
    True
    """
    if x.ndim != 2 or len(x) == 0 or x.shape[1] != model.features:
        raise DataError(
            f"the checks need images of shape (N, {model.features}), at least one; got {x.shape}: "
            "pass rows as the model was trained on them"
        )
    if context is not None and (context.ndim != 2 or len(context) != len(x)):
        raise DataError(
            f"the checks need one row of context for each of {len(x)} images, got {context.shape}: pass (N, C)"
        )
    rows, given = (
        None if array is None else np.array(array[:SHORTCUT_IMAGES], dtype=np.float64) for array in (x, context)
    )
    assert rows is not None
    bench = Bench(model, np.array(theta, dtype=np.float64), rows, given, seed, beta, own, optimiser or Adam())
    return [check for examine in EXAMINATIONS for check in examine(bench)]


def _gradients(bench: Bench) -> list[Check]:
    """E01 to E09: the gradient of the loss on the trained weights, along directions and entry by entry."""
    batch = bench.batch(2)
    noise = bench.noise("gradient", 1, len(batch.inputs))
    part = passes.of_model(bench.model, batch, noise, bench.objective)
    return [
        directional(part, bench.theta, bench.rng("directions")),
        gradient(part, bench.theta, bench.rng("entries"), entries=ENTRIES),
    ]


def _posterior(bench: Bench) -> list[Check]:
    """E03: moments of the sampler, and the density that it reports."""
    posterior, p = bench.model.posterior, bench.p.posterior
    if not posterior.has_density:
        return [
            not_applicable("E03", "moments of sampled z", POINT),
            not_applicable("E03", "log q of a draw", POINT),
        ]
    h = bench.encoded(IMAGES)
    return [
        moments.sample_moments(posterior, p, h, bench.rng("moments")),
        moments.density_of_draws(posterior, p, h, bench.rng("density")),
    ]


def _likelihood(bench: Bench) -> list[Check]:
    """E05, E06: the likelihood at the model's own outputs."""
    likelihood, p = bench.model.likelihood, bench.p.likelihood
    o, x = bench.outputs(IMAGES), bench.x[:IMAGES]
    return [
        normalisation.entries_sum_to_one(likelihood, p, o),
        identities.whole_images(bench, o),
        normalisation.surprise_is_not_capped(likelihood, p),
        identities.grey_values(bench, o),
        identities.best_variance(bench, o),
        normalisation.terms_add_up(likelihood, p, x, o[None]),
        moments.likelihood_draws(likelihood, p, o[None, :1], bench.rng("likelihood"), draws=4000),
    ]


def _divergence(bench: Bench) -> list[Check]:
    """E08: the KL against draws, and its sign."""
    names = ("KL by Monte Carlo", "KL is not negative")
    if bench.closed_kl is None:
        reason = POINT if not bench.model.posterior.has_density else "this pair has no KL in closed form"
        return [not_applicable("E08", name, reason) for name in names]
    parts, kl = (bench.model.posterior, bench.model.prior), bench.closed_kl
    return [
        moments.kl_by_draws(*parts, kl, bench.p, bench.encoded(IMAGES), bench.rng("kl"), bench.given(IMAGES)),
        moments.kl_is_a_divergence(*parts, kl, bench.p, bench.encoded(len(bench.x)), bench.context),
    ]


def _prior(bench: Bench) -> list[Check]:
    """E18: draws from the prior agree with its density."""
    if not bench.model.posterior.has_density:
        return [
            not_applicable("E18", "draws from the prior", "a plain autoencoder is trained without a prior")
        ]
    return [moments.prior_draws(bench.model.prior, bench.p, bench.rng("prior"), bench.given(1))]


def _objective(bench: Bench) -> list[Check]:
    """E09: the loss is the sum of its terms."""
    few = bench.batch(IMAGES)
    terms, _, _ = bench.model.run(bench.p, few, bench.noise("objective", 2, len(few.inputs)))
    return [objective.terms_add_to_the_loss(bench.objective, terms, len(few.inputs))]


def _evidence(bench: Bench) -> list[Check]:
    """E10, E11: the bounds, against log p(x) by quadrature where the latent space allows it."""
    names = (("E10", "ELBO - log p(x)"), ("E11", "importance bound against log p(x)"))
    latent = bench.model.posterior.latent
    if not bench.model.posterior.has_density:
        return [not_applicable(*name, POINT) for name in names]
    if latent > 2:
        reason = f"quadrature covers 1 or 2 latent dimensions, this model has {latent}"
        return [not_applicable(*name, reason) for name in names]
    few, c = bench.x[:EVIDENCE_IMAGES], bench.given(EVIDENCE_IMAGES)
    if bench.model.encode(bench.p, few, c)[1] is None:
        reason = "quadrature needs to know how wide q is, and this q does not say"
        return [not_applicable(*name, reason) for name in names]
    exact = bounds.evidences(bench.model, bench.p, few, c)
    return [
        bounds.elbo_is_a_bound(bench.model, bench.p, few, exact, bench.rng("elbo"), context=c),
        bounds.importance_bound_meets_evidence(
            bench.model, bench.p, few, exact, bench.rng("evidence"), two_sided=False, context=c
        ),
    ]


def _importance(bench: Bench) -> list[Check]:
    """E11: what the importance-weighted bound does without knowing log p(x)."""
    names = ("one importance sample is the ELBO", "importance bound falls with K")
    if not bench.model.posterior.has_density:
        return [not_applicable("E11", name, POINT) for name in names]
    few, c = bench.x[:EVIDENCE_IMAGES], bench.given(EVIDENCE_IMAGES)
    rises = bounds.importance_bound_rises(bench.model, bench.p, few, bench.rng("rises"), context=c)
    if bench.closed_kl is None:
        return [not_applicable("E11", names[0], "the KL is sampled, which makes them the same by definition"), rises]
    return [bounds.one_sample_is_the_elbo(bench.model, bench.p, few, bench.rng("one sample"), context=c), rises]


def _shortcut(bench: Bench) -> list[Check]:
    """E13: what evaluation at z = mu would hide, measured, beside (beta/2) Σ_l (1 - sigma_l²)."""
    name = "reconstruction hidden by z = mu"
    if not bench.model.posterior.has_density:
        return [not_applicable("E13", name, "a plain autoencoder draws no z")]
    batch, zeros = bench.batch(len(bench.x)), bench.noise("shortcut", 1, len(bench.x))
    at_mean, _, _ = bench.model.run(bench.p, batch, {key: np.zeros_like(eps) for key, eps in zeros.items()})
    draws = 8
    sampled = [
        bench.model.run(bench.p, batch, bench.noise(f"shortcut {k}", 1, len(bench.x)))[0]
        for k in range(draws)
    ]
    gaps = at_mean.log_px[0] - np.mean([terms.log_px[0] for terms in sampled], axis=0)
    error = gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else float("nan")
    note = (
        f"{_prediction(bench, at_mean.logvar)}; standard error {error:.3f} over {len(gaps)} images, "
        f"{draws} draws each; a consistency check of training, not an identity"
    )
    return [information("E13", name, float(gaps.mean()), "nats an image", note)]


def _prediction(bench: Bench, logvar: Array | None) -> str:
    """What E13 predicts: its rule is that of a width sigma and a standard normal prior."""
    if logvar is None or not isinstance(bench.model.prior, StandardNormal):
        return "nothing predicted: the rule is for a q with a width in each dimension and a standard normal prior"
    predicted = 0.5 * bench.beta * float((1.0 - np.exp(logvar)).sum(axis=-1).mean())
    return f"predicted {predicted:.3f} nats at convergence"


def _course(bench: Bench) -> list[Check]:
    """G01: independent of the model; shows that this installation computes what the course printed."""
    return course.reproduce()


EXAMINATIONS: tuple[Callable[[Bench], list[Check]], ...] = (
    _gradients,
    _posterior,
    _likelihood,
    _divergence,
    _prior,
    _objective,
    _evidence,
    _importance,
    identities.aggregate,
    _shortcut,
    identities.floor,
    identities.start,
    identities.same_again,
    _course,
    identities.principal_components,
    identities.steps,
)
