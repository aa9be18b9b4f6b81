"""Masses of whole levels: against SciPy, against exact arithmetic in the tails, and against each other."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from scipy import special, stats

from vitral.core.randomness import stream
from vitral.errors import UsageError
from vitral.parts.likelihoods import Bernoulli, BetaBinomial, DiscretisedLogistic, LogisticMixture
from vitral.parts.likelihoods.counts import LOG_SHAPE
from vitral.parts.likelihoods.logistic import LOG_SCALE, expected_level

getcontext().prec = 600
LEVELLED = [
    made(levels=levels) for made in (DiscretisedLogistic, LogisticMixture, BetaBinomial) for levels in (2, 17, 256)
]
every_levelled = pytest.mark.parametrize("likelihood", LEVELLED, ids=str)
every_spread = pytest.mark.parametrize("spread", [1.0, 10.0, 1e4])


def outputs(likelihood, spread, entries=30):
    return spread * stream(0, "o").standard_normal((2, 3, likelihood.width(entries)))


def logistic_output(centre, scale):
    return np.array([[[centre, float(LOG_SCALE.inverse(np.log(scale)))]]])


def beta_output(a, b):
    return np.array([[[float(LOG_SHAPE.inverse(np.log(a))), float(LOG_SHAPE.inverse(np.log(b)))]]])


@every_spread
@every_levelled
def test_masses_of_all_levels_sum_to_one(likelihood, spread):
    """To 1e-12, also where one level holds all of it, and where the logistic lies far outside."""
    log_p = likelihood.log_masses(None, outputs(likelihood, spread))
    assert np.isfinite(log_p).all()
    np.testing.assert_allclose(np.exp(log_p).sum(axis=-1), 1.0, rtol=0.0, atol=1e-12)


@every_spread
@every_levelled
def test_all_masses_at_once_are_the_terms_level_by_level(likelihood, spread):
    o = outputs(likelihood, spread)
    for level in {0, 1, likelihood.levels // 2, likelihood.levels - 1}:
        x = np.full((3, 30), level / (likelihood.levels - 1.0))
        expected = likelihood.log_masses(None, o)[..., level]
        np.testing.assert_allclose(likelihood.log_prob_terms(None, x, o), expected, rtol=1e-14)


@every_spread
@every_levelled
def test_the_mean_is_the_expected_level(likelihood, spread):
    o = outputs(likelihood, spread)
    levels = np.arange(likelihood.levels) / (likelihood.levels - 1.0)
    expected = (np.exp(likelihood.log_masses(None, o)) * levels).sum(axis=-1)
    np.testing.assert_allclose(likelihood.mean(None, o), expected, rtol=0.0, atol=1e-9)


@every_spread
@every_levelled
def test_the_expected_slope_of_the_log_mass_is_zero(likelihood, spread):
    """Σ_level p dlog p / do = d Σ p / do = 0: the gradient at every level, however sharp the masses are."""
    o = outputs(likelihood, spread, 4)
    total, size = np.zeros_like(o), np.zeros_like(o)
    mass = np.exp(likelihood.log_masses(None, o))
    for level in range(likelihood.levels):
        _, backward = likelihood.terms(None, np.full((3, 4), level / (likelihood.levels - 1.0)), o)
        slope = backward(mass[..., level], None)
        total += slope
        size += np.abs(slope)
    assert np.abs(total / (size + 1.0)).max() < 1e-11
    assert spread > 100.0 or size.max() > 0.1


@every_levelled
def test_every_level_is_read_back_from_x_and_from_what_rounding_makes_of_it(likelihood):
    n = likelihood.levels - 1
    levels = np.arange(n + 1.0)
    for dtype in ("float32", "float64"):
        x = (levels / n).astype(dtype)
        for given in (x, x * 0.999999, x * 1.000001):
            np.testing.assert_array_equal(levels, likelihood.level(given.astype(dtype)))


@every_levelled
def test_float32_agrees_with_float64(likelihood):
    """On 8-bit numbers given in float32, log masses keep five digits at any spread."""
    x = stream(0, "x").integers(0, likelihood.levels, (3, 30)) / (likelihood.levels - 1.0)
    for spread in (1.0, 10.0, 1e4):
        o = outputs(likelihood, spread).astype("float32")
        exact = likelihood.log_prob_terms(None, x, o.astype("float64"))
        found = likelihood.log_prob_terms(None, x.astype("float32"), o)
        assert (np.abs(found - exact) / (1.0 + np.abs(exact))).max() < 2e-5


@every_levelled
def test_draws_are_levels_and_follow_the_masses(likelihood):
    """A chi-squared of the counts of 20,000 draws, levels that hold less than 10 of them put together."""
    o, draws = outputs(likelihood, 1.0, 1)[:1, :1], 20_000
    mass = np.exp(likelihood.log_masses(None, o))[0, 0, 0]
    drawn = likelihood.sample(None, np.repeat(o, draws, axis=1), stream(0, "draws")) * (likelihood.levels - 1.0)
    np.testing.assert_allclose(drawn, np.rint(drawn), atol=1e-9)
    seen = np.bincount(np.rint(drawn).astype(int).ravel(), minlength=likelihood.levels)
    common = mass * draws >= 10.0
    expected = np.append(mass[common], mass[~common].sum()) * draws
    observed = np.append(seen[common], seen[~common].sum())
    kept = expected > 0.0
    score = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert stats.chi2.sf(score, kept.sum() - 1) > 1e-4


def test_a_discretised_logistic_is_a_difference_of_scipy_s_cumulative_masses():
    likelihood, rng = DiscretisedLogistic(), stream(0, "x")
    for centre, scale in zip(rng.uniform(-0.2, 1.2, 20), np.exp(rng.uniform(-4.0, 0.0, 20)), strict=True):
        log_p = likelihood.log_masses(None, logistic_output(centre, scale))[0, 0, 0]
        edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255.0, [np.inf]])
        expected = np.diff(stats.logistic.cdf(edges, centre, scale))
        np.testing.assert_allclose(np.exp(log_p), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    "level, centre, scale",
    [(100, 0.4, 2e-3), (100, -3.0, 0.01), (3, 5.0, 0.02), (254, -1.0, 3e-3), (0, 9.0, 0.01), (255, -9.0, 0.01)],
)
def test_tails_of_the_logistic_equal_exact_arithmetic(level, centre, scale):
    """Six hundred decimal digits, by the formula as it stands: nothing is clipped and nothing cancels."""
    o = logistic_output(centre, scale)
    s, u = Decimal(math.exp(float(LOG_SCALE.value(o[..., 1])[0, 0]))) * 255, Decimal(centre) * 255

    def below(edge):
        return 1 / (1 + (-(Decimal(edge) - u) / s).exp())

    upper = below(level + 0.5) if level < 255 else Decimal(1)
    lower = below(level - 0.5) if level > 0 else Decimal(0)
    exact = float((upper - lower).ln())
    found = float(DiscretisedLogistic().log_prob_terms(None, np.array([[level / 255.0]]), o)[0, 0, 0])
    assert found == pytest.approx(exact, rel=1e-12)


def test_the_first_and_the_last_level_take_the_tails():
    """With the centre at a black pixel and beyond, black has almost all mass; both ends share a flat logistic."""
    assert float(np.exp(DiscretisedLogistic().log_masses(None, logistic_output(-0.5, 0.01)))[0, 0, 0, 0]) > 1.0 - 1e-15
    flat = np.exp(DiscretisedLogistic().log_masses(None, logistic_output(0.5, 1e4)))[0, 0, 0]
    assert flat[[0, 255]].sum() > 0.999


def test_levels_between_the_ends_take_what_is_nearest_to_them():
    """A sharp logistic on a level, and one a third of a level away, give that level nearly everything."""
    for centre in (100.0, 100.3, 99.7):
        log_p = DiscretisedLogistic().log_masses(None, logistic_output(centre / 255.0, 1e-4))[0, 0, 0]
        assert int(log_p.argmax()) == 100
        assert float(log_p[100]) > -0.01


def test_two_levels_are_a_bernoulli_with_the_logit_of_the_distance_from_one_half():
    """p(1) = sigmoid((u - 1/2) / s)."""
    o = stream(0, "o").standard_normal((2, 3, 2 * 5))
    centre, log_s = o[..., ::2], LOG_SCALE.value(o[..., 1::2])
    expected = Bernoulli().log_masses(None, (centre - 0.5) * np.exp(-log_s))
    np.testing.assert_allclose(DiscretisedLogistic(2).log_masses(None, o), expected, rtol=1e-12)


def test_a_mixture_of_equal_components_is_that_component():
    o = stream(0, "o").standard_normal((2, 3, 2 * 4))
    centre, scale = (np.repeat(o[..., k::2, None], 3, axis=-1) for k in (0, 1))
    logits = stream(1, "o").standard_normal(centre.shape)
    mixed = np.stack([logits, centre, scale], axis=-2).reshape(2, 3, -1)
    x = stream(0, "x").integers(0, 256, (3, 4)) / 255.0
    terms, expected = (lik.log_prob_terms(None, x, out) for lik, out in
                       ((LogisticMixture(3), mixed), (DiscretisedLogistic(), o)))  # fmt: skip
    np.testing.assert_allclose(terms, expected, rtol=1e-12)


@pytest.mark.parametrize("levels", [2, 17, 40, 41, 42, 256])
def test_the_expected_level_is_the_sum_of_all_cumulative_masses(levels):
    """On either side of the scale at which the sum turns into an integral, and of the levels summed one by one."""
    rng = stream(0, "u")
    u = rng.uniform(-5.0, levels + 5.0, 400)
    log_s = np.concatenate([rng.uniform(-7.0, 7.0, 300), rng.uniform(-0.1, 0.1, 100)])
    edges = np.arange(1, levels) - 0.5
    expected = special.expit((u[:, None] - edges) * np.exp(-log_s)[:, None]).sum(axis=1)
    np.testing.assert_allclose(expected_level(u, log_s, levels), expected, rtol=0.0, atol=5e-7)


def test_the_beta_binomial_is_scipy_s():
    rng = stream(0, "x")
    for n in (1, 16, 255):
        for a, b in np.exp(rng.uniform(-3.0, 4.0, (20, 2))):
            log_p = BetaBinomial(n + 1).log_masses(None, beta_output(a, b))[0, 0, 0]
            np.testing.assert_allclose(log_p, stats.betabinom.logpmf(np.arange(n + 1), n, a, b), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("a, b", [(1e-4, 1e-4), (1e-4, 1e4), (1e4, 1e-4), (1e4, 1e4), (1e4, 3.0), (0.5, 0.5)])
@pytest.mark.parametrize("k", [0, 1, 128, 254, 255])
def test_the_beta_binomial_equals_the_product_over_single_coins(a, b, k):
    """C(n, k) Π_i<k (a + i) Π_i<n-k (b + i) / Π_i<n (a + b + i), summed without rounding."""
    o = beta_output(a, b)
    a, b = (math.exp(float(LOG_SHAPE.value(o[..., which])[0, 0])) for which in (0, 1))
    logs = [math.log(math.comb(255, k))]
    logs += [math.log(a + i) for i in range(k)] + [math.log(b + i) for i in range(255 - k)]
    logs += [-math.log(a + b + i) for i in range(255)]
    found = float(BetaBinomial().log_prob_terms(None, np.array([[k / 255.0]]), o)[0, 0, 0])
    assert found == pytest.approx(math.fsum(logs), rel=1e-12, abs=1e-12)


def test_a_large_beta_binomial_is_nearly_a_binomial():
    """With a + b = 40,000, masses are those of a coin of known bias to two per cent."""
    log_p = BetaBinomial().log_masses(None, beta_output(2e4, 2e4))[0, 0, 0]
    np.testing.assert_allclose(np.exp(log_p), stats.binom.pmf(np.arange(256), 255, 0.5), rtol=0.02, atol=1e-4)


def test_uniform_levels_are_a_beta_binomial_of_one_and_one():
    np.testing.assert_allclose(BetaBinomial().log_masses(None, np.zeros((1, 1, 2))), -math.log(256.0), rtol=1e-12)


def test_the_start_of_a_beta_binomial_has_the_mean_and_the_spread_of_the_data():
    rng = stream(0, "x")
    x = rng.binomial(255, rng.beta(2.0, 5.0, (20_000, 3))) / 255.0
    likelihood = BetaBinomial()
    start = likelihood.start(x)[None]
    mass, levels = np.exp(likelihood.log_masses(None, start))[0, 0], np.arange(256) / 255.0
    mean = (mass * levels).sum(axis=-1)
    np.testing.assert_allclose(mean, x.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose((mass * (levels - mean[:, None]) ** 2).sum(axis=-1), x.var(axis=0), rtol=1e-3)


@pytest.mark.parametrize("likelihood", [DiscretisedLogistic(), LogisticMixture(4)], ids=str)
def test_the_start_of_a_logistic_has_the_mean_of_the_data(likelihood):
    x = stream(0, "x").binomial(255, 0.3, (500, 3)) / 255.0
    np.testing.assert_allclose(likelihood.mean(None, likelihood.start(x)[None])[0, 0], x.mean(axis=0), atol=1e-3)


@every_levelled
def test_pixels_that_never_vary_start_finite(likelihood):
    for value in (0.0, 1.0):
        start = likelihood.start(np.full((50, 3), value))
        assert np.isfinite(likelihood.log_prob(None, np.full((2, 3), value), start[None])[0]).all()


@pytest.mark.parametrize(
    "likelihood, sentence",
    [
        (DiscretisedLogistic(1), "levels must be a whole number from 2 to 256, got 1"),
        (BetaBinomial(257), "levels must be a whole number from 2 to 256, got 257"),
        (BetaBinomial(16.0), "got 16.0"),
        (LogisticMixture(0), "components must be a whole number of at least 1, got 0"),
        (LogisticMixture(2, True), "got True"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(likelihood, sentence):
    with pytest.raises(UsageError, match=sentence):
        likelihood.check()
