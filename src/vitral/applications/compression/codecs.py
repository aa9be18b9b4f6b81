"""Codecs: what a symbol's interval is. Each pushes an array of symbols onto a message and pops it off again.

A codec is ``intervals(symbols)``, their starts and frequencies, and ``locate(row, slots)``, which symbols the slots
belong to. ``bits`` is the logarithm of the sum of all frequencies. Everything is an integer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitral.applications.compression.ans import Interval, Message


class Codec(ABC):
    """``pop`` undoes ``push``, and ``push`` undoes ``pop``: the two laws of every codec."""

    bits: int
    size: int  # how many symbols are pushed at once

    @abstractmethod
    def intervals(self, symbols: np.ndarray) -> Interval:
        """Starts and frequencies of symbols (size,)."""

    @abstractmethod
    def locate(self, row: slice, slots: np.ndarray) -> tuple[np.ndarray, Interval]:
        """The symbols of a row of the ``size`` in whose intervals the slots lie, and these intervals."""

    def push(self, message: Message, symbols: np.ndarray) -> None:
        """Put the symbols (size,) onto the message."""
        message.push(*self.intervals(symbols), self.bits)

    def pop(self, message: Message) -> np.ndarray:
        """Take symbols (size,) off the message."""
        symbols = np.empty(self.size, np.int64)

        def locate(row: slice, slots: np.ndarray) -> Interval:
            symbols[row], interval = self.locate(row, slots)
            return interval

        message.pop(self.size, self.bits, locate)
        return symbols

    def bits_of(self, symbols: np.ndarray) -> float:
        """How many bits the symbols should take: -Σ log2(frequency / 2^bits)."""
        _, frequencies = self.intervals(symbols)
        return float((self.bits - np.log2(frequencies)).sum())


@dataclass(frozen=True)
class Uniform(Codec):
    """Whole numbers from 0 to 2^bits - 1, all equally likely."""

    size: int
    bits: int

    def intervals(self, symbols: np.ndarray) -> Interval:
        return symbols, np.ones(len(symbols), np.int64)

    def locate(self, row: slice, slots: np.ndarray) -> tuple[np.ndarray, Interval]:
        return slots, (slots, np.ones(len(slots), np.int64))


@dataclass(frozen=True, eq=False)
class Bernoulli(Codec):
    """Bits; ``zeros`` (size,) is the frequency of a 0 in 2^bits, from 1 to 2^bits - 1."""

    zeros: np.ndarray
    bits: int = 16

    @property
    def size(self) -> int:  # type: ignore[override]
        return len(self.zeros)

    def intervals(self, symbols: np.ndarray) -> Interval:
        starts = symbols * self.zeros
        return starts, self.zeros + symbols * ((1 << self.bits) - 2 * self.zeros)

    def locate(self, row: slice, slots: np.ndarray) -> tuple[np.ndarray, Interval]:
        zeros = self.zeros[row]
        ones = (slots >= zeros).astype(np.int64)
        starts = ones * zeros
        return ones, (starts, zeros + ones * ((1 << self.bits) - 2 * zeros))


@dataclass(frozen=True, eq=False)
class Table(Codec):
    """Classes 0 to C - 1; ``edges`` (size, C + 1) are their intervals' borders, from 0 to 2^bits in every row."""

    edges: np.ndarray
    bits: int = 16

    @property
    def size(self) -> int:  # type: ignore[override]
        return len(self.edges)

    def intervals(self, symbols: np.ndarray) -> Interval:
        rows = np.arange(self.size)
        starts = self.edges[rows, symbols].astype(np.int64)
        return starts, self.edges[rows, symbols + 1] - starts

    def locate(self, row: slice, slots: np.ndarray) -> tuple[np.ndarray, Interval]:
        edges = self.edges[row]
        symbols = (edges[:, 1:-1] <= slots[:, None]).sum(axis=1)
        rows = np.arange(len(slots))
        starts = edges[rows, symbols].astype(np.int64)
        return symbols, (starts, edges[rows, symbols + 1] - starts)


@dataclass(frozen=True, eq=False)
class Sought(Codec):
    """Classes 0 to 2^depth - 1 whose borders are a function: ``border(row, k)`` of class k of the symbols in a row.

    It never falls with k, from 0 at k = 0 to 2^bits at k = 2^depth. A class may have frequency 0: it is never popped.
    """

    size: int
    depth: int
    border: Callable[[slice, np.ndarray], np.ndarray]
    bits: int = 16

    def intervals(self, symbols: np.ndarray) -> Interval:
        everything = slice(0, self.size)
        starts = self.border(everything, symbols)
        return starts, self.border(everything, symbols + 1) - starts

    def locate(self, row: slice, slots: np.ndarray) -> tuple[np.ndarray, Interval]:
        """The last class whose border is not above the slot, found by halving."""
        symbols = np.zeros(len(slots), np.int64)
        for power in reversed(range(self.depth)):
            further = symbols + (1 << power)
            symbols = np.where(self.border(row, further) <= slots, further, symbols)
        starts = self.border(row, symbols)
        return symbols, (starts, self.border(row, symbols + 1) - starts)

