"""Imputation against models whose conditional distributions are known: linear ones exactly, others by quadrature."""

import numpy as np
import pytest
from scipy.stats import kstest

from vitral import Spec
from vitral.applications.imputation import impute
from vitral.applications.imputation.proposals import PRIOR_SHARE, mixture
from vitral.data import Rows
from vitral.data.columns import seen
from vitral.errors import UsageError
from vitral.model import Batch

FEATURES, LATENT, VARIANCE = 5, 2, 0.3
GAUSSIAN = {"kind": "gaussian_fixed", "variance": VARIANCE, "link": "identity"}


def linear_model(for_holes, seed=0):
    """A linear VAE in float64 with marginal N(b, W'W + s² I), and an encoder that knows nothing of it."""
    encoder = {"hidden": [], "quiet": False}
    inputs = 2 * FEATURES if for_holes else 0
    spec = Spec(FEATURES, LATENT, encoder, {"hidden": []}, likelihood=GAUSSIAN, inputs=inputs)
    model = spec.build()
    theta = 0.4 * np.random.default_rng(seed).standard_normal(model.parameters)
    (decoder,) = model.views(theta).decoder
    return model, theta, decoder.b.copy(), decoder.W.T @ decoder.W + VARIANCE * np.eye(FEATURES)


def holed(rows=12, seed=1):
    """Rows with a third of their entries missing; the first has none left, the second all."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, FEATURES))
    holes = rng.random(x.shape) < 0.35
    holes[0], holes[1] = True, False
    return np.where(holes, np.nan, x)


def rows_of(x):
    return Rows(x, None, 1.0, missing=True)


def conditional(row, mean, covariance):
    """Mean and covariance of what is missing given what was observed, of a Gaussian."""
    m = np.isnan(row)
    gain = covariance[np.ix_(m, ~m)] @ np.linalg.inv(covariance[np.ix_(~m, ~m)])
    return (
        mean[m] + gain @ (row[~m] - mean[~m]),
        covariance[np.ix_(m, m)] - gain @ covariance[np.ix_(~m, m)],
    )


@pytest.mark.parametrize("for_holes", [True, False])
def test_the_estimate_meets_the_conditional_mean_of_a_linear_model(for_holes):
    """Within 5 standard errors of 16 estimates, from an encoder that is wrong and from one that never saw a hole."""
    model, theta, mean, covariance = linear_model(for_holes)
    x = holed()
    made = np.stack([
        impute(model, theta, rows_of(x), for_holes=for_holes, samples=4000, seed=seed).means for seed in range(16)
    ])  # fmt: skip
    for number, row in enumerate(x):
        m = np.isnan(row)
        if m.any():
            exact, _ = conditional(row, mean, covariance)
            error = made[:, number, m].mean(axis=0) - exact
            standard_error = made[:, number, m].std(axis=0, ddof=1) / 4.0
            assert np.abs(error / standard_error).max() < 5.0
            assert np.abs(error).max() < 0.02


def test_the_error_falls_with_the_samples():
    """The squared error of 10,000 draws is below a twentieth of that of 100: it falls like 1 / K."""
    model, theta, mean, covariance = linear_model(True)
    x = holed(40)
    m = np.isnan(x)
    exact = x.copy()
    for row, filled in zip(x, exact, strict=True):
        filled[np.isnan(row)] = conditional(row, mean, covariance)[0]

    def error(samples):
        made = [impute(model, theta, rows_of(x), for_holes=True, samples=samples, seed=seed).means for seed in (0, 1)]
        return np.mean([((one - exact)[m] ** 2).mean() for one in made])

    assert error(10_000) < error(100) / 20.0


@pytest.mark.parametrize("for_holes", [True, False])
def test_draws_have_the_conditional_distribution(for_holes):
    """Mean and covariance of 4,000 draws, and the whole distribution of an entry by Kolmogorov and Smirnov."""
    model, theta, mean, covariance = linear_model(for_holes)
    x = holed()
    draws = 4000
    made = impute(model, theta, rows_of(x), for_holes=for_holes, samples=20_000, draws=draws, seed=3).draws
    for number in np.flatnonzero(np.isnan(x).any(axis=1))[:4]:
        m = np.isnan(x[number])
        exact, spread = conditional(x[number], mean, covariance)
        own = made[:, number, m]
        score = (own.mean(axis=0) - exact) / np.sqrt(np.diag(spread) / draws)
        assert np.abs(score).max() < 5.0
        assert np.abs(np.cov(own.T).reshape(spread.shape) - spread).max() < 0.15 * spread.max()
        assert kstest((own[:, 0] - exact[0]) / np.sqrt(spread[0, 0]), "norm").pvalue > 1e-4


def test_a_row_without_any_observed_entry_gets_the_marginal():
    """Mean b and covariance W'W + s² I of the model, whatever its encoder says."""
    model, theta, mean, covariance = linear_model(True)
    x = np.full((1, FEATURES), np.nan)
    made = impute(model, theta, rows_of(x), for_holes=True, samples=50_000, draws=5000, seed=0)
    assert np.abs(made.means[0] - mean).max() < 0.03
    assert np.abs(np.cov(made.draws[:, 0].T) - covariance).max() < 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_observed_entries_are_untouched(dtype):
    """Bit for bit, a negative zero and the smallest numbers included; every hole is filled."""
    model, theta, _, _ = linear_model(True)
    x = holed(seed=5).astype(dtype)
    x[1] = np.array([-0.0, 1e-45, 0.1, 1 / 3, 5.0]).astype(dtype)
    made = impute(model, theta, rows_of(x), for_holes=True, samples=50, draws=3)
    known = ~np.isnan(x)
    for whole in (made.means, *made.draws):
        assert whole.astype(dtype)[known].tobytes() == x[known].tobytes()
        assert np.isfinite(whole).all()


