"""Ready-made networks: their sizes for any image, where they start, how numbers lie in an image, what is refused."""

from __future__ import annotations

import json
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitral import specs
from vitral.checks import passes
from vitral.checks.gradient import directional
from vitral.core.parameters import count, cut
from vitral.core.randomness import draw, stream
from vitral.errors import UsageError
from vitral.model import Batch
from vitral.networks import MLP, Conv, GatedMLP, ResNet
from vitral.parts.convolution import Convolution, TransposedConvolution
from vitral.parts.layers import Chain
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import Adam
from vitral.specs import NETWORKS, Spec

SMALL = {
    "mlp": MLP((5,)),
    "gated": GatedMLP((5, 4)),
    "conv": Conv((2, 3), (4,)),
    "resnet": ResNet((2, 3), hidden=(4,)),
}
every_network = pytest.mark.parametrize("kind", NETWORKS)


def run(network, x, seed=0, data=None):
    """The output of a newly initialised network."""
    p = cut(np.full(count(network.shapes), np.nan), network.shapes)
    network.init(p, stream(seed, "init"), data)
    return network.forward(p, x)[0]


def layers_of(network):
    """All layers of a network, chains opened."""
    if isinstance(network, Chain):
        return [inner for layer in network.layers for inner in layers_of(layer)]
    return [network]


def test_every_network_has_a_small_one_here():
    assert set(NETWORKS) == set(SMALL)
    assert all(type(SMALL[kind]) is NETWORKS[kind] for kind in NETWORKS)


@every_network
@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(4, 17),
    width=st.integers(4, 17),
    channels=st.sampled_from([1, 3]),
    each=st.integers(1, 3),
    beyond=st.sampled_from([0, 1]),
    context=st.integers(0, 2),
)
def test_encoders_and_decoders_fit_images_of_any_shape(kind, height, width, channels, each, beyond, context):
    """In: rows of H W C numbers and a context; out: the code. Back: the code, and k numbers for every entry."""
    shape, latent = (height, width, channels), 3
    features = prod(shape)
    n_out = each * features + beyond
    encoder = SMALL[kind].build(features, 2 * latent, quiet=latent, context=context, image_shape=shape)
    decoder = SMALL[kind].build(latent, n_out, context=context, image_shape=shape, decodes=True)
    x, z = np.ones((2, features + context)), np.ones((2, 3, latent + context))
    assert (2, 2 * latent) == run(encoder, x).shape
    assert (2, 3, n_out) == run(decoder, z).shape


@every_network
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (8, 8), (32, 32, 3), (64, 64), (27, 31, 3)], ids=str)
def test_networks_of_default_size_fit_the_usual_image_shapes(kind, shape):
    model = Spec(prod(shape), 2, {"kind": kind}, {"kind": kind, "bias": "data"}, image_shape=shape).build()
    x = stream(1, "x").random((2, model.features), dtype=np.float32)
    p = model.views(model.init(0, data=x))
    mu, logvar = model.encode(p, x)
    assert (mu.shape, logvar.shape) == ((2, 2), (2, 2))
    assert (2, model.features) == model.decode(p, mu).shape


def test_the_default_convolutions_take_28_to_14_to_7_and_back():
    """Kernel 4, stride 2, 32 and 64 channels, then 256: the sizes that the documentation names."""
    encoder = layers_of(Conv().build(784, 4, image_shape=(28, 28)))
    decoder = layers_of(Conv().build(2, 784, image_shape=(28, 28), decodes=True))
    down = [layer.out for layer in encoder if isinstance(layer, Convolution)]
    up = [layer.out for layer in decoder if isinstance(layer, TransposedConvolution)]
    assert down == [(14, 14, 32), (7, 7, 64)]
    assert up == [(14, 14, 32), (28, 28, 1)]
    assert [layer.n_in for layer in encoder if hasattr(layer, "n_in")] == [3136, 256]


