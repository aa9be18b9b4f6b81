"""What else holds for a sound model, examined on a trained one: E05, E05c, E07, E12, E14 to E17, and repetition."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from vitral.checks import bounds, contracts, normalisation, optimisation
from vitral.checks.bench import IMAGES, POINT, Bench
from vitral.checks.check import STANDARD_ERRORS, Check, below, information, not_applicable
from vitral.core.arrays import LOG_TWO_PI, Array, logsumexp
from vitral.core.randomness import stream
from vitral.model import Batch, Model
from vitral.parts.layers import Affine, Chain
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.objectives import ELBO, FreeBits
from vitral.parts.optimisers import Adam
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

SUMMED = 10  # binary pixels: 2^10 images are summed in a moment, 2^784 never
PAIRED = 60  # rows of which every draw meets every posterior
LINEAR_ROWS, LINEAR_FEATURES, LINEAR_LATENT, LINEAR_STEPS = 100, 5, 2, 1200


def whole_images(bench: Bench, o: Array) -> Check:
    """E05: Σ p(x given z) over all 2^D images is 1, where there are few enough."""
    name = "likelihood of images sums to 1"
    if not isinstance(bench.model.likelihood, Bernoulli) or bench.model.features > SUMMED:
        reason = f"all images are summed up to {SUMMED} binary entries; the sum of each entry stands in"
        return not_applicable("E05", name, reason)
    return normalisation.images_sum_to_one(bench.model.likelihood, bench.p.likelihood, o[:1, None])


def grey_values(bench: Bench, o: Array) -> Check:
    """E05c: what log p of grey values lacks to be a density: Σ_d log(a / tanh(a / 2)), with log 2 at a = 0."""
    name = "constant missing for grey values"
    x = bench.x[:IMAGES]
    if not isinstance(bench.model.likelihood, Bernoulli):
        return not_applicable("E05c", name, "the likelihood is a density or a mass for these values")
    if not ((x > 0.0) & (x < 1.0)).any():
        return not_applicable("E05c", name, "all values are 0 or 1")
    safe = np.where(np.abs(o) < 1e-4, 1e-4, o)
    lacking = np.log(safe / np.tanh(0.5 * safe)).sum(axis=-1).mean()
    note = f"{len(x)} images; the Bernoulli expression of grey values is a loss, not a density"
    return information("E05c", name, float(lacking), "nats an image", note)


def best_variance(bench: Bench, o: Array) -> Check:
    """E07: at s² = SSE / D the negative log likelihood is (D/2) (log(2π SSE / D) + 1), and its slope in log s² is 0."""
    name, likelihood = "shared variance at its optimum", bench.model.likelihood
    if not isinstance(likelihood, GaussianFixed | GaussianLearned):
        return not_applicable("E07", name, "the likelihood has no variance that all entries share")
    x, features = bench.x[: len(o)], bench.model.features
    m = likelihood.mean(bench.p.likelihood, o)
    s2 = float(((x - m) ** 2).mean())
    if s2 <= 0.0:
        return not_applicable("E07", name, "these images are reconstructed without any error")
    values = [-_gaussian(x, m, s2 * factor).mean() for factor in (1.0, np.exp(1e-4), np.exp(-1e-4))]
    stated = 0.5 * features * (LOG_TWO_PI + np.log(s2) + 1.0)
    slope = (values[1] - values[2]) / 2e-4 / features
    gap = max(abs(values[0] - stated) / (1.0 + abs(stated)), abs(slope))
    own = likelihood.noise_variance(bench.p.likelihood)
    note = f"SSE / D of {len(x)} images {s2:.5f}, variance of the model {own:.5f}"
    return below("E07", name, gap, 1e-6, "relative error", note)


def _gaussian(x: Array, m: Array, s2: float) -> Array:
    """log p of rows by the library's own Gaussian at a given variance."""
    return GaussianFixed(s2, "identity").log_prob(None, x, m[None])[0][0]