def test_equal_seeds_give_equal_bits_and_others_do_not():
    model, theta, _, _ = linear_model(True)
    first, again, other = (
        impute(model, theta, rows_of(holed()), for_holes=True, samples=60, draws=2, seed=seed) for seed in (7, 7, 8)
    )
    for name in ("means", "draws", "ess"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
        assert getattr(first, name).tobytes() != getattr(other, name).tobytes()


@pytest.mark.parametrize("for_holes", [True, False])
def test_the_imputation_of_a_row_depends_on_that_row_alone(for_holes):
    """Other rows changed: the same means and draws. Another place: the same means. But for rounding."""
    model, theta, _, _ = linear_model(for_holes)
    x = holed()
    others = np.where(np.arange(len(x))[:, None] == 4, x, 1.0 - x)

    def made(rows):
        return impute(model, theta, rows_of(rows), for_holes=for_holes, samples=200, draws=2, seed=1)

    whole, beside, alone, turned = made(x), made(others), made(x[[4]]), made(x[::-1])
    np.testing.assert_allclose(beside.means[4], whole.means[4], rtol=1e-10)
    np.testing.assert_allclose(beside.draws[:, 4], whole.draws[:, 4], rtol=1e-10)
    np.testing.assert_allclose(alone.means[0], whole.means[4], rtol=1e-10)
    np.testing.assert_allclose(turned.means[::-1], whole.means, rtol=1e-10)
    assert not np.allclose(others[3], x[3], equal_nan=True)


def test_equal_rows_get_equal_means_and_different_draws():
    """A table of few classes has many equal rows: copies of one draw would count one of them many times."""
    model, theta, _, _ = linear_model(True)
    x = np.repeat(holed()[2:3], 2, axis=0)
    made = impute(model, theta, rows_of(x), for_holes=True, samples=100, draws=1)
    assert (made.means[0] == made.means[1]).all()
    assert (made.draws[0, 0] != made.draws[0, 1])[np.isnan(x[0])].all()


COLUMNS = ("gaussian", "bernoulli", "poisson", {"kind": "categorical", "classes": 3})


def test_every_kind_of_column_meets_its_conditional_expectation_by_quadrature():
    """A mixed model of one latent: means of numbers, bits and counts, and the class with the largest probability."""
    spec = Spec(4, 1, {"hidden": [6]}, {"hidden": [6]}, likelihood={"kind": "mixed", "columns": COLUMNS})
    model = spec.build()
    theta = 0.6 * np.random.default_rng(2).standard_normal(model.parameters)
    p = model.views(theta)
    x = np.array([[0.4, 1, 2, 1], [-1.0, 0, 0, 2], [0.1, 1, 5, 0], [2.0, 0, 1, 1]])
    holes = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1], [1, 0, 1, 1]], bool)
    made = impute(model, theta, rows_of(np.where(holes, np.nan, x)), for_holes=False, samples=40_000)
    z = np.linspace(-8.0, 8.0, 4001)[:, None]
    o = model.decoder_output(p, z)
    for number, row in enumerate(x):
        mask = (~holes[number]).astype(float)
        log_px, _ = model.likelihood.log_prob(p.likelihood, row[None], o, mask[None])
        w = np.exp(log_px - log_px.max() - 0.5 * z[:, 0] ** 2)
        w /= w.sum()
        means = model.likelihood.mean(p.likelihood, o)
        for column in np.flatnonzero(holes[number]):
            if column < 3:
                assert made.means[number, column] == pytest.approx(w @ means[:, column], abs=0.03, rel=0.03)
            else:
                part, views, _, own = list(model.likelihood.by_column(p.likelihood, o))[3]
                chances = w @ np.exp(part.log_masses(views, own))[:, 0]
                assert np.ptp(np.sort(chances)[-2:]) > 0.02, "too even to tell"
                assert made.means[number, column] == np.argmax(chances)


