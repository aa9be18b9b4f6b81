"""Two stochastic layers: what they reduce to, their code, and their evidence against quadrature."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.checks import bounds
from vitral.core.arrays import logsumexp
from vitral.core.parameters import count, cut
from vitral.core.randomness import draw, stream
from vitral.errors import UsageError
from vitral.model import Batch
from vitral.parts.layers import Affine, Chain
from vitral.parts.posteriors import DiagonalGaussian, TwoLayerPosterior, UpperLayer
from vitral.parts.priors import StandardNormal, TwoLayerPrior
from vitral.specs import Spec

POSTERIOR = TwoLayerPosterior(5, 2, summary=3, hidden=(4,))


def layered(top="standard_normal", latent=2, **options):
    """A model of two layers on 3 features, and random parameters."""
    spec = Spec(
        3,
        latent,
        {"hidden": [4], "activation": "tanh"},
        {"hidden": [4], "activation": "tanh"},
        {"kind": "two_layer", "summary": 2, "hidden": [3], "bound": 2.0, **options},
        {"kind": "two_layer", "hidden": [3], "bound": 2.0, "top": top},
        {"kind": "gaussian_fixed", "link": "identity"},
    )
    model = spec.build()
    return model, model.views(0.7 * stream(0, "theta").standard_normal(model.parameters))


def constant_head(p, mu, logvar, bound):
    """Sets a head's parameters so that it gives mu and logvar whatever it sees."""
    *_, last = p
    last.W[...] = 0.0
    last.b[...] = np.concatenate([mu, bound * np.arctanh(logvar / bound)])


def test_with_a_constant_head_the_posterior_is_one_diagonal_gaussian():
    rng = stream(0, "constant")
    p = cut(rng.standard_normal(count(POSTERIOR.shapes)), POSTERIOR.shapes)
    mu1, logvar1 = rng.standard_normal(3), rng.standard_normal(3)
    constant_head(p, mu1, logvar1, POSTERIOR.bound)
    h, noise = rng.standard_normal((4, POSTERIOR.width())), draw(POSTERIOR.noise_shapes(2, 4), rng, "float64")
    mu2, logvar2 = h[:, 3:5], h[:, 5:]
    ones = np.ones((4, 1))
    whole = np.concatenate([ones * mu1, mu2, ones * logvar1, logvar2], axis=1)
    eps = np.concatenate([noise["eps1"], noise["eps2"]], axis=-1)
    expected, _ = DiagonalGaussian(5).sample(None, whole, {"eps": eps})
    q, _ = POSTERIOR.sample(p, h, noise)
    np.testing.assert_allclose(q.z, expected.z, rtol=1e-12)
    np.testing.assert_allclose(q.log_qz, expected.log_qz, rtol=1e-12)


def test_with_a_constant_head_the_prior_is_two_independent_gaussians():
    encoder = Chain((Affine(3, POSTERIOR.width()),))
    prior = TwoLayerPrior(5, POSTERIOR, encoder, StandardNormal(2), hidden=(4,))
    shapes = {"encoder": encoder.shapes, "posterior": POSTERIOR.shapes, "prior": prior.shapes}
    rng = stream(0, "product")
    p = cut(rng.standard_normal(count(shapes)), shapes)
    mu1, logvar1 = rng.standard_normal(3), rng.standard_normal(3)
    constant_head(p.prior.head, mu1, logvar1, prior.bound)
    z = rng.standard_normal((2, 6, 5))
    lower = DiagonalGaussian(3).log_prob(None, np.concatenate([mu1, logvar1])[None], z[..., :3])
    upper, _ = StandardNormal(2).log_prob(None, z[..., 3:])
    np.testing.assert_allclose(prior.log_prob(p, z)[0], lower + upper, rtol=1e-12)


def test_the_code_is_the_draw_without_noise():
    """z2 at its mean, and z1 at its mean given that; z1 over x alone is not Gaussian, so no variance is stated."""
    rng = stream(0, "code")
    p = cut(rng.standard_normal(count(POSTERIOR.shapes)), POSTERIOR.shapes)
    h = rng.standard_normal((4, POSTERIOR.width()))
    zeros = {name: np.zeros(shape) for name, shape in POSTERIOR.noise_shapes(1, 4).items()}
    q, _ = POSTERIOR.sample(p, h, zeros)
    mu, logvar = POSTERIOR.parameters(p, h)
    np.testing.assert_array_equal(mu, q.z[0])
    np.testing.assert_array_equal(mu, q.mu)
    assert logvar is None
    assert q.logvar is None


