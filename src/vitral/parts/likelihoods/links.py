"""How a decoder output becomes a parameter of a density."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.errors import unknown
from vitral.parts.likelihoods.base import doubted_mean


class Link(NamedTuple):
    """m = value(o), dm/do = slope(m), o = inverse(m); m lies in ``support``."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array | float]
    inverse: Callable[[Array], Array]
    support: tuple[float, float]


LINKS = {
    "identity": Link(lambda o: o, lambda m: 1.0, lambda m: m, (-math.inf, math.inf)),
    "sigmoid": Link(arrays.sigmoid, lambda m: m * (1.0 - m), lambda m: np.log(m / (1.0 - m)), (0.0, 1.0)),
}


def bounded(limit: float) -> Link:
    """h = limit tanh(o / limit): o itself near 0, and never beyond ±limit, so that exp(h) overflows nowhere.

    dh/do = 1 - (h / limit)²

    The inverse takes what lies beyond 0.95 limit for 0.95 limit: closer to it the slope is gone.
    """
    return Link(
        lambda o: limit * np.tanh(o / limit),
        lambda h: 1.0 - (h / limit) ** 2,
        lambda h: limit * np.arctanh(np.clip(h / limit, -0.95, 0.95)),
        (-limit, limit),
    )


def check_link(link: str) -> None:
    """Refuse a link that does not exist."""
    if link not in LINKS:
        raise unknown("link", link, LINKS)


def start_of(link: str, data: Array) -> Array:
    """The decoder output (1, D) whose mean is the mean of the data (N, D), half a row of doubt added.

    In [0, 1] the doubt pulls towards 1/2, so that entries that never vary start at a finite logit.
    """
    mean = doubted_mean(data) if link == "sigmoid" else data.mean(axis=0, keepdims=True)
    return LINKS[link].inverse(mean)
