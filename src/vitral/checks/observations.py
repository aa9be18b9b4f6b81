"""What each likelihood can be asked about: values of x, sums over all of them, and values that are next to impossible.

A new likelihood registers here what its entries can be; every law about likelihoods then runs over it.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.errors import UsageError
from vitral.parts.likelihoods import (
    Bernoulli,
    BetaBinomial,
    Categorical,
    ContinuousBernoulli,
    DiscretisedLogistic,
    GaussianFixed,
    GaussianImage,
    GaussianLearned,
    GaussianPixel,
    LogisticMixture,
    Mixed,
    Poisson,
)

REACH, POINTS = 10.0, 161  # standard deviations; the step of 1/8 is exact to rounding for a Gaussian
FAR = 1e4  # a decoder output that no training survives, and no likelihood may trip over


@singledispatch
def entries(likelihood: Any, wished: int) -> int:
    """How many entries an image has: as many as wished, unless the likelihood was made for a number of them."""
    return wished


@entries.register(GaussianPixel)
@entries.register(Mixed)
def _(likelihood: Any, wished: int) -> int:
    return likelihood.features  # type: ignore[no-any-return]


@singledispatch
def values(likelihood: Any, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Some x (N, D) that the likelihood scores: numbers in [0, 1] unless it says otherwise."""
    return rng.random(shape)