@every_network
def test_a_log_variance_head_starts_at_exactly_zero(kind):
    """The last outputs are quiet, so that sigma starts at 1; the others are not."""
    network = SMALL[kind].build(48, 6, quiet=3, image_shape=(4, 4, 3))
    h = run(network, stream(2, "x").standard_normal((5, 48)))
    np.testing.assert_array_equal(h[:, 3:], np.zeros((5, 3)))
    assert (h[:, :3] != 0.0).all()


@every_network
@pytest.mark.parametrize("n_out", [48, 96, 49])
def test_a_decoder_may_start_at_the_mean_of_the_data(kind, n_out):
    """With bias "data" every output is moved by exactly its own start, pixel by pixel."""
    start = stream(3, "start").standard_normal((1, n_out))
    z = stream(4, "z").standard_normal((5, 2))
    shape = {"image_shape": (4, 4, 3), "decodes": True}
    plain = run(SMALL[kind].build(2, n_out, **shape), z, data=start)
    moved = run(_with(SMALL[kind], bias="data").build(2, n_out, **shape), z, data=start)
    np.testing.assert_allclose(moved - plain, np.broadcast_to(start, plain.shape), atol=1e-12)


def _with(network, **options):
    return type(network)(**{**vars(network), **options})


@pytest.mark.parametrize("kind", ["conv", "resnet"])
def test_the_numbers_of_one_entry_lie_side_by_side(kind):
    """Channel c k + j of a pixel is number j of its entry c: o.reshape(H, W, C, k)."""
    height, width, channels, each = 5, 4, 3, 2
    network = SMALL[kind].build(2, 120, image_shape=(height, width, channels), decodes=True)
    p = cut(np.zeros(count(network.shapes)), network.shapes)
    last = list(list(p)[-1])[-1]
    last.b[...] = np.arange(channels * each)
    o, _ = network.forward(p, np.ones((1, 2)))
    expected = np.arange(channels * each).reshape(channels, each)
    np.testing.assert_array_equal(
        o.reshape(height, width, channels, each), np.broadcast_to(expected, (height, width, channels, each))
    )


@pytest.mark.parametrize("kind", ["conv", "resnet"])
def test_a_context_reaches_the_code_without_being_convolved(kind):
    """The same image with another context gives another code; the convolutions have the image's channels only."""
    network = SMALL[kind].build(16, 2, context=2, image_shape=(4, 4))
    x = np.tile(stream(5, "x").standard_normal(18), (2, 1))
    x[1, 16:] += 1.0
    h = run(network, x)
    assert (h[0] != h[1]).any()
    assert network.layers[0].n_in == 16


def test_a_convolutional_encoder_sees_a_moved_image_as_moved_features():
    """Away from the borders, two pixels to the right are one position further after a stride of 2."""
    convolutions = Conv((3,), ()).build(100, 2, image_shape=(10, 10)).layers[0]
    image = np.zeros((1, 10, 10))
    image[0, 4, 3] = 1.0
    p = cut(stream(6, "theta").standard_normal(count(convolutions.shapes)), convolutions.shapes)
    features = [
        convolutions.forward(p, np.roll(image, shift, axis=2).reshape(1, -1))[0].reshape(5, 5, 3) for shift in (0, 2)
    ]
    np.testing.assert_allclose(features[1][:, 1:], features[0][:, :-1], atol=1e-12)


@pytest.mark.parametrize("kind", ["gated", "conv", "resnet"])
def test_a_network_survives_json(kind):
    spec = Spec(35, 2, {"kind": kind}, {"kind": kind, "hidden": [7]}, image_shape=(7, 5))
    again = Spec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert spec.to_dict() == again.to_dict()
    assert spec.build() == again.build()


def test_options_without_a_kind_are_those_of_the_mlp():
    assert specs.network({"hidden": [3]}) == specs.network({"kind": "mlp", "hidden": [3]})


