"""What the likelihoods share: their defaults, the sum over entries with its mask, and the checks of options.

A likelihood whose entries are independent, each read off k numbers of its own, is its ``terms``:

    terms (K, N, D), terms_backward = terms(p, x, o)        do = terms_backward(dterms, g)

The k numbers of one entry lie side by side: o.reshape(..., D, k).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError

Backward = Callable[[Array, Views], Array]
Offence = tuple[int, int, str]  # row, column, what should stand there


class Likelihood:
    """What holds unless a member says otherwise.

    ``support`` is the range of x. ``levels`` is how many whole levels x may take, x = level / (levels - 1), or
    None. ``numeric`` says that x is a number, so that means and squared errors have a meaning; where it is False,
    x holds names of categories, and ``mean`` gives the most probable one.
    """

    shapes: ClassVar[Shapes] = {}
    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    levels: int | None = None
    numeric: ClassVar[bool] = True

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def check(self) -> None:
        """Refuse options that make no sense."""

    def constant(self, features: Any) -> Any:
        """No part of -log p is the same for every x and every parameter; ``features`` may be one count a row."""
        return 0.0

    def offence(self, x: Array) -> Offence | None:
        """The first entry of the rows x (N, D) that lies within ``support`` and yet has no probability."""
        return None


class PerEntry(Likelihood):
    """log p = Σ_d mask_d t_d        dt_d = dlog_p mask_d"""

    terms: Callable[..., tuple[Array, Backward]]

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        return self.terms(p, x, o)[0]

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        terms, terms_backward = self.terms(p, x, o)
        if mask is not None:
            terms = terms * mask

        def backward(dlog_px: Array, g: Views) -> Array:
            dterms = dlog_px[..., None]
            return terms_backward(dterms if mask is None else dterms * mask, g)

        return terms.sum(axis=-1), backward


class Levelled(PerEntry):
    """Probability masses of whole levels 0 to levels - 1, seen as x = level / (levels - 1) in [0, 1]."""

    support: ClassVar[tuple[float, float]] = (0.0, 1.0)
    levels: int

    def check(self) -> None:
        whole("levels", self.levels, 2, 256)

    def level(self, x: Array) -> Array:
        return np.rint(x * (self.levels - 1.0))

    def every_level(self, like: Array) -> Array:
        """0 to levels - 1, of the kind and dtype of ``like``."""
        return arrays.arange(self.levels, like=like)


def entries(o: Array, *sizes: int) -> Array:
    """o (..., M) as (..., D, *sizes): the numbers of one entry side by side."""
    return o.reshape(*o.shape[:-1], -1, *sizes)


def side_by_side(*numbers: Array) -> Array:
    """k arrays (..., D), one for each number of an entry, as (..., D k): the inverse of ``entries``."""
    together = np.stack(numbers, axis=-1)
    return together.reshape(*together.shape[:-2], -1)


def doubted_mean(data: Array) -> Array:
    """The mean of data in [0, 1] over its rows, (1, D), half a row of doubt pulling towards 1/2."""
    return (len(data) * data.mean(axis=0, keepdims=True) + 0.5) / (len(data) + 1.0)


def first(wrong: Array, what: str) -> Offence | None:
    """Where the first True of an array (N, D) stands, with what should stand there."""
    places = np.argwhere(wrong)
    return (int(places[0, 0]), int(places[0, 1]), what) if len(places) else None


def positive(name: str, value: Any) -> None:
    """Refuse what is not a positive finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        raise UsageError(f"{name} must be a positive number, got {value!r}: give one above 0")


def whole(name: str, value: Any, least: int, most: float = math.inf) -> None:
    """Refuse what is not a whole number in a range."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        limits = f"of at least {least}" if most == math.inf else f"from {least} to {most:g}"
        raise UsageError(f"{name} must be a whole number {limits}, got {value!r}: correct it")
