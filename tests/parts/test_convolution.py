"""Convolutions against a slow loop by definition, against PyTorch, and each other's transpose; sizes; scales."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitral.core.parameters import count, cut
from vitral.core.randomness import stream
from vitral.errors import UsageError
from vitral.parts import convolution
from vitral.parts.convolution import Convolution, Sliding, TransposedConvolution, pair, windows

GEOMETRIES = [
    # image, output channels, kernel, stride, padding
    ((6, 6, 1), 2, 4, 2, 1),
    ((7, 5, 3), 2, 4, 2, 1),
    ((5, 5, 1), 3, 3, 1, 1),
    ((5, 6, 3), 2, (3, 2), (1, 2), (0, 1)),
    ((4, 4, 2), 3, 1, 1, 0),
    ((7, 7, 1), 2, 1, 2, 0),
    ((8, 7, 1), 1, 2, 3, 0),
    ((3, 3, 2), 2, 5, 1, 2),
    ((2, 3, 1), 2, 3, 2, 3),
    ((9, 4, 1), 2, (5, 4), (3, 1), (2, 0)),
]
every_geometry = pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)


def slow(x, W, stride, padding):
    """y[n, i, j, o] = sum over a, b, c of x[n, i s + a - p, j s + b - p, c] W[a, b, c, o], term by term."""
    (n, height, width, channels), (kh, kw, _, out) = x.shape, W.shape
    (sh, sw), (ph, pw) = pair(stride), pair(padding)
    rows, columns = (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    y = np.zeros((n, rows, columns, out))
    for i, j, a, b, c in product(range(rows), range(columns), range(kh), range(kw), range(channels)):
        r, q = i * sh + a - ph, j * sw + b - pw
        if 0 <= r < height and 0 <= q < width:
            y[:, i, j] += x[:, r, q, c, None] * W[a, b, c]
    return y


def slow_slopes(x, W, dy, stride, padding):
    """dx and dW, each term of the sum sent back to its two factors."""
    (_, height, width, channels), (kh, kw, _, _) = x.shape, W.shape
    (sh, sw), (ph, pw) = pair(stride), pair(padding)
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for i, j, a, b, c in product(*map(range, dy.shape[1:3]), range(kh), range(kw), range(channels)):
        r, q = i * sh + a - ph, j * sw + b - pw
        if 0 <= r < height and 0 <= q < width:
            dx[:, r, q, c] += dy[:, i, j] @ W[a, b, c]
            dW[a, b, c] += x[:, r, q, c] @ dy[:, i, j]
    return dx, dW


def transposed_for(geometry):
    """The transposed convolution that leads back from a convolution's output to its image."""
    image, channels, kernel, stride, padding = geometry
    made = Convolution(image, channels, kernel, stride, padding)
    sizes = zip(image[:2], made.out[:2], pair(kernel), pair(stride), pair(padding), strict=True)
    extra = tuple(big - ((small - 1) * s - 2 * p + k) for big, small, k, s, p in sizes)
    return TransposedConvolution(made.out, image[2], kernel, stride, padding, extra)


def parameters(layer, seed=0):
    theta = stream(seed, "theta").standard_normal(count(layer.shapes))
    return theta, cut(theta, layer.shapes)


def passed(layer, p, x, dy):
    """y, dx and the gradient of the parameters."""
    y, backward = layer.forward(p, x)
    grad = np.zeros(count(layer.shapes))
    g = cut(grad, layer.shapes)
    return y, backward(dy, g), g


@every_geometry
def test_a_convolution_is_the_sum_over_its_kernel_term_by_term(geometry):
    """Forward, dx, dW and db, for kernels, strides and paddings that differ by axis and leave pixels over."""
    image, channels, _, stride, padding = geometry
    layer, rng = Convolution(*geometry), stream(1, "x")
    _, p = parameters(layer)
    x, dy = rng.standard_normal((2, *image)), rng.standard_normal((2, *layer.out))
    y, dx, g = passed(layer, p, x.reshape(2, -1), dy.reshape(2, -1))
    expected_dx, expected_dW = slow_slopes(x, p.W, dy, stride, padding)
    np.testing.assert_allclose(y.reshape(dy.shape), slow(x, p.W, stride, padding) + p.b, atol=1e-12)
    np.testing.assert_allclose(dx.reshape(x.shape), expected_dx, atol=1e-12)
    np.testing.assert_allclose(g.W, expected_dW, atol=1e-12)
    np.testing.assert_allclose(g.b, dy.sum(axis=(0, 1, 2)), atol=1e-12)
    assert layer.out == (*y.reshape(dy.shape).shape[1:3], channels)


