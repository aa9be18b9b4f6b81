"""How a decoder output becomes a mean, and what a likelihood's way back looks like."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views

Backward = Callable[[Array, Views], Array]


class Link(NamedTuple):
    """How the decoder output becomes a mean: m = value(o), dm/do = slope(m), o = inverse(m); m in ``support``."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array | float]
    inverse: Callable[[Array], Array]
    support: tuple[float, float]


LINKS = {
    "identity": Link(lambda o: o, lambda m: 1.0, lambda m: m, (-math.inf, math.inf)),
    "sigmoid": Link(arrays.sigmoid, lambda m: m * (1.0 - m), lambda m: np.log(m / (1.0 - m)), (0.0, 1.0)),
}


def start_of(link: str, data: Array) -> Array:
    """The decoder output (1, D) whose mean is the mean of the data (N, D), half a row of doubt added.

    In [0, 1] the doubt pulls towards 1/2, so that entries that never vary start at a finite logit.
    """
    mean = data.mean(axis=0, keepdims=True)
    if link == "sigmoid":
        mean = (len(data) * mean + 0.5) / (len(data) + 1.0)
    return LINKS[link].inverse(mean)
