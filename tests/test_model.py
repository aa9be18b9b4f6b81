"""The model's own wiring: every path that an objective can ask for, and what a user calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.members import small_model
from vitral.checks import passes
from vitral.checks.gradient import gradient
from vitral.core.randomness import draw, stream
from vitral.model import Batch, Model
from vitral.parts.objectives import ELBO, Seeds
from vitral.parts.posteriors import DiagonalGaussian
from vitral.specs import MLP, Spec


@dataclass(frozen=True)
class EveryTerm:
    """loss = Σ of every term times fixed random weights: each path back to theta is in use."""

    def __call__(self, terms, total):
        rng = np.random.default_rng(8)
        weights = [None if term is None else rng.standard_normal(term.shape) for term in terms]
        loss = sum((w * term).sum() for w, term in zip(weights, terms, strict=True) if w is not None)
        return loss, Seeds(*(0.0 if w is None else w for w in weights))


@pytest.mark.parametrize("posterior", ["diagonal", "point"])
def test_the_gradient_of_an_objective_that_reads_every_term_comes_back_whole(posterior):
    """z, mu and logvar seeded directly, beside the densities and the KL."""
    model = small_model("gaussian_learned", posterior)
    rng = stream(0, "every term")
    x = rng.random((4, 6))
    noise = draw(model.posterior.noise_shapes(3, 4), rng, "float64")
    part = passes.of_model(model, Batch(x, x), noise, EveryTerm())
    check = gradient(part, 0.5 * rng.standard_normal(model.parameters), rng)
    assert check.passed, check


def test_the_encoder_sees_inputs_and_the_likelihood_scores_the_target():
    """Changing one must not act through the other."""
    model = small_model("bernoulli")
    p = model.views(model.init(0, "float64"))
    inputs, target, other = stream(0, "x").random((3, 2, 6))
    noise = {"eps": np.zeros((1, 2, 2))}
    terms, _, _ = model.run(p, Batch(inputs, target), noise)
    retargeted, _, _ = model.run(p, Batch(inputs, other), noise)
    reinput, _, _ = model.run(p, Batch(other, target), noise)
    np.testing.assert_array_equal(terms.mu, retargeted.mu)
    assert not np.array_equal(terms.log_px, retargeted.log_px)
    assert not np.array_equal(terms.mu, reinput.mu)


def test_the_mask_decides_what_is_scored():
    model = small_model("gaussian_fixed")
    p = model.views(model.init(0, "float64"))
    x, mask = stream(0, "x").random((2, 6)), np.array([[1.0, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0]])
    noise = {"eps": np.zeros((1, 2, 2))}
    terms, o, _ = model.run(p, Batch(x * mask, x, mask), noise)
    expected = (model.likelihood.log_prob_terms(p.likelihood, x, o) * mask).sum(axis=-1)
    np.testing.assert_allclose(terms.log_px, expected, atol=1e-12)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian_fixed"])
def test_decoding_gives_means_between_zero_and_one_for_any_leading_axes(likelihood):
    model = small_model(likelihood)
    p = model.views(model.init(0, "float64"))
    z = 9.0 * stream(0, "z").standard_normal((2, 3, 2))
    images = model.decode(p, z)
    assert images.shape == (2, 3, 6)
    assert 0.0 < images.min() < images.max() < 1.0
    np.testing.assert_allclose(images[1, 2], model.decode(p, z[1, 2]), atol=1e-14)


def test_decoding_the_code_of_a_plain_autoencoder_is_its_reconstruction():
    model = small_model("gaussian_fixed", "point")
    p, x = model.views(model.init(0, "float64")), stream(0, "x").random((3, 6))
    terms, o, _ = model.run(p, Batch(x, x), {})
    code, logvar = model.encode(p, x)
    assert logvar is None
    np.testing.assert_array_equal(terms.z[0], code)
    np.testing.assert_array_equal(model.likelihood.mean(p.likelihood, o)[0], model.decode(p, code))


def test_a_sample_is_its_z_decoded_plus_the_noise_of_the_likelihood():
    """20,000 samples: their mean distance to the decoded z is the variance, within five standard errors."""
    model = small_model({"kind": "gaussian_fixed", "variance": 0.09})
    p = model.views(model.init(0, "float64"))
    z, x = model.sample(p, 20_000, stream(0, "sample"), "float64")
    squares = (x - model.decode(p, z)) ** 2
    error = squares.std() / np.sqrt(squares.size)
    assert abs(squares.mean() - 0.09) < 5.0 * error
    assert abs(z.mean()) < 5.0 / np.sqrt(z.size)


def test_samples_have_the_dtype_asked_for():
    model = small_model("bernoulli")
    z, x = model.sample(model.views(model.init(0)), 3, stream(0, "sample"))
    assert [z.dtype, x.dtype] == ["float32", "float32"]


def test_importance_weights_are_the_three_densities():
    model = small_model("bernoulli")
    p, x = model.views(model.init(0, "float64")), stream(0, "x").random((3, 6))
    noise = {"eps": stream(0, "noise").standard_normal((5, 3, 2))}
    terms, _, _ = model.run(p, Batch(x, x), noise)
    expected = terms.log_px + terms.log_pz - terms.log_qz
    np.testing.assert_array_equal(expected, model.log_weights(p, Batch(x, x), noise))
    assert expected.shape == (5, 3)


def test_parts_of_equal_shape_start_from_different_numbers():
    """The encoder's stream is not the decoder's: 4 inputs, 4 hidden units, 4 latent dimensions."""
    network = {"hidden": [4]}
    model = Spec(4, 4, network, network).build()
    p = model.views(model.init(0))
    assert not np.array_equal(next(iter(p.encoder)).W, next(iter(p.decoder)).W)


@pytest.mark.parametrize("activation, weights", [("relu", "he"), ("tanh", "glorot"), ("softplus", "glorot")])
def test_layers_before_a_relu_start_as_he_and_before_others_as_glorot(activation, weights):
    chain = MLP((5, 3), activation).build(7, 2)
    affine = chain.layers[::2]
    assert [layer.weights for layer in affine] == [weights, weights, "lecun"]
    assert [(layer.n_in, layer.n_out) for layer in affine] == [(7, 5), (5, 3), (3, 2)]


def test_the_data_reach_the_parts_that_ask_for_them():
    """A learned variance starts at the variance of the data; without data it starts at 1."""
    model = small_model("gaussian_learned")
    x = stream(0, "x").random((50, 6))
    for data, expected in ((None, 1.0), (x, x.var(axis=0).mean())):
        p = model.views(model.init(0, "float64", data))
        assert model.likelihood.noise_variance(p.likelihood) == pytest.approx(expected, rel=1e-5)


def test_a_pair_without_a_closed_kl_gives_none_and_trains_on_the_sampled_one():
    """A new posterior has no entry in the table until somebody derives one."""

    class New(DiagonalGaussian):
        pass

    sound = small_model("bernoulli")
    model = Model(sound.encoder, New(2), sound.prior, sound.decoder, sound.likelihood, 6)
    p, x = model.views(model.init(0, "float64")), stream(0, "x").random((2, 6))
    noise = {"eps": stream(0, "noise").standard_normal((1, 2, 2))}
    terms, _, _ = model.run(p, Batch(x, x), noise)
    assert terms.kl is None
    loss, _ = model.loss(p, Batch(x, x), noise, ELBO(kl="sampled"), 2)
    expected, _ = sound.loss(p, Batch(x, x), noise, ELBO(kl="sampled"), 2)
    assert float(loss) == float(expected)


def test_a_short_last_batch_is_weighted_by_its_size():
    """Three rows and one row of a batch of four, each divided by four, add to the loss of the four."""
    model = small_model("gaussian_fixed")
    p, x = model.views(model.init(0, "float64")), stream(0, "x").random((4, 6))
    noise = {"eps": stream(0, "noise").standard_normal((1, 4, 2))}
    whole, _ = model.loss(p, Batch(x, x), noise, ELBO(), 4)
    shares = [
        model.loss(p, Batch(x[rows], x[rows]), {"eps": noise["eps"][:, rows]}, ELBO(), 4)[0]
        for rows in (slice(0, 3), slice(3, 4))
    ]
    assert float(sum(shares)) == pytest.approx(float(whole), abs=1e-12)
