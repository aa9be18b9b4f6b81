"""Gaussian likelihoods whose variance is one number for all entries: stated, or learned. Derivation: likelihoods.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.likelihoods.base import Backward, Likelihood, positive
from vitral.parts.likelihoods.links import LINKS, check_link, start_of


class OneOutput(Likelihood):
    """What the Gaussians share whose decoder output is the mean alone: p(x given z) = N(link(o), s²)."""

    link: str

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        return LINKS[self.link].support

    def width(self, features: int) -> int:
        return features

    def mean(self, p: Views, o: Array) -> Array:
        return LINKS[self.link].value(o)

    def start(self, data: Array) -> Array:
        """The decoder output (1, M) at which the mean of the likelihood is the mean of the data."""
        return start_of(self.link, data)


def gaussian_terms(x: Array, m: Array, s2: Array | float) -> Array:
    return (x - m) ** 2 / (-2.0 * s2) - 0.5 * (LOG_TWO_PI + np.log(s2, dtype=m.dtype))


def _squared_error(x: Array, m: Array, mask: Array | None) -> tuple[Array, Array, Array | int]:
    """x - m with missing entries zeroed, its squared norm (K, N), and how many entries were observed."""
    residual = x - m
    if mask is None:
        return residual, (residual * residual).sum(axis=-1), x.shape[-1]
    residual *= mask
    return residual, (residual * residual).sum(axis=-1), mask.sum(axis=-1)


def gaussian_sample(m: Array, s2: Array | float, rng: np.random.Generator) -> Array:
    return m + rng.standard_normal(m.shape, dtype=m.dtype) * np.sqrt(s2, dtype=m.dtype)


@dataclass(frozen=True)
class GaussianFixed(OneOutput):
    """N(link(o), s² I) with a variance s² that is stated, not learned.                            # E06

    log p = -SSE / (2 s²) - (D/2) log(2 π s²)        SSE = Σ_d (x_d - m_d)²

    do = dlog_p (x - m) / s² · dm/do

    With s² = 1/2, -log p is the summed squared error plus (D/2) log π: 448.73 nats for 784 pixels.
    """

    variance: float = 0.5
    link: str = "sigmoid"

    def check(self) -> None:
        check_link(self.link)
        positive("variance", self.variance)

    def noise_variance(self, p: Views) -> float:
        return self.variance

    def constant(self, features: Any) -> Any:
        """The part of -log p that no parameter changes: (D/2) log(2 π s²)."""
        return 0.5 * features * (LOG_TWO_PI + math.log(self.variance))

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        return gaussian_terms(x, self.mean(p, o), self.variance)

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        m = self.mean(p, o)
        residual, sse, observed = _squared_error(x, m, mask)
        log_px = sse / (-2.0 * self.variance) - observed * self.constant(1)

        def backward(dlog_px: Array, g: Views) -> Array:
            do = residual * (dlog_px / self.variance)[..., None]
            do *= LINKS[self.link].slope(m)
            return do

        return log_px, backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return gaussian_sample(self.mean(p, o), self.variance, rng)


@dataclass(frozen=True)
class GaussianLearned(OneOutput):
    """N(link(o), s² I) with one learned variance s² = floor + exp(r).                        # E06, E07

    log p = -SSE / (2 s²) - (D/2) log(2 π s²)

    do = dlog_p (x - m) / s² · dm/do
    dr = Σ_kn dlog_p (SSE / (2 s²) - D/2) (s² - floor) / s²

    The floor keeps data that a model can fit exactly from driving s² to zero. At the optimum of r,
    s² = SSE / D: the variance of the residuals (E07).
    """

    link: str = "sigmoid"
    floor: float = 1e-6
    shapes: ClassVar[Shapes] = {"raw": (1,)}

    def check(self) -> None:
        check_link(self.link)
        positive("floor", self.floor)

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """s² starts at the variance of the data about their mean image, or at 1 without data."""
        start = 1.0 if data is None else float(data.var(axis=0).mean())
        p.raw[...] = math.log(max(start - self.floor, self.floor))

    def noise_variance(self, p: Views) -> float:
        return float(self._s2(p)[0])

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        return gaussian_terms(x, self.mean(p, o), self._s2(p))

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        m, s2 = self.mean(p, o), self._s2(p)
        residual, sse, observed = _squared_error(x, m, mask)
        log_px = sse / (-2.0 * s2) - (0.5 * observed) * (LOG_TWO_PI + np.log(s2))

        def backward(dlog_px: Array, g: Views) -> Array:
            g.raw += (dlog_px * (sse / (2.0 * s2) - 0.5 * observed)).sum() * (s2 - self.floor) / s2
            do = residual * (dlog_px / s2)[..., None]
            do *= LINKS[self.link].slope(m)
            return do

        return log_px, backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return gaussian_sample(self.mean(p, o), self._s2(p), rng)

    def _s2(self, p: Views) -> Array:
        return self.floor + np.exp(p.raw)
