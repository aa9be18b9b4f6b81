"""The statistical laws under many seeds, and the refusals."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.checks import moments, normalisation
from vitral.checks.laws import LAWS
from vitral.errors import UsageError
from vitral.parts.likelihoods import Bernoulli, GaussianFixed
from vitral.parts.posteriors import DiagonalGaussian


@pytest.mark.parametrize(
    "law", ["sample_moments", "kl_by_draws"], ids=str
)
def test_a_sound_posterior_stays_within_five_standard_errors_under_many_seeds(law):
    measured = [LAWS["posterior"][law](DiagonalGaussian(2), seed).measured for seed in range(30)]
    assert max(measured) < 5.0
    assert np.median(measured) > 0.3


def test_a_sampler_with_five_per_cent_too_much_noise_is_caught():
    class Wide(DiagonalGaussian):
        def sample(self, p, h, noise):
            return super().sample(p, h, {"eps": 1.05 * noise["eps"]})

    h = np.zeros((3, 4))
    assert not moments.sample_moments(Wide(2), None, h, np.random.default_rng(0)).passed


def test_a_collapsed_posterior_has_a_kl_of_exactly_zero_and_passes():
    """At mu = 0, logvar = 0 every draw of log q - log p is 0: no division by its standard error."""
    scores = moments.standard_score(np.zeros((100, 2)), np.zeros(2))
    np.testing.assert_array_equal(np.zeros(2), scores)


def test_a_standard_score_counts_standard_errors():
    """Mean 0.5 of {0, 1} over 100 draws: standard error 0.0503, so 0.7 lies 3.98 of them away."""
    sample = np.repeat([0.0, 1.0], 50)[:, None]
    assert moments.standard_score(sample, np.array([0.7]))[0] == pytest.approx(-3.98, abs=0.01)


def test_bernoulli_probabilities_of_all_images_sum_to_one_and_scaled_ones_do_not():
    o = np.random.default_rng(0).standard_normal((1, 1, 6))
    assert normalisation.images_sum_to_one(Bernoulli(), None, o).passed

    class Doubled(Bernoulli):
        def log_prob(self, p, x, o, mask=None):
            log_px, backward = super().log_prob(p, x, o, mask)
            return log_px + 1e-6, backward

    check = normalisation.images_sum_to_one(Doubled(), None, o)
    assert not check.passed
    assert check.measured == pytest.approx(1e-6, rel=1e-3)


def test_a_gaussian_with_the_notebook_variance_needs_its_constant():
    """exp(-SSE) integrates to π^(D/2): without the constant, 2 entries miss by π - 1."""

    class NoConstant(GaussianFixed):
        def log_prob(self, p, x, o, mask=None):
            return -((x - self.mean(p, o)) ** 2).sum(axis=-1), None

    check = normalisation.images_sum_to_one(NoConstant(0.5), None, np.zeros((1, 1, 2)))
    assert check.measured == pytest.approx(np.pi - 1.0, rel=1e-9)


def test_a_likelihood_whose_values_are_unknown_is_refused_by_name():
    class Poisson:
        pass

    with pytest.raises(UsageError, match="knows no values of Poisson"):
        normalisation.outcomes(Poisson(), None, np.zeros((1, 1, 2)))
