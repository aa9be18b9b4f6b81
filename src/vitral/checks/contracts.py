"""The contract of forward and backward, for every part alike.

backward adds into g, blank or not; it may be called after another forward; it writes into nothing that it was given;
the dtype is kept; rows do not see each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vitral.checks.check import Check, below
from vitral.checks.gradient import upstream
from vitral.checks.passes import Arrays, Pass
from vitral.core.arrays import Array
from vitral.core.parameters import Views, count, cut
from vitral.model import Batch, Model

ROUNDING = 1e-12


def difference(a: Array, b: Array) -> float:
    """max |a - b|, infinite where the two disagree about being finite; 0 where there is nothing."""
    if np.shape(a) != np.shape(b):
        return np.inf
    gap = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    return float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))


def adds(part: Pass, theta: Array, rng: np.random.Generator) -> Check:
    """A second backward adds the same again to what g holds, and returns the same dx."""
    p, grad = cut(theta, part.shapes), np.ones_like(theta)
    outputs, backward = part.forward(p, part.inputs)
    seeds = upstream(outputs, rng, is_loss=part.is_loss)
    first = backward(seeds, cut(grad, part.shapes))
    once = grad - 1.0
    second = backward(seeds, cut(grad, part.shapes))
    gaps = [difference(grad - 1.0, 2.0 * once), *(difference(first[name], second[name]) for name in first)]
    return below("E09", "backward adds into the gradient", max(gaps), ROUNDING, "largest difference")


def starts_blank(part: Pass, theta: Array, rng: np.random.Generator) -> Check:
    """A blank gradient, whose memory holds anything, ends like one of zeros: tensors that nobody wrote too."""
    outputs, backward = part.forward(cut(theta, part.shapes), part.inputs)
    seeds = upstream(outputs, rng, is_loss=part.is_loss)
    zeros, anything = np.zeros_like(theta), np.full_like(theta, np.nan)
    backward(seeds, cut(zeros, part.shapes))
    g = cut(anything, part.shapes).clear()
    backward(seeds, g)
    g.fill()
    return below("E09", "a blank gradient is zeros", difference(zeros, anything), ROUNDING, "largest difference")


def reenters(part: Pass, theta: Array, rng: np.random.Generator) -> Check:
    """A backward belongs to its own forward, also when another forward came in between."""
    outputs, backward = part.forward(cut(theta, part.shapes), part.inputs)
    seeds = upstream(outputs, rng, is_loss=part.is_loss)
    before, after = np.zeros_like(theta), np.zeros_like(theta)
    first = backward(seeds, cut(before, part.shapes))
    part.forward(cut(theta, part.shapes), {name: array + 1.0 for name, array in part.inputs.items()})
    second = backward(seeds, cut(after, part.shapes))
    gaps = [difference(before, after), *(difference(first[name], second[name]) for name in first)]
    return below("E09", "backward after another forward", max(gaps), 0.0, "largest difference")


def leaves_inputs_alone(part: Pass, theta: Array, rng: np.random.Generator) -> Check:
    """Neither forward nor backward writes into theta, the inputs or the upstream gradients."""
    given = {"theta": theta.copy(), **{name: array.copy() for name, array in part.inputs.items()}}
    outputs, backward = part.forward(
        cut(given["theta"], part.shapes), {name: given[name] for name in part.inputs}
    )
    seeds = {name: np.array(seed) for name, seed in upstream(outputs, rng, is_loss=part.is_loss).items()}
    kept = {name: seed.copy() for name, seed in seeds.items()}
    backward(seeds, cut(np.zeros_like(theta), part.shapes))
    gaps = [difference(given["theta"], theta), *(difference(seeds[name], kept[name]) for name in seeds)]
    gaps += [difference(given[name], array) for name, array in part.inputs.items()]
    return below("E09", "inputs are left alone", max(gaps), 0.0, "largest difference")


def keeps_dtype(part: Pass, theta: Array, rng: np.random.Generator) -> Check:
    """Every array that comes out has the dtype of what went in; a lone number promotes nothing."""
    outputs, backward = part.forward(cut(theta, part.shapes), part.inputs)
    dinputs = backward(upstream(outputs, rng, is_loss=part.is_loss), cut(np.zeros_like(theta), part.shapes))
    wrong = [
        name for name, array in {**outputs, **dinputs}.items() if array.ndim and array.dtype != theta.dtype
    ]
    return below("E09", f"{theta.dtype} is kept", len(wrong), 0, "arrays of another dtype", ", ".join(wrong))


def rows_are_independent(part: Pass, theta: Array, rng: np.random.Generator) -> Check:
    """What happens in the other rows changes nothing in row 0, forwards or backwards."""
    outputs, backward = part.forward(cut(theta, part.shapes), part.inputs)
    seeds = {name: np.array(seed) for name, seed in upstream(outputs, rng).items()}
    dinputs = backward(seeds, cut(np.zeros_like(theta), part.shapes))
    others = {name: _others_moved(array, part.rows[name], rng) for name, array in part.inputs.items()}
    moved, moved_backward = part.forward(cut(theta, part.shapes), others)
    seeds = {name: _others_moved(seed, part.rows[name], rng) for name, seed in seeds.items()}
    moved_dinputs = moved_backward(seeds, cut(np.zeros_like(theta), part.shapes))
    gaps = [difference(*_first_rows(name, part, outputs, moved)) for name in outputs]
    gaps += [difference(*_first_rows(name, part, dinputs, moved_dinputs)) for name in dinputs]
    return below("E09", "rows are independent", max(gaps), ROUNDING, "largest difference in row 0")


def finite(part: Pass, theta: Array, rng: np.random.Generator) -> Check:
    """No output and no gradient overflows at the point given."""
    grad = np.zeros_like(theta)
    outputs, backward = part.forward(cut(theta, part.shapes), part.inputs)
    dinputs = backward(upstream(outputs, rng, is_loss=part.is_loss), cut(grad, part.shapes))
    arrays = [*outputs.values(), *dinputs.values(), grad]
    spoilt = sum(int((~np.isfinite(array)).sum()) for array in arrays)
    return below("E05", "finite at extreme outputs", spoilt, 0, "values that are not finite")


def missing_entries_do_not_matter(
    likelihood: Any, p: Views, x: tuple[Array, Array], o: Array, mask: Array
) -> Check:
    """log p, d log p / do and d log p / dtheta are the same for two x that differ where nothing was observed."""
    found = []
    for values in x:
        grad = np.zeros(count(likelihood.shapes))
        log_px, backward = likelihood.log_prob(p, values, o, mask)
        do = backward(np.cos(np.arange(log_px.size)).reshape(log_px.shape), cut(grad, likelihood.shapes))
        found.append((log_px, do, grad))
    gaps = [difference(one, other) for one, other in zip(*found, strict=True)]
    return below("E05", "missing entries have no influence", max(gaps), 0.0, "largest difference")


def shards_add_up(
    model: Model, theta: Array, batch: Batch, noise: Arrays, objective: object, cuts: tuple[int, ...]
) -> Check:
    """The losses and gradients of any shards, each divided by the size of the batch, add up."""
    rows, p = len(batch.inputs), model.views(theta)
    whole, parts = np.zeros_like(theta), np.zeros_like(theta)
    loss, backward = model.loss(p, batch, noise, objective, rows)
    backward(model.views(whole))
    for start, stop in zip((0, *cuts), (*cuts, rows), strict=True):
        shard = Batch(*(None if array is None else array[start:stop] for array in batch))
        share, backward = model.loss(
            p, shard, {name: eps[:, start:stop] for name, eps in noise.items()}, objective, rows
        )
        backward(model.views(parts))
        loss = loss - share
    gap = max(abs(float(loss)), difference(whole, parts) / max(1.0, float(np.abs(whole).max())))
    return below("E09", "shards add up to the batch", gap, 1e-11, "largest difference", f"cut at rows {cuts}")


def _others_moved(array: Array, axis: int, rng: np.random.Generator) -> Array:
    moved = array + rng.standard_normal(array.shape).astype(array.dtype)
    first = (slice(None),) * axis + (0,)
    moved[first] = array[first]
    return moved


def _first_rows(name: str, part: Pass, a: Arrays, b: Arrays) -> tuple[Array, Array]:
    return a[name].take(0, part.rows[name]), b[name].take(0, part.rows[name])
