"""Discretised logistics for 8-bit data, one or a mixture. Derivation: docs/derivations/likelihoods_8bit.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.parts.likelihoods.base import Backward, Levelled, entries, side_by_side, whole
from vitral.parts.likelihoods.links import bounded

LOG_SCALE = bounded(10.0)  # scales from 1/90 of one of 256 levels to far beyond all of them
REACH = 20  # levels on either side that are summed one by one where s < 1


@dataclass(frozen=True)
class DiscretisedLogistic(Levelled):
    """A logistic density, all of whose mass is rounded to the nearest level (Kingma et al. 2016).

    p(level) = sigmoid(b) - sigmoid(a)        a, b = (level -/+ 1/2 - u) / s

    u = n o_d1,  s = n exp(10 tanh(o_d2 / 10)),  n = levels - 1: the numbers are centre and log scale in the unit
    of x. The first level takes all mass below it, the last all mass above. The way back is ``log_mass``'s.
    """

    levels: int = 256

    def width(self, features: int) -> int:
        return 2 * features

    def start(self, data: Array) -> Array:
        """Mean and scale of every entry, (1, 2 D)."""
        return side_by_side(data.mean(axis=0, keepdims=True), start_of_scale(data, self.levels))

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        u, log_s = numbers(entries(o, 2), self.levels)
        log_p, mass_backward = log_mass(self.level(x), u, log_s, self.levels)

        def backward(dterms: Array, g: Views) -> Array:
            do = mass_backward(dterms)
            return side_by_side(*numbers_backward(*do, log_s, self.levels))

        return log_p, backward

    def log_masses(self, p: Views, o: Array) -> Array:
        """log p of every level, (..., D, levels)."""
        u, log_s = numbers(entries(o, 2), self.levels)
        return log_mass(self.every_level(o), u[..., None], log_s[..., None], self.levels)[0]

    def mean(self, p: Views, o: Array) -> Array:
        return expected_level(*numbers(entries(o, 2), self.levels), self.levels) / (self.levels - 1.0)

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        return logistic_draw(*numbers(entries(o, 2), self.levels), self.levels, rng)


@dataclass(frozen=True)
class LogisticMixture(Levelled):
    """A mixture of C discretised logistics for every entry (PixelCNN++, Salimans et al. 2017).

    log p = log Σ_c w_c p_c(level)        w = softmax(o_d1..C)

    dlogit_c = dlog_p (r_c - w_c)        dlog p_c = dlog_p r_c        r_c = w_c p_c / Σ_j w_j p_j

    The 3 C numbers of an entry are C logits, C centres, C scales, read as in ``DiscretisedLogistic``. Entries are
    independent given z: the paper's regression of one colour on the others is left out.
    """

    components: int = 5
    levels: int = 256

    def check(self) -> None:
        super().check()
        whole("components", self.components, 1)

    def width(self, features: int) -> int:
        return 3 * self.components * features

    def start(self, data: Array) -> Array:
        """Equal weights; centres spread over the mean plus and minus one standard deviation of the entry."""
        c = self.components
        mean, deviation = data.mean(axis=0, keepdims=True), data.std(axis=0, keepdims=True)
        centres = [mean + deviation * ((2 * i + 1) / c - 1.0) for i in range(c)]
        return side_by_side(*[0.0 * mean] * c, *centres, *[start_of_scale(data, self.levels)] * c)

    def terms(self, p: Views, x: Array, o: Array) -> tuple[Array, Backward]:
        log_w, u, log_s = self._numbers(o)
        each, mass_backward = log_mass(self.level(x)[..., None], u, log_s, self.levels)
        each = each + log_w
        log_p = arrays.logsumexp(each, axis=-1)

        def backward(dterms: Array, g: Views) -> Array:
            d = dterms[..., None] * np.exp(each - log_p[..., None])
            dlogits = d - dterms[..., None] * np.exp(log_w)
            dnumbers = numbers_backward(*mass_backward(d), log_s, self.levels)
            return np.stack([dlogits, *dnumbers], axis=-2).reshape(o.shape)

        return log_p, backward

    def log_masses(self, p: Views, o: Array) -> Array:
        """log p of every level, (..., D, levels)."""
        log_w, u, log_s = (each[..., None, :] for each in self._numbers(o))
        each = log_mass(self.every_level(o)[:, None], u, log_s, self.levels)[0]
        return arrays.logsumexp(each + log_w, axis=-1)

    def mean(self, p: Views, o: Array) -> Array:
        log_w, u, log_s = self._numbers(o)
        return (np.exp(log_w) * expected_level(u, log_s, self.levels)).sum(axis=-1) / (self.levels - 1.0)

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        """A component by the largest of logits plus Gumbel noise, and a level from it."""
        log_w, u, log_s = self._numbers(o)
        noisy = log_w + rng.gumbel(size=log_w.shape).astype(o.dtype)
        chosen = np.argmax(noisy, axis=-1)[..., None]
        u, log_s = (np.take_along_axis(each, chosen, axis=-1)[..., 0] for each in (u, log_s))
        return logistic_draw(u, log_s, self.levels, rng)

    def _numbers(self, o: Array) -> tuple[Array, Array, Array]:
        """Log weights, centres and log scales, each (..., D, C)."""
        every = entries(o, 3, self.components)
        logits = every[..., 0, :]
        log_w = logits - arrays.logsumexp(logits, axis=-1)[..., None]
        return log_w, *numbers(np.moveaxis(every[..., 1:, :], -2, -1), self.levels)


def numbers(both: Array, levels: int) -> tuple[Array, Array]:
    """Centre u and log scale of logistics, in levels, from two numbers in the unit of x (..., 2)."""
    n = levels - 1.0
    return both[..., 0] * n, LOG_SCALE.value(both[..., 1]) + math.log(n)


def numbers_backward(du: Array, dlog_s: Array, log_s: Array, levels: int) -> tuple[Array, Array]:
    """The way back through ``numbers``: dlog_s comes with the slope of the bounded link."""
    n = levels - 1.0
    return du * n, dlog_s * LOG_SCALE.slope(log_s - math.log(n))


def log_mass(
    level: Array, u: Array, log_s: Array, levels: int
) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """log(sigmoid(b) - sigmoid(a)) = log sigmoid(b) + log sigmoid(-a) + log(1 - exp(-w))   a, b = (level -/+ 1/2 - u)/s

    du = d (sigmoid(a) - sigmoid(-b)) / s        dlog_s = d (a sigmoid(a) - b sigmoid(-b) - w / (exp(w) - 1))

    w = b - a = 1/s. A product of three factors, so nothing cancels however far out the level lies. The first level
    has no a, the last no b: without it, the factors that hold it are 1.
    """
    w = np.exp(-log_s)
    below, above = level > 0.0, level < levels - 1.0
    a, b = (level - 0.5 - u) * w, (level + 0.5 - u) * w
    inside = below & above
    log_p = inside * arrays.log1mexp(w) - above * arrays.softplus(-b) - below * arrays.softplus(a)

    def backward(d: Array) -> tuple[Array, Array]:
        at_a, at_b = below * arrays.sigmoid(a), above * arrays.sigmoid(-b)
        width = inside * (w * np.exp(-w) / -np.expm1(-w))
        return d * ((at_a - at_b) * w), d * (a * at_a - b * at_b - width)

    return log_p, backward


def expected_level(u: Array, log_s: Array, levels: int) -> Array:
    """E[level] = Σ_j sigmoid((u - j + 1/2) / s) for j = 1 .. levels - 1: one by one, or by Euler and Maclaurin."""
    if levels <= 2 * REACH:
        w = np.exp(-log_s)
        return sum(arrays.sigmoid((u - (j - 0.5)) * w) for j in range(1, levels))
    near = _summed(u, np.minimum(log_s, 0.0), levels - 1)
    return np.where(log_s < 0.0, near, _integrated(u, np.maximum(log_s, 0.0), levels - 1))


def _summed(u: Array, log_s: Array, n: int) -> Array:
    """The terms within REACH of u one by one: those below it are 1, those above it 0, but for 2e-9.

    c edges lie below u; each lacks sigmoid(-w d) of 1 at its distance d, and each above adds as much to 0.
    """
    w, c = np.exp(-log_s), np.clip(np.floor(u + 0.5), 0.0, float(n))
    return c + _side(c + 0.5 - u, n - c, w) - _side(u - c + 0.5, c, w)


def _side(d: Array, count: Array, w: Array) -> Array:
    """Σ_k sigmoid(-w (d + k)) for k = 0 .. count - 1, as t / (1 + t) with t = exp(-w d) exp(-w)^k."""
    t, q, total = np.exp(-w * np.maximum(d, 0.0)), np.exp(-np.minimum(w, 40.0)), 0.0
    for k in range(REACH + 1):
        total = total + (count > k) * (t / (1.0 + t))
        t = t * q
    return total


def _integrated(u: Array, log_s: Array, n: int) -> Array:
    """∫_0^n sigmoid((u - t) / s) dt and the first four corrections at its ends; to 2e-7 for s >= 1."""
    s = np.exp(log_s)
    first, last = u / s, (u - n) / s
    return s * (arrays.softplus(first) - arrays.softplus(last)) + _end(last, s) - _end(first, s)


def _end(z: Array, s: Array) -> Array:
    """The corrections of the midpoint rule at one end; v = sigmoid'(z) writes every odd derivative."""
    v, q = arrays.sigmoid(z) * arrays.sigmoid(-z), 1.0 / (s * s)
    third = 31 / 967680 * (1.0 - v * (30.0 - 120.0 * v))
    fourth = 127 / 154828800 * (1.0 - v * (126.0 - v * (1680.0 - 5040.0 * v)))
    return v / s * (1 / 24 - q * (7 / 5760 * (1.0 - 6.0 * v) - q * (third - q * fourth)))


def start_of_scale(data: Array, levels: int) -> Array:
    """The output (1, D) whose logistic has the deviation of the data, and never less than half a level."""
    s = data.std(axis=0, keepdims=True) * (math.sqrt(3.0) / math.pi)
    return LOG_SCALE.inverse(np.log(np.maximum(s, 0.5 / (levels - 1.0))))


def logistic_draw(u: Array, log_s: Array, levels: int, rng: np.random.Generator) -> Array:
    """x = level / (levels - 1) with level = u + s log(v / (1 - v)) rounded into 0 .. levels - 1, v uniform."""
    drawn = u + np.exp(log_s) * rng.logistic(size=u.shape).astype(u.dtype)
    return np.clip(np.rint(drawn), 0.0, levels - 1.0) / (levels - 1.0)
