"""The closed notation of reparameterisation.md against the code, draw by draw."""

import numpy as np

from vitral.core.arrays import LOG_TWO_PI
from vitral.core.randomness import stream
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

K, N, L = 3, 4, 2
POSTERIOR, PRIOR = DiagonalGaussian(L), StandardNormal(L)


def _drawn():
    rng = stream(0, "path gradient")
    h, eps = rng.standard_normal((N, 2 * L)), rng.standard_normal((K, N, L))
    q, backward = POSTERIOR.sample(None, h, {"eps": eps})
    return h, eps, np.exp(0.5 * h[:, L:]), q, backward


def _sampled_kl_gradient():
    """Of Σ_kn (log q - log p), through the posterior's and the prior's own backward."""
    _, eps, sigma, q, backward = _drawn()
    log_pz, prior_backward = PRIOR.log_prob(None, q.z)
    dz = prior_backward(-np.ones_like(log_pz), None)
    return eps, sigma, q, backward(dz, np.ones_like(q.log_qz), 0.0, 0.0, None)


def test_the_gradient_of_a_sampled_kl_is_the_formula_of_e18():
    """dmu = mu + sigma eps, dlogvar = (mu sigma eps + sigma² eps² - 1) / 2, added over the draws."""
    eps, sigma, q, dh = _sampled_kl_gradient()
    expected_mu = (q.mu + sigma * eps).sum(axis=0)
    expected_logvar = 0.5 * (q.mu * sigma * eps + sigma**2 * eps**2 - 1).sum(axis=0)
    np.testing.assert_allclose(dh, np.concatenate([expected_mu, expected_logvar], axis=1), rtol=1e-12)


def test_with_the_noise_frozen_log_q_depends_on_the_log_variance_alone():
    """Along the path: 0 for mu and -1/2 for logvar, from every draw."""
    _, _, _, q, backward = _drawn()
    dh = backward(np.zeros_like(q.z), np.ones_like(q.log_qz), 0.0, 0.0, None)
    np.testing.assert_array_equal(dh[:, :L], 0.0)
    np.testing.assert_allclose(dh[:, L:], -0.5 * K, rtol=1e-14)


def test_score_and_path_differ_as_the_example_of_the_page_says():
    """Mean 0, sigma 1, eps = 2: the score by logvar is 1.5, the derivative along the path -0.5."""
    eps, step = 2.0, 1e-6

    def log_q(logvar, z):
        return -0.5 * (z * z / np.exp(logvar) + logvar + LOG_TWO_PI)

    score = (log_q(step, eps) - log_q(-step, eps)) / (2 * step)
    path = (log_q(step, np.exp(step / 2) * eps) - log_q(-step, np.exp(-step / 2) * eps)) / (2 * step)
    np.testing.assert_allclose([score, path], [1.5, -0.5], atol=1e-8)


def test_the_density_of_the_sample_is_the_density_at_that_point():
    """log_qz of `sample` equals `log_prob` at the same z."""
    h, _, _, q, _ = _drawn()
    np.testing.assert_allclose(q.log_qz, POSTERIOR.log_prob(None, h, q.z), rtol=1e-12)
