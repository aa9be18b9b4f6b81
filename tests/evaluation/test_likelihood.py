"""Evaluation against exact answers: a linear Gaussian model knows its own log p(x)."""

import numpy as np
import pytest

from vitral import Spec
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.evaluation import likelihood
from vitral.evaluation.likelihood import log_px_hat, per_image, standard_error, summary
from vitral.parts.objectives import ELBO, Reconstruction

FEATURES, LATENT = 4, 2
SPEC = Spec(
    features=FEATURES,
    latent=LATENT,
    encoder={"hidden": [], "quiet": False},
    decoder={"hidden": []},
    likelihood={"kind": "gaussian_fixed", "variance": 0.3, "link": "identity"},
)


def linear_model(seed=0):
    """A linear VAE in float64 whose exact marginal is N(b, W W' + s² I)."""
    model = SPEC.build()
    rng = np.random.default_rng(seed)
    theta = 0.4 * rng.standard_normal(model.parameters)
    (decoder,) = model.views(theta).decoder
    covariance = decoder.W.T @ decoder.W + 0.3 * np.eye(FEATURES)
    return model, theta, decoder.b.copy(), covariance


def exact_log_px(x, mean, covariance):
    centred = x - mean
    _, logdet = np.linalg.slogdet(2 * np.pi * covariance)
    return -0.5 * (np.einsum("nd,nd->n", centred @ np.linalg.inv(covariance), centred) + logdet)


def rows_of(x):
    return Rows(x, None, 1.0)


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((25, FEATURES))


def test_importance_sampling_finds_the_exact_log_likelihood(x):
    """Within 5 standard errors of 16 independent estimates, each from 4,000 samples."""
    model, theta, mean, covariance = linear_model()
    estimates = np.stack(
        [log_px_hat(model, theta, rows_of(x), samples=4000, seed=seed) for seed in range(16)]
    )
    error = estimates.mean(axis=0) - exact_log_px(x, mean, covariance)
    assert np.abs(error / (estimates.std(axis=0, ddof=1) / 4.0)).max() < 5.0


def test_the_elbo_stays_below_and_rises_with_the_samples(x):
    """ELBO < E log p_hat_3 < E log p_hat_300 by more than 5 standard errors, and the last not above log p(x)."""
    model, theta, mean, covariance = linear_model()
    exact = exact_log_px(x, mean, covariance).mean()
    elbo = per_image(model, theta, Rows(x, None, 1.0), ELBO(), seed=0, purpose="t", draws=400)["elbo"].mean()
    few, many = (
        np.array([log_px_hat(model, theta, rows_of(x), samples=k, seed=seed).mean() for seed in range(30)])
        for k in (3, 300)
    )
    assert few.mean() - elbo > 5 * standard_error(few)
    assert many.mean() - few.mean() > 5 * np.hypot(standard_error(few), standard_error(many))
    assert many.mean() - exact < 5 * standard_error(many)


def test_chunks_are_combined_by_logsumexp_and_every_sample_counts(x, monkeypatch):
    """1,003 samples, their noise in pieces of 100, computed 40 at a time: none is left out or counted twice."""
    model, theta, *_ = linear_model()
    counted, real = [], type(model).run_from

    def counting(self, p, h, batch, noise):
        counted.append(noise["eps"].shape[0])
        return real(self, p, h, batch, noise)

    monkeypatch.setattr(likelihood, "DECODINGS", 100)
    monkeypatch.setattr(likelihood, "CACHED", 40)
    monkeypatch.setattr(type(model), "run_from", counting)
    estimates = log_px_hat(model, theta, rows_of(x[:2]), samples=1003, seed=0)
    assert sum(counted) == 2 * 1003
    assert max(counted) == 40
    assert np.isfinite(estimates).all()


def test_how_many_draws_are_computed_together_changes_no_estimate(x, monkeypatch):
    """The noise is drawn as before, whatever the cache holds; 1, 7 and all draws at a time agree."""
    model, theta, *_ = linear_model()
    whole = log_px_hat(model, theta, rows_of(x[:3]), samples=1003, seed=0)
    for cached in (1, 7, 10**6):
        monkeypatch.setattr(likelihood, "CACHED", cached)
        np.testing.assert_allclose(log_px_hat(model, theta, rows_of(x[:3]), samples=1003, seed=0), whole, rtol=1e-12)


