"""The laws of the objectives, at standard points: what each law compares is in objective.py and bounds.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from vitral.checks import bounds, objective
from vitral.checks.check import STANDARD_ERRORS, Check, below, not_applicable
from vitral.checks.contracts import difference
from vitral.checks.passes import Arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.core.randomness import draw, stream
from vitral.model import Batch, Model
from vitral.parts.objectives import ELBO, IWAE, MMD, STL, BetaTC, DReG, Terms

K, N, L = 2, 3, 2
BATCHES, COPIES = 40, 150  # of the gradients on average: batches for the standard error, copies of each row


def terms_for(rng: np.random.Generator, dtype: str = "float64", samples: int = K) -> Terms:
    """Random terms; no KL is negative, one dimension's is small, and log q is the larger density."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("log_px", "log_pz", "log_qz"), (samples, N))
    shapes |= {"kl": (N, L), "z": (samples, N, L), "mu": (N, L), "logvar": (N, L)}
    drawn = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    drawn["kl"] = np.abs(drawn["kl"]) * np.linspace(0.05, 1.5, L)
    drawn["log_qz"] += 4.0
    return Terms(**{name: array.astype(dtype) for name, array in drawn.items()})


def _terms_add(member: Any, seed: int) -> Check:
    return objective.terms_add_to_the_loss(member.at(3), terms_for(stream(seed, "law", 11)), N + 2)


def _rows_make_the_loss(member: Any, seed: int) -> Check:
    """E09: the loss is the sum of the losses of the rows over total; where rows do not meet, each stands alone."""
    at_once, terms = member.at(3), terms_for(stream(seed, "law", 21))
    rows = at_once.rows(terms)
    gaps = [abs(float(at_once(terms, N + 2)[0]) - float(rows.sum()) / (N + 2))]
    if not at_once.whole_batch:
        gaps += [abs(float(at_once.rows(_only(terms, n))[0] - rows[n])) for n in range(N)]
    return below("E09", "rows make the loss", max(gaps), 1e-12, "nats", f"{len(gaps)} comparisons")


def _only(terms: Terms, n: int) -> Terms:
    """The terms of one row."""
    drawn = {name: getattr(terms, name)[:, n : n + 1] for name in ("log_px", "log_pz", "log_qz", "z")}
    return Terms(**drawn, **{name: getattr(terms, name)[n : n + 1] for name in ("kl", "mu", "logvar")})


def _is_an_elbo(member: Any, seed: int) -> Check:
    """E09: at the options where it is an ELBO, its loss and every seed are the ELBO's."""
    name = "ELBO as a special case"
    pair = objective.as_elbo(member.at(3))
    if pair is None:
        return not_applicable("E09", name, "it is the ELBO itself")
    terms = terms_for(stream(seed, "law", 22), samples=1)
    (loss, seeds), (expected, expected_seeds) = (made(terms, N + 2) for made in pair)
    gaps = [abs(float(loss - expected))]
    for one, other, term in zip(seeds[:7], expected_seeds[:7], terms, strict=True):
        gaps.append(difference(one + 0.0 * term, other + 0.0 * term))
    return below("E09", name, max(gaps), 1e-12, "largest difference", str(pair[0]))


def _is_exact(member: Any, seed: int) -> Check:
    """E10: with the exact posterior the bound is log p(x), whatever the draws."""
    at_once = member.at(0)
    if not _is_a_bound(at_once):
        return not_applicable(
            "E10", "ELBO of the exact posterior", "it is no bound of log p(x), or not a tight one"
        )

    def evaluate(model: Model, p: Views, x: Array, noise: Arrays) -> Array:
        losses = []
        for n in range(len(x)):
            row = {name: eps[:, n : n + 1] for name, eps in noise.items()}
            terms, _, _ = model.run(p, Batch(x[n : n + 1], x[n : n + 1]), row)
            losses.append(-at_once(terms, 1)[0])
        return np.array([losses])

    return bounds.exact_on_a_linear_model(evaluate, seed)


def _is_a_bound(member: Any) -> bool:
    return isinstance(member, IWAE | DReG | STL) or (isinstance(member, ELBO) and member.beta == 1.0)


def _bound_law(law: Callable[..., Check], name: str) -> Callable[[Any, int], Check]:
    """A law of importance bounds, for the objectives that are one."""

    def run(member: Any, seed: int) -> Check:
        if not (isinstance(member, IWAE | DReG) or (isinstance(member, STL) and member.bound == "iwae")):
            return not_applicable("E11", name, "it is no importance-weighted bound")

        def combine(log_w: Array) -> Array:
            none = np.zeros_like(log_w)
            return -member.rows(Terms(log_w, none, none, None, None, None, None))

        return law(combine, seed)

    return run


def _rises(combine: bounds.Combine, seed: int) -> Check:
    model, p, x = bounds.poor_posterior(seed)
    return bounds.importance_bound_rises(model, p, x, stream(seed, "law", 16), combine=combine)


def _meets_evidence(combine: bounds.Combine, seed: int) -> Check:
    model, p, x = bounds.poor_posterior(seed)
    exact, rng = bounds.evidences(model, p, x), stream(seed, "law", 15)
    return bounds.importance_bound_meets_evidence(model, p, x, exact, rng, combine=combine)


