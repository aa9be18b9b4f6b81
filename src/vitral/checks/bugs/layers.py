"""Broken layers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.layers import Affine, Backward, ReLU, Softplus, Tanh


class NoBiasGradient(Affine):
    """db = 0"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            kept = g.b.copy()
            dx = backward(dy, g)
            g.b[...] = kept
            return dx

        return y, broken


class TransposedGradient(Affine):
    """dW = (dyᵀ x), poured into the shape of W"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            kept = g.W.copy()
            dx = backward(dy, g)
            g.W[...] = kept + (g.W - kept).T.reshape(g.W.shape)
            return dx

        return y, broken


class Overwrites(Affine):
    """g.W = xᵀ dy where += is due"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            g.W[...] = 0.0
            return backward(dy, g)

        return y, broken


class BehindTheViews(Affine):
    """db added to a tensor that its views do not know to be written, and so may hold anything"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, _ = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            bias = g._children["b"]
            bias += dy.reshape(-1, self.n_out).sum(axis=0)
            g.add_product("W", x.reshape(-1, self.n_in).T, dy.reshape(-1, self.n_out))
            return dy @ p.W.T

        return y, broken


class OffByOnePerMille(Affine):
    """dW too large by 0.1 %"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            kept = g.W.copy()
            dx = backward(dy, g)
            g.W += 1e-3 * (g.W - kept)
            return dx

        return y, broken


class StaleCache(Affine):
    """x is kept on the layer, so a backward sees the input of the latest forward"""

    latest: ClassVar[list[Array]] = []

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        self.latest[:] = [x]

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            return super(StaleCache, self).forward(p, self.latest[0])[1](dy, g)

        return super().forward(p, x)[0], broken


class UpdatesInBackward(Affine):
    """a step of gradient descent inside backward"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            dx = backward(dy, g)
            p.W[...] -= 0.001 * g.W
            return dx

        return y, broken


class InPlaceReLU(ReLU):
    """max(x, 0) written over x"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)
        x[...] = y
        return y, backward


class WrongSoftplus(Softplus):
    """dx = dy softplus(x): the function in place of its derivative"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, _ = super().forward(p, x)
        return y, lambda dy, g, wanted=True: dy * y


class CentresRows(Tanh):
    """the mean over the rows of the batch is taken off"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x - x.mean(axis=-2, keepdims=True))

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            dx = backward(dy, g)
            return dx - dx.mean(axis=-2, keepdims=True)

        return y, broken


class SilentFloat64(Tanh):
    """a float64 constant widens everything after it"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        return super().forward(p, x * np.ones(1))