def aggregate(bench: Bench) -> list[Check]:
    """E12: mean KL = I(x; z) + KL(q(z), p(z)) by draws, and I(x; z) <= log N, with q(z) the mean over N rows."""
    names = ("KL is information plus aggregate KL", "information is at most log N")
    if not bench.model.posterior.has_density:
        return [not_applicable("E12", name, POINT) for name in names]
    rows = min(len(bench.x), PAIRED)
    posterior, p, h = bench.model.posterior, bench.p.posterior, bench.encoded(rows)
    draws = 8
    z = posterior.sample(p, h, bench.noise("aggregate", draws, rows))[0].z
    pairs = np.stack([_log_q_of_all(posterior, p, h, some) for some in z])  # (K, n of z, m of q)
    log_q = np.diagonal(pairs, axis1=1, axis2=2)
    log_aggregate = logsumexp(pairs, axis=2) - np.log(rows)
    log_pz, _ = bench.model.prior.log_prob(bench.p, z, bench.given(rows))
    told, rest = (log_q - log_aggregate).mean(axis=0), (log_aggregate - log_pz).mean(axis=0)
    most = below(
        "E12", names[1], float(told.mean()), float(np.log(rows)) + 1e-9, "nats", f"{rows} images, {draws} draws each"
    )
    if bench.closed_kl is None:
        return [not_applicable("E12", names[0], "this pair has no KL in closed form"), most]
    closed = bench.closed_kl(posterior, bench.model.prior, bench.p, h, bench.given(rows))[0].sum(axis=-1)
    gap = float((log_q - log_pz).mean() - closed.mean())
    error = float(np.sqrt(((log_q - log_pz).var(axis=0, ddof=1) / draws).sum()) / rows)
    note = (
        f"information {told.mean():.3f} + aggregate {rest.mean():.3f} nats beside a KL of {closed.mean():.3f}; "
        f"{rows} images, {draws} draws each"
    )
    slack = STANDARD_ERRORS * error + 1e-9
    return [below("E12", names[0], abs(gap), slack, "nats", note), most]


def _log_q_of_all(posterior: Any, p: Any, h: Array, z: Array) -> Array:
    """log q(z_n given x_m) of every draw z_n (N, L) under every row m, (N, M)."""
    everywhere = np.broadcast_to(z[:, None], (len(z), len(h), z.shape[1]))
    return posterior.log_prob(p, h, everywhere)  # type: ignore[no-any-return]


def floor(bench: Bench) -> list[Check]:
    """E15: where a dimension's KL lies below the floor of free bits, nothing pulls on it."""
    name = "free bits: no pull below the floor"
    if not isinstance(bench.own, FreeBits):
        return [not_applicable("E15", name, "the model was trained without a floor under its KL")]
    few = bench.batch(IMAGES)
    terms, _, _ = bench.model.run(bench.p, few, bench.noise("floor", 1, len(few.inputs)))
    _, seeds = bench.own(terms, len(few.inputs))
    under = terms.kl < bench.own.floor
    if bench.own.over == "batch":
        under = np.broadcast_to(terms.kl.mean(axis=0) < bench.own.floor, terms.kl.shape)
    pull = float(np.abs(np.where(under, seeds.kl, 0.0)).max())
    note = f"{int(under.sum())} of {under.size} values lie below"
    return [below("E15", name, pull, 0.0, "largest difference", note)]


def start(bench: Bench) -> list[Check]:
    """E17: the width of q and the variance behind every layer, before the first step."""
    p = bench.model.views(bench.model.init(bench.seed, "float64", bench.x))
    few = bench.batch(len(bench.x))
    terms, o, _ = bench.model.run(p, few, bench.noise("start", 1, len(few.inputs)))
    name = "sigma of q before training"
    if terms.logvar is None:
        reason = POINT if not bench.model.posterior.has_density else "this q does not say how wide it is"
        return [not_applicable("E17", name, reason)]
    layers = _variances(bench.model.encoder, p.encoder, few.inputs) if few.context is None else []
    behind = ", ".join(f"{variance:.3g}" for variance in layers) or "–"
    note = f"variance behind each layer of the encoder: {behind}; of the decoder's outputs: {o.var():.3g}"
    return [information("E17", name, float(np.exp(0.5 * terms.logvar).mean()), "standard deviations", note)]


def _variances(network: Any, p: Any, x: Array) -> list[float]:
    """The variance of what leaves every layer of a chain; nothing for other networks."""
    found = []
    if isinstance(network, Chain):
        for layer, views in zip(network.layers, p, strict=True):
            x, _ = layer.forward(views, x)
            found.append(float(x.var()))
    return found


def same_again(bench: Bench) -> list[Check]:
    """E09: the same seed gives the same loss and gradient bit for bit, also where another forward comes in between."""
    batch = bench.batch(2)
    first = _gradient(bench, batch, between=False)
    again = _gradient(bench, batch, between=True)
    gap = contracts.difference(first, again)
    note = f"loss and {first.size - 1} gradients, another forward before the second backward"
    return [below("E09", "same seed, same numbers", gap, 0.0, "largest difference", note)]


