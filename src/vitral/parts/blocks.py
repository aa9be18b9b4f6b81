"""Blocks of networks: gates, layer normalisation, residual connections, a context that passes by.

Formulas and gradients: docs/derivations/blocks.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.layers import STANDARD_DEVIATIONS, Affine, Backward, Elementwise


@dataclass(frozen=True)
class SiLU(Elementwise):
    """y = x s   with   s = sigmoid(x)                            (Hendrycks and Gimpel 2016, Elfwing et al. 2018)

    dx = dy (s + y (1 - s))
    """

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        s = arrays.sigmoid(x)
        y = x * s

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            return dy * (s + y * (1.0 - s))

        return y, backward


@dataclass(frozen=True)
class Gate(Elementwise):
    """y = a s   with   s = sigmoid(b):   ``width`` numbers a and then ``width`` numbers b lie side by side

    da = dy s        db = dy y (1 - s)

    A longer row holds several such pairs: after a convolution of 2 C channels, ``width`` C gates every pixel.
    """

    width: int

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        pairs = x.reshape(-1, 2, self.width)
        s = arrays.sigmoid(pairs[:, 1])
        y = pairs[:, 0] * s

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            rows_dy = dy.reshape(-1, self.width)
            dx = arrays.empty(pairs.shape, like=x)
            np.multiply(rows_dy, s, out=dx[:, 0])
            np.multiply(rows_dy * y, 1.0 - s, out=dx[:, 1])
            return dx.reshape(x.shape)

        return y.reshape(*x.shape[:-1], x.shape[-1] // 2), backward


@dataclass(frozen=True)
class Gated:
    """y = (x W₁ + b₁) · sigmoid(x W₂ + b₂)   with W = [W₁, W₂] side by side     (Tomczak and Welling 2018)

    the gate's backward, then the affine one: dx = [da, db] Wᵀ        dW = xᵀ [da, db]
    """

    n_in: int
    n_out: int
    weights: str = "he"

    @property
    def _affine(self) -> Affine:
        return Affine(self.n_in, 2 * self.n_out)

    @property
    def shapes(self) -> Shapes:
        return self._affine.shapes

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        scale = STANDARD_DEVIATIONS[self.weights](self.n_in, self.n_out)
        p.W[...] = scale * rng.standard_normal((self.n_in, 2 * self.n_out))
        p.b[...] = 0.0

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        pairs, affine_backward = self._affine.forward(p, x)
        y, gate_backward = Gate(self.n_out).forward(p, pairs)

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            return affine_backward(gate_backward(dy, g), g, wanted)

        return y, backward


@dataclass(frozen=True)
class LayerNorm:
    """y = x̂ gain + b   with   x̂ = (x - mean(x)) / sqrt(var(x) + epsilon)               (Ba et al. 2016)

    dx̂ = dy gain        dx = (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂)) / sqrt(var(x) + epsilon)
    dgain = Σ_n dy x̂    db = Σ_n dy

    Mean and variance are those of every ``width`` numbers side by side: of the whole row where it has as many, of
    the channels of every pixel in an image of ``width`` channels.
    """

    width: int
    epsilon: float = 1e-5

    @property
    def shapes(self) -> Shapes:
        return {"gain": (self.width,), "b": (self.width,)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        p.gain[...] = 1.0
        p.b[...] = 0.0

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        rows_x = x.reshape(-1, self.width)
        normal = rows_x - rows_x.mean(axis=1, keepdims=True)
        rate = 1.0 / np.sqrt((normal * normal).mean(axis=1, keepdims=True) + self.epsilon)
        normal *= rate
        y = normal * p.gain
        y += p.b

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            rows_dy = dy.reshape(-1, self.width)
            g.gain += arrays.sum_of_rows(rows_dy * normal)
            g.b += arrays.sum_of_rows(rows_dy)
            dnormal = rows_dy * p.gain
            dx = dnormal - dnormal.mean(axis=1, keepdims=True)
            dx -= normal * (dnormal * normal).mean(axis=1, keepdims=True)
            dx *= rate
            return dx.reshape(x.shape)

        return y.reshape(x.shape), backward


@dataclass(frozen=True)
class Residual:
    """y = skip(x) + f(x), where ``skip`` is the identity unless shapes differ and a layer is given (He et al. 2016)

    dx = skip'(dy) + f'(dy)
    """

    body: Any
    skip: Any = None

    @property
    def shapes(self) -> Shapes:
        return {"body": self.body.shapes, "skip": self.skip.shapes if self.skip is not None else {}}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.body.init(p.body, rng, data)
        if self.skip is not None:
            self.skip.init(p.skip, rng, data)

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, body_backward = self.body.forward(p.body, x)
        kept, skip_backward = self.skip.forward(p.skip, x) if self.skip is not None else (x, None)

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            dx = body_backward(dy, g.body, wanted)
            dskip = skip_backward(dy, g.skip, wanted) if skip_backward else dy
            return dx + dskip if wanted else None

        return y + kept, backward


@dataclass(frozen=True)
class Beside:
    """y = [f(x₁), x₂]: the first ``n_in`` numbers of a row go through the body, the rest is put beside its output

    dx = [f'(dy₁), dy₂]

    A network for images takes its context so: the pixels are convolved, the condition joins them afterwards.
    """

    body: Any
    n_in: int

    @property
    def shapes(self) -> Shapes:
        return {"body": self.body.shapes}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        self.body.init(p.body, rng, data)

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, body_backward = self.body.forward(p.body, x[..., : self.n_in])
        n_out = y.shape[-1]

        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            dx = body_backward(dy[..., :n_out], g.body, wanted)
            return np.concatenate([dx, dy[..., n_out:]], axis=-1) if wanted else None

        return np.concatenate([y, x[..., self.n_in :]], axis=-1), backward


@dataclass(frozen=True)
class Offset:
    """y = x + b

    dx = dy        db = Σ_n dy_n

    One number for every output, after a convolution that has one for every channel. With ``bias`` "data", b starts
    at the mean of the rows that are to come out, where they are known.
    """

    width: int
    bias: str = "zero"

    @property
    def shapes(self) -> Shapes:
        return {"b": (self.width,)}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        p.b[...] = data.mean(axis=0) if self.bias == "data" and data is not None else 0.0

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        def backward(dy: Array, g: Views, wanted: bool = True) -> Array:
            g.b += arrays.sum_of_rows(dy.reshape(-1, self.width))
            return dy

        return x + p.b, backward
