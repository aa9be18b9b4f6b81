"""Broken convolutions, gates, norms and residual connections."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from vitral.checks.laws import Sized
from vitral.core.arrays import Array
from vitral.core.parameters import Views, cut
from vitral.parts.blocks import Beside, Gate, LayerNorm, Residual, SiLU
from vitral.parts.convolution import Convolution, Sliding, TransposedConvolution, windows
from vitral.parts.layers import Affine, Backward


def _as(broken: type[Sliding], sound: Sliding) -> Sliding:
    return broken(**{f.name: getattr(sound, f.name) for f in fields(sound)})


class Unflipped(Sliding):
    """the first tap of the kernel comes first on the way back as well"""

    def phases(self, W: Array) -> Array:
        return super().phases(W[::-1, ::-1])


class SlopeAtStrideOne(Sliding):
    """dW from neighbouring windows, whatever the stride"""

    def seen(self, x: Array) -> Array:
        height, width, _ = self.out
        wide = replace(self, stride=(1, 1))
        dense = windows(np.pad(x, [(0, 0), *((p, p) for p in self.padding), (0, 0)]), self.kernel, (1, 1))
        return dense.reshape(len(x), *wide.out[:2], -1)[:, :height, :width].reshape(
            len(x) * height * width, -1
        )

    def apply(self, W: Array, x: Array) -> Array:
        return _as(Sliding, self).apply(W, x)


class PaddingCutAtTheEnd(Sliding):
    """both paddings are cut off at the bottom and on the right"""

    def adjoint(self, W: Array, y: Array) -> Array:
        (height, width, channels), (ph, pw) = self.image, self.padding
        padded = Sliding(
            (height + 2 * ph, width + 2 * pw, channels), self.channels, self.kernel, self.stride, (0, 0)
        )
        return padded.adjoint(W, y)[:, :height, :width]


class UnflippedConvolution(Convolution):
    """dx with the kernel as it stands"""

    @property
    def sliding(self) -> Sliding:
        return _as(Unflipped, super().sliding)


class StrideIgnored(Convolution):
    """dW as if the stride were 1"""

    @property
    def sliding(self) -> Sliding:
        return _as(SlopeAtStrideOne, super().sliding)


class CutOnTheWrongSide(Convolution):
    """dx shifted by the padding"""

    @property
    def sliding(self) -> Sliding:
        return _as(PaddingCutAtTheEnd, super().sliding)


class SlopeOfTheOtherImage(TransposedConvolution):
    """dW from the output y where the upstream gradient dy belongs"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            kept = g.W.copy()
            dx = backward(dy, g)
            g.W[...] = kept
            self.sliding.add_slope(g, y.reshape(-1, *self.out), x.reshape(-1, *self.shape))
            return dx

        return y, broken


class BiasOfOnePixel(Convolution):
    """db from the first pixel of every image alone"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            kept = g.b.copy()
            dx = backward(dy, g)
            g.b[...] = kept + dy.reshape(-1, *self.out)[:, 0, 0].sum(axis=0)
            return dx

        return y, broken


class NoMeanTerm(LayerNorm):
    """dx without the mean of dx̂: the mean of x taken for a constant"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)
        rate = _rate(x, self)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            dnormal = dy.reshape(-1, self.width) * p.gain
            return backward(dy, g) + (rate * dnormal.mean(axis=1, keepdims=True)).reshape(*x.shape[:-1], 1)

        return y, broken


