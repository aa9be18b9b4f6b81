"""What the rows of a data set are, and the promise about them that travels with every model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from vitral.core.randomness import stream
from vitral.data.columns import Column, inputs, seen
from vitral.data.condition import Condition
from vitral.data.fingerprint import Watched, fingerprint
from vitral.data.mapped import block_of, chosen
from vitral.errors import DataError
from vitral.model import Batch

BLOCK = 4096  # rows looked at together when a whole array is checked
WIDE = 2**22  # and at most so many numbers


@dataclass(frozen=True)
class Bits:
    """How grey levels became the bits of a data set: the ``rule``, its ``seed``, and the largest level, ``scale``."""

    rule: str
    seed: int
    scale: float


@dataclass(frozen=True)
class Contract:
    """The shape, storage and range of the rows: x = (stored / scale - location) / spread lies in [low, high].

    ``location`` and ``spread`` have one number a feature, fitted on training rows; None means 0 and 1. Densities
    are per unit of x, which ``unit`` names; ``log_slope`` turns them into densities of the data. ``missing`` says
    that NaN means "not observed", ``columns`` what the features are where the rows are those of a table. ``binary``
    says that x is 0 or 1 only, and ``bits`` how such rows were drawn where they were; ``context`` is what a
    conditional model is given beside each row.
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
    location: tuple[float, ...] | None = None
    spread: tuple[float, ...] | None = None
    missing: bool = False
    columns: tuple[Column, ...] | None = None
    label: Column | None = None

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Contract:
        """A contract from plain data; what has a default may be missing, as in older files."""
        made: dict[str, Any] = dict(entries)
        for key, read in _READ.items():
            if made.get(key) is not None:
                made[key] = read(made[key])
        return cls(**made)

    def to_dict(self) -> dict[str, Any]:
        return dict(_plain(asdict(self)))

    @property
    def inputs(self) -> int:
        """How many numbers an encoder sees of a row; 0 where it sees the row as it is."""
        plain = self.columns is None and not self.missing
        return 0 if plain else inputs(self.features, self.columns, missing=self.missing)

    def of(self, stored: np.ndarray) -> Rows:
        """Rows (N, D) as this contract reads them; nothing is checked."""
        scale = self.scale if stored.dtype == np.uint8 else 1.0
        form = (self.location, self.spread, self.missing, self.columns)
        return Rows(stored, None, scale, None, None, *form)

    def unscaled(self, x: np.ndarray) -> np.ndarray:
        """The data that x (..., D) stands for, (x spread + location) scale, in float64; NaN stays."""
        data = np.asarray(x, np.float64)
        if self.spread is not None:
            data = data * np.asarray(self.spread)
        if self.location is not None:
            data = data + np.asarray(self.location)
        return data * self.scale

    def filled(self, stored: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Stored numbers (N, D) whose holes, NaN, hold the data that x stands for; the others are what they were."""
        if stored.dtype.kind != "f":
            return stored.copy()
        return np.where(np.isnan(stored), self.unscaled(x).astype(stored.dtype), stored)

    def log_slope(self, rows: Rows) -> np.ndarray:
        """log |dx / d stored| of every row, (N,): the sum over its observed numbers of -log(scale spread_d).

        x_d = (s_d / scale - location_d) / spread_d has dx_d/ds_d = 1 / (scale spread_d), and one feature depends on
        one number, so that the density of the data is p(s) = p(x) Π_d |dx_d/ds_d|:

            log p(s) = log p(x) + log_slope        in the units of the data

        What was not observed has no density and no factor. Masses (of classes, bits, counts, levels) have no
        slope: columns of such kinds have location 0 and spread 1, and a likelihood of levels needs none of this.
        """
        spread = np.ones(self.features) if self.spread is None else np.asarray(self.spread)
        each = -np.log(rows.scale * spread)
        if not self.missing:
            return np.full(len(rows), each.sum())
        blocks = (rows.stored[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
        return np.concatenate([np.empty(0), *(~np.isnan(some) @ each for some in blocks)])

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
        if array.ndim > 2 and self.image_shape and _without_one(array.shape[1:]) != _without_one(self.image_shape):
            raise DataError(
                f"{name} has shape {array.shape}, the model needs images of "
                f"{' x '.join(map(str, self.image_shape))}: give them in that layout"
            )
        if self.binary:
            return self._bits_of(flat, name)
        rows = self.of(flat)
        rows.check(self.low, self.high, name)
        return rows

    def called(self, labels: Sequence[int] | None) -> Sequence[object] | None:
        """Labels by the names of their classes, where the classes have names."""
        if labels is None or self.label is None or not self.label.categories:
            return labels
        return [self.label.categories[number] for number in labels]

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
    data hold about each row, whether a model is given them or not. The rest is as in ``Contract``.
    """

    stored: np.ndarray
    labels: np.ndarray | None
    scale: float
    context: np.ndarray | None = None
    side: np.ndarray | None = None
    location: tuple[float, ...] | None = None
    spread: tuple[float, ...] | None = None
    missing: bool = False
    columns: tuple[Column, ...] | None = None

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def block(self) -> int:
        """Rows of a block where the rows are read from a large file in blocks; 0 where they are at hand."""
        return block_of(self.stored)

    @property
    def height(self) -> int:
        """Rows that are looked at together when all are checked: fewer where they are wide."""
        return max(min(BLOCK, WIDE // int(self.stored.shape[1])), 1)

    def take(self, index: np.ndarray | slice, dtype: str = "float32") -> np.ndarray:
        """x = (stored / scale - location) / spread for some rows, (n, D); NaN where nothing was observed.

        Without location and spread the quotient is a float32 number in either dtype; with them it is computed in
        float64 and rounded once.
        """
        if self.location is not None or self.spread is not None:
            return self._affine(self.stored[index].astype("float64")).astype(dtype)
        x = self.stored[index].astype("float32" if self.stored.dtype == np.uint8 else dtype)
        if self.scale != 1.0:
            x /= np.asarray(self.scale, x.dtype)
        return x.astype(dtype, copy=False)

    def _affine(self, x: np.ndarray) -> np.ndarray:
        x /= self.scale
        if self.location is not None:
            x -= np.asarray(self.location)
        if self.spread is not None:
            x /= np.asarray(self.spread)
        return x

    def batch(self, index: np.ndarray | slice, dtype: str = "float32") -> Batch:
        """What a model sees of some rows: inputs, target, what of it was observed, and their context."""
        x = self.take(index, dtype)
        mask = None
        if self.missing:
            mask = ~np.isnan(x)
            x, mask = np.where(mask, x, np.asarray(0.0, dtype)), mask.astype(dtype)
        context = None if self.context is None else self.context[index].astype(dtype)
        return Batch(seen(x, mask, self.columns), x, mask, context)

    def select(self, index: np.ndarray | slice) -> Rows:
        """Some of the rows, in the order given; a slice copies nothing."""
        beside = (self.labels, self.context, self.side)
        labels, context, side = (None if part is None else part[index] for part in beside)
        return replace(self, stored=chosen(self.stored, index), labels=labels, context=context, side=side)

    def observed(self) -> float:
        """How many entries of a row were observed, a mean over the rows."""
        if not self.missing:
            return float(self.stored.shape[1])
        blocks = (self.stored[start : start + self.height] for start in range(0, len(self), self.height))
        return sum(int((~np.isnan(some)).sum()) for some in blocks) / max(len(self), 1)

    def check(self, low: float, high: float, name: str) -> None:
        """Refuse infinity, values x outside [low, high], and NaN where nothing may be missing: the first of them."""
        for start in range(0, len(self), self.height):
            with np.errstate(invalid="ignore"):  # a signalling NaN, which is refused just below
                x = self.take(slice(start, start + self.height), "float64")
            wrong = ~((x >= low) & (x <= high) & np.isfinite(x))
            if self.missing:
                wrong &= ~np.isnan(x)
            if wrong.any():
                row, column = (int(place) for place in np.argwhere(wrong)[0])
                raise DataError(self._offence(name, start + row, column, low, high))

    def place(self, name: str, row: int, column: int) -> str:
        """Where an entry stands and what it is, in the unit of the data, as the beginning of a sentence."""
        value = float(self.stored[row, column]) / self.scale
        called = column if self.columns is None else repr(self.columns[column].name)
        return f"{name}: row {row}, column {called} is {value:g}"

    def _offence(self, name: str, row: int, column: int, low: float, high: float) -> str:
        where = self.place(name, row, column)
        if not np.isfinite(self.stored[row, column]):
            return f"{where}; every value must be a finite number: remove or fill such entries"
        spread = 1.0 if self.spread is None else self.spread[column]
        location = 0.0 if self.location is None else self.location[column]
        ends = f"[{low * spread + location:g}, {high * spread + location:g}]"
        return f"{where}; values must lie in {ends}: scale the data, or choose another likelihood"


@dataclass(frozen=True)
class Data:
    """A named data set in three parts; ``split`` names how it was cut.

    ``grey`` holds the training rows as they were where every minibatch draws new bits from them; ``train`` is
    then one such draw. ``files`` are the files that are read while a model trains, ``notes`` what their reader
    left out.
    """

    name: str
    split: str
    train: Rows
    validation: Rows
    test: Rows
    contract: Contract
    grey: Rows | None = None
    files: tuple[Watched, ...] = ()
    notes: tuple[str, ...] = ()

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
    notes: tuple[str, ...] = ()


def flattened(array: np.ndarray, name: str) -> np.ndarray:
    """(N, D), (N, H, W) or (N, H, W, C) numbers as rows (N, D)."""
    if array.dtype.kind not in "buif":
        raise DataError(f"{name} holds {array.dtype} values, not numbers: give an integer or float array")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise DataError(
            f"{name} has shape {array.shape}: give (rows, features), (rows, H, W) or (rows, H, W, C)"
        )
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] > 4:
        raise DataError(
            f"{name} has shape {array.shape}, channels before height and width: "
            "give (rows, H, W, C), as numpy.moveaxis(images, 1, -1) makes it"
        )
    return array.reshape(array.shape[0], -1)


def _bits(entries: Mapping[str, Any]) -> Bits:
    return Bits(**entries)


def _columns(entries: Any) -> tuple[Column, ...]:
    return tuple(map(Column.from_dict, entries))


_READ: dict[str, Callable[[Any], Any]] = {
    "image_shape": tuple,
    "bits": _bits,
    "context": Condition.from_dict,
    "location": tuple,
    "spread": tuple,
    "columns": _columns,
    "label": Column.from_dict,
}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple | list) else value


def _without_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(H, W) for (H, W, 1): one channel is none."""
    return shape[:-1] if len(shape) == 3 and shape[-1] == 1 else shape


def _shaped(image_shape: tuple[int, ...] | None) -> str:
    return "" if image_shape is None else f" (images of {' x '.join(map(str, image_shape))})"
