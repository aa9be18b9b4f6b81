"""X as rows of the engine: what is refused, which likelihood fits, and the scaling that is fitted and undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from vitral.data import Contract, Rows, tables
from vitral.data.columns import Column
from vitral.data.contract import BLOCK, only_bits
from vitral.data.support import check_values
from vitral.errors import DataError, UsageError
from vitral.estimator import frames
from vitral.parts.likelihoods import Bernoulli
from vitral.specs import LIKELIHOODS, member

KEPT = (np.float64, np.float32, np.uint8)  # dtypes that are computed with as they are; others become float64


def checked(
    estimator: Any, X: Any, columns: tuple[Column, ...] | None, *, reset: bool, missing: bool
) -> np.ndarray:
    """X as an array (N, D); scikit-learn's own checks of shape, names and kind, and ours of what is not finite."""
    if columns is not None and frames.mixed(columns) and frames.package_of(X) is not None:
        stored = frames.stored(estimator, X, columns, reset=reset)
    else:
        stored = validate_data(estimator, X, reset=reset, dtype=KEPT, order="C", ensure_all_finite=False)
    _refuse(stored, missing, list(getattr(estimator, "feature_names_in_", ())))
    return np.asarray(stored)


def _refuse(stored: np.ndarray, missing: bool, names: list[str]) -> None:
    """Refuse infinity, and NaN where nothing may be missing, naming the first offender."""
    if stored.dtype == np.uint8:
        return
    for start in range(0, len(stored), BLOCK):
        some = stored[start : start + BLOCK]
        wrong = np.isinf(some) if missing else ~np.isfinite(some)
        if wrong.any():
            row, column = (int(place) for place in np.argwhere(wrong)[0])
            value = "NaN" if np.isnan(some[row, column]) else f"infinity ({some[row, column]:g})"
            where = f"column {names[column]!r}" if names else f"column {column}"
            advice = "" if np.isinf(some[row, column]) else ', or set missing="model" to learn from what is there'
            raise DataError(
                f"X contains {value}: row {start + row}, {where}; remove or fill such entries{advice}"
            )


def computed_in(stored: np.ndarray) -> str:
    """The dtype that rows are computed in: that of floats, float32 for bytes."""
    return "float64" if stored.dtype == np.float64 else "float32"


def likelihood_for(asked: Any, stored: np.ndarray, columns: tuple[Column, ...] | None, *, image: bool) -> Any:
    """The likelihood that ``likelihood="auto"`` stands for with these rows, or the one that was asked for.

    "auto": bits where every observed entry is 0 or 1; for images (``image_shape``) a Gaussian of one learned
    variance; for a table with columns of classes each column's own; else a Gaussian with a learned variance for every
    column. A Gaussian asked for by its name alone has the link "identity", because its rows are standardised.
    """
    if columns is not None and frames.mixed(columns):
        if asked == "auto":
            return tables.likelihood_for(columns)
        if not isinstance(asked, Mapping) or asked.get("kind") != "mixed":
            raise UsageError(f"X has columns of classes, which likelihood {asked!r} cannot score: use 'auto'")
    if asked == "auto":
        asked = "bernoulli" if _binary(stored) else "gaussian_learned" if image else "gaussian_pixel"
    if isinstance(asked, Mapping):
        return dict(asked)
    linked = any(f.name == "link" for f in fields(LIKELIHOODS[asked]))
    return {"kind": asked, **({"link": "identity"} if linked else {})}


def _binary(stored: np.ndarray) -> bool:
    """Whether every observed entry is 0 or 1, looked at block by block until one is not."""
    return all(only_bits(np.where(np.isnan(some), 0, some)) for some in _blocks(stored))


def _blocks(stored: np.ndarray) -> Iterator[np.ndarray]:
    return (stored[start : start + BLOCK] for start in range(0, len(stored), BLOCK))


