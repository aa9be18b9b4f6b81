"""Likelihoods of counts: the beta-binomial for 8-bit levels, the Poisson for any count.

Derivations: docs/derivations/likelihoods_8bit.md and likelihoods.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Views
from vitral.parts.likelihoods.base import (
    Backward,
    Levelled,
    Offence,
    PerEntry,
    doubted_mean,
    entries,
    first,
    side_by_side,
)
from vitral.parts.likelihoods.links import bounded

LOG_SHAPE = bounded(10.0)  # shapes from 4.5e-5 to 22,026
LOG_RATE = bounded(20.0)  # rates from 2e-9 to 4.9e8


@dataclass(frozen=True)
class BetaBinomial(Levelled):
    """How often of n = levels - 1 coins of one unknown bias, Beta(a, b), fall on 1; the level is that count k.

    log p = log C(n, k) + log B(a + k, b + n - k) - log B(a, b)

    log a = 10 tanh(o_d1 / 10), log b = 10 tanh(o_d2 / 10); the way back is ``log_mass``'s. The model of the
    bits-back coder of Townsend et al. 2019.
    """

    levels: int = 256

    def width(self, features: int) -> int:
        return 2 * features

    def start(self, data: Array) -> Array:
        """a and b (1, 2 D) by the mean and the variance of every entry, half a row of doubt added.

        With rho = 1 / (a + b + 1), the variance of the level is n m (1 - m) (1 + (n - 1) rho).
        """
        n, m = self.levels - 1.0, doubted_mean(data)
        ratio = n * data.var(axis=0, keepdims=True) / (m * (1.0 - m))
        rho = np.clip((ratio - 1.0) / max(n - 1.0, 1.0), 1e-3, 0.9)
        both = 1.0 / rho - 1.0
        return side_by_side(*(LOG_SHAPE.inverse(np.log(shape)) for shape in (m * both, (1.0 - m) * both)))

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        log_a, log_b = self._numbers(o)
        log_p, mass_backward = beta_binomial(self.level(x), np.exp(log_a), np.exp(log_b), self.levels - 1)

        def backward(dterms: Array, g: Views) -> Array:
            do = (d * LOG_SHAPE.slope(h) for d, h in zip(mass_backward(dterms), (log_a, log_b), strict=True))
            return side_by_side(*do)

        return log_p, backward

    def log_masses(self, p: Views, o: Array) -> Array:
        """log p of every level, (..., D, levels)."""
        a, b = (np.exp(numbers)[..., None] for numbers in self._numbers(o))
        return beta_binomial(self.every_level(o), a, b, self.levels - 1)[0]

    def mean(self, p: Views, o: Array) -> Array:
        """a / (a + b), the expected level over n."""
        log_a, log_b = self._numbers(o)
        return arrays.sigmoid(log_a - log_b)

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        a, b = (np.exp(numbers.astype("float64")) for numbers in self._numbers(o))
        k = np.asarray(rng.binomial(self.levels - 1, rng.beta(a, b)))
        return (k / (self.levels - 1.0)).astype(o.dtype)

    def _numbers(self, o: Array) -> tuple[Array, Array]:
        both = LOG_SHAPE.value(entries(o, 2))
        return both[..., 0], both[..., 1]


@dataclass(frozen=True)
class Poisson(PerEntry):
    """Counts x = 0, 1, 2, ... with a rate r_d = exp(h_d), h = 20 tanh(o / 20).

    log p = Σ_d x h - r - log x!

    do = dlog_p (x - r) (1 - (h / 20)²)

    For x > 0 it is computed as x (t - (exp(t) - 1)) - log(2 π x) / 2 - stirling(x) with t = h - log x, where x h, r
    and log x! do not have to cancel: with a count of 1e6, they would leave no digit of float32.
    """

    support: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def width(self, features: int) -> int:
        return features

    def start(self, data: Array) -> Array:
        """The output (1, D) whose rate is the mean of the data, half a row of one count added."""
        mean = (len(data) * data.mean(axis=0, keepdims=True) + 0.5) / (len(data) + 1.0)
        return LOG_RATE.inverse(np.log(mean))

    def offence(self, x: Array) -> Offence | None:
        return first(x != np.rint(x), "counts, whole numbers of at least 0")

    def mean(self, p: Views, o: Array) -> Array:
        return np.exp(LOG_RATE.value(o))

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        h = LOG_RATE.value(o)
        some = np.maximum(x, 1.0)
        t = h - np.log(some)
        constant = 0.5 * LOG_TWO_PI + 0.5 * np.log(some) + arrays.stirling(some)
        log_p = np.where(x > 0.0, some * (t - np.expm1(t)) - constant, -np.exp(h))

        def backward(dterms: Array, g: Views) -> Array:
            return (x - np.exp(h)) * LOG_RATE.slope(h) * dterms

        return log_p, backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return np.asarray(rng.poisson(self.mean(p, o))).astype(o.dtype)


def beta_binomial(
    k: Array, a: Array, b: Array, n: int
) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """log C(n, k) + log B(A, B) - log B(a, b)        A = a + k,  B = b + n - k,  S = a + b,  T = S + n

    dlog a = d a (rise(a, k) - rise(S, n))        dlog b = d b (rise(b, n - k) - rise(S, n))

    rise(z, k) = digamma(z + k) - digamma(z). Both by Stirling's formula and what it lacks, so that shapes of 20,000
    keep their digits: no two large numbers are subtracted.
    """
    S, T, rest = a + b, a + b + n, n - k
    shares = k * np.log((a + k) / T) + rest * np.log((b + rest) / T)
    log_p = log_choose(n, k) + shares - 0.5 * np.log1p(n / S)
    log_p = log_p + _moved(a, k, n / S) + _moved(b, rest, n / S) - arrays.stirling(T) + arrays.stirling(S)

    def backward(d: Array) -> tuple[Array, Array]:
        both = _rise(S, n)
        return d * a * (_rise(a, k) - both), d * b * (_rise(b, rest) - both)

    return log_p, backward


def _moved(z: Array, k: Array, t: Array) -> Array:
    """(z - 1/2) (log(1 + k/z) - log(1 + t)) + stirling(z + k) - stirling(z)"""
    return (z - 0.5) * (np.log1p(k / z) - np.log1p(t)) + arrays.stirling(z + k) - arrays.stirling(z)


def _rise(z: Array, k: Array | int) -> Array:
    """digamma(z + k) - digamma(z)"""
    remainders = arrays.stirling_slope(z + k) - arrays.stirling_slope(z)
    return np.log1p(k / z) + 0.5 * k / (z * (z + k)) + remainders


def log_choose(n: int, k: Array) -> Array:
    """log C(n, k) = -log(n + 1) - log B(k + 1, n - k + 1), by Stirling's formula and what it lacks."""
    p, q, total = k + 1.0, n - k + 1.0, n + 2.0
    lacking = math.lgamma(total) - (total - 0.5) * math.log(total) + total  # log(2 pi) / 2 and stirling(n + 2)
    alone = lacking + 0.5 * math.log(total) - math.log(n + 1.0) - LOG_TWO_PI
    shares = (p - 0.5) * np.log(p / total) + (q - 0.5) * np.log(q / total)
    return alone - shares - arrays.stirling(p) - arrays.stirling(q)