def test_a_gradient_by_the_code_alone_takes_the_same_way_as_without_noise():
    rng = stream(0, "way")
    theta = rng.standard_normal(count(POSTERIOR.shapes))
    p, h, dmu = (
        cut(theta, POSTERIOR.shapes),
        rng.standard_normal((4, POSTERIOR.width())),
        rng.standard_normal((4, 5)),
    )
    zeros = {name: np.zeros(shape) for name, shape in POSTERIOR.noise_shapes(1, 4).items()}
    silent, nothing = np.zeros((1, 4)), np.zeros((1, 4, 5))
    by_code, by_draw = np.zeros_like(theta), np.zeros_like(theta)
    q, backward = POSTERIOR.sample(p, h, zeros)
    dh = backward(nothing, silent, dmu, 0.0, cut(by_code, POSTERIOR.shapes))
    expected = backward(dmu[None], silent, 0.0, 0.0, cut(by_draw, POSTERIOR.shapes))
    np.testing.assert_allclose(dh, expected, rtol=1e-12)
    np.testing.assert_allclose(by_code, by_draw, rtol=1e-12, atol=1e-14)
    assert q.z.shape == (1, 4, 5)


def test_half_of_the_dimensions_are_the_upper_layer_unless_another_number_is_asked_for():
    assert (TwoLayerPosterior(5).l1, TwoLayerPosterior(5).l2) == (3, 2)
    assert (TwoLayerPosterior(5, 1).l1, TwoLayerPosterior(5, 1).l2) == (4, 1)


@pytest.mark.parametrize("latent, upper", [(1, 0), (3, 3), (2, 5)])
def test_a_layer_without_dimensions_is_refused(latent, upper):
    with pytest.raises(UsageError, match=f"got latent = {latent} and upper = {upper}"):
        Spec(3, latent, posterior={"kind": "two_layer", "upper": upper}).build()


def test_the_upper_layer_by_itself_is_a_diagonal_gaussian_of_the_last_outputs():
    upper, h = UpperLayer(POSTERIOR), stream(0, "upper").standard_normal((4, POSTERIOR.width()))
    noise = draw(upper.noise_shapes(3, 4), stream(0, "noise"), "float64")
    q, backward = upper.sample(None, h, noise)
    expected, gaussian_backward = DiagonalGaussian(2).sample(None, h[:, 3:], noise)
    np.testing.assert_array_equal(q.z, expected.z)
    seeds = (np.ones((3, 4, 2)), np.ones((3, 4)), np.ones((4, 2)), np.ones((4, 2)), None)
    np.testing.assert_array_equal(backward(*seeds)[:, 3:], gaussian_backward(*seeds))
    np.testing.assert_array_equal(backward(*seeds)[:, :3], 0.0)


@pytest.mark.parametrize(
    "top",
    ["standard_normal", {"kind": "mixture", "components": 3}, {"kind": "vamp", "components": 3}],
    ids=str,
)
def test_importance_sampling_meets_the_evidence_of_a_two_layer_model(top):
    """1 + 1 dimensions: log p(x) by quadrature over (z1, z2), against 40,000 draws of q, and the ELBO below it."""
    model, p = layered(top)
    x = stream(0, "x").standard_normal((2, 3))
    draws = 40_000
    noise = draw(model.posterior.noise_shapes(draws, 2), stream(0, "noise"), "float64")
    log_w = model.log_weights(p, Batch(x, x), noise)
    weights = np.exp(log_w - log_w.max(axis=0))
    error = weights.std(axis=0) / weights.mean(axis=0) / np.sqrt(draws)
    exact = [bounds.log_evidence(model, p, x[n : n + 1], reach=12.0) for n in range(2)]
    for n, evidence in enumerate(exact):
        estimate = float(logsumexp(log_w[:, n], axis=0)) - np.log(draws)
        assert abs(estimate - evidence.log_px) < 5.0 * error[n] + evidence.change
        assert log_w[:, n].mean() < evidence.log_px
        assert error[n] < 0.05


def test_samples_of_a_two_layer_model_follow_the_layers():
    """z2 from the upper prior, z1 around what the head makes of it."""
    model, p = layered()
    z, x = model.sample(p, 50_000, stream(0, "sample"), "float64")
    mu1, logvar1, _ = model.prior.head.forward(p.prior.head, z[:, 1:])
    residual = (z[:, :1] - mu1) * np.exp(-0.5 * logvar1)
    together = np.concatenate([residual, z[:, 1:]], axis=1)
    np.testing.assert_allclose(np.cov(together.T), np.eye(2), atol=0.03)
    assert x.shape == (50_000, 3)
