"""What the layer laws leave open about gates, norms, residual connections: formulas, initial values, PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.checks import passes
from vitral.core.parameters import count, cut
from vitral.core.randomness import stream
from vitral.parts.blocks import Beside, Gate, Gated, LayerNorm, Offset, Residual, SiLU
from vitral.parts.convolution import Convolution
from vitral.parts.layers import Affine, Chain, ReLU


def initialised(layer, seed=0, data=None):
    p = cut(np.full(count(layer.shapes), np.nan), layer.shapes)
    layer.init(p, stream(seed, "init"), data)
    return p


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def test_a_gated_layer_is_one_affine_map_times_the_sigmoid_of_another():
    """y = (x W1 + b1) sigmoid(x W2 + b2), with W1 in the left half of W and W2 in the right one."""
    layer, rng = Gated(3, 2), stream(1, "x")
    p = cut(rng.standard_normal(count(layer.shapes)), layer.shapes)
    x = rng.standard_normal((4, 3))
    expected = (x @ p.W[:, :2] + p.b[:2]) * sigmoid(x @ p.W[:, 2:] + p.b[2:])
    np.testing.assert_allclose(layer.forward(p, x)[0], expected, atol=1e-14)


def test_both_halves_of_a_gated_layer_start_with_the_variance_of_its_name():
    """He's 2 / n_in as in the VampPrior code, whatever stands beside: 60,000 draws, five standard errors."""
    p = initialised(Gated(300, 100))
    assert abs(p.W.var() * 300 / 2.0 - 1.0) < 5.0 * np.sqrt(2.0 / p.W.size)
    assert not p.b.any()
    assert np.isclose(initialised(Gated(300, 100, "lecun")).W[0, 0] * np.sqrt(2.0), p.W[0, 0])


def test_a_gate_after_a_convolution_gates_every_pixel_by_itself():
    """Of 2 C channels the first C are gated by the last C of the same pixel."""
    layer = Chain((Convolution((3, 3, 1), 4, 3, 1, 1), Gate(2)))
    p = initialised(layer)
    x = stream(2, "x").standard_normal((2, 9))
    pixels = layer.layers[0].forward(next(iter(p)), x)[0].reshape(2, 9, 4)
    expected = pixels[..., :2] * sigmoid(pixels[..., 2:])
    np.testing.assert_allclose(layer.forward(p, x)[0].reshape(2, 9, 2), expected, atol=1e-14)


def test_layer_norm_gives_every_row_mean_zero_and_variance_one_at_the_start():
    layer = LayerNorm(50)
    x = 3.0 + 7.0 * stream(3, "x").standard_normal((2, 4, 50))
    y, _ = layer.forward(initialised(layer), x)
    np.testing.assert_allclose(y.mean(axis=-1), 0.0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=-1), 1.0, atol=1e-6)


def test_layer_norm_of_an_image_normalises_the_channels_of_every_pixel():
    """A row of several widths is cut into groups that lie side by side."""
    layer = LayerNorm(5)
    p = initialised(layer)
    x = stream(4, "x").standard_normal((3, 20))
    apart, _ = layer.forward(p, x.reshape(3, 4, 5))
    np.testing.assert_allclose(layer.forward(p, x)[0], apart.reshape(3, 20), atol=1e-14)


@pytest.mark.parametrize("value", [0.0, 5.0, 1e4])
def test_layer_norm_of_equal_numbers_is_finite_in_float32(value):
    """epsilon keeps the root away from zero; y is then b, and no slope is infinite."""
    layer = LayerNorm(4)
    p = cut(np.ones(8, "float32"), layer.shapes)
    y, backward = layer.forward(p, np.full((2, 4), value, "float32"))
    grad = np.zeros(8, "float32")
    dx = backward(np.array([[1, 2, 3, 4]] * 2, "float32"), cut(grad, layer.shapes))
    np.testing.assert_allclose(y, 1.0, atol=1e-3)
    assert np.isfinite(dx).all()
    assert np.isfinite(grad).all()