def test_one_sample_is_one_elbo_term(x):
    """K = 1: log p_hat is log w, whose mean over draws is the ELBO."""
    model, theta, *_ = linear_model()
    singles = np.stack([log_px_hat(model, theta, rows_of(x), samples=1, seed=seed) for seed in range(2000)])
    elbo = per_image(model, theta, Rows(x, None, 1.0), ELBO(), seed=0, purpose="t", draws=2000)["elbo"]
    deviation = (singles.mean(axis=0) - elbo) / (singles.std(axis=0, ddof=1) / np.sqrt(2000) * np.sqrt(2))
    assert np.abs(deviation).max() < 5.0


def test_noise_belongs_to_the_row_block_and_not_to_the_call(x):
    """The first rows of a longer array get the same numbers: nothing depends on what follows."""
    model, theta, *_ = linear_model()
    long = log_px_hat(model, theta, rows_of(x), samples=5000, seed=0)
    short = log_px_hat(model, theta, rows_of(x[:3]), samples=5000, seed=0)
    np.testing.assert_allclose(long[:3], short, rtol=1e-12)


def test_every_image_counts_once(monkeypatch, x):
    """A short last block is weighted by its size: blocks of 10 and one block give the same at z = mu."""
    model, theta, *_ = linear_model()
    rows = Rows(x, None, 1.0)
    whole = per_image(model, theta, rows, ELBO(), seed=0, purpose="", at_mean=True)
    monkeypatch.setattr(likelihood, "BLOCK", 10)
    cut = per_image(model, theta, rows, ELBO(), seed=0, purpose="", at_mean=True)
    np.testing.assert_allclose(whole["loss"], cut["loss"], rtol=1e-12)
    assert len(cut["loss"]) == 25


def test_the_squared_error_is_a_sum_over_features(x):
    """Not a mean: doubling the features would double it."""
    model, theta, *_ = linear_model()
    values = per_image(model, theta, Rows(x, None, 1.0), ELBO(), seed=0, purpose="", at_mean=True)
    p = model.views(theta)
    expected = ((x - model.decode(p, model.encode(p, x)[0])) ** 2).sum(axis=1)
    np.testing.assert_allclose(values["sse"], expected, rtol=1e-12)


def test_a_plain_autoencoder_has_no_elbo_and_no_likelihood(x):
    """None instead of a number that would mean nothing."""
    model = Spec(
        features=FEATURES,
        latent=LATENT,
        encoder={"hidden": []},
        decoder={"hidden": []},
        posterior="point",
        likelihood={"kind": "gaussian_fixed", "link": "identity"},
    ).build()
    theta = model.init(0, "float64")
    values = summary(per_image(model, theta, Rows(x, None, 1.0), Reconstruction(), seed=0, purpose="t"))
    assert values["elbo"] is None
    assert values["kl"] is None
    assert values["loss"] == pytest.approx(values["sse"], rel=1e-12)
    with pytest.raises(UsageError, match="no likelihood"):
        log_px_hat(model, theta, rows_of(x), samples=10, seed=0)


def test_beta_weighs_the_kl_of_the_loss_and_not_of_the_elbo(x):
    """loss(beta) = loss(0) + beta KL; the ELBO is the same for every beta."""
    model, theta, *_ = linear_model()
    rows = Rows(x, None, 1.0)
    zero, four = (per_image(model, theta, rows, ELBO(beta=b), seed=0, purpose="t") for b in (0.0, 4.0))
    np.testing.assert_allclose(four["loss"], zero["loss"] + 4.0 * zero["kl"], rtol=1e-12)
    np.testing.assert_array_equal(zero["elbo"], four["elbo"])


def test_the_standard_error_is_the_textbooks():
    """Sample deviation over the root of the count; none for one image."""
    assert standard_error(np.array([1.0, 3.0])) == pytest.approx(1.0)
    assert standard_error(np.array([1.0])) is None
