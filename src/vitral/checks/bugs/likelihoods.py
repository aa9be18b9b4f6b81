"""Broken likelihoods."""

from __future__ import annotations

import numpy as np
from scipy import special

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.likelihoods import (
    Bernoulli,
    BetaBinomial,
    Categorical,
    ContinuousBernoulli,
    DiscretisedLogistic,
    GaussianFixed,
    GaussianImage,
    GaussianLearned,
    LogisticMixture,
    Mixed,
    Poisson,
)
from vitral.parts.likelihoods.base import Backward, entries, side_by_side
from vitral.parts.likelihoods.counts import log_choose
from vitral.parts.likelihoods.logistic import log_mass, numbers, numbers_backward


class WrongSign(Bernoulli):
    """do = sigmoid(o) - x, the gradient of the loss in place of that of log p"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        log_px, backward = super().log_prob(p, x, o, mask)
        return log_px, lambda dlog_px, g: -backward(dlog_px, g)


class ClippedProbabilities(Bernoulli):
    """log of probabilities clipped to [1e-7, 1 - 1e-7]"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        m = np.clip(arrays.sigmoid(o), 1e-7, 1.0 - 1e-7)
        return x * np.log(m) + (1.0 - x) * np.log1p(-m), super().terms(p, x, o)[1]


class NaiveSoftplus(Bernoulli):
    """log(1 + exp(o)) as it stands, which overflows"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        with np.errstate(over="ignore"):
            return x * o - np.log(1.0 + np.exp(o)), super().terms(p, x, o)[1]


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


class TailsDropped(DiscretisedLogistic):
    """the first and the last level as wide as the others: what lies beyond them is lost"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        u, log_s = numbers(entries(o, 2), self.levels)
        log_p, mass_backward = log_mass(self.level(x) + 1.0, u + 1.0, log_s, self.levels + 2)

        def backward(dterms: Array, g: Views) -> Array:
            return side_by_side(*numbers_backward(*mass_backward(dterms), log_s, self.levels))

        return log_p, backward


class BinsBegin(DiscretisedLogistic):
    """a level holds what lies from it to the next, not what is nearest to it"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        moved = np.array(o)
        moved[..., ::2] -= 0.5 / (self.levels - 1.0)
        return super().terms(p, x, moved)


class NoBinomialCoefficient(BetaBinomial):
    """B(a + k, b + n - k) / B(a, b): the probability of one order of the coins, not of their number"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        log_p, backward = super().terms(p, x, o)
        return log_p - log_choose(self.levels - 1, self.level(x)), backward


class NoNormaliser(ContinuousBernoulli):
    """the Bernoulli expression, which integrates to tanh(o / 2) / o"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        return Bernoulli().terms(p, x, o)


class ResponsibilityNegated(LogisticMixture):
    """dlogit_c = w_c - r_c"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        log_p, backward = super().terms(p, x, o)

        def broken(dterms: Array, g: Views) -> Array:
            do = entries(backward(dterms, g), 3, self.components)
            do[..., 0, :] *= -1.0
            return do.reshape(o.shape)

        return log_p, broken


class NoFactorial(Poisson):
    """x log r - r, without log x!"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        log_p, backward = super().terms(p, x, o)
        return log_p + special.gammaln(x + 1.0), backward


class SoftmaxTwice(Categorical):
    """do = 1[c = x] - 2 softmax(o)"""

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        log_p, backward = super().terms(p, x, o)

        def broken(dterms: Array, g: Views) -> Array:
            w = np.exp(self.log_masses(p, o))
            return backward(dterms, g) - (dterms[..., None] * w).reshape(o.shape)

        return log_p, broken


class ColumnsForgetMask(Mixed):
    """missing cells still pull on the decoder"""

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        return super().log_prob(p, x, o, mask)[0], super().log_prob(p, x, o)[1]


class LogVarianceAsVariance(GaussianImage):
    """s² = floor + |h|: the decoder's log-variance read as a variance when drawing"""

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        m, h = self.mean(p, o), entries(o, 2)[..., 1]
        return m + rng.standard_normal(m.shape) * np.sqrt(self.floor + np.abs(h))


_GRADIENTS = ("gradient", "gradient_with_a_mask")
_DENSITY = ("entries_sum_to_one", "images_sum_to_one", "likelihood_draws")
_COLUMNS = ("gaussian", {"kind": "categorical", "classes": 3}, "bernoulli")

BUGS = tuple(
    (id, name, "likelihood", broken, sound, caught_by)
    for id, name, broken, sound, caught_by in (
        (
            "D01",
            "tails dropped at the edge bins",
            TailsDropped(),
            DiscretisedLogistic(),
            (*_DENSITY, "surprise_is_not_capped"),
        ),
        ("D02", "bins that begin at their level", BinsBegin(), DiscretisedLogistic(), ("likelihood_draws",)),
        ("D03", "beta-binomial without C(n, k)", NoBinomialCoefficient(), BetaBinomial(), _DENSITY),
        (
            "D04",
            "continuous Bernoulli without its normaliser",
            NoNormaliser(),
            ContinuousBernoulli(),
            (*_DENSITY, "surprise_is_not_capped"),
        ),
        (
            "D05",
            "responsibilities with the wrong sign",
            ResponsibilityNegated(3),
            LogisticMixture(3),
            _GRADIENTS,
        ),
        (
            "D06",
            "Poisson without log x!",
            NoFactorial(),
            Poisson(),
            (*_DENSITY, "surprise_is_not_capped"),
        ),
        ("D07", "softmax backward wrong by a factor", SoftmaxTwice(3), Categorical(3), _GRADIENTS),
        (
            "D08",
            "mask not applied in the gradient of a table",
            ColumnsForgetMask(_COLUMNS, 3),
            Mixed(_COLUMNS, 3),
            ("gradient_with_a_mask", "missing_entries_do_not_matter"),
        ),
        (
            "D09",
            "log-variance read as a variance",
            LogVarianceAsVariance(),
            GaussianImage(),
            ("likelihood_draws",),
        ),
    )
)