def _gradient(bench: Bench, batch: Batch, *, between: bool) -> Array:
    """The loss and its gradient as one vector."""
    rows, grad = len(batch.inputs), np.zeros_like(bench.theta)
    objective = bench.objective
    loss, backward = bench.model.loss(bench.p, batch, bench.noise("again", 1, rows), objective, rows)
    if between:
        other = Batch(batch.inputs[::-1], batch.target, context=batch.context)
        bench.model.loss(bench.p, other, bench.noise("other", 1, rows), objective, rows)
    backward(bench.model.views(grad))
    return np.append(grad, float(loss))


def principal_components(bench: Bench) -> list[Check]:
    """E14: independent of the model: a linear VAE trained with this library's parts is probabilistic PCA."""
    return list(_linear_vae())


@cache
def _linear_vae() -> tuple[Check, Check]:
    x = _linear_data()
    model = Model(
        encoder=Chain((Affine(LINEAR_FEATURES, 2 * LINEAR_LATENT, "lecun", LINEAR_LATENT),)),
        posterior=DiagonalGaussian(LINEAR_LATENT),
        prior=StandardNormal(LINEAR_LATENT),
        decoder=Chain((Affine(LINEAR_LATENT, LINEAR_FEATURES, "lecun"),)),
        likelihood=GaussianLearned("identity"),
        features=LINEAR_FEATURES,
    )
    theta, noise = fitted_exactly(model, x, LINEAR_STEPS)
    return _compared_with_pca(model, theta, x, noise)


def fitted_exactly(model: Model, x: Array, steps: int) -> tuple[Array, dict[str, Array]]:
    """Parameters after full batches, and the 2L cubature points that stood for the noise.

    For a linear model these make the ELBO exact and its descent smooth.
    """
    theta, optimiser = model.init(0, "float64", x), Adam()
    noise, state = bounds.cubature(model.posterior.latent, len(x)), optimiser.start(theta)
    for t in range(1, steps + 1):
        grad = np.zeros_like(theta)
        _, backward = model.loss(model.views(theta), Batch(x, x), noise, ELBO(), len(x))
        backward(model.views(grad))
        optimiser.step(theta, grad, state, t=t, rate=0.05 * (1.0 + np.cos(np.pi * t / steps)))
    return theta, noise


def _linear_data() -> Array:
    """Two strong directions of different strength, and noise."""
    rng = stream(0, "check linear data")
    directions = np.linalg.qr(rng.standard_normal((LINEAR_FEATURES, LINEAR_LATENT)))[0].T * [[2.0], [1.0]]
    z = rng.standard_normal((LINEAR_ROWS, LINEAR_LATENT))
    return z @ directions + 0.5 + 0.3 * rng.standard_normal((LINEAR_ROWS, LINEAR_FEATURES))  # type: ignore[no-any-return]


def _compared_with_pca(model: Model, theta: Array, x: Array, noise: dict[str, Array]) -> tuple[Check, Check]:
    """The ELBO against the largest likelihood (Tipping and Bishop 1999), and the angle between the two planes."""
    centred, p = x - x.mean(axis=0), model.views(theta)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    lost = LINEAR_FEATURES - LINEAR_LATENT
    log_det = np.log(values[lost:]).sum() + lost * np.log(values[:lost].mean())
    best = -0.5 * (LINEAR_FEATURES * (LOG_TWO_PI + 1.0) + log_det)
    elbo = float(bounds.elbo_rows(model, p, x, noise).mean())
    ours = np.linalg.qr(next(iter(p.decoder)).W.T)[0]
    cosine = np.linalg.svd(ours.T @ vectors[:, lost:], compute_uv=False).min()
    note = f"{LINEAR_STEPS} steps on {LINEAR_ROWS} rows of {LINEAR_FEATURES} numbers"
    return (
        below("E14", "linear VAE against PCA, likelihood", abs(elbo - best), 1e-6, "nats", note),
        below("E14", "linear VAE against PCA, angle", np.arccos(min(cosine, 1.0)), 1e-4, "radians", note),
    )


def steps(bench: Bench) -> list[Check]:
    """E16: the optimiser of this model against a loop over single numbers."""
    return [optimisation.equals_scalar_loop(bench.optimiser, bench.seed)]