def _gradient_on_average(member: Any, seed: int) -> Check:
    """E11: without the score of q, the gradient of the bound is the same on average."""
    name = "gradient on average"
    if "pathwise" not in member.needs:
        return not_applicable("E11", name, "its gradient is that of its loss, draw by draw")
    if isinstance(member, STL) and member.bound == "iwae":
        return not_applicable("E11", name, "it is biased with several draws (Tucker et al. 2019)")
    plain = ELBO(kl="sampled") if isinstance(member, STL) else IWAE()
    model, p, x = bounds.poor_posterior(seed)
    x, rng = np.repeat(x, COPIES, axis=0), stream(seed, "law", 23)
    noises = [draw(model.posterior.noise_shapes(3, len(x)), rng, "float64") for _ in range(BATCHES)]
    gaps = np.array([_encoder_gradient(model, p, x, noise, member) for noise in noises])
    gaps -= [_encoder_gradient(model, p, x, noise, plain) for noise in noises]
    score = np.abs(gaps.mean(axis=0)) / (gaps.std(axis=0, ddof=1) / np.sqrt(BATCHES) + 1e-12)
    note = f"{BATCHES} batches of {len(x)} rows, 3 draws each"
    return below("E11", name, score.max(), STANDARD_ERRORS, "standard errors", note)


def _vanishes(member: Any, seed: int) -> Check:
    """E11: at the exact posterior all weights are p(x) wherever z falls: no draw moves the encoder."""
    name = "no gradient at the exact posterior"
    if "pathwise" not in member.needs:
        return not_applicable("E11", name, "the score of q stays, and is zero on average only")
    model, theta = bounds.linear_gaussian(5, 2, 0.4, seed)
    rng = stream(seed, "law", 24)
    x, noise = rng.standard_normal((7, 5)), draw(model.posterior.noise_shapes(3, 7), rng, "float64")
    largest = np.abs(_encoder_gradient(model, model.views(theta), x, noise, member)).max()
    return below("E11", name, largest, 1e-12, "largest entry", "linear Gaussian model, 7 rows, 3 draws each")


def _encoder_gradient(model: Model, p: Views, x: Array, noise: Arrays, member: Any) -> Array:
    grad = np.zeros(model.parameters)
    _, backward = model.loss(p, Batch(x, x), noise, member, len(x))
    backward(model.views(grad))
    return np.concatenate([view.ravel() for layer in model.views(grad).encoder for view in layer])


def _tells_the_prior(member: Any, seed: int) -> Check:
    """The discrepancy of codes that fill the prior is 0 on average, of shifted ones it is above 0."""
    name = "discrepancy from the prior"
    if not isinstance(member, MMD):
        return not_applicable("E12", name, "it measures no discrepancy")
    rng = stream(seed, "law", 25)
    of_rows, of_draws = rng.standard_normal((300, 1, 20, 3)), rng.standard_normal((300, K, 20, 3))
    draws = np.sqrt(0.5) * (of_rows + of_draws)  # two draws of one row are alike, all of them fill N(0, I)
    at_prior, shifted = (np.array([member.discrepancy(z)[0] for z in draws + s]) for s in (0.0, 0.5))
    scores = [values.mean() / (values.std(ddof=1) / np.sqrt(len(values))) for values in (at_prior, shifted)]
    note = f"300 batches of 20 rows; {scores[0]:.1f} standard errors from 0, shifted by 1/2 {scores[1]:.1f}"
    measured = abs(scores[0]) if scores[1] > STANDARD_ERRORS else np.inf
    return below("E12", name, measured, STANDARD_ERRORS, "standard errors", note)


def _is_unbiased(member: Any, seed: int) -> Check:
    """The stratified estimate of q(z), averaged over all batches that hold the row of z, is q(z)."""
    name, size = "stratified estimate of q(z)", 5
    if not isinstance(member, BetaTC) or member.estimate != "stratified":
        return not_applicable("E12", name, "it makes no such estimate")
    rng, made = stream(seed, "law", 26), replace(member.at(3), train_rows=size)
    z, mu, logvar = (rng.standard_normal(shape) for shape in ((1, size, L), (size, L), (size, L)))
    square = (z[0, :, None] - mu) ** 2 * np.exp(-logvar) + logvar + np.log(2.0 * np.pi)
    exact, gaps = np.exp(-0.5 * square.sum(axis=-1)).mean(axis=-1), []
    for rows in (2, 3, size):
        estimates: list[list[float]] = [[] for _ in range(size)]
        for batch in map(list, combinations(range(size), rows)):
            none = np.zeros((1, rows))
            terms = Terms(none, none, none, None, z[:, batch], mu[batch], logvar[batch])
            for n, log_q in zip(batch, made.log_densities(terms)[0][0], strict=True):
                estimates[n].append(float(np.exp(log_q)))
        gaps += [abs(np.mean(of_row) / q - 1.0) for of_row, q in zip(estimates, exact, strict=True)]
    return below(
        "E12", name, max(gaps), 1e-12, "relative error", f"every batch of 2, 3 and {size} of {size} rows"
    )


LAWS: dict[str, Callable[[Any, int], Check]] = {
    "terms_add_to_the_loss": _terms_add,
    "rows_make_the_loss": _rows_make_the_loss,
    "is_an_elbo": _is_an_elbo,
    "exact_on_a_linear_model": _is_exact,
    "bound_rises": _bound_law(_rises, "importance bound falls with K"),
    "bound_meets_evidence": _bound_law(_meets_evidence, "importance bound against log p(x)"),
    "gradient_on_average": _gradient_on_average,
    "vanishes_at_the_exact_posterior": _vanishes,
    "tells_the_prior": _tells_the_prior,
    "estimates_without_bias": _is_unbiased,
}
