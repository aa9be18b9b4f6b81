"""What the rows of a data set are, and the promise about them that travels with every model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from vitral.core.randomness import stream
from vitral.data.condition import Condition
from vitral.data.fingerprint import Watched, fingerprint
from vitral.errors import DataError
from vitral.model import Batch

BLOCK = 4096  # rows looked at together when a whole array is checked


@dataclass(frozen=True)
class Bits:
    """How grey levels became the bits of a data set: the ``rule``, its ``seed``, and the largest level, ``scale``."""

    rule: str
    seed: int
    scale: float


@dataclass(frozen=True)
class Contract:
    """The shape, storage and range of the rows: x = stored / scale lies in [low, high].

    Densities are per unit of x, which ``unit`` names. ``binary`` says that x is 0 or 1 only, and ``bits`` how such
    rows were drawn where they were; ``context`` is what a conditional model is given beside each row.
    """

    features: int
    image_shape: tuple[int, ...] | None
    stored: str
    scale: float
    low: float
    high: float
    unit: str
    binary: bool = False
    bits: Bits | None = None
    context: Condition | None = None

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Contract:
        """A contract from plain data; ``bits`` and ``context`` may be missing, as in older files."""
        made: dict[str, Any] = dict(entries)
        for key, read in (("image_shape", tuple), ("bits", _bits), ("context", Condition.from_dict)):
            if made.get(key) is not None:
                made[key] = read(made[key])
        return cls(**made)

    def to_dict(self) -> dict[str, Any]:
        return dict(_plain(asdict(self)))

    def rows(self, array: np.ndarray, name: str = "the array") -> Rows:
        """New rows for a model with this contract; refuses shapes, kinds and values that do not fit.

        A model that was trained on drawn bits is given bits: grey levels are drawn as its rule says, with its seed,
        row after row, so that the same rows always give the same bits.
        """
        flat = flattened(array, name)
        if flat.shape[1] != self.features:
            raise DataError(
                f"{name} has {flat.shape[1]} features a row, the model needs {self.features}"
                f"{_shaped(self.image_shape)}: give rows of that size"
            )
        if self.binary:
            return self._bits_of(flat, name)
        rows = Rows(flat, None, self.scale if flat.dtype == np.uint8 else 1.0)
        rows.check(self.low, self.high, name)
        return rows

    def _bits_of(self, flat: np.ndarray, name: str) -> Rows:
        """Rows of 0 and 1 as they are; others are drawn where a rule is known, and refused where none is."""
        if only_bits(flat):
            return Rows(flat.astype(np.uint8), None, 1.0)
        if self.bits is None:
            raise DataError(
                f"{name} holds values other than 0 and 1, and the model was trained on bits: "
                "turn its rows into bits first, by the rule that made the training data"
            )
        rows = Rows(flat, None, self.bits.scale if flat.dtype == np.uint8 else 1.0)
        rows.check(0.0, 1.0, name)
        return drawn_bits(rows, stream(self.bits.seed, "bits given"))


@dataclass(frozen=True)
class Rows:
    """Rows as they are stored, (N, D), with labels (N,) or None; ``take`` converts what is needed.

    ``context`` (N, C) is what a conditional model is given beside each row; ``side`` the numbers (N, S) that the
    data hold about each row, whether a model is given them or not.
    """

    stored: np.ndarray
    labels: np.ndarray | None
    scale: float
    context: np.ndarray | None = None
    side: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.stored)

    def take(self, index: np.ndarray | slice, dtype: str = "float32") -> np.ndarray:
        """x = stored / scale for some rows, (n, D). The quotient is a float32 number in either dtype."""
        x = self.stored[index].astype("float32" if self.stored.dtype == np.uint8 else dtype)
        if self.scale != 1.0:
            x /= np.asarray(self.scale, x.dtype)
        return x.astype(dtype, copy=False)

    def batch(self, index: np.ndarray | slice, dtype: str = "float32") -> Batch:
        """What a model sees of some rows: x as input and target, and their context."""
        x = self.take(index, dtype)
        return Batch(x, x, context=None if self.context is None else self.context[index].astype(dtype))

    def select(self, index: np.ndarray | slice) -> Rows:
        """Some of the rows, in the order given; a slice copies nothing."""
        beside = (self.labels, self.context, self.side)
        labels, context, side = (None if part is None else part[index] for part in beside)
        return Rows(self.stored[index], labels, self.scale, context, side)

    def check(self, low: float, high: float, name: str) -> None:
        """Refuse NaN, infinity and values outside [low, high], naming the first offender."""
        for start in range(0, len(self), BLOCK):
            x = self.take(slice(start, start + BLOCK), "float64")
            wrong = ~((x >= low) & (x <= high) & np.isfinite(x))
            if wrong.any():
                row, column = np.argwhere(wrong)[0]
                raise DataError(
                    _offence(name, start + int(row), int(column), float(x[row, column]), low, high)
                )


@dataclass(frozen=True)
class Data:
    """A named data set in three parts; ``split`` names how it was cut.

    ``grey`` holds the training rows as they were where every minibatch draws new bits from them; ``train`` is
    then one such draw. ``files`` are the files that are read while a model trains.
    """

    name: str
    split: str
    train: Rows
    validation: Rows
    test: Rows
    contract: Contract
    grey: Rows | None = None
    files: tuple[Watched, ...] = ()

    def fingerprint(self) -> str:
        """64 hexadecimal digits that tell these data from others: the values of all parts, in their order.

        It is made of sampled rows where there are many, in milliseconds, and depends on no path, name or date.
        """
        grey = {} if self.grey is None else {"grey": self.grey}
        return fingerprint(self.parts() | grey)

    def check_files(self) -> None:
        """Refuse to go on with files that have changed since they were opened."""
        for file in self.files:
            file.check()

    @property
    def classes(self) -> list[int] | None:
        labels = self.train.labels
        return None if labels is None else [int(label) for label in np.unique(labels)]

    def minibatch(
        self, index: np.ndarray, dtype: str, rng: Callable[[], np.random.Generator], part: slice = slice(None)
    ) -> Batch:
        """A part of some training rows; where bits are drawn dynamically, they are drawn for all, by ``rng``."""
        if self.grey is None:
            return self.train.batch(index[part], dtype)
        return drawn_bits(self.grey.select(index), rng()).batch(part, dtype)

    def select(self, index: slice) -> Data:
        """The same rows of every part."""
        train, validation, test = (rows.select(index) for rows in self.parts().values())
        grey = None if self.grey is None else self.grey.select(index)
        return replace(self, train=train, validation=validation, test=test, grey=grey)

    def parts(self) -> dict[str, Rows]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


def drawn_bits(rows: Rows, rng: np.random.Generator) -> Rows:
    """Rows of bits: each pixel is 1 with the probability that is its intensity, level / scale."""
    if rows.stored.dtype == np.uint8:
        bits = rng.integers(0, int(rows.scale), rows.stored.shape, dtype=np.uint8) < rows.stored
    else:
        bits = rng.random(rows.stored.shape, dtype=np.float32) < rows.stored
    return replace(rows, stored=bits.astype(np.uint8), scale=1.0)


def only_bits(stored: np.ndarray) -> bool:
    """Whether every stored number is 0 or 1."""
    blocks = (stored[start : start + BLOCK] for start in range(0, len(stored), BLOCK))
    return stored.dtype == bool or all(bool(((some == 0) | (some == 1)).all()) for some in blocks)


@dataclass(frozen=True)
class Source:
    """All rows of a set before they are split; ``official`` is its own training and test sizes."""

    name: str
    rows: Rows
    contract: Contract
    official: tuple[int, int, int] | None = None
    files: tuple[Watched, ...] = ()


def flattened(array: np.ndarray, name: str) -> np.ndarray:
    """(N, D), (N, H, W) or (N, H, W, C) numbers as rows (N, D)."""
    if array.dtype.kind not in "buif":
        raise DataError(f"{name} holds {array.dtype} values, not numbers: give an integer or float array")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise DataError(
            f"{name} has shape {array.shape}: give (rows, features), (rows, H, W) or (rows, H, W, C)"
        )
    return array.reshape(array.shape[0], -1)


def _bits(entries: Mapping[str, Any]) -> Bits:
    return Bits(**entries)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _offence(name: str, row: int, column: int, value: float, low: float, high: float) -> str:
    where = f"{name}: row {row}, column {column} is {value:g}"
    if not np.isfinite(value):
        return f"{where}; every value must be a finite number: remove or fill such entries"
    return f"{where}; values must lie in [{low:g}, {high:g}]: scale the data, or choose another likelihood"


def _shaped(image_shape: tuple[int, ...] | None) -> str:
    return "" if image_shape is None else f" (images of {' x '.join(map(str, image_shape))})"
