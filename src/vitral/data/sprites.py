"""Sprites: drawn images whose five factors are known, to measure what a code has found out about them.

Three shapes at four scales, ten orientations and 8 x 8 positions, 7,680 images of 32 x 32 pixels, every combination
once. Nothing is drawn at random: the same pixels on every machine. The plan is that of dSprites (Matthey et al.
2017), with one difference: orientations cover a quarter turn, within which no shape repeats itself, so that no two
images are equal and every factor can be read from its image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vitral.data.contract import Contract, Rows, Source
from vitral.errors import DataError, UsageError

NAMES = ("shape", "scale", "orientation", "x", "y")
SHAPES = ("square", "ellipse", "heart")
VALUES = (len(SHAPES), 4, 10, 8, 8)  # how many values each factor takes
ORDERED = (False, True, True, True, True)  # whether neighbouring values of a factor are neighbours
SIZE = 32  # pixels a side
FINENESS = 8  # sub-samples a pixel and axis: a level is the share of 64 points that lie inside
REACH = 8.5 / 32.0  # the furthest point of the largest shape from its centre, as a share of a side
SMALLEST = 0.5  # the smallest scale as a share of the largest

Inside = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside: np.ndarray = np.maximum(np.abs(x), np.abs(y)) <= np.sqrt(0.5)
    return inside


def _ellipse(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside: np.ndarray = x * x + (2.0 * y) ** 2 <= 1.0
    return inside


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(a² + b² - 1)³ <= a² b³, moved and shrunk into the unit circle."""
    a, b = 1.25 * x, 1.25 * y + 0.25
    return (a * a + b * b - 1.0) ** 3 <= a * a * b**3


DRAWN: dict[str, Inside] = {"square": _square, "ellipse": _ellipse, "heart": _heart}


@dataclass(frozen=True)
class Sprites:
    """Every image once: ``rows`` (N, D), ``factors`` (N, 5) of whole numbers from 0, in the order of ``NAMES``.

    >>> whole = grid()
    >>> len(whole.rows), whole.factors.shape
    (7680, (7680, 5))
    >>> [int(value) for value in whole.factors[whole.index([2, 3, 0, 4, 4])]]
    [2, 3, 0, 4, 4]
    """

    rows: Rows
    factors: np.ndarray
    size: int

    def index(self, factors: object) -> np.ndarray:
        """The rows with these factors, (...,) for (..., 5): random access to any combination."""
        asked = np.asarray(factors)
        whole = asked.dtype.kind in "iu" and asked.shape[-1:] == (len(VALUES),)
        if not (whole and ((asked >= 0) & (asked < VALUES)).all()):
            raise DataError(
                f"factors must be whole numbers (..., {len(VALUES)}) below {VALUES}, got {factors!r}: "
                f"give {', '.join(NAMES)}, each counted from 0"
            )
        return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(asked, -1, 0)), VALUES))


@lru_cache(maxsize=2)
def grid(size: int = SIZE) -> Sprites:
    """The whole set; ``size``, the pixels a side, is a multiple of 32: every position is a whole pixel then."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 32 or size % 32:
        raise UsageError(f"the size of sprites must be a multiple of 32, got {size!r}: give 32 or 64")
    factors = np.stack(np.meshgrid(*map(np.arange, VALUES), indexing="ij"), axis=-1).reshape(-1, len(VALUES))
    images = np.zeros((*VALUES, size, size), np.uint8)
    step, height = size // 16, _window(size)  # 7 steps and a window fill a side
    for shape, scale, turn in np.ndindex(VALUES[:3]):
        patch = _patch(SHAPES[shape], _scale(scale), _angle(turn), size)
        for x, y in np.ndindex(VALUES[3:]):
            left, top = step * x, step * y
            images[shape, scale, turn, x, y, top : top + height, left : left + height] = patch
    stored = images.reshape(len(factors), -1)
    for array in (stored, factors):
        array.flags.writeable = False
    return Sprites(Rows(stored, factors[:, 0], 255.0), factors, size)


def sprites(size: int = SIZE) -> Source:
    """The whole set as a source of rows; the label is the shape. Factors: ``grid().factors``."""
    contract = Contract(
        size * size,
        (size, size),
        "uint8",
        255.0,
        0.0,
        1.0,
        "pixel intensity, 0 to 1 (covered share of a pixel)",
    )
    return Source("sprites", grid(size).rows, contract)


def _scale(value: int) -> float:
    """From half to the whole of the largest, in equal steps."""
    return SMALLEST + (1.0 - SMALLEST) * value / (VALUES[1] - 1)


def _angle(value: int) -> float:
    """Radians, counter-clockwise: equal steps of a quarter turn."""
    return 0.5 * np.pi * value / VALUES[2]


def _window(size: int) -> int:
    """The side of the patch that holds any shape, in pixels: 18 of 32, for a reach of 8.5 either way."""
    return 9 * size // 16


def _patch(shape: str, scale: float, angle: float, size: int) -> np.ndarray:
    """One shape at the middle of its window: levels 0 to 255, the share of every pixel that it covers."""
    height = _window(size)
    axis = ((np.arange(height * FINENESS) + 0.5) / FINENESS - height / 2.0) / (REACH * size * scale)
    right, up = axis[None, :], -axis[:, None]
    x = np.cos(angle) * right + np.sin(angle) * up
    y = np.cos(angle) * up - np.sin(angle) * right
    covered = DRAWN[shape](x, y).reshape(height, FINENESS, height, FINENESS).mean(axis=(1, 3))
    levels: np.ndarray = np.rint(255.0 * covered).astype(np.uint8)
    return levels
