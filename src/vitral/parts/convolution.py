"""Convolution of images, channels last, and its transpose: one linear map A, read forwards and backwards.

convolution   y = A x + b      dx = Aᵀ dy        transposed   y = Aᵀ x + b      dx = A dy

Images travel as flat rows of H W C numbers, like everything else between layers. Derivation, sizes and the way both
maps become one matrix product each: docs/derivations/convolution.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError
from vitral.parts.layers import STANDARD_DEVIATIONS, Backward

Pair = int | tuple[int, int]  # one number for both axes, or (rows, columns)
Image = tuple[int, int, int]  # height, width, channels

# Numbers in one copy of windows: few enough to stay in the cache, and memory does not grow with the batch.
BLOCK = 2**19


def pair(value: Pair) -> tuple[int, int]:
    """The same number for rows and columns, unless there are two."""
    return (value, value) if isinstance(value, int) else value


class Axis(NamedTuple):
    """One axis of a convolution: ``size`` pixels, met by a kernel that moves by ``stride`` between two paddings."""

    size: int
    kernel: int
    stride: int
    padding: int

    @property
    def out(self) -> int:
        """floor((size + 2 padding - kernel) / stride) + 1 places where the kernel fits."""
        room = self.size + 2 * self.padding - self.kernel
        if min(self.kernel, self.stride) < 1 or self.padding < 0 or room < 0:
            raise UsageError(
                f"a kernel of {self.kernel} pixels with stride {self.stride} and padding {self.padding} does not fit "
                f"{self.size} pixels: kernel and stride are at least 1, and the kernel fits into the padded image"
            )
        return room // self.stride + 1

    @property
    def span(self) -> int:
        """Padded pixels that the kernel reaches."""
        return (self.out - 1) * self.stride + self.kernel

    @property
    def taps(self) -> int:
        """How many outputs, at most, a pixel contributes to."""
        return ceil(self.kernel / self.stride)

    @property
    def blocks(self) -> range:
        """The blocks of ``stride`` padded pixels that hold the image."""
        return range(self.padding // self.stride, ceil((self.padding + self.size) / self.stride))

    @property
    def inside(self) -> slice:
        """Where in these blocks the image lies."""
        first = self.padding - self.blocks.start * self.stride
        return slice(first, first + self.size)


def framed(x: Array, tops: tuple[int, int], sizes: tuple[int, int]) -> Array:
    """Images (N, H, W, C) cut or padded by zeros to ``sizes``, so that pixel 0 comes to stand at ``tops``."""
    if tops == (0, 0) and sizes == x.shape[1:3]:
        return x
    frame = arrays.zeros((x.shape[0], *sizes, x.shape[3]), like=x)
    starts = [max(top, 0) for top in tops]
    stops = [min(top + old, new) for top, old, new in zip(tops, x.shape[1:3], sizes, strict=True)]
    rows, columns = (slice(start, max(start, stop)) for start, stop in zip(starts, stops, strict=True))
    top, left = tops
    frame[:, rows, columns] = x[
        :, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    return frame


def windows(x: Array, kernel: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Every window of images (N, H, W, C) as one row of kh kw C numbers.

    What is copied at a time is a line of a window, or, where that is shorter, one number of all windows in a line.
    """
    n, height, width, channels = x.shape
    lines = x.reshape(n, height, width * channels)
    seen = sliding_window_view(lines, (kernel[0], kernel[1] * channels), axis=(1, 2))
    seen = seen[:, :: stride[0], :: stride[1] * channels]
    numbers = kernel[0] * kernel[1] * channels
    if seen.shape[2] > kernel[1] * channels:
        return np.ascontiguousarray(seen.transpose(3, 4, 0, 1, 2)).reshape(numbers, -1).T
    return seen.reshape(-1, numbers)