class VarianceForgotten(LayerNorm):
    """dx without the term in x̂: the variance of x taken for a constant"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            dnormal = dy.reshape(-1, self.width) * p.gain
            backward(dy, g)
            return (_rate(x, self) * (dnormal - dnormal.mean(axis=1, keepdims=True))).reshape(x.shape)

        return y, broken


def _rate(x: Array, layer: LayerNorm) -> Array:
    return 1.0 / np.sqrt(x.reshape(-1, layer.width).var(axis=1, keepdims=True) + layer.epsilon)


class NormalisesTheBatch(LayerNorm):
    """mean and variance of every feature over the rows, with the backward that belongs to it"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        features = x.reshape(-1, self.width).T
        over_rows = LayerNorm(features.shape[1], self.epsilon)
        plain = np.repeat(np.array([1.0, 0.0], x.dtype), features.shape[1])
        normal, norm_backward = over_rows.forward(cut(plain, over_rows.shapes), features)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            rows_dy = dy.reshape(-1, self.width)
            g.gain += (rows_dy * normal.T).sum(axis=0)
            g.b += rows_dy.sum(axis=0)
            dx = norm_backward((rows_dy * p.gain).T, cut(np.zeros_like(plain), over_rows.shapes))
            return dx.T.reshape(x.shape)

        return (normal.T * p.gain + p.b).reshape(x.shape), broken


class ConstantGate(Gate):
    """db = 0: the gate without its own derivative"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            dx = backward(dy, g).reshape(-1, 2, self.width)
            dx[:, 1] = 0.0
            return dx.reshape(x.shape)

        return y, broken


class SlopeOfTheSigmoid(SiLU):
    """dx = dy s: the factor x taken for a constant"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, _ = super().forward(p, x)
        return y, lambda dy, g, wanted=True: dy / (1.0 + np.exp(-x))


class DropsTheSkip(Residual):
    """dx = f'(dy): the way past the block forgotten"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)
        return y, lambda dy, g, wanted=True: backward(dy, g) - dy


class ForgetsTheContext(Beside):
    """dx₂ = 0: what passes by gets no gradient"""

    def forward(self, p: Views, x: Array) -> tuple[Array, Backward]:
        y, backward = super().forward(p, x)

        def broken(dy: Array, g: Views, wanted: bool = True) -> Array:
            dx = backward(dy, g)
            dx[..., self.n_in :] = 0.0
            return dx

        return y, broken


def _bug(id: str, name: str, broken: type, sound: Any, n_in: int, *caught_by: str) -> tuple[Any, ...]:
    options = {f.name: getattr(sound, f.name) for f in fields(sound)}
    return id, name, "layer", Sized(broken(**options), n_in), Sized(sound, n_in), caught_by


_CONVOLUTION = Convolution((5, 4, 2), 2, 3, 2, 1)
_TRANSPOSED = TransposedConvolution((2, 3, 2), 1, 3, 2, 1)
_RESIDUAL = Residual(Affine(4, 4))

BUGS = (
    _bug("ZN01", "kernel not flipped in dx", UnflippedConvolution, _CONVOLUTION, 40, "gradient"),
    _bug("ZN02", "stride ignored in dW", StrideIgnored, _CONVOLUTION, 40, "gradient"),
    _bug("ZN03", "padding cut on the wrong side", CutOnTheWrongSide, _CONVOLUTION, 40, "gradient"),
    _bug("ZN04", "dW of the transposed map from y", SlopeOfTheOtherImage, _TRANSPOSED, 12, "gradient"),
    _bug("ZN05", "db from one pixel", BiasOfOnePixel, _CONVOLUTION, 40, "gradient"),
    _bug("ZN06", "layer norm without the mean term", NoMeanTerm, LayerNorm(4), 4, "gradient"),
    _bug("ZN07", "layer norm with a constant variance", VarianceForgotten, LayerNorm(4), 4, "gradient"),
    _bug("ZN08", "norm over the batch", NormalisesTheBatch, LayerNorm(4), 4, "rows_are_independent"),
    _bug("ZN09", "gate without its own derivative", ConstantGate, Gate(2), 4, "gradient"),
    _bug("ZN10", "SiLU with half its derivative", SlopeOfTheSigmoid, SiLU(), 4, "gradient"),
    _bug("ZN11", "residual that drops the skip", DropsTheSkip, _RESIDUAL, 4, "gradient"),
    _bug("ZN12", "context without gradient", ForgetsTheContext, Beside(Affine(2, 3), 2), 4, "gradient"),
)
