"""Quadrature of log p(x) against closed forms, and the bounds against it."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.checks import bounds
from vitral.parts.layers import Affine, Chain
from vitral.parts.likelihoods import GaussianFixed
from vitral.specs import Spec


@pytest.mark.parametrize("latent", [1, 2])
@pytest.mark.parametrize("variance", [0.4, 1e-2, 1e-4])
def test_quadrature_finds_the_log_evidence_of_a_linear_model(latent, variance):
    """Also where the posterior is forty times narrower than the first lattice (variance 1e-4)."""
    model, theta = bounds.linear_gaussian(4, latent, variance, seed=3)
    p = model.views(theta)
    _, x = model.sample(p, 4, np.random.default_rng(0), "float64")
    exact = bounds.linear_gaussian_log_px(model, p, x)
    found = [bounds.log_evidence(model, p, x[n : n + 1]) for n in range(4)]
    np.testing.assert_allclose([evidence.log_px for evidence in found], exact, atol=2e-3)


def test_quadrature_counts_both_of_two_narrow_modes():
    """x = |z| + noise: z and -z explain x equally well, so p(x) is twice the mass of one mode."""
    model = Spec(1, 1, likelihood={"kind": "gaussian_fixed", "variance": 1e-4, "link": "identity"},
                 decoder={"hidden": [2]}, encoder={"hidden": [2]}).build()  # fmt: skip
    theta = np.zeros(model.parameters)
    first, _, last = model.views(theta).decoder
    first.W[...], last.W[...] = [[1.0, -1.0]], [[1.0], [1.0]]
    found = bounds.log_evidence(model, model.views(theta), np.array([[1.5]]))
    expected = np.log(2.0) - 0.5 * (1.5**2 / 1.0001 + np.log(2.0 * np.pi * 1.0001))
    assert found.log_px == pytest.approx(expected, abs=2e-3)


def test_quadrature_follows_an_encoder_beyond_the_usual_plane():
    """A row at z = 30 lies outside the lattice of the prior; q says where to look."""
    model, theta = bounds.linear_gaussian(2, 1, 0.01, seed=1)
    p = model.views(theta)
    decoder = next(iter(p.decoder))
    x = 30.0 * decoder.W + decoder.b
    evidence = bounds.evidences(model, p, x)[0]
    assert evidence.log_px == pytest.approx(bounds.linear_gaussian_log_px(model, p, x)[0], abs=2e-3)


def test_the_refinement_says_how_much_it_still_moved():
    model, theta = bounds.linear_gaussian(3, 2, 0.05, seed=2)
    found = bounds.log_evidence(model, model.views(theta), np.zeros((1, 3)))
    assert 0.0 <= found.change < bounds.TOLERANCE
    assert found.points < 3 * bounds.ENOUGH


def test_the_exact_posterior_of_a_linear_model_has_constant_weights():
    """log w = log p(x) for every draw: the ELBO and every importance bound are exact."""
    model, theta = bounds.linear_gaussian(5, 2, 0.3, seed=4)
    p, rng = model.views(theta), np.random.default_rng(0)
    x = rng.standard_normal((6, 5))
    log_w = model.log_weights(p, bounds.Batch(x, x), {"eps": rng.standard_normal((9, 6, 2))})
    exact = bounds.linear_gaussian_log_px(model, p, x)
    np.testing.assert_allclose(log_w, np.broadcast_to(exact, (9, 6)), atol=1e-10)
    np.testing.assert_allclose(bounds.importance_bound(log_w), exact, atol=1e-10)


def test_an_elbo_that_is_too_high_is_caught_with_its_excess():
    model, theta = bounds.linear_gaussian(3, 1, 0.5, seed=0)
    p, x = model.views(theta), np.zeros((2, 3))

    def optimist(model, p, x, noise):
        return bounds.elbo_rows(model, p, x, noise) + 1.0

    exact = bounds.evidences(model, p, x)
    assert bounds.elbo_is_a_bound(model, p, x, exact, np.random.default_rng(0)).passed
    check = bounds.elbo_is_a_bound(model, p, x, exact, np.random.default_rng(0), evaluate=optimist)
    assert not check.passed
    assert check.measured == pytest.approx(1.0, abs=0.1)


def test_a_weight_without_the_prior_is_not_the_elbo(monkeypatch):
    model, theta = bounds.linear_gaussian(3, 1, 0.5, seed=0)
    p, x = model.views(theta), np.ones((2, 3))
    assert bounds.one_sample_is_the_elbo(model, p, x, np.random.default_rng(0)).passed

    def without_prior(self, p, batch, noise):
        terms, _, _ = self.run(p, batch, noise)
        return terms.log_px - terms.log_qz

    monkeypatch.setattr(type(model), "log_weights", without_prior)
    assert not bounds.one_sample_is_the_elbo(model, p, x, np.random.default_rng(0)).passed


def test_cubature_is_exact_for_quadratic_functions():
    eps = bounds.cubature(3, 1)["eps"][:, 0]
    np.testing.assert_allclose(eps.mean(axis=0), np.zeros(3), atol=1e-15)
    np.testing.assert_allclose(eps.T @ eps / len(eps), np.eye(3), atol=1e-15)


def test_the_exact_linear_model_is_built_from_library_parts():
    model, _ = bounds.linear_gaussian(4, 2, 0.5, seed=0)
    assert Chain((Affine(4, 4),)) == model.encoder
    assert GaussianFixed(0.5, "identity") == model.likelihood
