"""Densities: exact where a model knows its own, in the units of the data, a row by itself."""

import copy

import numpy as np
import pytest

from vitral.checks.bounds import linear_gaussian_log_px
from vitral.errors import UsageError
from vitral.estimator import VAE, ConditionalVAE

LINEAR = {"encoder": {"kind": "mlp", "hidden": []}, "decoder": {"kind": "mlp", "hidden": []}}


def table(rows=200, features=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, 2)) @ rng.standard_normal((2, features)) + 0.5 * rng.standard_normal(
        (rows, features)
    )


@pytest.fixture(scope="module")
def linear():
    """A linear model, which knows its log p(x), fitted to columns of very different scales."""
    X = table() * [1.0, 100.0, 1e-3, 5.0] + [0.0, 3000.0, 0.0, -7.0]
    return VAE(2, likelihood="gaussian_learned", max_iter=30, random_state=0, spec={**LINEAR, "draws": 4000}).fit(X), X


def exact(vae, X):
    """log N(x; b, Wᵀ W + s² I) of the scaled rows, and the slope of the scaling by hand."""
    model = vae.spec_.build()
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    return linear_gaussian_log_px(model, model.views(vae.theta_), scaled) - np.log(X.std(axis=0)).sum()


def test_scores_are_the_exact_log_likelihood_of_a_linear_model(linear):
    """Another computation, without a draw: 4,000 shared draws come close, on average and for nearly every row."""
    vae, X = linear
    error = vae.score_samples(X) - exact(vae, X)
    assert abs(error.mean()) < 0.02
    assert np.quantile(np.abs(error), 0.9) < 0.1


def test_scores_have_no_error_where_the_encoder_knows_the_posterior(linear):
    """q = p(z given x) makes every weight p(x): three draws give log p(x) to rounding, and so does the bound."""
    vae, X = copy.deepcopy(linear[0]), linear[1]
    p = vae.spec_.build().views(vae.theta_)
    encoder, decoder = next(iter(p.encoder)), next(iter(p.decoder))
    decoder.W[...] = np.linalg.qr(decoder.W.T)[0].T * [[1.5], [0.5]]
    s2 = vae.spec_.build().likelihood.noise_variance(p.likelihood)
    narrowed = 1.0 / (1.0 + (decoder.W**2).sum(axis=1) / s2)
    encoder.W[...], encoder.b[...] = 0.0, 0.0
    encoder.W[:, :2] = decoder.W.T * narrowed / s2
    encoder.b[:2], encoder.b[2:] = -(decoder.b @ encoder.W[:, :2]), np.log(narrowed)
    vae.scored_by_ = ("importance", 3)
    assert vae.score_samples(X) == pytest.approx(exact(vae, X), abs=1e-9)
    assert vae.score_samples(X, bound=True) == pytest.approx(exact(vae, X), abs=1e-9)


def test_the_bound_lies_below(linear):
    vae, X = linear
    gap = exact(vae, X) - vae.score_samples(X, bound=True)
    assert gap.mean() > 0.0
    assert vae.score(X) > vae.score_samples(X, bound=True).mean()


@pytest.mark.parametrize("factor", [8.0, 1.0 / 1024.0, 37.3])
def test_another_unit_shifts_every_score_by_the_logarithm_of_the_factor(factor):
    """log p(c x) = log p(x) - D log c: the scaling is undone, its slope included."""
    X = table()
    make = {"hidden": (8,), "max_iter": 3, "random_state": 0}
    before, after = VAE(**make).fit(X).score_samples(X), VAE(**make).fit(factor * X).score_samples(factor * X)
    assert after - before == pytest.approx(np.full(len(X), -X.shape[1] * np.log(factor)), abs=1e-9)


def test_without_the_slope_the_law_would_fail(linear):
    """The term is there: the scores of the scaled rows alone are far from those of the data."""
    vae, X = linear
    slope = vae.contract_.log_slope(vae.contract_.of(X))
    assert np.abs(slope).max() > 1.0
    assert np.abs(vae.score_samples(X) - slope - exact(vae, X)).min() > 1.0


def test_masses_have_no_slope():
    """Bits are scored by probabilities, whose sum over all rows of three bits is 1."""
    X = (np.random.default_rng(0).random((100, 3)) < [0.2, 0.5, 0.9]).astype(float)
    vae = VAE(1, hidden=(8,), max_iter=5, random_state=0, spec={"draws": 20_000}).fit(X)
    assert vae.spec_.to_dict()["likelihood"]["kind"] == "bernoulli"
    every = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], float)
    assert np.exp(vae.score_samples(every)).sum() == pytest.approx(1.0, abs=0.02)


def test_levels_of_bytes_have_masses():
    """8-bit rows under a likelihood of levels: all 256 levels of one column together have probability 1."""
    X = np.random.default_rng(0).integers(60, 90, (200, 1)).astype(np.uint8)
    vae = VAE(1, hidden=(64,), likelihood="discretised_logistic", random_state=0).fit(X)
    every = np.arange(256, dtype=np.uint8)[:, None]
    assert np.exp(vae.score_samples(every)).sum() == pytest.approx(1.0, abs=0.05)
    assert vae.reconstruct(X).mean() == pytest.approx(75.0, abs=5.0)


def test_a_row_is_scored_as_if_it_were_alone():
    """One draw for all rows: order, neighbours and block make no difference beyond rounding."""
    X = table(333)
    vae = VAE(hidden=(8,), max_iter=2, random_state=0).fit(X)
    whole = vae.score_samples(X)
    order = np.random.default_rng(1).permutation(len(X))
    assert vae.score_samples(X[order]) == pytest.approx(whole[order], abs=1e-9)
    assert np.concatenate([vae.score_samples(X[n : n + 1]) for n in range(5)]) == pytest.approx(whole[:5], abs=1e-9)


def test_a_row_with_holes_has_the_density_of_what_is_there():
    """Bayes' rule by summation: log p(x1) is the integral of p(x1, x2) over x2."""
    X = table(300, 2)
    vae = VAE(1, hidden=(8,), missing="model", max_iter=10, random_state=0, spec={**LINEAR, "draws": 4000})
    holes = np.where(np.random.default_rng(2).random(X.shape) < 0.2, np.nan, X)
    vae.fit(holes)
    known = np.array([[0.3, np.nan]])
    grid = np.linspace(-12.0, 12.0, 801)
    joint = vae.score_samples(np.column_stack([np.full(len(grid), 0.3), grid]))
    mass = np.log(np.exp(joint).sum() * (grid[1] - grid[0]))
    assert vae.score_samples(known)[0] == pytest.approx(mass, abs=0.1)


def test_classes_are_summed_over_where_y_is_left_out():
    """log p(x) = log Σ_y p(y) p(x given y), with the shares of training."""
    X, y = table(120), np.repeat([3, 5, 9], [20, 40, 60])
    X[y == 9] += 4.0
    model = ConditionalVAE(hidden=(8,), max_iter=5, random_state=0).fit(X, y)
    each = np.stack([model.score_samples(X, label) for label in (3, 5, 9)])
    expected = np.log((np.exp(each) * np.array([[1], [2], [3]]) / 6.0).sum(axis=0))
    assert model.score_samples(X) == pytest.approx(expected, abs=1e-9)


def test_a_plain_autoencoder_has_no_scores_and_says_so():
    vae = VAE(hidden=(8,), max_iter=2, spec={"posterior": "point", "objective": "reconstruction"}).fit(table())
    assert not hasattr(vae, "offset_")
    assert vae.transform(table()).shape == (200, 2)
    with pytest.raises(UsageError, match="no likelihood"):
        vae.score_samples(table())