@values.register(DiscretisedLogistic)
@values.register(LogisticMixture)
@values.register(BetaBinomial)
def _(likelihood: Any, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    level = rng.integers(0, likelihood.levels, shape)
    level[:, ::2] = np.where(rng.random(level[:, ::2].shape) < 0.5, 0, likelihood.levels - 1)
    return level / (likelihood.levels - 1.0)  # every other entry at an end, where the tails are


@values.register
def _(likelihood: Categorical, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.integers(0, likelihood.classes, shape).astype(float)


@values.register
def _(likelihood: Poisson, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.poisson(2.0, shape).astype(float)


@values.register
def _(likelihood: Mixed, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.concatenate([values(part, rng, (shape[0], 1)) for part in likelihood.parts], axis=1)


@singledispatch
def outcomes(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    """Values that each entry can take, (G, D), and the weights of a sum or a quadrature, (G, 1) or (G, D).

    o is one row (1, 1, M). A new likelihood registers here how its entries are summed.
    """
    raise UsageError(f"outcomes knows no values of {type(likelihood).__name__}: register them there")


@outcomes.register(Bernoulli)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    return _each(np.arange(2.0), o.shape[-1])


@outcomes.register(DiscretisedLogistic)
@outcomes.register(LogisticMixture)
@outcomes.register(BetaBinomial)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    levels = np.arange(likelihood.levels) / (likelihood.levels - 1.0)
    return _each(levels, o.shape[-1] // likelihood.width(1))


@outcomes.register(Categorical)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    return _each(np.arange(float(likelihood.classes)), o.shape[-1] // likelihood.classes)


@outcomes.register(GaussianFixed)
@outcomes.register(GaussianLearned)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    return _around(likelihood.mean(p, o)[0], np.sqrt(likelihood.noise_variance(p)) * np.ones((1, 1)))


@outcomes.register(GaussianPixel)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    return _around(likelihood.mean(p, o)[0], np.sqrt(likelihood.variances(p))[None])


@outcomes.register(GaussianImage)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    return _around(likelihood.mean(p, o)[0], np.sqrt(likelihood.variances(o))[0])


@outcomes.register(ContinuousBernoulli)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    """Gauss and Legendre's rule on [0, 1], or on the part next to the likelier end that holds all but exp(-40)."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    reach = 0.5 * np.minimum(1.0, 40.0 / np.maximum(np.abs(o[0]), 1e-9))
    t = (nodes[:, None] + 1.0) * reach
    return np.where(o[0] > 0.0, 1.0 - t, t), weights[:, None] * reach


@outcomes.register(Poisson)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    """All counts within 12 standard deviations and 40 more of the rate."""
    rate = likelihood.mean(p, o)[0]
    reach = np.ceil(12.0 * np.sqrt(rate) + 40.0)
    first = np.maximum(np.floor(rate - reach), 0.0)
    counts = np.arange(2.0 * reach.max() + 2.0)[:, None]
    return first + counts, np.ones((len(counts), 1))


@outcomes.register(Mixed)
def _(likelihood: Any, p: Views, o: Array) -> tuple[Array, Array]:
    """Those of every column; shorter lists are filled up with values that do not count."""
    found, start = [], 0
    for part, views in zip(likelihood.parts, p, strict=True):
        end = start + part.width(1)
        found.append(outcomes(part, views, o[..., start:end]))
        start = end
    longest = max(len(x) for x, _ in found)
    x = [np.concatenate([x, np.repeat(x[:1], longest - len(x), axis=0)]) for x, _ in found]
    weight = [np.concatenate([w, np.zeros((longest - len(w), 1))]) for _, w in found]
    return np.concatenate(x, axis=1), np.concatenate(weight, axis=1)


def _each(numbers: Array, count: int) -> tuple[Array, Array]:
    return np.repeat(numbers[:, None], count, axis=1), np.ones((len(numbers), 1))


def _around(mean: Array, deviation: Array) -> tuple[Array, Array]:
    steps = np.linspace(-REACH, REACH, POINTS)[:, None]
    return mean + deviation * steps, (steps[1, 0] - steps[0, 0]) * deviation * np.ones((POINTS, 1))


@singledispatch
def stated(likelihood: Any, x: Array, density: Array) -> Array:
    """What ``mean`` has to give (D,): the mean of the values x (G, D), or the likeliest where they are names."""
    if likelihood.numeric:
        return (density * x).sum(axis=0)
    return np.take_along_axis(x, density.argmax(axis=0)[None], axis=0)[0]


@stated.register(Mixed)
def _(likelihood: Any, x: Array, density: Array) -> Array:
    columns = range(likelihood.features)
    pairs = zip(columns, likelihood.parts, strict=True)
    return np.concatenate([stated(part, x[:, [d]], density[:, [d]]) for d, part in pairs])


class Surprise(NamedTuple):
    """x (1, D) that the output o (1, 1, M) makes next to impossible, and log p of every entry, known by heart."""

    x: Array
    o: Array
    log_p: Array


@singledispatch
def surprise(likelihood: Any) -> Surprise | None:
    """None where no output makes a value impossible."""
    return None


@surprise.register
def _(likelihood: Bernoulli) -> Surprise:
    """A pixel of the other colour costs its logit."""
    return _surprise([0.0, 1.0], [FAR, -FAR], [-FAR, -FAR])


@surprise.register
def _(likelihood: ContinuousBernoulli) -> Surprise:
    """exp(o x) o / (exp(o) - 1) at the wrong end."""
    return _surprise([0.0, 1.0], [FAR, -FAR], [math.log(FAR) - FAR] * 2)


@surprise.register
def _(likelihood: Categorical) -> Surprise:
    """Another class than the one whose logit is far above."""
    rest = [0.0] * (likelihood.classes - 1)
    return _surprise([1.0, 0.0], [FAR, *rest, *rest, FAR], [-FAR, -FAR])


@surprise.register
def _(likelihood: Poisson) -> Surprise:
    """Five at a rate of exp(-20), none at a rate of exp(20)."""
    return _surprise([5.0, 0.0], [-FAR, FAR], [-100.0 - math.exp(-20.0) - math.log(120.0), -math.exp(20.0)])


@surprise.register(DiscretisedLogistic)
@surprise.register(LogisticMixture)
def _(likelihood: Any) -> Surprise:
    """Levels 1 and 0 with the centre far above them, the last with the centre far below; the scale is 1."""
    n, inner = likelihood.levels - 1.0, math.log1p(-math.exp(-1.0 / (likelihood.levels - 1.0)))
    found = [(1.0 / n, FAR, 1.5 / n - FAR + inner), (0.0, FAR, 0.5 / n - FAR), (1.0, -FAR, 0.5 / n - 1.0 - FAR)]
    found = found[1:] if likelihood.levels == 2 else found
    x, centres, log_p = (list(column) for column in zip(*found, strict=True))
    return _surprise(x, [number for centre in centres for number in _logistic(likelihood, centre)], log_p)


def _logistic(likelihood: Any, centre: float) -> list[float]:
    """The numbers of one entry whose logistics all have this centre, a scale of 1 and equal weights."""
    if isinstance(likelihood, DiscretisedLogistic):
        return [centre, 0.0]
    c = likelihood.components
    return [0.0] * c + [centre] * c + [0.0] * c


@surprise.register
def _(likelihood: BetaBinomial) -> Surprise:
    """Every coin on 1 with a = exp(-10), b = exp(10), coin by coin: Π (a + i) / (a + b + i); and mirrored."""
    a, b = math.exp(-10.0), math.exp(10.0)
    log_p = sum(math.log((a + i) / (a + b + i)) for i in range(likelihood.levels - 1))
    return _surprise([1.0, 0.0], [-FAR, FAR, FAR, -FAR], [log_p, log_p])


def _surprise(x: list[float], o: list[float], log_p: list[float]) -> Surprise:
    return Surprise(np.float32([x]), np.float32([[o]]), np.array(log_p))
