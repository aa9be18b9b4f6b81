"""What a conditional model is given beside each row: the class of the row, or other numbers about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.errors import DataError, UsageError

CONTEXTS = ("none", "labels", "side")


@dataclass(frozen=True)
class Condition:
    """The context c (C,) of a row, ``width`` C: what every density of a conditional model is given.

    "labels": which of ``classes`` the row is, as C numbers of which one is 1, in the order of the classes; ``shares``
    says how often each was among the training rows. "side": C numbers of the data file.
    """

    kind: str
    width: int
    classes: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Condition:
        made: dict[str, Any] = dict(entries)
        return cls(**made | {key: tuple(made.get(key, ())) for key in ("classes", "shares")})

    @classmethod
    def of_labels(cls, labels: np.ndarray) -> Condition:
        """The classes among training labels, in the order of their numbers, and how often each occurs."""
        classes, counts = np.unique(labels, return_counts=True)
        shares = counts / counts.sum()
        return cls("labels", len(classes), tuple(classes.astype(int).tolist()), tuple(shares.tolist()))

    def numbers(self, shape: tuple[int, ...], *, label: Any = None, context: Any = None) -> np.ndarray:
        """The context of rows of this shape, (*shape, C): for one label or one for each row, or as it is given."""
        if label is not None and context is not None:
            raise UsageError("give label or context, not both: a label is a context of its own")
        if label is None and context is None:
            raise UsageError(f"this model is conditional, and no {self.needs}")
        return self._of_labels(label, shape) if context is None else self._as_given(context, shape)

    @property
    def needs(self) -> str:
        """What has to be given, as the end of a sentence that says that it was not."""
        if self.kind == "labels":
            return f"label was given: choose of its classes {self.named}"
        return f"side information was given: give context, {self.width} numbers a row"

    @property
    def named(self) -> str:
        return ", ".join(map(str, self.classes))

    def evenly(self, n: int) -> np.ndarray:
        """n labels (n,), as many of every class as n allows, class after class."""
        return np.asarray(self.classes)[np.arange(n) * len(self.classes) // max(n, 1)]

    def drawn(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n labels (n,), each class as often as among the training rows."""
        if self.kind != "labels":
            raise UsageError(f"this model is conditional, and no {self.needs}")
        return rng.choice(np.asarray(self.classes), n, p=np.asarray(self.shares))

    def _of_labels(self, label: Any, shape: tuple[int, ...]) -> np.ndarray:
        if self.kind != "labels":
            raise UsageError(
                "this model was conditioned on side information, not on labels: "
                f"give context, {self.width} numbers a row"
            )
        labels = self._spread(np.asarray(label), shape, "labels")
        places = labels[..., None] == np.asarray(self.classes)
        strange = labels[~places.any(axis=-1)]
        if strange.size:
            raise UsageError(f"{strange.flat[0]} is not a class of this model: choose of {self.named}")
        return np.asarray(places, np.float32)

    def _as_given(self, context: Any, shape: tuple[int, ...]) -> np.ndarray:
        array = np.asarray(context)
        if array.dtype.kind not in "buif" or array.shape[-1:] != (self.width,):
            raise DataError(
                f"a context of this model is {self.width} numbers, got {array.dtype} of shape {array.shape}: "
                f"give (rows, {self.width})"
            )
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise DataError("the context holds values that are not finite: remove or fill them")
        return self._spread(array, (*shape, self.width), "contexts")

    def _spread(self, array: np.ndarray, shape: tuple[int, ...], what: str) -> np.ndarray:
        try:
            return np.broadcast_to(array, shape)
        except ValueError as error:
            raise DataError(
                f"{what} of shape {array.shape} do not fit rows of shape {shape}: give one for all, or one a row"
            ) from error