def in_blocks(n: int, numbers: int) -> Iterator[slice]:
    """Slices of n images, each of about BLOCK numbers."""
    step = max(1, BLOCK // numbers)
    return (slice(start, start + step) for start in range(0, n, step))


@dataclass(frozen=True)
class Sliding:
    """The linear map A from images (H, W, C) to images (h, w, O), by a kernel W of shape (kh, kw, C, O)

    (A x)[i, j, o] = Σ_abc x[i sₕ + a - pₕ, j s_w + b - p_w, c] W[a, b, c, o]        x is 0 outside
    """

    image: Image
    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @property
    def axes(self) -> tuple[Axis, Axis]:
        rows, columns = zip(self.image[:2], self.kernel, self.stride, self.padding, strict=True)
        return Axis(*rows), Axis(*columns)

    @property
    def out(self) -> Image:
        rows, columns = self.axes
        return rows.out, columns.out, self.channels

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (*self.kernel, self.image[2], self.out[2])

    def seen(self, x: Array) -> Array:
        """What the kernel sees at every place, (N h w, kh kw C)."""
        rows, columns = self.axes
        return windows(framed(x, self.padding, (rows.span, columns.span)), self.kernel, self.stride)

    def _seen_in_blocks(self, x: Array) -> Iterator[tuple[slice, Array]]:
        height, width, _ = self.out
        for block in in_blocks(len(x), height * width * self.kernel[0] * self.kernel[1] * self.image[2]):
            yield block, self.seen(x[block])

    def apply(self, W: Array, x: Array) -> Array:
        """A x: the windows times the kernel."""
        y = arrays.empty((len(x), *self.out), like=x)
        matrix = W.reshape(-1, self.channels)
        for block, seen in self._seen_in_blocks(x):
            np.matmul(seen, matrix, out=y[block].reshape(-1, self.channels))
        return y

    def add_slope(self, g: Views, x: Array, dy: Array) -> None:
        """g.W += d <dy, A x> / dW: the windows' transpose times dy."""
        for block, seen in self._seen_in_blocks(x):
            g.add_product("W", seen.T, dy[block].reshape(-1, self.channels))

    def adjoint(self, W: Array, y: Array) -> Array:
        """Aᵀ y, in the way that copies fewer numbers for an output: all that it adds to, or itself for every tap."""
        (rows, columns), numbers = self.axes, self.kernel[0] * self.kernel[1] * self.image[2]
        return self.scattered(W, y) if numbers < rows.taps * columns.taps * self.channels else self.gathered(W, y)

    def scattered(self, W: Array, y: Array) -> Array:
        """Aᵀ y: what every output gives to each place of the kernel, and all of a place added to the image at once."""
        (kh, kw, channels, _), (height, width, _) = self.shape, self.out
        (sh, sw), (top, left) = self.stride, self.padding
        image_height, image_width, _ = self.image
        sizes = image_height + 2 * top, image_width + 2 * left
        x = arrays.zeros((channels, len(y), *sizes), like=y)
        for block in in_blocks(len(y), height * width * kh * kw * channels):
            given = W.reshape(-1, self.channels) @ y[block].reshape(-1, self.channels).T
            given = given.reshape(kh, kw, channels, -1, height, width)
            for a, b in np.ndindex(kh, kw):
                x[:, block, a : a + sh * height : sh, b : b + sw * width : sw] += given[a, b]
        inside = x[:, :, top : top + image_height, left : left + image_width]
        return np.ascontiguousarray(inside.transpose(1, 2, 3, 0))

    def gathered(self, W: Array, y: Array) -> Array:
        """Aᵀ y: blocks of stride x stride pixels, each seen from the outputs that it contributes to."""
        rows, columns = self.axes
        taps, blocks = (rows.taps, columns.taps), (len(rows.blocks), len(columns.blocks))
        tops = (rows.taps - 1 - rows.blocks.start, columns.taps - 1 - columns.blocks.start)
        sizes = (rows.taps - 1 + blocks[0], columns.taps - 1 + blocks[1])
        phases, x = self.phases(W), arrays.empty((len(y), *self.image), like=y)
        for block in in_blocks(len(y), blocks[0] * blocks[1] * len(phases)):
            pixels = windows(framed(y[block], tops, sizes), taps, (1, 1)) @ phases
            x[block] = self._spread(pixels, blocks)[:, rows.inside, columns.inside]
        return x

    def phases(self, W: Array) -> Array:
        """The kernel by place within a block and flipped, (taps O, stride² C): the last tap comes first."""
        (mh, mw), (sh, sw) = (axis.taps for axis in self.axes), self.stride
        whole = arrays.zeros((mh * sh, mw * sw, *W.shape[2:]), like=W)
        whole[: self.kernel[0], : self.kernel[1]] = W
        by_tap = whole.reshape(mh, sh, mw, sw, *W.shape[2:])[::-1, :, ::-1]
        return by_tap.transpose(0, 2, 5, 1, 3, 4).reshape(mh * mw * self.channels, -1)

    def _spread(self, pixels: Array, blocks: tuple[int, ...]) -> Array:
        """Rows of stride² C numbers, one a block, back in their places in the image."""
        (bh, bw), (sh, sw), channels = blocks, self.stride, self.image[2]
        apart = pixels.reshape(-1, bh, bw, sh, sw, channels).transpose(0, 1, 3, 2, 4, 5)
        return apart.reshape(-1, bh * sh, bw * sw, channels)


def _fans(sliding: Sliding) -> tuple[int, int]:
    """How many terms a number of A x, and a number of Aᵀ y, is the sum of, away from the borders."""
    taps = [max(1.0, k / s) for k, s in zip(sliding.kernel, sliding.stride, strict=True)]
    kh, kw = sliding.kernel
    return kh * kw * sliding.image[2], round(taps[0] * taps[1] * sliding.channels)


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], weights: str, fans: tuple[int, int]) -> Array:
    return STANDARD_DEVIATIONS[weights](*fans) * rng.standard_normal(shape)


