"""The part of a recipe that says which rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DataPart:
    """Which rows: a named set or the path of an array or table file; limit 0 keeps all rows.

    ``binarise`` is "none", "static" (bits drawn once, from the seed) or "dynamic" (training bits anew for every
    minibatch). Of a table, ``labels`` is the column of labels, ``columns`` which others to use ("age", "age:count",
    "-id", "*"; none given: all), and ``missing`` "refuse" or "model" (docs/tables.md). Of arrays, ``labels`` is a file
    with one label a row. Of a folder of images, ``image_size`` ("32x24") is what they are scaled to, ``grey`` makes
    them grey, and ``on_bad`` is "error" or "skip" for files that cannot be used (docs/own_data.md).
    """

    name: str = "mnist"
    split: str = "auto"
    limit: int = 0
    binarise: str = "none"
    labels: str = ""
    columns: tuple[str, ...] = ()
    missing: str = "refuse"
    image_size: str = ""
    grey: bool = False
    on_bad: str = "error"

    def options(self) -> dict[str, Any]:
        """How the rows are read: the keywords of ``load_data`` that belong to own data."""
        keys = ("labels", "columns", "missing", "image_size", "grey", "on_bad")
        return {key: getattr(self, key) for key in keys}
