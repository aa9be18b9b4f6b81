"""Ready-made encoders and decoders: each builds a network of layers between two widths.

``build(n_in, n_out, *, quiet, context, image_shape, decodes)``: from rows of ``n_in`` numbers, and ``context`` more
beside them, to ``n_out`` numbers, of which the last ``quiet`` start at zero. Networks for images need ``image_shape``,
and ``decodes`` tells them on which side the image is: a decoder puts it out, an encoder takes it in.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from vitral.errors import UsageError, unknown
from vitral.parts.blocks import Beside, Gate, Gated, LayerNorm, Offset, Residual, SiLU
from vitral.parts.convolution import Convolution, Image, TransposedConvolution
from vitral.parts.layers import STANDARD_DEVIATIONS, Affine, Chain, ReLU, Sigmoid, Softplus, Tanh

ACTIVATIONS = {"relu": ReLU, "sigmoid": Sigmoid, "silu": SiLU, "softplus": Softplus, "tanh": Tanh}
BIASES = ("data", "zero")
EVEN = 1e-2  # what a norm adds to the variance of a pixel: the slope of an even one, black say, grows by 1/sqrt(EVEN)


class ForRows(ABC):
    """What the networks for plain rows share: dense layers of the ``hidden`` widths, and a linear head."""

    hidden: tuple[int, ...]
    head: str
    quiet: bool
    bias: str

    @abstractmethod
    def check(self) -> None:
        """Refuse sizes and names that do not exist."""

    @abstractmethod
    def dense(self, n_in: int, n_out: int) -> list[Any]:
        """The layers from one width to the next."""

    def build(
        self,
        n_in: int,
        n_out: int,
        *,
        quiet: int = 0,
        context: int = 0,
        image_shape: tuple[int, ...] | None = None,
        decodes: bool = False,
    ) -> Chain:
        """The network; where it is an image's, the shape does not matter."""
        self.check()
        check_bias(self.bias, decodes)
        widths = (n_in + context, *self.hidden)
        layers = [layer for narrow in pairwise(widths) for layer in self.dense(*narrow)]
        head = Affine(widths[-1], n_out, self.head, quiet if self.quiet else 0, self.bias)
        return Chain((*layers, head))


@dataclass(frozen=True)
class MLP(ForRows):
    """A chain of affine layers with one activation between them, and a linear head.

    ``weights`` initialises the layers before an activation ("auto": He before a ReLU, Glorot otherwise),
    ``head`` the last one. ``quiet`` starts a log-variance head at zero, so that sigma starts at 1. A decoder with
    ``bias`` "data" starts at the mean of the data.
    """

    hidden: tuple[int, ...] = (400,)
    activation: str = "relu"
    weights: str = "auto"
    head: str = "lecun"
    quiet: bool = True
    bias: str = "zero"

    def dense(self, n_in: int, n_out: int) -> list[Any]:
        """An affine layer and its activation."""
        return _dense(self, n_in, n_out)

    def check(self) -> None:
        """Refuse sizes and names that do not exist."""
        check_widths("hidden", self.hidden, "[400]")
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        check_names({self.weights, self.head} - {"auto"}, self.bias)


@dataclass(frozen=True)
class GatedMLP(ForRows):
    """A chain of gated layers and a linear head: the network of the VampPrior paper (Tomczak and Welling 2018).

    The options are the MLP's; the gates are its only activation.
    """

    hidden: tuple[int, ...] = (300, 300)
    weights: str = "he"
    head: str = "lecun"
    quiet: bool = True
    bias: str = "zero"

    def dense(self, n_in: int, n_out: int) -> list[Any]:
        """A layer that gates itself."""
        return [Gated(n_in, n_out, self.weights)]

    def check(self) -> None:
        """Refuse sizes and names that do not exist."""
        check_widths("hidden", self.hidden, "[300, 300]")
        check_names({self.weights, self.head}, self.bias)


class ForImages(ABC):
    """What the networks for images share: they build from an image as encoder, and to an image as decoder."""

    bias: str
    quiet: bool

    @abstractmethod
    def check(self) -> None:
        """Refuse sizes and names that do not exist."""

    def build(
        self,
        n_in: int,
        n_out: int,
        *,
        quiet: int = 0,
        context: int = 0,
        image_shape: tuple[int, ...] | None = None,
        decodes: bool = False,
    ) -> Chain:
        """From an image to ``n_out`` numbers, or, where it ``decodes``, from ``n_in`` numbers to an image."""
        self.check()
        check_bias(self.bias, decodes)
        if decodes:
            return image_decoder(self, n_in + context, n_out, image_shape)
        return image_encoder(self, n_in, n_out, image_shape, quiet if self.quiet else 0, context)


