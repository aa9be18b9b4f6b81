"""Broken likelihoods."""

from __future__ import annotations

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.likelihoods import Bernoulli, GaussianFixed, GaussianLearned
from vitral.parts.likelihoods.links import Backward


class WrongSign(Bernoulli):
    """do = sigmoid(o) - x, the gradient of the loss in place of that of log p"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        log_px, backward = super().log_prob(p, x, o, mask)
        return log_px, lambda dlog_px, g: -backward(dlog_px, g)


class ClippedProbabilities(Bernoulli):
    """log of probabilities clipped to [1e-7, 1 - 1e-7]"""

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        m = np.clip(arrays.sigmoid(o), 1e-7, 1.0 - 1e-7)
        return x * np.log(m) + (1.0 - x) * np.log1p(-m)


class NaiveSoftplus(Bernoulli):
    """log(1 + exp(o)) as it stands, which overflows"""

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        with np.errstate(over="ignore"):
            return x * o - np.log(1.0 + np.exp(o))


class NoHalfInTerms(GaussianFixed):
    """terms -(x - m)² / s², without the 1/2"""

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        return super().log_prob_terms(p, x, o) - (x - self.mean(p, o)) ** 2 / (2.0 * self.variance)


class NoVarianceConstant(GaussianFixed):
    """log p = -SSE / (2 s²)"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        log_px, backward = super().log_prob(p, x, o, mask)
        observed = x.shape[-1] if mask is None else mask.sum(axis=-1)
        return log_px + observed * self.constant(1), backward


class MeanOverPixels(GaussianFixed):
    """log p averaged over the pixels"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        log_px, backward = super().log_prob(p, x, o, mask)
        return log_px / x.shape[-1], lambda dlog_px, g: backward(dlog_px / x.shape[-1], g)


class NoLinkSlope(GaussianFixed):
    """do = dlog_p (x - m) / s², without m (1 - m)"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        _, backward = GaussianFixed(self.variance, "identity").log_prob(p, x, self.mean(p, o), mask)
        return super().log_prob(p, x, o, mask)[0], backward


class VarianceAsScale(GaussianFixed):
    """draws m + s² eps"""

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        m = self.mean(p, o)
        return m + self.variance * rng.standard_normal(m.shape)


class ForgetsMask(GaussianFixed):
    """missing entries still pull on the decoder"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        return super().log_prob(p, x, o, mask)[0], super().log_prob(p, x, o)[1]


class NoDimensionTerm(GaussianLearned):
    """dr = SSE / (2 s²), without D / 2: the variance only ever grows"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        log_px, backward = super().log_prob(p, x, o, mask)
        observed = x.shape[-1] if mask is None else mask.sum(axis=-1)

        def broken(dlog_px: Array, g: Views) -> Array:
            do = backward(dlog_px, g)
            s2 = self.noise_variance(p)
            g.raw += 0.5 * (dlog_px * observed).sum() * (s2 - self.floor) / s2
            return do

        return log_px, broken
