"""Ready-made encoders and decoders: each builds a network of layers between two widths.

``build(n_in, n_out, *, quiet, context, image_shape)``: from rows of ``n_in`` numbers, and ``context`` more beside
them, to ``n_out`` numbers, of which the last ``quiet`` start at zero. Networks for images need ``image_shape``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from vitral.errors import UsageError, unknown
from vitral.parts.layers import STANDARD_DEVIATIONS, Affine, Chain, ReLU, Sigmoid, Softplus, Tanh

ACTIVATIONS = {"relu": ReLU, "sigmoid": Sigmoid, "softplus": Softplus, "tanh": Tanh}
BIASES = ("data", "zero")


@dataclass(frozen=True)
class MLP:
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

    def build(
        self,
        n_in: int,
        n_out: int,
        *,
        quiet: int = 0,
        context: int = 0,
        image_shape: tuple[int, ...] | None = None,
    ) -> Chain:
        """The network; where it is an image's, the shape does not matter."""
        self.check()
        n_in += context
        weights = (
            ("he" if self.activation == "relu" else "glorot") if self.weights == "auto" else self.weights
        )
        layers: list[Any] = []
        for width in self.hidden:
            layers += [Affine(n_in, width, weights), ACTIVATIONS[self.activation]()]
            n_in = width
        layers.append(Affine(n_in, n_out, self.head, quiet if self.quiet else 0, self.bias))
        return Chain(tuple(layers))

    def check(self) -> None:
        """Refuse sizes and names that do not exist."""
        if not isinstance(self.hidden, tuple | list):
            raise UsageError(
                f"hidden must be a list of whole numbers, got {self.hidden!r}: write for example [400]"
            )
        for width in self.hidden:
            positive("hidden", width)
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        for name in {self.weights, self.head} - {"auto"}:
            if name not in STANDARD_DEVIATIONS:
                raise unknown("initialisation", name, STANDARD_DEVIATIONS)
        if self.bias not in BIASES:
            raise unknown("bias", self.bias, BIASES)


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
