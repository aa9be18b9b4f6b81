"""What the layer laws leave open: initial values, leading axes, names."""

from __future__ import annotations

import numpy as np
import pytest

from tests.members import EXAMPLES
from vitral.core.parameters import count, cut
from vitral.core.randomness import stream
from vitral.parts.layers import STANDARD_DEVIATIONS, Affine, Chain, ReLU


def initialised(layer, seed=0):
    theta = np.full(count(layer.shapes), np.nan)
    p = cut(theta, layer.shapes)
    layer.init(p, stream(seed, "init"))
    return theta, p


@pytest.mark.parametrize(
    "name, variance", [("he", 2.0 / 300), ("glorot", 2.0 / 500), ("lecun", 1.0 / 300)]
)
def test_initial_weights_have_the_variance_of_their_name(name, variance):
    """60,000 draws: the sample variance lies within five standard errors, sqrt(2/n) of it."""
    _, p = initialised(Affine(300, 200, name))
    assert abs(p.W.var() / variance - 1.0) < 5.0 * np.sqrt(2.0 / p.W.size)
    assert abs(p.W.mean()) < 5.0 * np.sqrt(variance / p.W.size)


def test_every_named_initialisation_is_covered_above():
    assert {"he", "glorot", "lecun"} == set(STANDARD_DEVIATIONS)


def test_he_keeps_the_size_of_activations_through_many_relu_layers():
    """E17: after ten layers of 400 the mean square is still within a factor of two."""
    chain = Chain((Affine(400, 400), ReLU()) * 10)
    _, p = initialised(chain)
    y, _ = chain.forward(p, stream(0, "x").standard_normal((64, 400)))
    assert 0.5 < float((y * y).mean()) < 2.0


def test_biases_start_at_zero_and_nothing_is_left_unset():
    theta, p = initialised(Affine(7, 5))
    assert np.isfinite(theta).all()
    np.testing.assert_array_equal(np.zeros(5), p.b)


def test_quiet_outputs_start_at_exactly_zero_and_the_others_do_not():
    _, p = initialised(Affine(7, 6, quiet=2))
    np.testing.assert_array_equal(np.zeros((7, 2)), p.W[:, 4:])
    assert (p.W[:, :4] != 0.0).all()


@pytest.mark.parametrize("leading", [(), (4,), (2, 4), (2, 3, 4)])
def test_an_affine_layer_takes_any_leading_axes(leading):
    """Each row is treated alone, whatever the axes before it are called."""
    layer = Affine(3, 2)
    theta, p = initialised(layer)
    x = stream(1, "x").standard_normal((*leading, 3))
    y, backward = layer.forward(p, x)
    grad = np.zeros_like(theta)
    dx = backward(np.ones_like(y), cut(grad, layer.shapes))
    assert ((*leading, 2), x.shape) == (y.shape, dx.shape)
    np.testing.assert_allclose(y, np.einsum("...i,ij->...j", x, p.W) + p.b, atol=1e-14)


def test_a_chain_names_its_layers_by_position():
    assert list(Chain((Affine(2, 3), ReLU(), Affine(3, 1))).shapes) == ["0", "1", "2"]


def test_a_layer_used_twice_in_one_step_gets_both_gradients():
    """backward adds: the sum over two uses equals the gradient on the two batches together."""
    layer = Affine(3, 2)
    theta, p = initialised(layer)
    a, b = stream(2, "x").standard_normal((2, 5, 3))
    apart, together = np.zeros_like(theta), np.zeros_like(theta)
    for x in (a, b):
        y, backward = layer.forward(p, x)
        backward(y, cut(apart, layer.shapes))
    y, backward = layer.forward(p, np.concatenate([a, b]))
    backward(y, cut(together, layer.shapes))
    np.testing.assert_allclose(together, apart, atol=1e-13)


@pytest.mark.parametrize("member", [sized for kind in EXAMPLES["layer"].values() for sized in kind], ids=repr)
def test_a_layer_that_need_not_return_dx_adds_the_same_gradient(member):
    """To the same bits, at the start of a chain and alone."""
    rng = stream(0, "wanted")
    x = rng.standard_normal((2, 3, member.n_in))
    for whole in (member.layer, Chain((member.layer,))):
        p = cut(rng.standard_normal(count(whole.shapes)), whole.shapes)
        y, backward = whole.forward(p, x)
        dy = rng.standard_normal(y.shape)
        kept, spared = np.zeros((2, count(whole.shapes)))
        assert backward(dy, cut(kept, whole.shapes)).shape == x.shape
        backward(dy, cut(spared, whole.shapes), wanted=False)
        assert spared.tobytes() == kept.tobytes()


def test_the_product_that_nobody_wants_is_left_out():
    """d loss / d x of the data is None."""
    layer = Chain((Affine(3, 2), ReLU()))
    _, p = initialised(layer)
    _, backward = layer.forward(p, np.ones((1, 4, 3)))
    assert backward(np.ones((1, 4, 2)), cut(np.zeros(count(layer.shapes)), layer.shapes), wanted=False) is None
