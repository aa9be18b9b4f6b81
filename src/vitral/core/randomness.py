"""Reproducible randomness: a generator is a function of (seed, purpose, index), never a shared state.

Equal arguments give equal numbers, different arguments independent ones. Adding a purpose shifts no
other, and a resumed training has no generator to restore.
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import numpy as np


def stream(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """The generator for one purpose, such as ``stream(seed, "noise", epoch, step)``.

    Parameters
    ----------
    seed
        A whole number of at least 0.
    purpose
        What the numbers are for; any text.
    *index
        Whole numbers of at least 0 that tell equal purposes apart.

    >>> float(stream(0, "noise", 3).random()) == float(stream(0, "noise", 3).random())
    True
    """
    key = (crc32(purpose.encode()), *index)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def draw(
    shapes: Mapping[str, tuple[int, ...]], rng: np.random.Generator, dtype: str
) -> dict[str, np.ndarray]:
    """Standard normal noise for every name of a model's noise tree."""
    return {name: rng.standard_normal(shape, dtype=np.dtype(dtype)) for name, shape in shapes.items()}
