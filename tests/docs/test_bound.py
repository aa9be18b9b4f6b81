"""elbo.md and importance_sampling.md on a model whose likelihood is known (E10, E11, E12, E14)."""

import numpy as np
import pytest

from vitral.core import arrays
from vitral.core.arrays import LOG_TWO_PI
from vitral.core.randomness import draw, stream
from vitral.model import Batch, Model
from vitral.parts.layers import Affine
from vitral.parts.likelihoods import GaussianFixed
from vitral.parts.objectives import ELBO
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

D, L, N, S2 = 4, 2, 6, 0.3


@pytest.fixture
def linear():
    """A linear-Gaussian model, its parameters with the exact posterior as the encoder, data, and log p(x)."""
    model = Model(
        Affine(D, 2 * L),
        DiagonalGaussian(L),
        StandardNormal(L),
        Affine(L, D),
        GaussianFixed(S2, "identity"),
        D,
    )
    theta = np.zeros(model.parameters)
    p = model.views(theta)
    rng = stream(0, "linear model")
    q, _ = np.linalg.qr(rng.standard_normal((D, L)))
    a = q.T * np.array([[1.5], [0.4]])  # orthogonal rows: the exact posterior is diagonal
    variance = S2 / (S2 + (a * a).sum(axis=1))
    p.decoder.W[...], p.decoder.b[...] = a, rng.standard_normal(D)
    p.encoder.W[:, :L] = a.T * variance / S2
    p.encoder.b[:L] = -p.decoder.b @ p.encoder.W[:, :L]
    p.encoder.b[L:] = np.log(variance)
    x = rng.standard_normal((N, L)) @ a + p.decoder.b + np.sqrt(S2) * rng.standard_normal((N, D))
    covariance = a.T @ a + S2 * np.eye(D)
    centred = x - p.decoder.b
    quadratic = (centred @ np.linalg.inv(covariance) * centred).sum(axis=1)
    log_px = -0.5 * (quadratic + np.linalg.slogdet(covariance)[1] + D * LOG_TWO_PI)
    return model, p, x, log_px


def _noise(model, samples, purpose="noise"):
    return draw(model.posterior.noise_shapes(samples, N), stream(1, purpose), "float64")


def _worsened(p):
    """An encoder that is off in mean and width."""
    p.encoder.b[:L] += 0.3
    p.encoder.b[L:] += 0.5


def test_with_the_exact_posterior_every_weight_is_the_likelihood(linear):
    """E14: log w does not depend on the draw and equals log p(x)."""
    model, p, x, log_px = linear
    np.testing.assert_allclose(
        model.log_weights(p, Batch(x, x), _noise(model, 3)), np.tile(log_px, (3, 1)), rtol=1e-12
    )


def test_the_elbo_equals_the_likelihood_for_the_exact_posterior_and_lies_below_it_otherwise(linear):
    """E10: the gap is KL(q, posterior), known in closed form for two Gaussians."""
    model, p, x, log_px = linear
    # Four sign patterns have the first two moments of N(0, I): an average over them is exact for a quadratic.
    noise = {"eps": np.stack([signs * np.ones((N, L)) for signs in ([1, 1], [1, -1], [-1, 1], [-1, -1])])}

    def elbo():
        terms, _, _ = model.run(p, Batch(x, x), noise)
        return -ELBO().rows(terms)

    np.testing.assert_allclose(elbo(), log_px, rtol=1e-12)
    sigma = np.exp(0.5 * p.encoder.b[L:])
    _worsened(p)
    ratio = np.exp(0.5)
    gap = 0.5 * (ratio + (0.3 / sigma) ** 2 - 1 - 0.5).sum()
    np.testing.assert_allclose(log_px - elbo(), gap, rtol=1e-10)


def test_one_draw_gives_the_elbo_with_a_sampled_kl(linear):
    """E11 with K = 1, draw by draw."""
    model, p, x, _ = linear
    _worsened(p)
    noise = _noise(model, 1)
    terms, _, _ = model.run(p, Batch(x, x), noise)
    expected = -ELBO(kl="sampled").rows(terms)
    np.testing.assert_allclose(
        arrays.logsumexp(model.log_weights(p, Batch(x, x), noise), axis=0), expected, rtol=1e-12
    )


def test_the_estimate_rises_with_the_number_of_draws_towards_the_likelihood(linear):
    """E11: means over 400 repetitions at K = 1, 4, 16, 64 increase and stay below log p(x)."""
    model, p, x, log_px = linear
    _worsened(p)
    log_w = model.log_weights(p, Batch(x, x), _noise(model, 400 * 64))
    means = []
    for k in (1, 4, 16, 64):
        estimates = arrays.logsumexp(log_w[: 400 * k].reshape(400, k, N), axis=1) - np.log(k)
        means.append((estimates - log_px).mean())
    assert np.all(np.diff(means) > 0)
    assert means[-1] < 0.002
    assert abs(means[-1]) < 0.2 * abs(means[0])


@pytest.mark.parametrize("chunk", [1, 7, 32])
def test_chunks_combine_by_logsumexp_and_not_by_averaging(linear, chunk):
    """The same draws in chunks give the same number; the average of the chunks' results is smaller."""
    model, p, x, _ = linear
    _worsened(p)
    samples = 96
    log_w = model.log_weights(p, Batch(x, x), _noise(model, samples))
    parts = [arrays.logsumexp(log_w[s : s + chunk], axis=0) for s in range(0, samples, chunk)]
    combined = arrays.logsumexp(np.stack(parts), axis=0) - np.log(samples)
    whole = arrays.logsumexp(log_w, axis=0) - np.log(samples)
    np.testing.assert_allclose(combined, whole, rtol=1e-12)
    sizes = [min(chunk, samples - s) for s in range(0, samples, chunk)]
    results = [part - np.log(n) for part, n in zip(parts, sizes, strict=True)]
    averaged = np.average(results, axis=0, weights=sizes)
    assert np.all(averaged < whole)


def test_the_mean_kl_is_information_plus_the_distance_of_the_aggregate_from_the_prior():
    """E12 by quadrature in one dimension, for three posteriors; the information is below log 3."""
    mu, logvar = np.array([-1.0, 0.4, 2.0]), np.array([-1.0, 0.2, -2.0])
    z = np.linspace(-12, 12, 40_001)
    q = np.exp(-0.5 * ((z - mu[:, None]) ** 2 / np.exp(logvar)[:, None] + logvar[:, None] + LOG_TWO_PI))
    aggregate = q.mean(axis=0)
    log_prior = -0.5 * (z * z + LOG_TWO_PI)
    width = z[1] - z[0]
    ratio = np.log(np.maximum(q, 1e-300)) - np.log(np.maximum(aggregate, 1e-300))
    information = (q * ratio).sum(axis=1).mean() * width
    distance = (aggregate * (np.log(np.maximum(aggregate, 1e-300)) - log_prior)).sum() * width
    kl = 0.5 * (mu**2 + np.exp(logvar) - logvar - 1)
    assert abs(kl.mean() - information - distance) < 1e-9
    assert 0 < information < np.log(3)