@dataclass(frozen=True)
class Conv(ForImages):
    """Convolutions that halve the image, then dense layers; a decoder is the same, read backwards.

    ``channels`` has one entry a convolution of ``kernel`` and ``stride``, ``hidden`` one a dense layer between them and
    the code; the padding, (kernel - 1) // 2, lets a stride of 2 halve. ``activation`` may also be "gate": twice the
    channels, and one half gates the other. The other options are the MLP's.
    """

    channels: tuple[int, ...] = (32, 64)
    hidden: tuple[int, ...] = (256,)
    kernel: int = 4
    stride: int = 2
    activation: str = "relu"
    weights: str = "auto"
    head: str = "lecun"
    quiet: bool = True
    bias: str = "zero"

    def after(self, shape: Image) -> list[Any]:
        """What follows a convolution that has put out images of this shape."""
        return [Gate(shape[2])] if self.activation == "gate" else [ACTIVATIONS[self.activation]()]

    def check(self) -> None:
        """Refuse sizes and names that do not exist."""
        check_image_network(self, (*ACTIVATIONS, "gate"))


@dataclass(frozen=True)
class ResNet(ForImages):
    """As ``Conv``, with ``blocks`` residual blocks after every change of size (He et al. 2016).

    A block is y = x + f(x), where f is twice: normalise the channels of every pixel, activate, convolve by 3 x 3. Its
    last convolution starts at zero, so that every block starts as the identity.
    """

    channels: tuple[int, ...] = (32, 64)
    blocks: int = 1
    hidden: tuple[int, ...] = (256,)
    kernel: int = 4
    stride: int = 2
    activation: str = "silu"
    weights: str = "auto"
    head: str = "lecun"
    quiet: bool = True
    bias: str = "zero"

    def after(self, shape: Image) -> list[Any]:
        """What follows a convolution that has put out images of this shape: blocks, and a last activation."""
        return [*(self._block(shape) for _ in range(self.blocks)), *self._active(shape)]

    def _block(self, shape: Image) -> Residual:
        channels, weights = shape[2], _weights(self)
        first = Convolution(shape, channels, 3, 1, 1, weights)
        last = Convolution(shape, channels, 3, 1, 1, weights, quiet=channels)
        return Residual(Chain((*self._active(shape), first, *self._active(shape), last)))

    def _active(self, shape: Image) -> list[Any]:
        return [LayerNorm(shape[2], EVEN), ACTIVATIONS[self.activation]()]

    def check(self) -> None:
        """Refuse sizes and names that do not exist."""
        check_image_network(self, tuple(ACTIVATIONS))
        positive("blocks", self.blocks)


def image_encoder(
    net: Any, n_in: int, n_out: int, image_shape: tuple[int, ...] | None, quiet: int, context: int
) -> Chain:
    """Images, smaller by every convolution; dense layers, which the context joins; a linear head."""
    image, _, _ = image_within(n_in, image_shape, whole=True)
    layers: list[Any] = []
    for shape, smaller in pairwise(image_sizes(net, image)):
        layers += [Convolution(shape, _wide(net, smaller[2]), **_geometry(net), weights=_weights(net))]
        layers += net.after(smaller)
    seen = Chain(tuple(layers))
    widths = (math.prod(smaller) + context, *net.hidden)
    dense = [layer for narrow in pairwise(widths) for layer in _dense(net, *narrow)]
    head = Affine(widths[-1], n_out, net.head, quiet)
    return Chain((Beside(seen, n_in) if context else seen, *dense, head))


def image_decoder(net: Any, n_in: int, n_out: int, image_shape: tuple[int, ...] | None) -> Chain:
    """Dense layers to the smallest image, larger by every transposed convolution, the last of them linear.

    An entry of the image that has k numbers has k channels, side by side. What the likelihood wants beyond whole
    images (a variance for the image as one) comes straight from the dense layers and passes the image by.
    """
    image, each, beyond = image_within(n_out, image_shape)
    sizes = image_sizes(net, image)
    widths = (n_in, *reversed(net.hidden))
    dense = [layer for wide in pairwise(widths) for layer in _dense(net, *wide)]
    start = math.prod(sizes[-1][:2]) * _wide(net, sizes[-1][2])
    layers = net.after(sizes[-1])
    *between, (shape, _) = pairwise(reversed(sizes))
    for small, larger in between:
        layers += [_enlarged(net, small, larger, _wide(net, larger[2]), _weights(net)), *net.after(larger)]
    layers.append(_enlarged(net, shape, image, each * image[2], net.head))
    drawn = Chain(tuple(layers))
    top = Affine(widths[-1], start + beyond, _weights(net))
    offset = [Offset(n_out, net.bias)] if net.bias == "data" else []
    return Chain((*dense, top, Beside(drawn, start) if beyond else drawn, *offset))


