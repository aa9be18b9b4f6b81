"""Mutual information and the aggregate posterior, against a linear Gaussian model where all of it is known."""

import numpy as np
import pytest

from vitral import Spec
from vitral.checks.bounds import linear_gaussian
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.evaluation import information as module
from vitral.evaluation.information import aggregate, information, rate_distortion, rate_distortion_curve
from vitral.evaluation.likelihood import per_image
from vitral.model import Model
from vitral.parts.layers import Affine, Chain
from vitral.parts.objectives import ELBO
from vitral.parts.posteriors import FullGaussian

FEATURES, LATENT, VARIANCE = 5, 2, 0.4


def drawn(count, seed=0):
    """The linear model, its theta, the encoder's layer, and rows drawn from p(x)."""
    model, theta = linear_gaussian(FEATURES, LATENT, VARIANCE, seed)
    p = model.views(theta)
    _, x = model.sample(p, count, np.random.default_rng(seed + 1), "float64")
    return model, theta, next(iter(p.encoder)), Rows(x, None, 1.0)


def widths(encoder):
    """The variances of the exact posterior, (L,)."""
    return np.exp(encoder.b[LATENT:])


def gaussian_kl(mean, covariance):
    """KL(N(mean, covariance), N(0, I))"""
    _, logdet = np.linalg.slogdet(covariance)
    return 0.5 * (mean @ mean + np.trace(covariance) - len(mean) - logdet)


def test_the_two_parts_add_up_to_the_mean_kl():
    """E12, exactly, on the same draws; and the bounds add up crosswise."""
    model, theta, _, rows = drawn(300)
    at = information(model, theta, rows, seed=0)
    assert at["mutual_information"] + at["marginal_kl"] == pytest.approx(at["kl"], rel=1e-12)
    assert at["mutual_information_upper"] + at["marginal_kl_lower"] == pytest.approx(at["kl"], rel=1e-12)
    assert at["total_correlation"] + sum(at["dimension_kl"]) == pytest.approx(at["marginal_kl"], rel=1e-9)


def test_the_exact_posterior_has_the_information_of_the_formula():
    """I = -1/2 Σ log Λ_l and KL(q(z), p(z)) = 0: within five standard errors and a bias of 0.01 nats."""
    model, theta, encoder, rows = drawn(2000)
    at = information(model, theta, rows, seed=0)
    exact = -0.5 * np.log(widths(encoder)).sum()
    slack = 5.0 * at["mutual_information_se"] + 0.01
    assert abs(at["mutual_information"] - exact) < slack
    assert abs(at["mutual_information_upper"] - exact) < slack
    assert abs(at["marginal_kl"]) < 5.0 * at["marginal_kl_se"] + 0.01
    assert abs(at["total_correlation"]) < 5.0 * at["total_correlation_se"] + 0.01
    assert at["mutual_information"] < at["mutual_information_upper"]


def test_the_bounds_lie_on_either_side():
    """Over 200 sets of 10 images: low below and high above the exact value by more than five standard errors."""
    model, theta, encoder, _ = drawn(2)
    values = []
    for seed in range(200):
        _, x = model.sample(model.views(theta), 10, np.random.default_rng(100 + seed), "float64")
        at = aggregate(model, theta, Rows(x, None, 1.0), seed=seed).densities()
        values.append([(at.own - at.included).mean(), (at.own - at.left_out).mean()])
    exact = -0.5 * np.log(widths(encoder)).sum()
    mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(200)
    assert mean[0] < exact - 5.0 * error[0]
    assert mean[1] > exact + 5.0 * error[1]


