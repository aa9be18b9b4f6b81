"""Layers: ``forward(p, x) -> y, backward`` with ``backward(dy, g) -> dx`` nested inside it.

A layer is frozen configuration; its numbers are the views ``p`` and its gradients are added into the
views ``g``. ``x`` may have any leading axes (samples, batch); the last axis is the features. ``backward``
writes only into ``g``, never into ``x`` or ``dy``. Where dx is not ``wanted``, as before the data, a layer may leave
its product out and return None. Derivations: docs/derivations/layers.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views

Backward = Callable[..., Array]  # (dy, g, wanted=True) -> dx, or None where dx is not wanted


class Layer(Protocol):
    """What every layer offers."""

    @property
    def shapes(self) -> Shapes: ...
    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None: ...
    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]: ...


def _he(n_in: int, n_out: int) -> float:
    return math.sqrt(2.0 / n_in)


def _glorot(n_in: int, n_out: int) -> float:
    return math.sqrt(2.0 / (n_in + n_out))


def _lecun(n_in: int, n_out: int) -> float:
    return math.sqrt(1.0 / n_in)


STANDARD_DEVIATIONS = {"he": _he, "glorot": _glorot, "lecun": _lecun}  # E17


@dataclass(frozen=True)
class Affine:
    """y = x W + b                                                                     # E01, E02, E04

    dx = dy Wᵀ        dW = xᵀ dy        db = Σ_n dy_n

    ``weights`` names the standard deviation of the initial W: "he" sqrt(2 / n_in) before a ReLU (He et
    al. 2015), "glorot" sqrt(2 / (n_in + n_out)) (Glorot and Bengio 2010), "lecun" sqrt(1 / n_in) for
    linear heads. The last ``quiet`` outputs start at exactly zero: a log-variance head so starts at
    sigma = 1. With ``bias`` "data", b starts at the mean of the rows that are to come out, where they are known.
    """

    n_in: int
    n_out: int
    weights: str = "he"
    quiet: int = 0
    bias: str = "zero"

    @property
    def shapes(self) -> Shapes:
        return {"W": (self.n_in, self.n_out), "b": (self.n_out,)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        scale = STANDARD_DEVIATIONS[self.weights](self.n_in, self.n_out)
        loud = self.n_out - self.quiet
        p.W[...] = 0.0
        p.W[:, :loud] = scale * rng.standard_normal((self.n_in, loud))
        p.b[...] = data.mean(axis=0) if self.bias == "data" and data is not None else 0.0

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        rows_x = x.reshape(-1, self.n_in)
        rows_y = rows_x @ p.W
        rows_y += p.b

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            rows_dy = dy.reshape(-1, self.n_out)
            g.add_product("W", rows_x.T, rows_dy)
            g.b += arrays.sum_of_rows(rows_dy)
            return (rows_dy @ p.W.T).reshape(x.shape) if wanted else None

        return rows_y.reshape(*x.shape[:-1], self.n_out), backward


class Elementwise:
    """What the activations share: no parameters, nothing to initialise."""

    shapes: ClassVar[Shapes] = {}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class ReLU(Elementwise):
    """y = max(x, 0)

    dx = dy · 1[y > 0]                      (y > 0 exactly where x > 0, so y alone is kept)
    """

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y = np.maximum(x, arrays.zeros(x.shape[-1], like=x))  # a row of zeros: NumPy is slower with one number

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            return dy * (y > 0.0)

        return y, backward


@dataclass(frozen=True)
class Tanh(Elementwise):
    """y = tanh(x)

    dx = dy (1 - y²)
    """

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y = np.tanh(x)

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            return dy * (1.0 - y * y)

        return y, backward


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x))

    dx = dy y (1 - y)
    """

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y = arrays.sigmoid(x)

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            return dy * (y * (1.0 - y))

        return y, backward


@dataclass(frozen=True)
class Softplus(Elementwise):
    """y = log(1 + exp(x))

    dx = dy sigmoid(x)
    """

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            return dy * arrays.sigmoid(x)

        return arrays.softplus(x), backward


@dataclass(frozen=True)
class Chain:
    """y = f_n(... f_2(f_1(x)))

    dx = f_1'(... f_n'(dy)): the same layers, read backwards
    """

    layers: tuple[Any, ...]

    @property
    def shapes(self) -> Shapes:
        return {str(index): layer.shapes for index, layer in enumerate(self.layers)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        for layer, views in zip(self.layers, p, strict=True):
            layer.init(views, rng, data)

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        backwards = []
        for layer, views in zip(self.layers, p, strict=True):
            x, layer_backward = layer.forward(views, x)
            backwards.append(layer_backward)

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            for index, views in reversed(tuple(enumerate(g))):
                dy = backwards[index](dy, views, wanted or index > 0)
            return dy

        return x, backward