@dataclass(frozen=True)
class Convolution:
    """y = A x + b, with A of ``Sliding`` and one b for every channel

    dx = Aᵀ dy        dW = d <dy, A x> / dW        db = Σ dy over rows and pixels

    From images of ``shape`` (H, W, C) to ``out`` (h, w, channels). ``weights`` and ``quiet`` as in ``Affine``: the
    fan-in is kernel times channels, and the last ``quiet`` channels start at zero.
    """

    shape: Image
    channels: int
    kernel: Pair = 4
    stride: Pair = 2
    padding: Pair = 1
    weights: str = "he"
    quiet: int = 0

    @property
    def sliding(self) -> Sliding:
        return Sliding(self.shape, self.channels, pair(self.kernel), pair(self.stride), pair(self.padding))

    @property
    def out(self) -> Image:
        return self.sliding.out

    @property
    def shapes(self) -> Shapes:
        return {"W": self.sliding.shape, "b": (self.channels,)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        p.W[...] = _drawn(rng, p.W.shape, self.weights, _fans(self.sliding))
        p.W[..., self.channels - self.quiet :] = 0.0
        p.b[...] = 0.0

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        sliding = self.sliding
        images = x.reshape(-1, *self.shape)
        y = sliding.apply(p.W, images)
        y += p.b

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            dimages = dy.reshape(y.shape)
            sliding.add_slope(g, images, dimages)
            g.b += arrays.sum_of_rows(dimages.reshape(-1, self.channels))
            return sliding.adjoint(p.W, dimages).reshape(x.shape) if wanted else None

        return y.reshape(*x.shape[:-1], -1), backward


@dataclass(frozen=True)
class TransposedConvolution:
    """y = Aᵀ x + b, where A is the convolution that leads back from ``out`` to ``shape``

    dx = A dy        dW = d <x, A dy> / dW        db = Σ dy over rows and pixels

    From images of ``shape`` (h, w, C) to ``out`` (H, W, channels), H = (h - 1) stride - 2 padding + kernel +
    output_padding: several H lead to the same h, and ``output_padding`` (below the stride) tells which one is meant.
    """

    shape: Image
    channels: int
    kernel: Pair = 4
    stride: Pair = 2
    padding: Pair = 1
    output_padding: Pair = 0
    weights: str = "he"
    quiet: int = 0

    @property
    def out(self) -> Image:
        pairs = map(pair, (self.kernel, self.stride, self.padding, self.output_padding))
        sizes = zip(self.shape[:2], *pairs, strict=True)
        height, width = ((h - 1) * s - 2 * p + k + extra for h, k, s, p, extra in sizes)
        return height, width, self.channels

    @property
    def sliding(self) -> Sliding:
        sliding = Sliding(self.out, self.shape[2], pair(self.kernel), pair(self.stride), pair(self.padding))
        if sliding.out != tuple(self.shape) or min(pair(self.output_padding)) < 0:
            raise UsageError(
                f"output_padding must be at least 0 and below the stride {pair(self.stride)}, got "
                f"{pair(self.output_padding)}: a convolution of {self.out} would not lead back to {self.shape}"
            )
        return sliding

    @property
    def shapes(self) -> Shapes:
        return {"W": self.sliding.shape, "b": (self.channels,)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        n_out, n_in = _fans(self.sliding)
        p.W[...] = _drawn(rng, p.W.shape, self.weights, (n_in, n_out))
        p.W[:, :, self.channels - self.quiet :] = 0.0
        p.b[...] = 0.0

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        sliding = self.sliding
        images = x.reshape(-1, *self.shape)
        y = sliding.adjoint(p.W, images)
        y += p.b

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            dimages = dy.reshape(y.shape)
            sliding.add_slope(g, dimages, images)
            g.b += arrays.sum_of_rows(dimages.reshape(-1, self.channels))
            return sliding.apply(p.W, dimages).reshape(x.shape) if wanted else None

        return y.reshape(*x.shape[:-1], -1), backward