def contract_for(
    stored: np.ndarray,
    likelihood: Any,
    shape: Any,
    columns: tuple[Column, ...] | None,
    *,
    missing: bool,
    context: Any = None,
) -> Contract:
    """The promise about rows like these: their scaling is fitted here, on these rows, once."""
    made = member("likelihood", LIKELIHOODS, likelihood, features=stored.shape[1], latent=1, context=0)
    low, high = made.support
    own = frames.mixed(columns)
    location, spread = (None, None) if own else scaling(stored, likelihood, (low, high), image=shape is not None)
    # What a model of the whole line is given later may lie anywhere; float32 and its squares must hold it.
    bound = float(np.finfo(np.float64).max)
    contract = Contract(
        features=stored.shape[1],
        image_shape=None if shape is None else tuple(shape),
        stored=str(stored.dtype),
        scale=1.0,
        low=max(low, -bound),
        high=min(high, bound),
        unit="the unit of the data" if spread is None else "the spread of the column",
        binary=likelihood["kind"] == "bernoulli" and not missing,
        context=context,
        location=location,
        spread=spread,
        missing=missing,
        columns=columns if shape is None else None,
    )
    return frames.scaled(contract, stored) if own else contract


def scaling(
    stored: np.ndarray, likelihood: Mapping[str, Any], support: tuple[float, float], *, image: bool
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Location and spread of every column, which a likelihood of the whole line is fitted after; else None.

    Columns are standardised one by one; entries of an image together. Bytes for a likelihood of [0, 1] are
    divided by 255. A column that never varies keeps the spread 1.
    """
    features = stored.shape[1]
    if likelihood["kind"] == "mixed":
        return _of_mixed(stored, likelihood)
    if support == (0.0, 1.0) and stored.dtype == np.uint8 and not only_bits(stored):
        return (0.0,) * features, (255.0,) * features
    if support != (-np.inf, np.inf):
        return None, None
    location, spread = _moments(stored)
    if image:
        whole = np.nanmean(location)
        spread = np.sqrt(np.nanmean(spread**2 + (location - whole) ** 2))
        location, spread = np.full(features, whole), np.full(features, spread)
    return tuple(location.tolist()), tuple(np.where(spread > 0.0, spread, 1.0).tolist())


def _of_mixed(stored: np.ndarray, likelihood: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The Gaussian columns of a mixed table are standardised, the others are not."""
    location, spread = _moments(stored)
    kinds = [entry if isinstance(entry, str) else entry.get("kind") for entry in likelihood.get("columns", ())]
    scaled = np.array([kind == "gaussian" for kind in kinds] or [False] * len(location))
    return (
        tuple(np.where(scaled, location, 0.0).tolist()),
        tuple(np.where(scaled & (spread > 0.0), spread, 1.0).tolist()),
    )


def _moments(stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the observed numbers of every column, in float64; 0 and 0 where there are none.

    In two passes over blocks of rows: X may be a map of a file that is larger than the memory.
    """
    count, total, squares = np.zeros((3, stored.shape[1]))
    largest = np.zeros(stored.shape[1])
    for some in _blocks(stored):
        count += (~np.isnan(some)).sum(axis=0)
        total += np.nansum(some, axis=0, dtype=np.float64)
    location = total / np.maximum(count, 1.0)
    for some in _blocks(stored):
        residual = np.where(np.isnan(some), 0.0, some - location)
        largest = np.maximum(largest, np.abs(residual).max(axis=0))
        squares += (np.minimum(np.abs(residual), 1e150) ** 2).sum(axis=0)
    if not (largest < 1e150).all():
        raise DataError(f"column {int(np.argmax(largest))} of X spans more than 1e150: give it in another unit")
    spread = np.sqrt(squares / np.maximum(count, 1.0))
    return location, np.where(spread > 1e-12 * np.abs(location), spread, 0.0)


def rows_of(contract: Contract, stored: np.ndarray, likelihood: Any) -> Rows:
    """Rows as the contract reads them; refuses values that the likelihood gives no probability."""
    rows = contract.rows(stored, "X")
    check_values(rows, likelihood, "X")
    if isinstance(likelihood, Bernoulli) and contract.missing and not _binary(stored):
        raise DataError("X holds values other than 0 and 1, and a Bernoulli likelihood scores bits: turn it into bits")
    return rows
