"""The continuous Bernoulli, and Gaussians whose variance differs between entries."""

from __future__ import annotations

import math
from decimal import Context, Decimal

import numpy as np
import pytest
from scipy import integrate, stats

from vitral.core.parameters import cut
from vitral.core.randomness import stream
from vitral.errors import UsageError
from vitral.parts.likelihoods import (
    ContinuousBernoulli,
    GaussianFixed,
    GaussianImage,
    GaussianLearned,
    GaussianPixel,
)
from vitral.parts.likelihoods.continuous_bernoulli import tilt
from vitral.parts.likelihoods.gaussian_entries import LOG_VARIANCE

SIXTY = Context(prec=60, Emax=10_000, Emin=-10_000)
LOGITS = [-700.0, -30.0, -3.0, -0.51, -0.49, -1e-5, 0.0, 1e-9, 0.3, 0.5, 2.0, 40.0, 700.0]


def density(x, logit):
    return float(np.exp(ContinuousBernoulli().log_prob_terms(None, np.array([[x]]), np.array([[[logit]]])))[0, 0, 0])


@pytest.mark.parametrize("logit", [-40.0, -3.0, -0.3, 0.0, 1e-4, 2.0, 7.0])
def test_the_continuous_bernoulli_integrates_to_one(logit):
    mass, error = integrate.quad(density, 0.0, 1.0, args=(logit,), points=[0.02, 0.98], epsabs=1e-12)
    assert mass == pytest.approx(1.0, abs=max(1e-10, 10.0 * error))


@pytest.mark.parametrize("logit", [-5.0, -0.3, 1e-4, 2.0, 7.0])
def test_the_continuous_bernoulli_is_the_bernoulli_expression_times_o_over_tanh(logit):
    """E05c: the constant that the expression of the Bernoulli lacks is o / tanh(o / 2)."""
    bernoulli = math.exp(0.7 * logit - math.log1p(math.exp(logit)))
    assert density(0.7, logit) == pytest.approx(bernoulli * logit / math.tanh(logit / 2.0), rel=1e-11)


