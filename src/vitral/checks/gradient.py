"""Backward is the derivative of forward: every hand-written gradient against central differences.

    n = (f(w + h) - f(w - h)) / 2h        h = 1e-5 max(1, |w|)        error = |g - n| / max(floor, |g| + |n|)

In float64, with frozen noise and random upstream gradients (ones would hide errors that cancel in a sum).
The floor is 1e-8, or what rounding lets a central difference resolve where the function is large. An entry
whose step carries a ReLU input over zero is skipped and counted: no derivative exists there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from vitral.checks.check import Check, below
from vitral.checks.passes import Arrays, Pass
from vitral.core.arrays import Array
from vitral.core.parameters import cut, named

STEP = 1e-5
TOLERANCE = 1e-6
FLOOR = 1e-8
ROUNDINGS = 8.0  # how many units in the last place a sum of a few thousand terms is off by, generously
CANCELLED = 100.0  # how many times larger than their sum the terms of a loss may be

Value = Callable[[], tuple[float, tuple[Array, ...]]]  # the function, and the signs of its ReLU inputs


class Comparison(NamedTuple):
    """The worst error over the entries of one tensor; no entry checked counts as infinitely wrong."""

    tensor: str
    worst: float
    checked: int
    skipped: int


def frozen(array: Array) -> Array:
    """A read-only view: whoever writes into it is stopped, the owner is not."""
    view = array.view()
    view.flags.writeable = False
    return view


def upstream(outputs: Arrays, rng: np.random.Generator, *, is_loss: bool = False) -> Arrays:
    """A random gradient for every output, or 1 for a loss."""
    if is_loss:
        return {name: frozen(np.ones(value.shape, value.dtype)) for name, value in outputs.items()}
    return {
        name: frozen(rng.standard_normal(value.shape).astype(value.dtype)) for name, value in outputs.items()
    }


def relative_error(claimed: float, slope: float, floor: float) -> float:
    """|g - n| / max(floor, |g| + |n|); an error that is not a number is infinite."""
    error = abs(claimed - slope) / max(floor, abs(claimed) + abs(slope))
    return error if np.isfinite(error) else np.inf


def resolution(value: float, step: float) -> float:
    """The smallest derivative that rounding leaves accurate to TOLERANCE in a central difference."""
    return max(FLOOR, ROUNDINGS * float(np.finfo(np.float64).eps) * (1.0 + abs(value)) / step / TOLERANCE)


def compare(
    value: Value,
    tensors: Mapping[str, Array],
    gradients: Mapping[str, Array],
    *,
    entries: int | None = None,
    rng: np.random.Generator | None = None,
) -> list[Comparison]:
    """Central differences of ``value()``, which reads ``tensors``, against the gradients claimed for them.

    Every entry of every tensor, or ``entries`` of each, drawn by ``rng``. The tensors are left as found.
    """
    found = []
    for name, tensor in tensors.items():
        flat, claimed = tensor.reshape(-1), gradients[name].reshape(-1)
        assert np.shares_memory(flat, tensor), f"{name} must be contiguous"
        chosen: Iterable[int] = range(flat.size)
        if entries is not None and rng is not None and entries < flat.size:
            chosen = rng.choice(flat.size, entries, replace=False)
        found.append(_compare_tensor(value, name, flat, claimed, chosen))
    return found


def _compare_tensor(
    value: Value, name: str, flat: Array, claimed: Array, chosen: Iterable[int]
) -> Comparison:
    errors, skipped = [], 0
    for index in chosen:
        step = STEP * max(1.0, abs(flat[index]))
        slope, crossed, floor = _slope(value, flat[index : index + 1], 1.0, step)
        if crossed:
            skipped += 1
        else:
            errors.append(relative_error(float(claimed[index]), slope, floor))
    return Comparison(name, max(errors, default=np.inf), len(errors), skipped)


def _slope(value: Value, place: Array, direction: Array | float, step: float) -> tuple[float, bool, float]:
    """The slope along ``direction``, whether a kink was crossed, and the smallest slope that can be told.

    Terms of a loss may cancel, so its size does not bound the rounding of its sums. Three steps of nearly one
    length have the same truncation error and rounding errors of their own: their spread is the rounding.
    """
    slopes, crossed, height = [], False, 0.0
    for factor in (1.0, 1.0 - 2.0**-7, 1.0 + 2.0**-7):
        slope, kinked, size = _central(value, place, direction, step * factor)
        slopes.append(slope)
        crossed, height = crossed or kinked, max(height, size)
    spread, least = ROUNDINGS * float(np.ptp(slopes)) / TOLERANCE, resolution(height, step)
    return slopes[0], crossed, min(max(least, spread), CANCELLED * least)


def _central(value: Value, place: Array, direction: Array | float, step: float) -> tuple[float, bool, float]:
    """The slope along ``direction``, whether a kink was crossed, and the size of the function."""
    kept = place.copy()
    place[...] = kept + step * direction
    above, signs_above = value()
    place[...] = kept - step * direction
    under, signs_under = value()
    place[...] = kept
    crossed = any(np.any(a != b) for a, b in zip(signs_above, signs_under, strict=True))
    return (above - under) / (2.0 * step), crossed, max(abs(above), abs(under))


def prepared(part: Pass, theta: Array, rng: np.random.Generator) -> tuple[Value, Arrays, Arrays]:
    """The scalar Σ <upstream, output>, the tensors that it reads, and the gradients that backward claims."""
    inputs = {name: frozen(array) for name, array in part.inputs.items()}
    p, grad = cut(frozen(theta), part.shapes), np.zeros_like(theta)
    outputs, backward = part.forward(p, inputs)
    seeds = upstream(outputs, rng, is_loss=part.is_loss)
    dinputs = backward(seeds, cut(grad, part.shapes))

    def value() -> tuple[float, tuple[Array, ...]]:
        outputs, _ = part.forward(p, inputs)
        return sum(float((seeds[name] * outputs[name]).sum()) for name in outputs), part.kinks()

    places = {name: place for name, (place, _) in named(part.shapes).items() if place.stop > place.start}
    tensors = {name: theta[place] for name, place in places.items()} | part.inputs
    return value, tensors, {name: grad[place] for name, place in places.items()} | dinputs


def gradient(
    part: Pass, theta: Array, rng: np.random.Generator, *, entries: int | None = None, id: str = "E09"
) -> Check:
    """The worst relative error over the tensors of a part: its parameters and its inputs."""
    value, tensors, gradients = prepared(part, theta, rng)
    found = compare(value, tensors, gradients, entries=entries, rng=rng)
    worst = max(found, key=lambda comparison: comparison.worst)
    checked, skipped = sum(c.checked for c in found), sum(c.skipped for c in found)
    note = f"{checked} entries of {len(found)} tensors, {skipped} skipped at kinks; worst in {worst.tensor}"
    return below(id, "gradient, entry by entry", worst.worst, TOLERANCE, "relative error", note)


def directional(
    part: Pass, theta: Array, rng: np.random.Generator, *, directions: int = 4, id: str = "E09"
) -> Check:
    """<grad, v> against the slope of the loss along v, for random unit vectors v over all parameters."""
    value, _, gradients = prepared(part, theta, rng)
    grad = np.concatenate([claimed for name, claimed in gradients.items() if name not in part.inputs])
    errors, skipped = [], 0
    for _ in range(directions):
        v = rng.standard_normal(theta.size)
        v /= np.linalg.norm(v)
        slope, crossed, floor = _slope(value, theta, v, STEP)
        skipped += crossed
        if not crossed:
            errors.append(relative_error(float(grad @ v), slope, floor))
    note = f"{len(errors)} random directions over {theta.size} parameters, {skipped} skipped at kinks"
    return below(
        id, "gradient, random directions", max(errors, default=np.inf), TOLERANCE, "relative error", note
    )
