"""Discretised Gaussians: which bucket of equal prior mass a latent lies in, as a codec in integers.

Derivation: docs/derivations/integer_networks.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from vitral.applications.compression.ans import Interval
from vitral.applications.compression.codecs import Codec
from vitral.applications.compression.tables import (
    FINE,
    MASS,
    NORMAL,
    NORMAL_BITS,
    NORMAL_REACH,
    RAW,
    RAW_REACH,
)

BETWEEN = 13  # bits between two entries of the normal table
T = NORMAL + BETWEEN  # the fraction of t = (border - mu) / sigma
UNIT = 2 * FINE - T  # (border - mu) (1 / sigma) has fraction 2 FINE
LAST = (2 * NORMAL_REACH << T) - 1  # the largest t that is looked up, counted from -NORMAL_REACH
FAR = 1 << 40  # a t beyond every border


class Gaussian(NamedTuple):
    """Means, and inverse deviations (of a prior: deviations), each (n, L), integers of fraction ``FINE``."""

    mean: np.ndarray
    scale: np.ndarray


def gaussian(h: np.ndarray, deviations: np.ndarray) -> Gaussian:
    """What a network put out, (n, 2 L) of fraction FINE: means, and raw log-variances to be looked up."""
    whole = h.astype(np.int64)
    half = whole.shape[1] // 2
    place = (whole[:, half:] >> (FINE - RAW)) + (RAW_REACH << RAW)
    return Gaussian(whole[:, :half], deviations.take(np.clip(place, 0, len(deviations) - 1)).astype(np.int64))


def values(table: np.ndarray, bucket: np.ndarray, prior: Gaussian | None) -> np.ndarray:
    """A table's entries for buckets (n, L), moved and stretched where the prior is no standard normal."""
    whole = table.take(bucket).astype(np.int64)
    return whole if prior is None else prior.mean + (prior.scale * whole >> FINE)


@dataclass(frozen=True, eq=False)
class Buckets:
    """The buckets of a standard normal: their inner borders, and the normal CDF Φ; both as they are stored."""

    borders: np.ndarray
    normal: np.ndarray

    def phi(self, t: np.ndarray) -> np.ndarray:
        """Φ(t) in units of 2^-16, along a line between the entries of the table; it never falls."""
        place = np.minimum(np.maximum(t + (NORMAL_REACH << T), 0), LAST)
        index, rest = place >> BETWEEN, place & ((1 << BETWEEN) - 1)
        below = self.normal.take(index)
        between = (below << BETWEEN) + rest * (self.normal.take(index + 1) - below)
        return np.asarray(between >> (BETWEEN + NORMAL_BITS - MASS))

    @cached_property
    def inverse(self) -> np.ndarray:
        """The largest t with Φ(t) <= slot for every slot below 2^16, found by halving."""
        slots, place = np.arange(1 << MASS), np.zeros(1 << MASS, np.int64)
        for power in reversed(range(LAST.bit_length())):
            further = place + (1 << power)
            place = np.where(self.phi(further - (NORMAL_REACH << T)) <= slots, further, place)
        return np.where(place == LAST, FAR, place - (NORMAL_REACH << T))


@dataclass(frozen=True, eq=False)
class Posterior(Codec):
    """The buckets of q: the mass of bucket k is Φ((b_k+1 - mu) / sigma) - Φ((b_k - mu) / sigma).

    Every step is monotone in k, and the first and last border are at 0 and 1, so that the masses are those of a
    distribution whatever the rounding is; a bucket without any is never popped. Where the prior is a Gaussian of its
    own, its buckets are moved and stretched: b_k = m + s b'_k.
    """

    q: Gaussian
    prior: Gaussian | None
    buckets: Buckets
    bits: int = MASS

    @property
    def size(self) -> int:  # type: ignore[override]
        return int(self.q.mean.size)

    @cached_property
    def _flat(self) -> tuple[np.ndarray, ...]:
        prior = () if self.prior is None else tuple(self.prior)
        return tuple(each.ravel() for each in (*self.q, *prior))

    def border(self, row: slice, k: np.ndarray) -> np.ndarray:
        """The mass below bucket k, in 2^16."""
        mean, inverse, *prior = (each[row] for each in self._flat)
        borders = self.buckets.borders
        b = borders.take(k).astype(np.int64)
        if prior:
            b = prior[0] + (prior[1] * b >> FINE)
        masses = self.buckets.phi((b - mean) * inverse >> UNIT)
        return np.where(k == 0, 0, np.where(k == len(borders) - 1, 1 << MASS, masses))

    def intervals(self, symbols: np.ndarray) -> Interval:
        everything = slice(0, self.size)
        starts = self.border(everything, symbols)
        return starts, self.border(everything, symbols + 1) - starts

    def locate(self, row: slice, slots: np.ndarray) -> tuple[np.ndarray, Interval]:
        """How many inner borders have a mass of at most the slot: those with t <= inverse(slot), solved for b'.

        (b - mu) i div 2^u <= t   where   (b - mu) i < (t + 1) 2^u,   so   b <= mu + ((t + 1) 2^u - 1) div i
        """
        mean, inverse, *prior = (each[row] for each in self._flat)
        b = mean + (((self.buckets.inverse.take(slots) + 1) << UNIT) - 1) // inverse
        if prior:
            b = (((b - prior[0] + 1) << FINE) - 1) // prior[1]
        symbols = np.searchsorted(self.buckets.borders[1:-1], b, side="right")
        starts = self.border(row, symbols)
        return symbols, (starts, self.border(row, symbols + 1) - starts)
