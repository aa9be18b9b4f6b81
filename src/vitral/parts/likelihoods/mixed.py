"""Tables whose columns differ in kind: every column has a likelihood of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError, unknown
from vitral.parts.likelihoods.base import Backward, Likelihood, Offence, first
from vitral.parts.likelihoods.bernoulli import Bernoulli
from vitral.parts.likelihoods.categorical import Categorical
from vitral.parts.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vitral.parts.likelihoods.counts import Poisson
from vitral.parts.likelihoods.gaussian_entries import GaussianPixel

COLUMNS: dict[str, tuple[type, dict[str, Any]]] = {  # a kind, its class, and what is preset
    "bernoulli": (Bernoulli, {}),
    "categorical": (Categorical, {}),
    "continuous_bernoulli": (ContinuousBernoulli, {}),
    "gaussian": (GaussianPixel, {"features": 1, "link": "identity"}),
    "poisson": (Poisson, {}),
}


@dataclass(frozen=True)
class Mixed(Likelihood):
    """log p = Σ_d log p_d(x_d): entry d of a row is scored by the likelihood of column d.

    do, dtheta: those of the columns, side by side

    ``columns`` has one entry a column: a kind, such as "gaussian", or a table of a kind and its options, such as
    {"kind": "categorical", "classes": 5}. A gaussian column learns a variance of its own. The numbers of a column
    lie side by side in o. x holds one number a column, the class number of a category among them, and the encoder
    sees the row as it is. Densities of numeric columns are per unit of that column.
    """

    columns: tuple[Any, ...]
    features: int

    @cached_property
    def parts(self) -> tuple[Any, ...]:
        """The likelihood of every column."""
        return tuple(_column(number, entry) for number, entry in enumerate(self.columns))

    @property
    def shapes(self) -> Shapes:  # type: ignore[override]
        return {str(number): part.shapes for number, part in enumerate(self.parts)}

    @property
    def numeric(self) -> bool:  # type: ignore[override]
        return all(part.numeric for part in self.parts)

    def check(self) -> None:
        if not isinstance(self.columns, tuple) or len(self.columns) != self.features:
            got = len(self.columns) if isinstance(self.columns, tuple) else repr(self.columns)
            raise UsageError(
                f"a mixed likelihood needs one entry of columns for each of {self.features} columns, got {got}: "
                'give a list such as ["gaussian", {"kind": "categorical", "classes": 5}]'
            )
        for part in self.parts:
            part.check()

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        for number, (part, views) in enumerate(zip(self.parts, p, strict=True)):
            part.init(views, rng, None if data is None else data[:, number : number + 1])

    def width(self, features: int) -> int:
        return sum(part.width(1) for part in self.parts)

    def start(self, data: Array) -> Array:
        pieces = [part.start(data[:, number : number + 1]) for number, part in enumerate(self.parts)]
        return np.concatenate(pieces, axis=-1)

    def offence(self, x: Array) -> Offence | None:
        for number, part in enumerate(self.parts):
            column, (low, high) = x[:, number : number + 1], part.support
            found = first(~((column >= low) & (column <= high)), f"a number from {low:g} to {high:g}")
            if found is None and isinstance(part, Bernoulli):
                found = first((column != 0.0) & (column != 1.0), "0 or 1")
            found = found or part.offence(column)
            if found is not None:
                return found[0], number, found[2]
        return None

    def mean(self, p: Views, o: Array) -> Array:
        return np.concatenate([part.mean(views, own) for part, views, _, own in self.by_column(p, o)], axis=-1)

    def log_prob_terms(self, p: Views, x: Array, o: Array) -> Array:
        terms = [part.log_prob_terms(views, x[..., at], own) for part, views, at, own in self.by_column(p, o)]
        return np.concatenate(terms, axis=-1)

    def log_prob(self, p: Views, x: Array, o: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        found = [
            part.log_prob(views, x[..., at], own, None if mask is None else mask[..., at])
            for part, views, at, own in self.by_column(p, o)
        ]

        def backward(dlog_px: Array, g: Views) -> Array:
            do = [column(dlog_px, views) for (_, column), views in zip(found, g, strict=True)]
            return np.concatenate(do, axis=-1)

        return sum(log_px for log_px, _ in found), backward

    def sample(self, p: Views, o: Array, rng: np.random.Generator) -> Array:
        drawn = [part.sample(views, own, rng) for part, views, _, own in self.by_column(p, o)]
        return np.concatenate(drawn, axis=-1)

    def by_column(self, p: Views, o: Array) -> Iterator[tuple[Any, Views, slice, Array]]:
        """Every column: its likelihood, its views, where it stands in x, and its share of o."""
        start = 0
        for number, (part, own) in enumerate(zip(self.parts, p, strict=True)):
            end = start + part.width(1)
            yield part, own, slice(number, number + 1), o[..., start:end]
            start = end


def _column(number: int, entry: Any) -> Any:
    """The likelihood that an entry of ``columns`` names; what it says wrong is an error that names the column."""
    options = dict(entry) if isinstance(entry, Mapping) else {"kind": entry}
    kind = options.pop("kind", "none given")
    if kind not in COLUMNS:
        raise unknown(f"kind of column {number}:", kind, COLUMNS)
    made, preset = COLUMNS[kind]
    known = {f.name for f in fields(made)} - {"features"}
    for key in options:
        if key not in known:
            raise unknown(f"key of column {number} ({kind}):", key, known)
    if made is Categorical and "classes" not in options:
        raise UsageError(f"column {number} is categorical and needs classes: say how many there are")
    return made(**{**preset, **options})