def test_a_shifted_encoder_has_the_marginal_kl_of_the_formula():
    """mu scaled by 1.6 and moved by 2: q(z) = N(2, 1.6² (I - Λ) + Λ), and holes and strays appear."""
    model, theta, encoder, rows = drawn(2000)
    healthy = information(model, theta, rows, seed=0)
    encoder.W[:, :LATENT] *= 1.6
    encoder.b[:LATENT] = 1.6 * encoder.b[:LATENT] + 2.0
    spoilt = information(model, theta, rows, seed=0)
    covariance = np.diag(1.6**2 * (1.0 - widths(encoder)) + widths(encoder))
    exact = gaussian_kl(np.full(LATENT, 2.0), covariance)
    assert abs(spoilt["marginal_kl"] - exact) < 5.0 * spoilt["marginal_kl_se"] + 0.01
    assert abs(spoilt["marginal_kl_lower"] - exact) < 5.0 * spoilt["marginal_kl_se"] + 0.01
    np.testing.assert_allclose(spoilt["aggregate_mean"], 2.0, atol=0.15)
    np.testing.assert_allclose(spoilt["aggregate_variance"], np.diag(covariance), rtol=0.15)
    for name in ("holes", "strays"):
        assert healthy[name] < 0.01 + 5.0 * np.sqrt(0.01 * 0.99 / 2000), name
        assert spoilt[name] > 0.03, name
    assert abs(healthy["aggregate_mmd2"]) < 5.0 * healthy["aggregate_mmd2_se"] + 1e-3
    assert spoilt["aggregate_mmd2"] > 10.0 * spoilt["aggregate_mmd2_se"]


def test_correlated_codes_have_the_total_correlation_of_the_formula():
    """Means turned by 45 degrees: TC = 1/2 (Σ log C_ll - log det C) of the Gaussian q(z)."""
    model, theta, encoder, rows = drawn(2000)
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2.0)
    encoder.W[:, :LATENT] = 2.0 * encoder.W[:, :LATENT] @ turn
    encoder.b[:LATENT] = 2.0 * encoder.b[:LATENT] @ turn
    at = information(model, theta, rows, seed=0)
    narrow = np.diag(widths(encoder))
    covariance = 2.0**2 * turn.T @ (np.eye(LATENT) - narrow) @ turn + narrow
    exact = 0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1])
    assert exact > 0.05
    assert abs(at["total_correlation"] - exact) < 5.0 * at["total_correlation_se"] + 0.01
    of_dimensions = [gaussian_kl(np.zeros(1), covariance[[k]][:, [k]]) for k in range(LATENT)]
    np.testing.assert_allclose(at["dimension_kl"], of_dimensions, atol=0.08)


@pytest.mark.parametrize("scale, lowest", [(1.6, 3 / 4), (1.0, 1 / 2)])
def test_the_standard_errors_are_those_of_repetition(scale, lowest):
    """The spread of 60 measurements on fresh data over what one states: 3/4 to 4/3; at q(z) = p(z) never too small."""
    values, stated = [], []
    model, theta, encoder, _ = drawn(2)
    encoder.W[:, :LATENT] *= scale
    encoder.b[:LATENT] *= scale
    for seed in range(60):
        _, x = model.sample(model.views(theta), 200, np.random.default_rng(seed), "float64")
        at = information(model, theta, Rows(x, None, 1.0), seed=seed, prior_draws=50)
        values.append([at["mutual_information"], at["marginal_kl"]])
        stated.append([at["mutual_information_se"], at["marginal_kl_se"]])
    ratio = np.std(values, axis=0, ddof=1) / np.mean(stated, axis=0)
    assert ((lowest < ratio) & (ratio < 4 / 3)).all(), ratio


def test_no_more_than_log_n_is_seen():
    """Sharp codes of 50 images: exactly log 50 nats, the marginal KL takes the rest, and the bounds say so."""
    model, theta, encoder, rows = drawn(50)
    encoder.b[LATENT:] = -30.0
    at = information(model, theta, rows, seed=0)
    assert at["mutual_information"] == pytest.approx(np.log(50), abs=1e-6)
    assert at["mutual_information"] <= at["log_images"] + 1e-12
    assert 0.0 <= at["marginal_kl_lower"] < at["marginal_kl"] - 2.0


def test_a_silent_encoder_says_nothing():
    """q = prior for every image: no information, no marginal KL, no holes beyond chance."""
    model, theta, encoder, rows = drawn(400)
    encoder.W[...] = 0.0
    encoder.b[...] = 0.0
    at = information(model, theta, rows, seed=0)
    for name in ("kl", "mutual_information", "marginal_kl", "total_correlation"):
        assert at[name] == pytest.approx(0.0, abs=1e-9), name
    assert at["holes"] < 0.04


