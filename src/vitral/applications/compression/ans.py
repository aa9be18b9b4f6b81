"""Asymmetric numeral systems (Duda 2013) in integers alone, over many lanes at once.

A message is a stack. Pushing a symbol whose interval is [start, start + frequency) of 0 .. 2^bits - 1 takes

    x  ->  (x div frequency) 2^bits + start + (x mod frequency)        about -log2(frequency / 2^bits) bits

and popping is its inverse: the last symbol pushed is the first one out. Every lane has a head x of its own with
2^32 <= x < 2^48; all lanes share one stack of 16-bit words, which takes what a head has too much and gives what it
lacks. Everything is a 64-bit integer below 2^63: there is nothing here that two machines could round differently.
Derivation: docs/derivations/ans.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitral.errors import FileError

LOW, WORD = 32, 16  # a head holds LOW to LOW + WORD bits; words are moved where it would leave that range
MOST_BITS = 24  # of an interval; up to 16 of them, one word is always enough
SUPPLY = np.uint64(0x9E3779B97F4A7C15)  # the seed of the words under the stack: 2^64 over the golden ratio

Interval = tuple[np.ndarray, np.ndarray]  # where the intervals of some symbols start, and their frequencies
Locate = Callable[[slice, np.ndarray], Interval]


def supply(first: int, stop: int) -> np.ndarray:
    """The words that lie under every encoder's stack, counted downwards from its ground: fixed, and evenly spread.

    The finaliser of splitmix64 (Steele, Lea and Flood 2014) of the count; wrapping at 2^64 is meant.
    """
    z = np.arange(first + 1, stop + 1, dtype=np.uint64) * SUPPLY
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z >> np.uint64(48)).astype(np.uint16)


class Message:
    """A stack of symbols: the heads (lanes,) and the words under them. Pushes and pops change it.

    An encoder's message is ``endless``: under its words lies the supply, of which ``drawn`` words were used. A
    decoder's is not: popping more than it has raises FileError.
    """

    def __init__(self, heads: np.ndarray, words: np.ndarray, *, endless: bool = False) -> None:
        self.heads = heads.astype(np.int64)
        self._stack = words.astype(np.uint16)
        self._top = len(words)
        self._endless = endless
        self.drawn = 0

    @classmethod
    def empty(cls) -> Message:
        """An encoder's message with no lanes yet."""
        return cls(np.empty(0, np.int64), np.empty(0, np.uint16), endless=True)

    @property
    def lanes(self) -> int:
        """How many heads there are."""
        return len(self.heads)

    @property
    def words(self) -> np.ndarray:
        """The words on the stack, the last one pushed at the end."""
        return self._stack[: self._top]

    def widen(self, lanes: int) -> None:
        """More lanes, each made of two words of the stack, so that what they start with is not lost."""
        more = lanes - self.lanes
        if more > 0:
            pairs = self._taken(2 * more).astype(np.int64).reshape(more, 2)
            self.heads = np.concatenate([self.heads, (1 << LOW) + (pairs[:, 0] << WORD) + pairs[:, 1]])

    def narrow(self, lanes: int) -> None:
        """The inverse of ``widen``; raises FileError where the lanes are not what it made."""
        gone = self.heads[lanes:] - (1 << LOW)
        if ((gone < 0) | (gone >> LOW > 0)).any():
            raise FileError("the coded data are damaged: lanes do not end as they began; restore them from a copy")
        self.heads = self.heads[:lanes]
        self._put(np.stack([gone >> WORD, gone], axis=1).ravel())

    def push(self, starts: np.ndarray, frequencies: np.ndarray, bits: int) -> None:
        """Symbols by their intervals, each (n,): symbol i into lane i mod lanes, the last ones first.

        Frequencies lie between 1 and 2^bits; raises FileError for 0, of which no decoder that is fed what an encoder
        wrote ever pushes one.
        """
        if len(frequencies) and int(frequencies.min()) < 1:
            raise FileError("the coded data are damaged: a code that has no probability; restore them from a copy")
        limits = frequencies << (LOW + WORD - bits)
        rests = (1 << bits) - frequencies
        for row in reversed(self._rows(len(starts))):
            heads = self.heads[: row.stop - row.start]
            full = (heads >= limits[row]).nonzero()[0]
            while len(full):
                moved = heads[full]
                self._put(moved)
                moved >>= WORD
                heads[full] = moved
                if bits <= WORD:
                    break
                full = full[moved >= limits[row][full]]
            grown = heads // frequencies[row]
            grown *= rests[row]
            grown += starts[row]
            heads += grown

    def pop(self, n: int, bits: int, locate: Locate) -> None:
        """n symbols, the inverse of ``push``: ``locate(row, slots)`` says in which intervals the slots lie."""
        mask = (1 << bits) - 1
        for row in self._rows(n):
            heads = self.heads[: row.stop - row.start]
            slots = heads & mask
            starts, frequencies = locate(row, slots)
            heads >>= bits
            heads *= frequencies
            heads += slots
            heads -= starts
            if bits > WORD:
                self._feed(heads, LOW - WORD)
            self._feed(heads, LOW)

    def _feed(self, heads: np.ndarray, least: int) -> None:
        """One word for every head below 2^least: first for those that lack two, the ones that ``push`` took last."""
        hungry = (heads < (1 << least)).nonzero()[0]
        if len(hungry):
            heads[hungry] = (heads[hungry] << WORD) | self._taken(len(hungry))

    def _rows(self, n: int) -> list[slice]:
        if n and not self.lanes:
            raise AssertionError("a message without lanes holds no symbols: widen it first")
        return [slice(start, min(start + self.lanes, n)) for start in range(0, n, self.lanes or 1)]

    def _put(self, numbers: np.ndarray) -> None:
        """The low 16 bits of some numbers onto the stack."""
        top = self._top + len(numbers)
        if top > len(self._stack):
            self._stack = np.concatenate([self.words, np.empty(top + len(self._stack), np.uint16)])
        self._stack[self._top : top] = numbers & 0xFFFF
        self._top = top

    def _taken(self, count: int) -> np.ndarray:
        """Words off the stack, in the order in which they lay there."""
        if count > self._top:
            self._draw(count - self._top)
        self._top -= count
        return self._stack[self._top : self._top + count]

    def _draw(self, count: int) -> None:
        """More words of the supply, under the stack."""
        if not self._endless:
            raise FileError("the coded data end too early: they are cut or damaged; restore them from a copy")
        fresh = supply(self.drawn, self.drawn + count)[::-1]
        self._stack = np.concatenate([fresh, self.words])
        self._top += count
        self.drawn += count

    def check_spent(self) -> None:
        """Raise FileError unless this is a message that nothing was pushed onto: no lanes, words of the supply."""
        if self.lanes or not np.array_equal(self.words, supply(0, self._top)[::-1]):
            raise FileError("the coded data are damaged: they do not end as they began; restore them from a copy")
