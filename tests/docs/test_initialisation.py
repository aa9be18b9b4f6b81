"""The statements of initialisation.md (E17), measured on wide layers."""

import numpy as np
import pytest

from vitral.core.parameters import count, cut
from vitral.core.randomness import stream
from vitral.parts.layers import Affine, ReLU
from vitral.parts.posteriors import DiagonalGaussian
from vitral.specs import Spec

N, WIDE = 200, 1000


def _second_moments(weights):
    """Mean of squares of the input, the pre-activation and its ReLU, for inputs that are all positive."""
    layer = Affine(WIDE, WIDE, weights)
    theta = np.zeros(count(layer.shapes))
    p = cut(theta, layer.shapes)
    layer.init(p, stream(0, "weights"))
    x = stream(0, "inputs").random((N, WIDE))
    a, _ = layer.forward(p, x)
    h, _ = ReLU().forward(None, a)
    return tuple(float((values * values).mean()) for values in (x, a, h))


@pytest.mark.parametrize(
    "weights,after_linear,after_relu", [("lecun", 1.0, 0.5), ("he", 2.0, 1.0), ("glorot", 1.0, 0.5)]
)
def test_each_initialisation_keeps_the_scale_that_it_promises(weights, after_linear, after_relu):
    """LeCun keeps the second moment through a linear layer, He through a ReLU; Glorot loses half there."""
    x, a, h = _second_moments(weights)
    np.testing.assert_allclose([a / x, h / x], [after_linear, after_relu], rtol=0.1)


def test_the_second_moment_of_the_first_decoder_layer_is_the_same_for_every_latent_size():
    """He's weights differ between latent sizes so that the activations do not."""
    moments = []
    for latent in (2, 10, 20):
        layer = Affine(latent, 20_000, "he")
        p = cut(np.zeros(count(layer.shapes)), layer.shapes)
        layer.init(p, stream(0, "weights", latent))
        z = stream(0, "codes", latent).standard_normal((50, latent))
        a, _ = layer.forward(p, z)
        moments.append((a * a).mean() / (z * z).mean())
    np.testing.assert_allclose(moments, 2.0, rtol=0.05)


def test_the_quiet_head_starts_at_sigma_one_and_learns_from_the_first_step():
    """logvar is exactly 0 for every row, and the gradient of its weights is not."""
    model = Spec(features=12, latent=3, encoder={"hidden": [8]}, decoder={"hidden": [8]}).build()
    theta = model.init(seed=0, dtype="float64")
    p = model.views(theta)
    x = stream(0, "inputs").random((5, 12))
    assert isinstance(model.posterior, DiagonalGaussian)
    np.testing.assert_array_equal(model.encode(p, x)[1], 0.0)
    h, backward = model.encoder.forward(p.encoder, x)
    grad = np.zeros_like(theta)
    g = model.views(grad)
    backward(stream(0, "upstream").standard_normal(h.shape), g.encoder)
    *_, head = g.encoder
    assert np.all(np.abs(head.W[:, 3:]).sum(axis=0) > 0)
