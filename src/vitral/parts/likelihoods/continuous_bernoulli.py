"""The continuous Bernoulli, a density on [0, 1]. Derivation: docs/derivations/likelihoods.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.likelihoods.base import Backward, PerEntry, doubted_mean

TINY = 1e-30  # keeps 0 / 0 away where every formula has its limit
STEEPEST_START = 20.0


@dataclass(frozen=True)
class ContinuousBernoulli(PerEntry):
    """The Bernoulli expression made a density on [0, 1] (Loaiza-Ganem and Cunningham 2019).      # E05c

    log p = Σ_d x_d o_d - max(o_d, 0) + log(a_d / (1 - exp(-a_d)))        a = |o|

    do = dlog_p (x - m)        m = 1/2 + coth(o / 2) / 2 - 1/o, the mean

    This is x o - softplus(o) + log(o / tanh(o / 2)), written so that nothing overflows or cancels.
    """

    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def width(self, features: int) -> int:
        return features

    def mean(self, p: Views, o: Array) -> Array:
        return 0.5 + tilt(o)

    def start(self, data: Array) -> Array:
        """The output (1, D) at which ``mean`` is the mean of the data, by Newton's method; 20 at most in size.

        A mean of 1/N asks for an output of -N, from which no weight could lift the entry again. The guess
        1/(1 - m) - 1/m lies between 0 and the answer, where m(o) bends one way, so the steps cannot overshoot.
        """
        m = np.clip(doubted_mean(data), 1.0 / STEEPEST_START, 1.0 - 1.0 / STEEPEST_START)
        o = 1.0 / (1.0 - m) - 1.0 / m
        for _ in range(12):
            o = o - (0.5 + tilt(o) - m) / _variance(o)
        return o.astype(data.dtype)

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        a = np.maximum(np.abs(o), TINY)

        def backward(dterms: Array, g: Views) -> Array:
            return (x - 0.5 - tilt(o)) * dterms

        return x * o - np.maximum(o, 0.0) + np.log(a / -np.expm1(-a)), backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        """The inverse of F(x) = (1 - exp(-a x)) / (1 - exp(-a)), mirrored where o > 0."""
        a = np.maximum(np.abs(o), TINY)
        x = np.log1p(rng.random(o.shape, dtype=o.dtype) * np.expm1(-a)) / -a
        return np.where(o > 0.0, 1.0 - x, x)


def tilt(o: Array) -> Array:
    """coth(o / 2) / 2 - 1/o, the mean less 1/2; its series o/12 - o³/720 + ... where the two would cancel."""
    near = np.abs(o) < 0.5
    u = np.where(near, o, 0.0)
    q = u * u
    series = u * (1 / 12 - q * (1 / 720 - q * (1 / 30240 - q * (1 / 1209600 - q / 47900160.0))))
    far = np.where(near, 1.0, o)
    return np.where(near, series, 0.5 / np.tanh(0.5 * far) - 1.0 / far)


def _variance(o: Array) -> Array:
    """dm/do = 1/o² - 1 / (4 sinh²(o / 2)), which is 1/12 at o = 0."""
    near = np.abs(o) < 0.01
    far = np.where(near, 1.0, o)
    return np.where(near, 1.0 / 12.0, 1.0 / far**2 - 0.25 / np.sinh(0.5 * far) ** 2)
