"""Rows that stay in their file: a memory map of which some rows are chosen, and read when they are needed.

Files of at least ``LARGE`` bytes are used this way. They are read in blocks of about a mebibyte: whole blocks go to
training, validation and test, and an epoch goes through the blocks in a drawn order, ``WINDOW`` of them at a time, with
their rows mixed. So every byte is read once an epoch and in large pieces, and about 64 MiB are in use at any time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LARGE = 256 * 2**20  # bytes of a file from which on it is read in blocks
BLOCK_BYTES = 2**20
WINDOW = 64  # blocks whose rows are mixed


class Mapped:
    """Chosen rows (n, D) of a memory map; ``[...]`` reads, ``select`` chooses among them and reads nothing."""

    def __init__(self, base: np.ndarray, index: np.ndarray | None = None) -> None:
        self.base = np.asarray(base)  # the same memory map, without the cost of its class
        self.index = np.arange(len(base)) if index is None else index

    @property
    def dtype(self) -> np.dtype:
        return self.base.dtype

    @property
    def shape(self) -> tuple[int, int]:
        return (len(self.index), self.base.shape[1])

    @property
    def block(self) -> int:
        """Rows of a block."""
        return max(BLOCK_BYTES // int(self.base.shape[1] * self.base.itemsize), 1)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple):
            return self.base[(self.index[index[0]], *index[1:])]
        return self.base[self.index[index]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.base[self.index], dtype)

    def select(self, index: np.ndarray | slice) -> Mapped:
        return Mapped(self.base, self.index[index])


def in_blocks(stored: np.ndarray) -> Any:
    """What is stored, left in its file where that is large."""
    return Mapped(stored) if isinstance(stored, np.memmap) and stored.nbytes >= LARGE else stored


def chosen(stored: Any, index: np.ndarray | slice) -> Any:
    """Some of the rows; of those in a file, nothing is read."""
    return stored.select(index) if isinstance(stored, Mapped) else stored[index]


def block_of(stored: Any) -> int:
    """Rows of a block where rows are read in blocks, else 0."""
    return stored.block if isinstance(stored, Mapped) else 0


def rows_of_blocks(blocks: np.ndarray, block: int) -> np.ndarray:
    """The rows of some blocks, block after block."""
    return np.asarray((blocks[:, None] * block + np.arange(block)).reshape(-1))


def mixed(rows: int, block: int, rng: np.random.Generator) -> np.ndarray:
    """Every row once: the blocks in a drawn order, and within each ``WINDOW`` of them the rows in another."""
    blocks = rng.permutation(-(-rows // block))
    order = []
    for first in range(0, len(blocks), WINDOW):
        some = rows_of_blocks(blocks[first : first + WINDOW], block)
        order.append(rng.permutation(some[some < rows]))
    return np.concatenate(order)
