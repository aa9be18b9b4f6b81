"""Numbers of the likelihoods that can be checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.members import EXAMPLES
from vitral.checks.observations import entries, values
from vitral.core.parameters import count, cut
from vitral.core.randomness import stream
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned

every_likelihood = pytest.mark.parametrize(
    "likelihood", [member for members in EXAMPLES["likelihood"].values() for member in members], ids=str
)


def parameters(likelihood, dtype="float64"):
    """Learned variances of exp(-1) and a floor."""
    return cut(np.full(count(likelihood.shapes), -1.0, dtype), likelihood.shapes)


def rows_and_outputs(likelihood, rng):
    """x (4, D) that can be scored, and decoder outputs (2, 4, M)."""
    features = entries(likelihood, 5)
    return values(likelihood, rng, (4, features)), rng.standard_normal((2, 4, likelihood.width(features)))


def with_variance(likelihood, variance):
    raw = np.array([math.log(variance - likelihood.floor)])
    return cut(raw, likelihood.shapes)


def test_the_notebook_variance_makes_log_p_the_squared_error_plus_448_73_nats():
    """784 pixels: -log p = SSE + (784/2) log π."""
    likelihood = GaussianFixed(0.5, "sigmoid")
    x, o = stream(0, "x").random((3, 784)), np.zeros((1, 3, 784))
    log_px, _ = likelihood.log_prob(None, x, o)
    np.testing.assert_allclose(-log_px[0], ((x - 0.5) ** 2).sum(axis=-1) + 448.734, atol=1e-3)
    assert likelihood.constant(784) == pytest.approx(392.0 * math.log(math.pi), rel=1e-14)


def test_a_standard_gaussian_at_its_mean_has_the_textbook_density():
    log_px, _ = GaussianFixed(1.0, "identity").log_prob(None, np.zeros((1, 1)), np.zeros((1, 1, 1)))
    assert float(log_px[0, 0]) == pytest.approx(-0.9189385332046727, abs=1e-15)


def test_a_fair_coin_costs_log_two_per_pixel():
    log_px, _ = Bernoulli().log_prob(None, np.array([[0.0, 1.0, 1.0]]), np.zeros((1, 1, 3)))
    assert float(log_px[0, 0]) == pytest.approx(-3.0 * math.log(2.0), abs=1e-15)


def test_the_learned_variance_is_stationary_at_the_mean_squared_residual():
    """E07: at s² = SSE / D the gradient in r vanishes, and it changes sign there."""
    likelihood = GaussianLearned("identity", floor=1e-6)
    rng = stream(0, "x")
    x, o = rng.standard_normal((5, 8)), rng.standard_normal((1, 5, 8))
    s2 = float(((x - o[0]) ** 2).mean())
    slopes = []
    for factor in (0.9, 1.0, 1.1):
        grad = np.zeros(1)
        _, backward = likelihood.log_prob(with_variance(likelihood, factor * s2), x, o)
        backward(np.ones((1, 5)), cut(grad, likelihood.shapes))
        slopes.append(float(grad[0]))
    assert slopes[0] > 0.0 > slopes[2]
    assert slopes[1] == pytest.approx(0.0, abs=1e-10)


def test_at_the_optimal_variance_the_nll_is_half_d_times_log_of_2_pi_e_s2():
    """E07: (D/2) (log(2π SSE/D) + 1)."""
    likelihood = GaussianLearned("identity")
    x = stream(1, "x").standard_normal((1, 50))
    s2 = float((x * x).mean())
    log_px, _ = likelihood.log_prob(with_variance(likelihood, s2), x, np.zeros((1, 1, 50)))
    assert float(-log_px[0, 0]) == pytest.approx(25.0 * (math.log(2.0 * math.pi * s2) + 1.0), rel=1e-12)


def test_the_variance_never_falls_below_its_floor():
    likelihood = GaussianLearned(floor=1e-3)
    p = cut(np.array([-1e4]), likelihood.shapes)
    assert likelihood.noise_variance(p) == 1e-3
    assert np.isfinite(likelihood.log_prob(p, np.zeros((1, 2)), np.ones((1, 1, 2)))[0]).all()


def test_the_learned_variance_starts_at_the_variance_about_the_mean_image():
    likelihood = GaussianLearned()
    data = stream(0, "data").random((400, 6)) * np.linspace(0.1, 1.0, 6) + np.arange(6)
    p = cut(np.zeros(1), likelihood.shapes)
    likelihood.init(p, stream(0, "init"), data)
    assert likelihood.noise_variance(p) == pytest.approx(float(((data - data.mean(axis=0)) ** 2).mean()), rel=1e-6)


def test_data_that_never_vary_start_at_a_variance_that_is_still_positive():
    likelihood = GaussianLearned()
    p = cut(np.zeros(1), likelihood.shapes)
    likelihood.init(p, stream(0, "init"), np.ones((5, 3)))
    assert 0.0 < likelihood.noise_variance(p) < 1e-5


@every_likelihood
def test_missing_entries_change_nothing_whatever_stands_in_them(likelihood):
    """Value and both gradients depend on the observed entries alone."""
    rng = stream(0, "x")
    p, size = parameters(likelihood), count(likelihood.shapes)
    x, o = rows_and_outputs(likelihood, rng)
    mask = (rng.random(x.shape) < 0.5).astype(float)
    results = []
    for filling in (0.0, 1.0):
        grad = np.zeros(size)
        log_px, backward = likelihood.log_prob(p, np.where(mask == 1.0, x, filling), o, mask)
        results.append((log_px, backward(np.ones(o.shape[:2]), cut(grad, likelihood.shapes)), grad))
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


@every_likelihood
def test_a_row_without_any_observed_entry_has_probability_one(likelihood):
    x, o = rows_and_outputs(likelihood, stream(0, "x"))
    log_px, _ = likelihood.log_prob(parameters(likelihood), x, o, np.zeros_like(x))
    np.testing.assert_array_equal(np.abs(log_px), np.zeros(o.shape[:2]))


@every_likelihood
def test_samples_keep_shape_and_dtype_and_follow_their_generator(likelihood):
    x, o = rows_and_outputs(likelihood, stream(0, "x"))
    p, o = parameters(likelihood, "float32"), o.astype("float32")
    first, again = (likelihood.sample(p, o, stream(0, "sample")) for _ in range(2))
    assert ((*o.shape[:2], x.shape[1]), o.dtype) == (first.shape, first.dtype)
    np.testing.assert_array_equal(first, again)


@every_likelihood
def test_terms_means_and_starts_keep_float32(likelihood):
    """A logarithm of a plain number is float64 and would widen every term."""
    x, o = (array.astype("float32") for array in rows_and_outputs(likelihood, stream(0, "x")))
    p = parameters(likelihood, "float32")
    assert likelihood.log_prob_terms(p, x, o).dtype == "float32"
    assert likelihood.mean(p, o).dtype == "float32"
    assert likelihood.mean(p, o).shape == (*o.shape[:2], x.shape[1])
    assert likelihood.start(x).dtype == "float32"


@every_likelihood
def test_the_start_is_one_finite_output_and_better_than_none(likelihood):
    """One row, likelier than a row of zeros: on levels about a fifth of the last, on others drawn at one output."""
    rng = stream(0, "x")
    p, features = parameters(likelihood), entries(likelihood, 5)
    x = likelihood.sample(p, np.repeat(rng.standard_normal((1, likelihood.width(features))), 300, axis=0), rng)
    if likelihood.levels is not None:
        x = rng.binomial(likelihood.levels - 1, 0.2, x.shape) / (likelihood.levels - 1.0)
    start = likelihood.start(x)
    assert start.shape == (1, likelihood.width(features))
    at_start, at_zero = (likelihood.log_prob(p, x, o[None])[0].mean() for o in (start, np.zeros_like(start)))
    assert np.isfinite(at_start)
    assert at_start > at_zero


@every_likelihood
def test_drawn_rows_can_be_scored(likelihood):
    """What is sampled lies in the range that the likelihood gives probability to."""
    _, o = rows_and_outputs(likelihood, stream(0, "x"))
    drawn = likelihood.sample(parameters(likelihood), o, stream(0, "sample"))[0]
    assert likelihood.offence(drawn) is None
    assert np.isfinite(likelihood.log_prob_terms(parameters(likelihood), drawn, o[:1, :1])).all()


def test_bernoulli_samples_are_zeros_and_ones():
    sample = Bernoulli().sample(None, np.zeros((1, 1, 1000)), stream(0, "sample"))
    assert {0.0, 1.0} == set(np.unique(sample))