def test_effective_draws_are_all_where_weights_are_equal_and_few_where_they_are_not():
    """A decoder that ignores z and an encoder that says the prior: every draw counts. NaN where nothing is missing."""
    model, theta, _, _ = linear_model(True)
    p = model.views(theta)
    (decoder,), (encoder,) = p.decoder, p.encoder
    for array in (decoder.W, encoder.W, encoder.b):
        array[...] = 0.0
    x = holed()
    even = impute(model, theta, rows_of(x), for_holes=True, samples=500)
    assert even.ess[0] == pytest.approx(500.0)
    assert np.isnan(even.ess[1])
    assert even.few == 0
    decoder.W[...] = 30.0
    uneven = impute(model, theta, rows_of(x), for_holes=True, samples=500)
    assert 1.0 <= np.nanmin(uneven.ess) < 10.0
    assert uneven.few == (uneven.ess < 10.0).sum() > 0


def test_the_share_of_the_prior_bounds_every_weight():
    """p(z) / q_mix(z) is at most one over that share, also where the encoder is certain and wrong."""
    model, theta, _, _ = linear_model(True)
    p = model.views(theta)
    (encoder,) = p.encoder
    encoder.b[...] = [5.0, -5.0, -12.0, -12.0]
    x = np.zeros((3, FEATURES))
    batch = Batch(seen(x, np.ones_like(x), None), x, np.ones_like(x))
    h = [model.encoder_output(p, batch.inputs)]
    _, log_ratio = mixture(model, p, batch, h, 400, 0)
    assert (-log_ratio).max() <= -np.log(PRIOR_SHARE) + 1e-9
    assert (-log_ratio).min() < -20.0


def test_what_cannot_be_imputed_with_is_refused():
    model, theta, _, _ = linear_model(True)
    for wrong, words in (({"samples": 1}, "at least 2"), ({"draws": -1}, "at least 0")):
        with pytest.raises(UsageError, match=words):
            impute(model, theta, rows_of(holed()), for_holes=True, **wrong)
    plain = Spec(3, 1, posterior="point").build()
    with pytest.raises(UsageError, match="plain autoencoder"):
        impute(plain, plain.init(0), rows_of(np.full((1, 3), np.nan)), for_holes=False)