@pytest.mark.parametrize("kind", ["gated", "conv", "resnet"])
def test_a_model_for_images_takes_gradient_checked_steps_and_improves(kind):
    """Bars on 8x8 images: before each of three steps of Adam the slope along random directions is right."""
    options = {"kind": kind, "hidden": [6]} | ({} if kind == "gated" else {"channels": [4], "activation": "silu"})
    model = Spec(64, 2, options, {**options, "bias": "data"}, likelihood="bernoulli", image_shape=(8, 8)).build()
    rng, adam = stream(7, "bars"), Adam()
    x = np.repeat((rng.random((12, 8)) < 0.3).astype(float), 8, axis=1)
    theta = model.init(0, "float64", x)
    state, losses = adam.start(theta), []
    for t in range(1, 31):
        noise = draw(model.posterior.noise_shapes(1, 12), stream(8, "noise", t), "float64")
        if t in (1, 2, 30):
            checked = directional(passes.of_model(model, Batch(x, x), noise, ELBO()), theta.copy(), rng)
            assert checked.passed, checked
        grad = np.zeros_like(theta)
        loss, backward = model.loss(model.views(theta), Batch(x, x), noise, ELBO(), 12)
        backward(model.views(grad))
        adam.step(theta, grad, state, t=t, rate=0.01)
        losses.append(float(loss))
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 1.0


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"encoder": "conv"}, "a convolutional network needs image_shape [H, W] or [H, W, C], got None: give the"),
        ({"decoder": "conv"}, "needs image_shape [H, W] or [H, W, C], got None"),
        ({"encoder": "resnet", "image_shape": (16,)}, "got (16,)"),
        ({"encoder": "conv", "image_shape": (4, 0)}, "image_shape must be a positive whole number, got 0"),
        ({"encoder": "conv", "image_shape": (4, 5)}, "image_shape [4, 5] has 20 numbers and a row has 16: make them"),
        ({"encoder": "conv", "image_shape": (4, 3)}, "has 12 numbers and a row has 16"),
        ({"decoder": "conv", "image_shape": (4, 5)}, "has 20 numbers and a row has 16"),
        (
            {"encoder": {"kind": "conv", "channels": [2, 2, 2]}, "image_shape": (4, 4)},
            "images of 4 x 4 are too small for channels [2, 2, 2]: a kernel of 4 does not fit the 1 x 1 that 2 "
            "convolutions leave: take fewer channels or a smaller kernel",
        ),
        ({"encoder": {"kind": "conv", "channels": []}, "image_shape": (4, 4)}, "at least one convolution, got []"),
        ({"encoder": {"kind": "conv", "channels": 32}, "image_shape": (4, 4)}, "channels must be a list of whole"),
        ({"encoder": {"kind": "conv", "kernel": 0}, "image_shape": (4, 4)}, "kernel must be a whole number of at"),
        ({"encoder": {"kind": "conv", "stride": 1.5}, "image_shape": (4, 4)}, "stride must be a whole number"),
        ({"encoder": {"kind": "conv", "activation": "gates"}, "image_shape": (4, 4)}, "did you mean 'gate'?"),
        ({"encoder": {"kind": "resnet", "activation": "gate"}, "image_shape": (4, 4)}, "unknown activation 'gate'"),
        ({"encoder": {"kind": "resnet", "blocks": 0}, "image_shape": (4, 4)}, "blocks must be a"),
        ({"encoder": {"kind": "gated", "hidden": 300}}, "write for example [300, 300]"),
        ({"encoder": {"kind": "gated", "weights": "xavier"}}, "unknown initialisation 'xavier'"),
        ({"decoder": {"kind": "conv", "bias": "mean"}, "image_shape": (4, 4)}, "unknown bias 'mean'"),
        ({"encoder": {"kind": "mlp", "bias": "data"}}, "bias 'data' is a decoder's"),
        ({"encoder": {"kind": "conv", "bias": "data"}, "image_shape": (4, 4)}, "bias 'data' is a decoder's"),
    ],
)
def test_sizes_and_names_that_do_not_work_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(UsageError) as caught:
        Spec(**{"features": 16, "latent": 2, **options}).build()
    assert sentence in str(caught.value)