def test_the_slope_of_layer_norm_is_blind_to_the_mean_and_the_size_of_a_row():
    """Moving x, or scaling it up to epsilon, leaves y as it is: dx has no part along 1 and almost none along x."""
    layer = LayerNorm(6, 1e-12)
    p, rng = initialised(layer), stream(5, "x")
    x, dy = rng.standard_normal((2, 4, 6))
    dx = layer.forward(p, x)[1](dy, cut(np.zeros(12), layer.shapes))
    np.testing.assert_allclose(dx.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose((dx * x).sum(axis=1), 0.0, atol=1e-9)


def test_a_residual_block_adds_its_input_to_what_its_body_makes_of_it():
    body, rng = Affine(3, 3), stream(6, "x")
    layer = Residual(body)
    p, x = initialised(layer), rng.standard_normal((4, 3))
    np.testing.assert_allclose(layer.forward(p, x)[0], x + x @ p.body.W + p.body.b, atol=1e-14)


def test_a_residual_block_whose_last_layer_is_quiet_starts_as_the_identity():
    layer = Residual(Chain((LayerNorm(2), SiLU(), Convolution((3, 2, 2), 2, 3, 1, 1, quiet=2))))
    x = stream(7, "x").standard_normal((4, 12))
    np.testing.assert_array_equal(layer.forward(initialised(layer), x)[0], x)


def test_a_residual_block_may_change_the_shape_through_its_skip():
    layer = Residual(Affine(3, 5), Affine(3, 5))
    p, x = initialised(layer), stream(8, "x").standard_normal((4, 3))
    np.testing.assert_allclose(layer.forward(p, x)[0], x @ (p.body.W + p.skip.W), atol=1e-14)
    assert {"body": layer.body.shapes, "skip": layer.skip.shapes} == layer.shapes


def test_what_stands_beside_passes_unchanged_and_its_gradient_too():
    layer, rng = Beside(Affine(2, 3), 2), stream(9, "x")
    p, x, dy = initialised(layer), rng.standard_normal((4, 6)), rng.standard_normal((4, 7))
    y, backward = layer.forward(p, x)
    dx = backward(dy, cut(np.zeros(count(layer.shapes)), layer.shapes))
    np.testing.assert_array_equal(y[:, 3:], x[:, 2:])
    np.testing.assert_array_equal(dx[:, 2:], dy[:, 3:])
    np.testing.assert_allclose(y[:, :3], x[:, :2] @ p.body.W, atol=1e-14)


@pytest.mark.parametrize("bias, start", [("data", [1.0, 2.0]), ("zero", [0.0, 0.0])])
def test_an_offset_starts_at_the_mean_of_what_is_to_come_out_where_that_is_asked_for(bias, start):
    assert start == initialised(Offset(2, bias), data=np.array([[0.0, 1.0], [2.0, 3.0]])).b.tolist()
    assert initialised(Offset(2, bias)).b.tolist() == [0.0, 0.0]


def test_silu_is_zero_at_zero_and_finite_far_out_in_float32():
    x = np.array([-1e4, -30.0, 0.0, 30.0, 1e4], "float32")
    y, backward = SiLU().forward(None, x)
    np.testing.assert_allclose(y, [0.0, 0.0, 0.0, 30.0, 1e4], atol=1e-5)
    np.testing.assert_allclose(backward(np.ones_like(x), None), [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-5)


@pytest.mark.parametrize("kind", ["layer_norm", "glu", "silu"])
def test_norm_gate_and_silu_equal_those_of_pytorch(kind):
    """Values and gradients to 1e-5 of torch.nn.functional, in float32."""
    torch = pytest.importorskip("torch")
    layer = {"layer_norm": LayerNorm(6), "glu": Gate(3), "silu": SiLU()}[kind]
    rng = stream(10, "x")
    x = rng.standard_normal((4, 6), dtype="float32")
    theta = rng.standard_normal(count(layer.shapes)).astype("float32")
    x_t, theta_t = (torch.tensor(value, requires_grad=True) for value in (x, theta))
    functions = {
        "layer_norm": lambda: torch.nn.functional.layer_norm(x_t, (6,), theta_t[:6], theta_t[6:], layer.epsilon),
        "glu": lambda: torch.nn.functional.glu(x_t),
        "silu": lambda: torch.nn.functional.silu(x_t),
    }
    y_t = functions[kind]()
    dy = rng.standard_normal(tuple(y_t.shape), dtype="float32")
    y_t.backward(torch.tensor(dy))
    y, backward = layer.forward(cut(theta, layer.shapes), x)
    grad = np.zeros_like(theta)
    dx = backward(dy, cut(grad, layer.shapes))
    np.testing.assert_allclose(y, y_t.detach().numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dx, x_t.grad.numpy(), rtol=1e-5, atol=1e-5)
    if theta.size:
        np.testing.assert_allclose(grad, theta_t.grad.numpy(), rtol=1e-5, atol=1e-5)


def test_the_checks_see_the_kinks_of_relus_inside_composite_layers():
    """A step of a difference quotient over a kink is skipped only where the ReLU is watched."""
    layer = Beside(Residual(Chain((Affine(3, 3), ReLU())), Chain((ReLU(), Affine(3, 3)))), 3)
    signs = []
    passes.watched(layer, signs).forward(initialised(layer), np.ones((2, 4)))
    assert [sign.shape for sign in signs] == [(2, 3), (2, 3)]
