"""What the columns of a table are, and what an encoder sees of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

MISSING = ("refuse", "model")
KINDS = ("number", "category", "boolean", "count")


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, what its numbers mean, and how its values are written outside.

    ``kind``: "number", "category" (stored as its place in ``categories``), "boolean" (stored as 0 or 1; its two
    ``categories``, where it has some, are how they are written), "count" (0, 1, 2, ...). ``dtype`` is the name of
    NumPy's type of the values, or "string" or "category".
    """

    name: str
    kind: str = "number"
    dtype: str = "float64"
    categories: tuple[Any, ...] = ()

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Column:
        return cls(**{**entries, "categories": tuple(entries.get("categories", ()))})

    @property
    def width(self) -> int:
        """How many numbers an encoder sees: one for each category, else one."""
        return len(self.categories) if self.kind == "category" else 1


class _Places(NamedTuple):
    """Of every number that an encoder sees: its column, the class that it stands for, whether category or count."""

    column: np.ndarray
    number: np.ndarray
    category: np.ndarray
    tally: np.ndarray


@lru_cache(maxsize=16)
def _places(columns: tuple[Column, ...]) -> _Places:
    widths = [column.width for column in columns]
    own = np.repeat(np.arange(len(columns)), widths)
    number = np.concatenate([np.arange(width) for width in widths])
    kinds = np.array([column.kind for column in columns])[own]
    return _Places(own, number, kinds == "category", kinds == "count")


def seen(x: np.ndarray, mask: np.ndarray | None, columns: tuple[Column, ...] | None) -> np.ndarray:
    """What an encoder sees of rows x (N, D) with 0 where nothing was observed, (N, inputs).

    A category is as many numbers as it has classes, of which the one of its class is 1; a count c is log(1 + c);
    anything else is itself. Where a row may have holes (``mask`` (N, D)), they are 0, and the mask follows.
    """
    made = x if columns is None else _coded(x, mask, _places(columns))
    return made if mask is None else np.concatenate([made, mask], axis=1)


def _coded(x: np.ndarray, mask: np.ndarray | None, places: _Places) -> np.ndarray:
    made = x[:, places.column]
    made[:, places.category] = made[:, places.category] == places.number[places.category]
    made[:, places.tally] = np.log1p(made[:, places.tally])
    return made if mask is None else made * mask[:, places.column]


def inputs(features: int, columns: tuple[Column, ...] | None, *, missing: bool) -> int:
    """How many numbers ``seen`` makes of a row of so many features."""
    width = features if columns is None else sum(column.width for column in columns)
    return width + features if missing else width
