"""A prior fitted afterwards: to codes whose best fit is known, to a trained model, to a plain autoencoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vitral.core.parameters import named
from vitral.core.randomness import stream
from vitral.data import binarised, load_data
from vitral.data.contract import Contract, Data, Rows
from vitral.errors import DataError, UsageError
from vitral.specs import Spec
from vitral.training.loop import Plan, start, train
from vitral.training.second_stage import Codes, fit_prior, mean_log_prob

NETWORK = {"hidden": [16]}
SPEC = Spec(64, 3, NETWORK, NETWORK, likelihood={"kind": "gaussian_fixed", "link": "sigmoid"})
MIXTURE = {"kind": "mixture", "components": 6}
FLOW = {"kind": "flow", "layers": 2, "hidden": [8]}


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", limit=600)


@pytest.fixture(scope="module")
def trained(digits):
    """A VAE after a few epochs."""
    model = SPEC.build()
    state = start(model, model.init(0), plan := Plan(epochs=8, batch=50, rate=3e-3))
    for _ in train(model, digits, plan, state, seed=0):
        pass
    return state.theta


def identity_model(latent, **around):
    """A plain autoencoder whose code is the row itself, and its theta."""
    spec = Spec(latent, latent, {"hidden": []}, {"hidden": []}, "point", **around)
    model = spec.build()
    theta = np.zeros(model.parameters)
    (layer,) = model.views(theta).encoder
    layer.W[:latent] = np.eye(latent)
    return spec, theta


def rows_as_data(x, context=None):
    contract = Contract(x.shape[1], None, "float64", 1.0, float(x.min()), float(x.max()), "one")
    parts = [Rows(x[k::3], None, 1.0, None if context is None else context[k::3]) for k in range(3)]
    return Data("rows", "none", *parts, contract)


def outside_prior(spec, theta):
    places = named(spec.build().shapes)
    return {
        name: theta[place].tobytes() for name, (place, _) in places.items() if not name.startswith("prior.")
    }


def test_one_component_finds_the_gaussian_of_the_codes():
    """Maximum likelihood of one Gaussian: the mean and the variances of the codes."""
    x = np.array([3.0, -2.0]) + np.array([0.5, 4.0]) * stream(0, "x").standard_normal((3000, 2))
    spec, theta = identity_model(2)
    data = rows_as_data(x)
    fitted = fit_prior(spec, theta, data, {"kind": "mixture", "components": 1}, seed=0, epochs=10, rate=5e-3)
    model = fitted.spec.build()
    _, mean, logvar = model.prior.parameters(model.views(fitted.theta).prior)
    np.testing.assert_allclose(mean[0], data.train.stored.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.exp(logvar[0]), data.train.stored.var(axis=0), rtol=0.05)
    entropy = -0.5 * (np.log(2.0 * np.pi) + 1.0 + np.log(x.var(axis=0))).sum()
    assert fitted.after == pytest.approx(entropy, abs=0.05)


def test_three_clusters_are_found_with_their_weights():
    rng = stream(0, "clusters")
    which = rng.choice(3, 3000, p=[0.5, 0.3, 0.2])
    x = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])[which] + 0.5 * rng.standard_normal((3000, 2))
    spec, theta = identity_model(2)
    fitted = fit_prior(spec, theta, rows_as_data(x), {"kind": "mixture", "components": 3}, seed=0, epochs=10)
    model = fitted.spec.build()
    log_weight, mean, logvar = model.prior.parameters(model.views(fitted.theta).prior)
    order = np.argsort(-log_weight)
    np.testing.assert_allclose(np.exp(log_weight)[order], [0.5, 0.3, 0.2], atol=0.03)
    np.testing.assert_allclose(mean[order], [[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]], atol=0.1)
    np.testing.assert_allclose(np.exp(0.5 * logvar), 0.5, atol=0.06)


def test_a_conditional_prior_finds_the_gaussian_of_every_class():
    rng = stream(0, "classes")
    which = rng.integers(0, 2, 3000)
    mean, deviation = np.array([[-3.0], [2.0]]), np.array([[0.5], [1.5]])
    x = mean[which] + deviation[which] * rng.standard_normal((3000, 1))
    spec, theta = identity_model(1, context=2, prior="conditional")
    fitted = fit_prior(
        spec, theta, rows_as_data(x, np.eye(2)[which]), "conditional", seed=0, epochs=80, rate=5e-2, batch=100
    )
    model = fitted.spec.build()
    mu, logvar, _ = model.prior.parameters(model.views(fitted.theta).prior, np.eye(2))
    np.testing.assert_allclose(mu, mean, atol=0.15)
    np.testing.assert_allclose(np.exp(0.5 * logvar), deviation, rtol=0.1)


@pytest.mark.parametrize(
    "prior", [MIXTURE, {"kind": "flow", "layers": 2, "hidden": [8]}], ids=lambda prior: prior["kind"]
)
def test_the_codes_of_a_trained_model_become_more_likely_and_nothing_else_changes(digits, trained, prior):
    kept = trained.tobytes()
    fitted = fit_prior(SPEC, trained, digits, prior, seed=0, epochs=5)
    assert fitted.after > fitted.before
    assert fitted.after == max(fitted.history)
    assert len(fitted.history) == 6
    assert outside_prior(fitted.spec, fitted.theta) == outside_prior(SPEC, trained)
    assert trained.tobytes() == kept
    assert fitted.theta.dtype == trained.dtype


def test_the_theta_that_comes_back_is_that_of_the_best_epoch(digits, trained):
    """At a rate of 10 the clusters of k-means are not improved on, and come back."""
    fitted = fit_prior(SPEC, trained, digits, MIXTURE, seed=0, epochs=2, rate=10.0)
    model, p = fitted.spec.build(), fitted.spec.build().views(fitted.theta)
    codes = Codes(model, p, digits, 0, "float32")
    assert fitted.history[0] > fitted.history[-1]
    assert mean_log_prob(model, p, codes.validation) == fitted.after == fitted.history[0]


def test_equal_seeds_give_equal_bits_and_other_seeds_other_ones(digits, trained):
    first, again, other = (
        fit_prior(SPEC, trained, digits, MIXTURE, seed=seed, epochs=2) for seed in (0, 0, 1)
    )
    assert first.theta.tobytes() == again.theta.tobytes()
    assert first.history == again.history
    assert first.theta.tobytes() != other.theta.tobytes()


def test_codes_are_drawn_anew_in_every_epoch_and_validation_codes_are_not(digits, trained):
    model = SPEC.build()
    codes = Codes(model, model.views(trained), digits, 0, "float32")
    first, second = codes.training(1).z, codes.training(2).z
    assert (first != second).all()
    np.testing.assert_array_equal(codes.training(1).z, first)
    mu, logvar = model.encode(model.views(trained), digits.train.take(slice(None)))
    assert abs(((first - mu) ** 2 * np.exp(-logvar)).mean() - 1.0) < 5.0 * np.sqrt(2.0 / first.size)


def test_dynamic_bits_are_drawn_anew_in_every_epoch_too(digits):
    spec = replace(SPEC, posterior="point", likelihood="bernoulli")
    model = spec.build()
    p = model.views(model.init(0))
    grey = Codes(model, p, digits, 0, "float32")
    bits = Codes(model, p, binarised(digits, "dynamic", seed=0), 0, "float32")
    np.testing.assert_array_equal(grey.training(1).z, grey.training(2).z)
    assert (bits.training(1).z != bits.training(2).z).any(axis=1).all()


def test_a_plain_autoencoder_can_be_sampled_from_afterwards():
    """Its codes lie about (8, -8) with deviation 0.2: the standard normal of before never reaches them."""
    x = np.array([8.0, -8.0]) + 0.2 * stream(0, "x").standard_normal((1500, 2))
    spec, theta = identity_model(2)
    fitted = fit_prior(spec, theta, rows_as_data(x), {"kind": "mixture", "components": 2}, seed=0, epochs=5)
    model = fitted.spec.build()
    z, _ = model.sample(model.views(fitted.theta), 2000, stream(0, "sample"), "float64")
    np.testing.assert_allclose(z.mean(axis=0), [8.0, -8.0], atol=0.05)
    np.testing.assert_allclose(z.std(axis=0), 0.2, rtol=0.15)
    assert fitted.after - fitted.before > 50.0


def test_a_prior_without_parameters_is_put_in_place_and_scored(digits, trained):
    mixed = fit_prior(SPEC, trained, digits, MIXTURE, seed=0, epochs=1)
    back = fit_prior(mixed.spec, mixed.theta, digits, "standard_normal", seed=0, epochs=2)
    np.testing.assert_array_equal(back.theta, trained)
    assert back.history == (mixed.before,) * 3


REFUSED = [
    ("vamp", {}, UsageError, "the encoder is frozen"),
    (MIXTURE, {"epochs": -1}, UsageError, "epochs must be a whole number of at least 0"),
    (MIXTURE, {"batch": 0}, UsageError, "batch must be a whole number of at least 1"),
    (MIXTURE, {"rate": 0.0}, UsageError, "rate must be a positive number"),
    ({"kind": "mixture", "components": 700}, {}, DataError, "needs as many codes to start at, got 600"),
    ("conditional", {}, UsageError, "got a model with context = 0"),
]


@pytest.mark.parametrize("prior, options, error, says", REFUSED, ids=[says for *_, says in REFUSED])
def test_what_cannot_be_fitted_is_refused_with_the_reason(digits, trained, prior, options, error, says):
    with pytest.raises(error, match=says):
        fit_prior(SPEC, trained, digits, prior, seed=0, **options)


def test_a_vamp_prior_on_top_of_two_layers_is_refused_as_well(digits):
    spec = replace(SPEC, posterior={"kind": "two_layer", "summary": 4, "hidden": [4]})
    theta = spec.build().init(0)
    with pytest.raises(UsageError, match="the encoder is frozen"):
        fit_prior(spec, theta, digits, {"kind": "two_layer", "top": "vamp"}, seed=0)


def test_a_two_layer_prior_can_be_fitted_to_two_layer_codes(digits):
    spec = replace(SPEC, posterior={"kind": "two_layer", "summary": 4, "hidden": [4]})
    theta = spec.build().init(0)
    fitted = fit_prior(
        spec, theta, digits, {"kind": "two_layer", "hidden": [8], "top": MIXTURE}, seed=0, epochs=5
    )
    assert fitted.after > fitted.history[0]
    assert outside_prior(fitted.spec, fitted.theta) == outside_prior(spec, theta)
