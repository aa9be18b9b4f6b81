"""The two gaps of the encoder, against linear Gaussian models where both are known."""

import numpy as np
import pytest

from vitral import Spec
from vitral.checks.bounds import linear_gaussian, linear_gaussian_log_px
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.evaluation.amortisation import gaps, negative_elbo
from vitral.model import Batch

FEATURES, LATENT, VARIANCE = 5, 2, 0.4


def linear(seed=0, rows=30):
    """A linear model with the exact encoder, and rows of its own."""
    model, theta = linear_gaussian(FEATURES, LATENT, VARIANCE, seed)
    p = model.views(theta)
    _, x = model.sample(p, rows, np.random.default_rng(seed + 1), "float64")
    return model, theta, next(iter(p.encoder)), next(iter(p.decoder)), Rows(x, None, 1.0)


def test_the_exact_encoder_has_no_gap():
    """Both gaps zero to rounding: the way through z alone has a zero gradient at the true posterior, draw by draw."""
    model, theta, *_, rows = linear()
    at = gaps(model, theta, rows, seed=0, steps=20, draws=50)
    exact = linear_gaussian_log_px(model, model.views(theta), rows.stored).mean()
    for name in ("elbo", "elbo_best", "log_px_hat"):
        assert at[name] == pytest.approx(exact, abs=1e-9), name
    assert at["amortisation_gap"] == pytest.approx(0.0, abs=1e-9)
    assert at["approximation_gap"] == pytest.approx(0.0, abs=1e-9)


def test_a_spoilt_encoder_has_the_gap_of_the_formula():
    """mu off by 0.5, the variance 3 times too large: Σ_l 0.5²/(2 Λ_l) + (3 - 1 - log 3)/2, all of it amortisation."""
    model, theta, encoder, _, rows = linear()
    width = np.exp(encoder.b[LATENT:])
    encoder.b[:LATENT] += 0.5
    encoder.b[LATENT:] += np.log(3.0)
    exact = (0.125 / width).sum() + LATENT * 0.5 * (2.0 - np.log(3.0))
    at = gaps(model, theta, rows, seed=0, draws=2000)
    assert at["amortisation_gap"] == pytest.approx(exact, rel=0.02)
    assert at["approximation_gap"] == pytest.approx(0.0, abs=0.005)
    assert abs(at["rise_at_stop"]) < 0.02


def test_a_correlated_posterior_has_the_approximation_gap_of_the_formula():
    """Two directions that are not orthogonal: q misses 1/2 (Σ log P_ll - log det P), P the precision."""
    model, theta, encoder, decoder, _ = linear()
    decoder.W[1] += 0.4 * decoder.W[0]
    precision = np.eye(LATENT) + decoder.W @ decoder.W.T / VARIANCE
    exact = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    encoder.W[:, :LATENT] = decoder.W.T @ np.linalg.inv(precision) / VARIANCE
    encoder.b[:LATENT] = -(decoder.b @ encoder.W[:, :LATENT])
    encoder.b[LATENT:] = -np.log(np.diag(precision)) + 1.0
    _, x = model.sample(model.views(theta), 30, np.random.default_rng(5), "float64")
    at = gaps(model, theta, Rows(x, None, 1.0), seed=0, draws=4000)
    assert exact > 0.15
    assert at["approximation_gap"] == pytest.approx(exact, abs=0.02)
    assert at["amortisation_gap"] == pytest.approx(LATENT * 0.5 * (np.e - 2.0), rel=0.05)


def test_the_gaps_add_up():
    """log p_hat - ELBO is their sum, exactly; equal seeds give equal numbers."""
    model, theta, encoder, _, rows = linear()
    encoder.b[...] += 0.3
    at, again = (gaps(model, theta, rows, seed=1, steps=30, draws=40) for _ in range(2))
    total = at["log_px_hat"] - at["elbo"]
    assert at["amortisation_gap"] + at["approximation_gap"] == pytest.approx(total, rel=1e-12)
    assert at == again
    assert at["images"] == 30


def test_the_gradient_is_that_of_the_objective_on_average():
    """Central differences of the mean over 20,000 equal draws, less the score, agree within five standard errors."""
    spec = Spec(
        features=4, latent=2, encoder={"kind": "mlp", "hidden": [5]}, decoder={"kind": "mlp", "hidden": [5]}
    )
    model = spec.build()
    rng = np.random.default_rng(0)
    x = rng.random((1, 4))
    theta = model.init(0, "float64", x) + 0.1 * rng.standard_normal(model.parameters)
    p, g = model.views(theta), model.views(np.zeros_like(theta))
    h, batch = rng.standard_normal((1, 4)), Batch(x, x)
    draws = rng.standard_normal((200, 100, 1, 2))
    ours = np.array([negative_elbo(model, p, batch, h, eps)[1](g)[0] for eps in draws])
    v = rng.standard_normal(4)
    numeric = np.array(
        [
            (
                negative_elbo(model, p, batch, h + 1e-5 * v, e)[0]
                - negative_elbo(model, p, batch, h - 1e-5 * v, e)[0]
            )
            / 2e-5
            for e in draws
        ]
    )
    gap = ours @ v - numeric
    assert gap.std() > 0.0
    assert abs(gap.mean()) < 5.0 * gap.std(ddof=1) / np.sqrt(len(draws))


def test_the_rows_do_not_see_each_other():
    """The fit of an image is the same alone and among others with other noise, at the optimum: exact encoder, 1e-9."""
    model, theta, *_, rows = linear(rows=7)
    whole = gaps(model, theta, rows, seed=0, steps=5, draws=10)
    alone = gaps(model, theta, rows.select(slice(0, 1)), seed=0, steps=5, draws=10)
    exact = linear_gaussian_log_px(model, model.views(theta), rows.stored)
    assert alone["elbo_best"] == pytest.approx(exact[0], abs=1e-9)
    assert whole["elbo_best"] == pytest.approx(exact.mean(), abs=1e-9)
    assert alone["elbo_se"] is None


def test_other_posteriors_are_refused():
    """Only a diagonal q is fitted, so only a diagonal encoder can be compared with it."""
    model = Spec(features=4, latent=2, posterior="full").build()
    with pytest.raises(UsageError, match="diagonal"):
        gaps(model, model.init(0, "float64"), Rows(np.zeros((3, 4)), None, 1.0), seed=0)
