"""What y is to a conditional estimator: classes, or numbers beside each row; and y as numbers of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.data import Condition
from vitral.errors import DataError, UsageError

CONDITIONS = ("auto", "labels", "numbers")


@dataclass(frozen=True)
class Target:
    """The kind of y: its ``classes`` and how often each was ``seen``, or the scaling of its numbers.

    A class stands for a whole number in the ``condition`` of the model: itself, or else its place among the classes.
    """

    condition: Condition
    classes: np.ndarray | None = None
    seen: np.ndarray | None = None
    location: np.ndarray | None = None
    spread: np.ndarray | None = None

    def numbers(self, y: Any, rows: int) -> np.ndarray:
        """y for so many rows as the context (rows, C) of the engine; refuses classes that were not learned."""
        each = self.each(y, rows)
        if self.classes is not None:
            places = _places(self.classes, each)
            return self.condition.numbers((rows,), label=np.asarray(self.condition.classes)[places])
        scaled = (each.reshape(rows, -1) - self.location) / self.spread
        return self.condition.numbers((rows,), context=scaled)

    def each(self, y: Any, rows: int) -> np.ndarray:
        """y for every row, where one may have been given for all: classes (rows,), numbers (rows,) or (rows, C)."""
        if self.classes is not None:
            return _spread(np.asarray(y).ravel(), rows)
        width = self.condition.width
        given = as_numbers(y)
        if given.size not in (width, rows * width):
            raise DataError(f"y has shape {np.shape(y)}: give {width} numbers for each of {rows} rows, or for all")
        spread = np.broadcast_to(given.reshape(-1, width), (rows, width))
        return spread[:, 0] if width == 1 else spread

    def again(self, y: Any) -> Target:
        """The same classes, counted on with those of more rows; numbers keep their scaling."""
        if self.classes is None or self.seen is None:
            return self
        places = _places(self.classes, np.asarray(y).ravel())
        return of_classes(self.classes, self.seen + np.bincount(places, minlength=len(self.classes)))


def target_of(y: Any, kind: str, classes: Any = None) -> Target:
    """What y of a first fit is: "labels", "numbers", or with "auto" numbers where it holds fractions or columns."""
    array = np.asarray(y)
    if kind == "numbers" or (kind == "auto" and classes is None and _fractions(array)):
        return _of_numbers(as_numbers(y))
    array = array.ravel()
    known = _unique(array if classes is None else np.asarray(classes))
    return of_classes(known, np.bincount(_places(known, array), minlength=len(known)))


def of_classes(classes: np.ndarray, seen: np.ndarray) -> Target:
    """Classes that were seen so often."""
    whole = classes.dtype.kind in "iub"
    numbers = tuple(int(label) for label in classes) if whole else tuple(range(len(classes)))
    shares = tuple((seen / seen.sum()).tolist())
    return Target(Condition("labels", len(classes), numbers, shares), classes, seen)


def _of_numbers(array: np.ndarray) -> Target:
    columns = array.reshape(len(array), -1)
    spread = columns.std(axis=0)
    return Target(
        Condition("side", columns.shape[1]),
        location=columns.mean(axis=0),
        spread=np.where(spread > 0.0, spread, 1.0),
    )


def _fractions(array: np.ndarray) -> bool:
    """Whether y is no list of classes: columns of numbers, or numbers that are not whole."""
    if array.dtype.kind not in "f":
        return array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "iub"
    return (array.ndim == 2 and array.shape[1] > 1) or bool((array != np.rint(array)).any())


def as_numbers(y: Any) -> np.ndarray:
    """y in float64; refuses what is no finite number."""
    try:
        array = np.asarray(y, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"y holds something that is no number: {error}; give numbers, or condition='labels'") from error
    if not np.isfinite(array).all():
        raise DataError("y holds NaN or infinity: remove such rows, or fill them")
    return array


def _unique(labels: np.ndarray) -> np.ndarray:
    """The classes in their order; refuses labels that have none, and fractions that are NaN."""
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError("y holds NaN or infinity: remove such rows, or fill them")
    try:
        return np.unique(labels)
    except TypeError as error:
        raise DataError("y holds labels of different kinds: make them all text, or all whole numbers") from error


def _places(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which class every label is; refuses one that is none of them."""
    try:
        places = np.searchsorted(classes, labels).clip(0, len(classes) - 1)
    except TypeError as error:
        raise UsageError(f"y holds labels of another kind than the classes {_shown(classes)}") from error
    strange = labels[classes[places] != labels]
    if strange.size:
        raise UsageError(f"{strange.tolist()[0]!r} is not a class of this model: choose of {_shown(classes)}")
    return np.asarray(places)


def _shown(classes: np.ndarray) -> str:
    return ", ".join(map(str, classes[:10])) + (", ..." if len(classes) > 10 else "")


def _spread(labels: np.ndarray, rows: int) -> np.ndarray:
    if len(labels) not in (1, rows):
        raise DataError(f"y has {len(labels)} labels for {rows} rows: give one for each, or one for all")
    return np.broadcast_to(labels, (rows,))