@every_geometry
def test_a_transposed_convolution_is_the_slow_way_back_of_its_convolution(geometry):
    """Its forward is the slow dx, its dx the slow forward, its dW the slow dW with the two images exchanged."""
    image, _, _, stride, padding = geometry
    layer, rng = transposed_for(geometry), stream(2, "x")
    _, p = parameters(layer)
    x, dy = rng.standard_normal((2, *layer.shape)), rng.standard_normal((2, *image))
    y, dx, g = passed(layer, p, x.reshape(2, -1), dy.reshape(2, -1))
    expected_y, expected_dW = slow_slopes(dy, p.W, x, stride, padding)
    np.testing.assert_allclose(y.reshape(dy.shape), expected_y + p.b, atol=1e-12)
    np.testing.assert_allclose(dx.reshape(x.shape), slow(dy, p.W, stride, padding), atol=1e-12)
    np.testing.assert_allclose(g.W, expected_dW, atol=1e-12)
    np.testing.assert_allclose(g.b, dy.sum(axis=(0, 1, 2)), atol=1e-12)
    assert layer.out == image


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_the_transposed_map_is_the_exact_adjoint_for_any_sizes(size, channels, kernel, stride, padding):
    """<A x, y> = <x, A' y> for random x, y and W, the definition of a transpose, by either way to compute it."""
    if any(n + 2 * p < k for n, k, p in zip(size, kernel, padding, strict=True)):
        return
    sliding = Sliding((*size, channels[0]), channels[1], kernel, stride, padding)
    rng = stream(3, "adjoint")
    W, x = rng.standard_normal(sliding.shape), rng.standard_normal((2, *sliding.image))
    y = rng.standard_normal((2, *sliding.out))
    forwards = (sliding.apply(W, x) * y).sum()
    for adjoint in (sliding.scattered(W, y), sliding.gathered(W, y)):
        assert abs(forwards - (x * adjoint).sum()) < 1e-11 * max(1.0, np.abs(y).sum())


def test_grey_images_scatter_and_images_of_many_channels_gather(monkeypatch):
    """Which of the two ways is taken: for the last layer of a decoder the one, for the layer before it the other."""
    monkeypatch.setattr(Sliding, "scattered", lambda *_: "scattered")
    monkeypatch.setattr(Sliding, "gathered", lambda *_: "gathered")
    taken = [Sliding(image, 64, (4, 4), (2, 2), (1, 1)).adjoint(None, None) for image in ((28, 28, 1), (14, 14, 32))]
    assert taken == ["scattered", "gathered"]


def test_windows_are_laid_out_so_that_the_longer_runs_are_copied():
    """One number of every window in a line, where a line of a window is shorter."""
    grey, coloured = (np.arange(2.0 * 9 * 9 * channels).reshape(2, 9, 9, channels) for channels in (1, 8))
    assert windows(grey, (2, 2), (1, 1)).T.flags.c_contiguous
    assert windows(coloured, (2, 2), (1, 1)).flags.c_contiguous


@every_geometry
def test_blocks_of_any_size_give_the_same_numbers(geometry, monkeypatch):
    """How many images are unfolded at once is a matter of speed only."""
    layer, rng = Convolution(*geometry), stream(4, "x")
    _, p = parameters(layer)
    x = rng.standard_normal((5, *geometry[0])).reshape(5, -1)
    dy = rng.standard_normal((5, *layer.out)).reshape(5, -1)
    whole = passed(layer, p, x, dy)
    monkeypatch.setattr(convolution, "BLOCK", 2 * x.shape[1])
    parts = passed(layer, p, x, dy)
    for expected, got in zip((*whole[:2], whole[2].W), (*parts[:2], parts[2].W), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)


