"""Gaussian likelihoods whose variance differs between entries: with the place, or with place and image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.likelihoods.base import Backward, PerEntry, entries, positive, side_by_side
from vitral.parts.likelihoods.gaussian import OneOutput, gaussian_sample, gaussian_terms
from vitral.parts.likelihoods.links import LINKS, bounded, check_link, start_of

LOG_VARIANCE = bounded(20.0)  # variances from 2e-9, before the floor, to 5e8


@dataclass(frozen=True)
class GaussianPixel(PerEntry, OneOutput):
    """N(link(o_d), s_d²) with a learned variance for every entry, the same for all images.       # E06, E07

    s_d² = floor + exp(r_d)        log p = Σ_d -(x_d - m_d)² / (2 s_d²) - log(2 π s_d²) / 2

    do   = dlog_p (x - m) / s² · dm/do
    dr_d = Σ_kn dlog_p ((x_d - m_d)² / (2 s_d²) - 1/2) (s_d² - floor) / s_d²

    Entries that never vary drive their variance to the floor, where each gives -log(2 π floor) / 2 nats: 3.69 at
    1e-4. That number is the floor's choice, so compare only models of one floor.
    """

    features: int
    link: str = "sigmoid"
    floor: float = 1e-4

    @property
    def shapes(self) -> Shapes:  # type: ignore[override]
        return {"raw": (self.features,)}

    def check(self) -> None:
        check_link(self.link)
        positive("floor", self.floor)

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """s_d² starts at the variance of the entry about its mean, or at 1 without data."""
        p.raw[...] = 0.0 if data is None else np.log(np.maximum(data.var(axis=0) - self.floor, self.floor))

    def variances(self, p: Views) -> Array:
        """s_d² of every entry, (D,)."""
        return self.floor + np.exp(p.raw)

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        m, s2 = self.mean(p, o), self.variances(p)

        def backward(dterms: Array, g: Views) -> Array:
            residual = x - m
            draw = dterms * (residual * residual / (2.0 * s2) - 0.5)
            g.raw += draw.reshape(-1, self.features).sum(axis=0) * (s2 - self.floor) / s2
            return dterms * residual / s2 * LINKS[self.link].slope(m)

        return gaussian_terms(x, m, s2), backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return gaussian_sample(self.mean(p, o), self.variances(p), rng)


@dataclass(frozen=True)
class GaussianImage(PerEntry):
    """N(link(o_d1), s_d²) with a variance that the decoder puts out for every entry of every image.

    s² = floor + exp(h)        h = 20 tanh(o_d2 / 20)        log p = Σ_d -(x - m)² / (2 s²) - log(2 π s²) / 2

    do_1 = dlog_p (x - m) / s² · dm/do
    do_2 = dlog_p ((x - m)² / (2 s²) - 1/2) exp(h) / s² · (1 - (h / 20)²)

    The floor matters more here than anywhere: a decoder that reproduces a training image exactly would otherwise
    reach any density (Rezende and Viola 2018; Mattei and Frellsen 2018). One number for a whole image is no member
    of its own: the same decoder reaches it with equal columns.
    """

    link: str = "sigmoid"
    floor: float = 1e-4

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        return LINKS[self.link].support

    def check(self) -> None:
        check_link(self.link)
        positive("floor", self.floor)

    def width(self, features: int) -> int:
        return 2 * features

    def mean(self, p: Views, o: Array) -> Array:
        return LINKS[self.link].value(entries(o, 2)[..., 0])

    def start(self, data: Array) -> Array:
        """Mean and variance of every entry, (1, 2 D)."""
        s2 = data.var(axis=0, keepdims=True)
        h = np.log(np.maximum(s2 - self.floor, self.floor))
        return side_by_side(start_of(self.link, data), LOG_VARIANCE.inverse(h))

    def variances(self, o: Array) -> Array:
        """s² of every entry, (..., D)."""
        return self.floor + np.exp(LOG_VARIANCE.value(entries(o, 2)[..., 1]))

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        m, h = self.mean(p, o), LOG_VARIANCE.value(entries(o, 2)[..., 1])
        s2 = self.floor + np.exp(h)

        def backward(dterms: Array, g: Views) -> Array:
            residual = x - m
            dm = dterms * residual / s2
            dh = dterms * (residual * residual / (2.0 * s2) - 0.5) * np.exp(h) / s2
            return side_by_side(dm * LINKS[self.link].slope(m), dh * LOG_VARIANCE.slope(h))

        return gaussian_terms(x, m, s2), backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return gaussian_sample(self.mean(p, o), self.variances(o), rng)