def test_at_a_logit_of_zero_every_intensity_is_as_likely():
    assert [density(x, 0.0) for x in (0.0, 0.3, 1.0)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("logit", LOGITS)
def test_the_mean_of_the_continuous_bernoulli_equals_exact_arithmetic(logit):
    """1 / (1 - exp(-o)) - 1/o in sixty digits, on both sides of the change to the series."""
    o = Decimal(logit)
    exact = float(1 / (1 - (-o).exp(SIXTY)) - 1 / o - Decimal("0.5")) if logit else 0.0
    assert float(tilt(np.array([logit]))[0]) == pytest.approx(exact, abs=1e-12)


def test_the_continuous_bernoulli_is_symmetric():
    x, o = stream(0, "x").random((3, 4)), stream(1, "x").standard_normal((2, 3, 4)) * 10.0
    likelihood = ContinuousBernoulli()
    first, second = (likelihood.log_prob_terms(None, *at) for at in ((x, o), (1.0 - x, -o)))
    np.testing.assert_allclose(first, second, atol=1e-12)


@pytest.mark.parametrize("logit", [-60.0, -2.0, 0.0, 0.2, 15.0])
def test_draws_of_the_continuous_bernoulli_follow_its_distribution(logit):
    """Kolmogorov and Smirnov's test against (exp(o x) - 1) / (exp(o) - 1)."""
    drawn = ContinuousBernoulli().sample(None, np.full((1, 1, 4000), logit), stream(0, "draws")).ravel()
    assert (drawn >= 0.0).all()
    assert (drawn <= 1.0).all()

    def distribution(x):
        return x if logit == 0.0 else np.expm1(logit * x) / np.expm1(logit)

    assert stats.kstest(drawn, distribution).pvalue > 1e-4


def test_the_start_of_the_continuous_bernoulli_has_the_mean_of_the_data_and_is_never_steep():
    """Means below 1/20 and above 19/20 start at an output of 20 in size."""
    means = np.array([0.0, 0.01, 0.08, 0.3, 0.5, 0.77, 0.94, 1.0])
    likelihood = ContinuousBernoulli()
    start = likelihood.start(np.repeat(means[None], 100_000, axis=0))
    np.testing.assert_allclose(likelihood.mean(None, start)[0], np.clip(means, 0.05, 0.95), atol=2e-5)
    assert np.abs(start).max() < 20.1


def with_variances(likelihood, variances):
    return cut(np.log(np.asarray(variances) - likelihood.floor), likelihood.shapes)


def test_a_variance_for_every_entry_that_is_the_same_is_one_variance():
    x, o = stream(0, "x").random((3, 4)), stream(1, "x").standard_normal((2, 3, 4))
    pixel, shared = GaussianPixel(4), GaussianLearned()
    first = pixel.log_prob_terms(with_variances(pixel, [0.2] * 4), x, o)
    second = shared.log_prob_terms(with_variances(shared, [0.2]), x, o)
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_the_variance_of_every_entry_is_stationary_at_its_own_residuals():
    """E07, entry by entry."""
    likelihood = GaussianPixel(3, "identity")
    x = stream(0, "x").standard_normal((50, 3)) * [0.5, 1.0, 2.0]
    grad = np.zeros(3)
    p = with_variances(likelihood, (x * x).mean(axis=0))
    _, backward = likelihood.log_prob(p, x, np.zeros((1, 50, 3)))
    backward(np.ones((1, 50)), cut(grad, likelihood.shapes))
    np.testing.assert_allclose(grad, 0.0, atol=1e-11)


def test_the_variance_of_every_entry_starts_at_its_own_and_at_the_floor_where_nothing_varies():
    likelihood = GaussianPixel(3, floor=1e-3)
    data = stream(0, "data").random((400, 3)) * [1.0, 0.5, 0.0]
    p = cut(np.zeros(3), likelihood.shapes)
    likelihood.init(p, stream(0, "init"), data)
    found = likelihood.variances(p)
    np.testing.assert_allclose(found[:2], data.var(axis=0)[:2], rtol=1e-9)
    assert found[2] == pytest.approx(2e-3)


def test_a_decoder_that_puts_out_one_variance_everywhere_is_the_gaussian_of_that_variance():
    x, o = stream(0, "x").random((3, 4)), stream(1, "x").standard_normal((2, 3, 4))
    likelihood = GaussianImage("identity", floor=0.01)
    log_variance = np.full(o.shape, float(LOG_VARIANCE.inverse(np.log(0.3 - 0.01))))
    both = np.stack([o, log_variance], axis=-1).reshape(2, 3, 8)
    expected = GaussianFixed(0.3, "identity").log_prob_terms(None, x, o)
    np.testing.assert_allclose(likelihood.log_prob_terms(None, x, both), expected, rtol=1e-11)


def test_the_variances_of_an_image_stay_between_their_floor_and_their_bound():
    likelihood = GaussianImage(floor=1e-3)
    o = np.array([[[0.0, -1e30, 0.0, 1e30]]])
    np.testing.assert_allclose(likelihood.variances(o), [[[1e-3 + math.exp(-20.0), 1e-3 + math.exp(20.0)]]])


def test_the_start_of_an_image_s_gaussian_has_the_mean_and_the_variance_of_every_entry():
    data = stream(0, "data").random((500, 3)) * [1.0, 0.5, 0.2]
    likelihood = GaussianImage()
    start = likelihood.start(data)
    np.testing.assert_allclose(likelihood.mean(None, start)[0], data.mean(axis=0), atol=1e-2)
    np.testing.assert_allclose(likelihood.variances(start)[0], data.var(axis=0), rtol=1e-9)


@pytest.mark.parametrize(
    "likelihood, sentence",
    [
        (GaussianFixed(0.0), "variance must be a positive number, got 0.0"),
        (GaussianLearned(floor=0.0), "floor must be a positive number, got 0.0"),
        (GaussianPixel(3, floor=-1.0), "floor must be a positive number, got -1.0"),
        (GaussianImage("sigmiod"), "unknown link 'sigmiod': did you mean 'sigmoid'"),
        (GaussianImage(floor=math.inf), "got inf"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(likelihood, sentence):
    with pytest.raises(UsageError, match=sentence):
        likelihood.check()