def _enlarged(net: Any, shape: Image, larger: Image, channels: int, weights: str) -> TransposedConvolution:
    """The transposed convolution from one size to exactly the next."""
    kind = TransposedConvolution(shape, channels, **_geometry(net))
    missing = (larger[0] - kind.out[0], larger[1] - kind.out[1])
    return replace(kind, output_padding=missing, weights=weights)


def image_within(
    numbers: int, image_shape: tuple[int, ...] | None, *, whole: bool = False
) -> tuple[Image, int, int]:
    """The image (H, W, C), how many numbers each of its entries has, and how many are left over."""
    if image_shape is None or len(image_shape) not in (2, 3):
        raise UsageError(
            f"a convolutional network needs image_shape [H, W] or [H, W, C], got {image_shape!r}: give the shape, or "
            "use 'mlp' or 'gated' for rows that are no images"
        )
    for size in image_shape:
        positive("image_shape", size)
    height, width, channels = (*image_shape, 1)[:3]
    entries = height * width * channels
    if numbers < entries or (whole and numbers != entries):
        raise UsageError(
            f"image_shape {[*image_shape]} has {entries} numbers and a row has {numbers}: make them agree"
        )
    return (height, width, channels), *divmod(numbers, entries)


def image_sizes(net: Any, image: Image) -> list[Image]:
    """The shape of the image, and of what every convolution makes of it."""
    sizes = [image]
    for channels in net.channels:
        height, width, _ = sizes[-1]
        geometry = _geometry(net)
        if min(height, width) + 2 * geometry["padding"] < net.kernel:
            raise UsageError(
                f"images of {image[0]} x {image[1]} are too small for channels {[*net.channels]}: a kernel of "
                f"{net.kernel} does not fit the {height} x {width} that {len(sizes) - 1} convolutions leave: take "
                "fewer channels or a smaller kernel"
            )
        sizes.append((*Convolution(sizes[-1], channels, **geometry).out[:2], channels))
    return sizes


def _geometry(net: Any) -> dict[str, Any]:
    return {"kernel": net.kernel, "stride": net.stride, "padding": (net.kernel - 1) // 2}


def _wide(net: Any, channels: int) -> int:
    """A gate takes two channels and gives one."""
    return 2 * channels if net.activation == "gate" else channels


def _dense(net: Any, n_in: int, n_out: int) -> list[Any]:
    if net.activation == "gate":
        return [Gated(n_in, n_out, _weights(net))]
    return [Affine(n_in, n_out, _weights(net)), ACTIVATIONS[net.activation]()]


def _weights(net: Any) -> str:
    return weights_before(net.activation) if net.weights == "auto" else str(net.weights)


def check_image_network(net: Any, activations: tuple[str, ...]) -> None:
    """Refuse sizes and names that do not exist."""
    check_widths("channels", net.channels, "[32, 64]")
    check_widths("hidden", net.hidden, "[256]")
    positive("kernel", net.kernel)
    positive("stride", net.stride)
    if not net.channels:
        raise UsageError("channels must name at least one convolution, got []: write for example [32, 64]")
    if net.activation not in activations:
        raise unknown("activation", net.activation, activations)
    check_names({net.weights, net.head} - {"auto"}, net.bias)


def weights_before(activation: str) -> str:
    """The initialisation that keeps the scale: He before what halves the second moment, Glorot otherwise."""
    return "he" if activation in ("gate", "relu", "silu") else "glorot"


def check_widths(name: str, widths: Any, example: str) -> None:
    """Refuse what is not a list of positive whole numbers."""
    if not isinstance(widths, tuple | list):
        raise UsageError(
            f"{name} must be a list of whole numbers, got {widths!r}: write for example {example}"
        )
    for width in widths:
        positive(name, width)


def check_names(weights: set[str], bias: str) -> None:
    """Refuse initialisations that do not exist."""
    for name in weights:
        if name not in STANDARD_DEVIATIONS:
            raise unknown("initialisation", name, STANDARD_DEVIATIONS)
    if bias not in BIASES:
        raise unknown("bias", bias, BIASES)


def check_bias(bias: str, decodes: bool) -> None:
    """Only what a decoder puts out is known from the data."""
    if bias == "data" and not decodes:
        raise UsageError(
            "bias 'data' is a decoder's: it starts the output at the mean of the data, got it for an encoder: "
            "leave it out there"
        )


def positive(name: str, value: Any, kind: type = int) -> None:
    """Refuse what is not a positive number of this kind."""
    numbers = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, numbers) or not 0 < value < math.inf:
        what = "whole number" if kind is int else "number"
        raise UsageError(
            f"{name} must be a positive {what}, got {value!r}: give one of at least 1"
            if kind is int
            else f"{name} must be a positive {what}, got {value!r}: give one above 0"
        )
