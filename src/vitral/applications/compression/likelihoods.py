"""The two likelihoods of integer models: what a decoder's output says about the levels of a row, as a codec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from vitral.applications.compression import tables
from vitral.applications.compression.codecs import Bernoulli, Codec, Sought
from vitral.applications.compression.layers import Format, IntegerLayer


class Bits:
    """Bernoulli: one logit a pixel, looked up."""

    width: ClassVar[int] = 1
    wanted: ClassVar[Format] = Format(tables.LOGIT, 0, (2 * tables.LOGIT_REACH << tables.LOGIT) - 1,
                                      tables.LOGIT_REACH << tables.LOGIT)  # fmt: skip

    @staticmethod
    def made() -> dict[str, np.ndarray]:
        """The tables that belong to it."""
        return {"zeros": tables.bernoulli_table()}

    @staticmethod
    def codec(o: np.ndarray, own: Mapping[str, np.ndarray]) -> Codec:
        """The codec of all pixels of all rows, given the decoder's output (n, M)."""
        return Bernoulli(tables.entries(own["zeros"], o.ravel()).astype(np.int64))

    @staticmethod
    def check(last: IntegerLayer, own: Mapping[str, np.ndarray]) -> None:
        """Raise ValueError unless the table covers every output and has no impossible bit."""
        zeros = own["zeros"]
        if zeros.ndim != 1 or zeros.dtype != np.int32 or last.low < 0 or last.high >= len(zeros):
            raise ValueError("the table of bits")
        if zeros.min() < 1 or zeros.max() >= 1 << tables.MASS:
            raise ValueError("masses of bits")


class Bytes:
    """Beta-binomial: two outputs a pixel choose a cell, and each cell has the masses of all 256 levels."""

    width: ClassVar[int] = 2
    wanted: ClassVar[Format] = Format(tables.SHAPE, 0, (2 * tables.SHAPE_REACH << tables.SHAPE) - 1,
                                      tables.SHAPE_REACH << tables.SHAPE)  # fmt: skip

    @staticmethod
    def made() -> dict[str, np.ndarray]:
        """The tables that belong to it."""
        return {"edges": tables.beta_binomial_table()}

    @staticmethod
    def codec(o: np.ndarray, own: Mapping[str, np.ndarray]) -> Codec:
        """The codec of all pixels of all rows, given the decoder's output (n, M)."""
        edges = own["edges"]
        side = 2 * tables.SHAPE_REACH << tables.SHAPE
        both = o.reshape(-1, 2).astype(np.int64)
        first = (both[:, 0] * side + both[:, 1]) * edges.shape[1]
        flat = edges.ravel()

        def border(row: slice, k: np.ndarray) -> np.ndarray:
            return np.asarray(flat.take(first[row] + k), np.int64)

        return Sought(len(first), 8, border, tables.LEVEL)

    @staticmethod
    def check(last: IntegerLayer, own: Mapping[str, np.ndarray]) -> None:
        """Raise ValueError unless the table covers every pair of outputs and every level has a mass."""
        edges, side = own["edges"], 2 * tables.SHAPE_REACH << tables.SHAPE
        if edges.shape != (side * side, 257) or edges.dtype != np.int32 or last.low < 0 or last.high >= side:
            raise ValueError("the table of levels")
        if edges[:, 0].any() or (edges[:, -1] != 1 << tables.LEVEL).any() or (np.diff(edges, axis=1) < 1).any():
            raise ValueError("masses of levels")


LIKELIHOODS: dict[int, Any] = {2: Bits, 256: Bytes}
