"""E14: a linear VAE trained with the library's own parts becomes probabilistic PCA."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.checks.bounds import cubature, elbo_rows, linear_gaussian_log_px
from vitral.checks.identities import fitted_exactly
from vitral.specs import Spec

ROWS, FEATURES, LATENT, STEPS = 300, 6, 2, 1500


def data():
    """Two strong directions of different strength, and noise of variance 0.09."""
    rng = np.random.default_rng(11)
    directions = np.linalg.qr(rng.standard_normal((FEATURES, LATENT)))[0].T * [[2.0], [1.0]]
    z = rng.standard_normal((ROWS, LATENT))
    return z @ directions + 0.5 + 0.3 * rng.standard_normal((ROWS, FEATURES))


def eigen_solution(x):
    """Tipping and Bishop 1999: the maximum of the likelihood, from the eigenvalues of the covariance."""
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = values[LATENT:].mean()
    log_det = np.log(values[:LATENT]).sum() + (FEATURES - LATENT) * np.log(noise)
    log_px = -0.5 * (FEATURES * np.log(2.0 * np.pi) + log_det + FEATURES)
    return log_px, noise, vectors[:, :LATENT]


@pytest.fixture(scope="module")
def trained():
    x = data()
    linear = {"kind": "mlp", "hidden": []}
    likelihood = {"kind": "gaussian_learned", "link": "identity"}
    model = Spec(FEATURES, LATENT, linear, linear, likelihood=likelihood).build()
    theta, _ = fitted_exactly(model, x, STEPS)
    return x, model, model.views(theta)


def test_its_log_likelihood_is_that_of_the_eigen_solution(trained):
    x, model, p = trained
    expected, _, _ = eigen_solution(x)
    assert linear_gaussian_log_px(model, p, x).mean() == pytest.approx(expected, abs=1e-9)


def test_its_elbo_has_no_gap_left(trained):
    """The posterior of a linear model is Gaussian, and diagonal at the optimum: the bound is tight."""
    x, model, p = trained
    elbo = elbo_rows(model, p, x, cubature(LATENT, ROWS)).mean()
    assert elbo == pytest.approx(eigen_solution(x)[0], abs=1e-9)


def test_its_variance_is_the_mean_of_the_discarded_eigenvalues(trained):
    x, model, p = trained
    assert model.likelihood.noise_variance(p.likelihood) == pytest.approx(eigen_solution(x)[1], rel=1e-6)


def test_its_decoder_spans_the_principal_subspace(trained):
    """The largest angle between the two planes is below a millionth of a radian."""
    x, _, p = trained
    ours = np.linalg.qr(next(iter(p.decoder)).W.T)[0]
    cosines = np.linalg.svd(ours.T @ eigen_solution(x)[2], compute_uv=False)
    assert np.arccos(np.clip(cosines.min(), -1.0, 1.0)) < 1e-6