def test_few_images_are_unfolded_at_once():
    """At most about BLOCK numbers of windows exist at any time, and at least one image's, whatever the batch."""
    sizes = [slice_.stop - slice_.start for slice_ in convolution.in_blocks(100, convolution.BLOCK // 7)]
    assert sizes == [7] * 15
    assert len(list(convolution.in_blocks(1, 10 * convolution.BLOCK))) == 1


@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
@pytest.mark.parametrize("layer", [Convolution((5, 4, 2), 3), TransposedConvolution((2, 2, 3), 2)], ids=str)
def test_convolutions_take_any_leading_axes(layer, leading):
    theta, p = parameters(layer)
    x = stream(5, "x").standard_normal((*leading, int(np.prod(layer.shape))))
    y, backward = layer.forward(p, x)
    dx = backward(np.ones_like(y), cut(np.zeros_like(theta), layer.shapes))
    assert ((*leading, int(np.prod(layer.out))), x.shape) == (y.shape, dx.shape)
    alone, _ = layer.forward(p, x.reshape(-1, x.shape[-1])[0])
    np.testing.assert_allclose(y.reshape(-1, y.shape[-1])[0], alone, atol=1e-13)


@pytest.mark.parametrize(
    "layer",
    [
        Convolution((40, 40, 16), 64),
        Convolution((40, 40, 16), 64, 3, 1, 1),
        TransposedConvolution((40, 40, 16), 64),
        TransposedConvolution((40, 40, 16), 64, 3, 1, 1),
        TransposedConvolution((20, 20, 16), 64, 5, 2, 2),
    ],
    ids=str,
)
def test_lecun_weights_keep_the_second_moment_away_from_the_borders(layer):
    """The fan-in is kernel times channels, by stride² less where the stride spreads the kernel's terms out."""
    layer = type(layer)(**{**vars(layer), "weights": "lecun"})
    theta = np.empty(count(layer.shapes))
    p = cut(theta, layer.shapes)
    layer.init(p, stream(6, "init"))
    x = stream(7, "x").standard_normal((4, int(np.prod(layer.shape))))
    y = layer.forward(p, x)[0].reshape(4, *layer.out)[:, 5:-5, 5:-5]
    assert 0.85 < float((y * y).mean()) < 1.15
    assert not p.b.any()


@pytest.mark.parametrize("kind, axis", [(Convolution, 3), (TransposedConvolution, 2)])
def test_quiet_channels_start_at_exactly_zero_and_the_others_do_not(kind, axis):
    layer = kind((4, 4, 2), 5, quiet=2)
    _, p = parameters(layer)
    layer.init(p, stream(8, "init"))
    silent = np.moveaxis(p.W, axis, 0)
    assert not silent[3:].any()
    assert (silent[:3] != 0.0).all()


@pytest.mark.parametrize(
    "layer, sentence",
    [
        (Convolution((2, 2, 1), 1, 5, 1, 1), "a kernel of 5 pixels with stride 1 and padding 1 does not fit 2 pixels"),
        (Convolution((2, 2, 1), 1, 2, 0, 0), "kernel and stride are at least 1"),
        (Convolution((2, 2, 1), 1, 2, 1, -1), "padding -1 does not fit"),
        (TransposedConvolution((2, 2, 1), 1, output_padding=2), "below the stride (2, 2), got (2, 2)"),
        (TransposedConvolution((2, 2, 1), 1, output_padding=-1), "at least 0 and below the stride"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sizes_that_do_not_fit_are_refused_in_one_sentence(layer, sentence):
    with pytest.raises(UsageError) as caught:
        _ = layer.shapes
    assert sentence in str(caught.value)


@every_geometry
def test_both_maps_equal_those_of_pytorch(geometry):
    """Forward, dx, dW and db to 1e-5 of torch.nn.functional.conv2d and conv_transpose2d, in float32."""
    torch = pytest.importorskip("torch")
    *_, stride, padding = geometry
    there, back = Convolution(*geometry), transposed_for(geometry)
    ours = {"stride": pair(stride), "padding": pair(padding)}
    cases = [
        (there, torch.nn.functional.conv2d, ours, (3, 2, 0, 1)),
        (back, torch.nn.functional.conv_transpose2d, {**ours, "output_padding": back.output_padding}, (3, 2, 0, 1)),
    ]
    for layer, function, options, order in cases:
        theta, _ = parameters(layer)
        p, rng = cut(theta.astype("float32"), layer.shapes), stream(9, "x")
        x = rng.standard_normal((2, *layer.shape), dtype="float32")
        dy = rng.standard_normal((2, *layer.out), dtype="float32")
        y, backward = layer.forward(p, x.reshape(2, -1))
        grad = np.zeros(count(layer.shapes), "float32")
        dx, g = backward(dy.reshape(2, -1), cut(grad, layer.shapes)), cut(grad, layer.shapes)
        x_t = torch.tensor(np.moveaxis(x, 3, 1), requires_grad=True)
        W_t = torch.tensor(p.W.transpose(order).copy(), requires_grad=True)
        b_t = torch.tensor(p.b.copy(), requires_grad=True)
        y_t = function(x_t, W_t, b_t, **options)
        y_t.backward(torch.tensor(np.moveaxis(dy, 3, 1).copy()))
        pairs = [
            (y.reshape(dy.shape), np.moveaxis(y_t.detach().numpy(), 1, 3)),
            (dx.reshape(x.shape), np.moveaxis(x_t.grad.numpy(), 1, 3)),
            (g.W, W_t.grad.numpy().transpose(np.argsort(order))),
            (g.b, b_t.grad.numpy()),
        ]
        for mine, theirs in pairs:
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)
