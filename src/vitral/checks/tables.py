"""The certificate of a model of a table: what its encoder makes of a row becomes the first layer of that encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.data import Rows
from vitral.data.columns import Column, seen
from vitral.model import Model
from vitral.parts.layers import Chain


@dataclass(frozen=True)
class Coding:
    """Whole rows x as an encoder sees them: classes as one number each, and marks that all of it was observed.

    Nobody asks for dx: rows are where the way back ends.
    """

    columns: tuple[Column, ...] | None
    missing: bool
    shapes: ClassVar[Shapes] = {}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def forward(self, p: Views, x: Array) -> tuple[Array, Any]:
        mask = np.ones_like(x) if self.missing else None
        return seen(x, mask, self.columns), lambda dy, g, wanted=True: np.zeros_like(x)


def whole_rows(model: Model, rows: Rows) -> tuple[Model, Array]:
    """The model as a function of rows alone, and rows (N, D) in float64 whose holes hold what others have."""
    x = rows.take(slice(None), "float64")
    if not rows.missing and rows.columns is None:
        return model, x
    coding = Coding(rows.columns, rows.missing)
    return replace(model, encoder=Chain((coding, model.encoder))), arrays.without_holes(x)