def test_a_full_covariance_gives_the_same_numbers_as_the_diagonal_that_it_is():
    """The general way through log_prob agrees with three matrix products, to 1e-9."""
    model, theta, encoder, rows = drawn(60)
    full = Model(
        encoder=Chain((Affine(FEATURES, 2 * LATENT + 1),)),
        posterior=FullGaussian(LATENT),
        prior=model.prior,
        decoder=model.decoder,
        likelihood=model.likelihood,
        features=FEATURES,
    )
    wide = np.zeros(full.parameters)
    layer = next(iter(full.views(wide).encoder))
    layer.W[:, :LATENT] = encoder.W[:, :LATENT]
    layer.b[: 2 * LATENT] = encoder.b * np.repeat([1.0, 0.5], LATENT)
    first, second = (information(m, t, rows, seed=3) for m, t in ((model, theta), (full, wide)))
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_allclose(second[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


def test_chunks_do_not_change_the_numbers(monkeypatch):
    """Pieces of 7 codes and one piece: equal to 1e-12."""
    model, theta, _, rows = drawn(40)
    whole = information(model, theta, rows, seed=0)
    monkeypatch.setattr(module, "CHUNK", 7)
    cut = information(model, theta, rows, seed=0)
    for name in ("mutual_information", "marginal_kl_se", "holes", "total_correlation"):
        assert cut[name] == pytest.approx(whole[name], rel=1e-12), name


@pytest.mark.parametrize("posterior", ["full", "flow", "diagonal"])
@pytest.mark.parametrize("prior", ["mixture", "flow", "standard_normal"])
def test_any_density_will_do(posterior, prior):
    """Every pair that offers log_prob and draws: E12 holds, and what does not exist is None."""
    spec = Spec(
        features=4,
        latent=2,
        encoder={"kind": "mlp", "hidden": [6]},
        decoder={"kind": "mlp", "hidden": [6]},
        posterior=posterior,
        prior=prior,
    )
    model = spec.build()
    x = np.random.default_rng(0).random((30, 4))
    theta = model.init(0, "float64", x)
    theta += 0.1 * np.random.default_rng(1).standard_normal(theta.size)
    at = information(model, theta, Rows(x, None, 1.0), seed=0, prior_draws=60)
    assert at["mutual_information"] + at["marginal_kl"] == pytest.approx(at["kl"], rel=1e-9)
    assert 0.0 <= at["mutual_information"] <= np.log(30)
    assert (at["total_correlation"] is None) == (posterior == "flow")
    assert (at["dimension_kl"] is None) == (posterior == "flow" or prior != "standard_normal")


def test_what_has_no_information_is_refused():
    """A plain autoencoder, rows with a condition, and a single image."""
    model, theta, _, rows = drawn(5)
    with pytest.raises(UsageError, match="two images"):
        information(model, theta, rows.select(slice(0, 1)), seed=0)
    with pytest.raises(UsageError, match="condition"):
        information(model, theta, Rows(rows.stored, None, 1.0, context=np.ones((5, 1))), seed=0)
    plain = Spec(features=5, latent=2, posterior="point", likelihood="gaussian_fixed").build()
    with pytest.raises(UsageError, match="autoencoder"):
        information(plain, plain.init(0, "float64"), rows, seed=0)


def test_rate_and_distortion_add_up_to_the_loss():
    """R + D = -ELBO, with the standard errors of their images."""
    model, theta, _, rows = drawn(80)
    values = per_image(model, theta, rows, ELBO(), seed=0, purpose="t")
    point = rate_distortion(values)
    assert point.rate + point.distortion == pytest.approx(-values["elbo"].mean(), rel=1e-12)
    assert point.rate_se == pytest.approx(values["kl"].std(ddof=1) / np.sqrt(80))
    with pytest.raises(UsageError, match="no rate"):
        rate_distortion({**values, "kl": np.full(80, np.nan)})


def test_the_curve_runs_by_rate_and_names_what_is_dominated():
    """Three models of one family and one that another beats in both; an autoencoder is left out."""
    entries = {
        "high": {"objective": {"beta": 0.5}, "test": {"kl": 30.0, "elbo": -100.0}},
        "low": {"objective": {"beta": 4.0}, "test": {"kl": 5.0, "elbo": -110.0}},
        "worse": {"objective": {"beta": {"kind": "linear"}}, "test": {"kl": 31.0, "elbo": -120.0}},
        "plain": {"objective": {}, "test": {"kl": None, "elbo": None}},
    }
    curve = rate_distortion_curve(entries)
    assert [point.name for point in curve] == ["low", "high", "worse"]
    assert [point.dominated for point in curve] == [False, False, True]
    assert [point.beta for point in curve] == [4.0, 0.5, None]
    assert curve[0].distortion == 105.0
