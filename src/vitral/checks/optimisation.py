"""Optimisers against plain loops over single numbers, and the promises that sharding and resuming need."""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np

from vitral.checks.check import Check, below
from vitral.core.arrays import Array
from vitral.errors import UsageError
from vitral.parts.optimisers import PIECE, SGD, Adam, Adamax, AdamW, Momentum

Memory = dict[str, float]


@singledispatch
def scalar_step(optimiser: Any, w: float, g: float, memory: Memory, t: int, rate: float) -> float:
    """E16 for one number, in plain floats. A new optimiser registers its formula here."""
    raise UsageError(f"no scalar reference for {type(optimiser).__name__}: register one in scalar_step")


@scalar_step.register
def _(optimiser: SGD, w: float, g: float, memory: Memory, t: int, rate: float) -> float:
    return w - rate * g


@scalar_step.register
def _(optimiser: Momentum, w: float, g: float, memory: Memory, t: int, rate: float) -> float:
    memory["v"] = optimiser.rho * memory.get("v", 0.0) + g
    return w - rate * memory["v"]


@scalar_step.register
def _(optimiser: Adam, w: float, g: float, memory: Memory, t: int, rate: float) -> float:
    memory["m"] = optimiser.b1 * memory.get("m", 0.0) + (1.0 - optimiser.b1) * g
    memory["v"] = optimiser.b2 * memory.get("v", 0.0) + (1.0 - optimiser.b2) * g * g
    mean, square = memory["m"] / (1.0 - optimiser.b1**t), memory["v"] / (1.0 - optimiser.b2**t)
    return w - rate * mean / (sqrt(square) + optimiser.eps)


@scalar_step.register
def _(optimiser: AdamW, w: float, g: float, memory: Memory, t: int, rate: float) -> float:
    plain = Adam(optimiser.b1, optimiser.b2, optimiser.eps)
    return scalar_step(plain, w, g, memory, t, rate) - rate * optimiser.decay * w


@scalar_step.register
def _(optimiser: Adamax, w: float, g: float, memory: Memory, t: int, rate: float) -> float:
    memory["m"] = optimiser.b1 * memory.get("m", 0.0) + (1.0 - optimiser.b1) * g
    memory["u"] = max(optimiser.b2 * memory.get("u", 0.0), abs(g))
    return w - rate * memory["m"] / (1.0 - optimiser.b1**t) / (memory["u"] + optimiser.eps)


def equals_scalar_loop(optimiser: Any, seed: int, *, steps: int = 7) -> Check:
    """E16: vector steps equal the loop over single numbers; the rate changes from step to step."""
    rng = np.random.default_rng(seed)
    theta, grads = rng.standard_normal(11), rng.standard_normal((steps, 11))
    numbers, memories = [float(w) for w in theta], [Memory() for _ in theta]
    state = optimiser.start(theta)
    for t, grad in enumerate(grads, start=1):
        grad.flags.writeable = False
        optimiser.step(theta, grad, state, t=t, rate=0.1 / t)
        numbers = [
            scalar_step(optimiser, w, float(g), memory, t, 0.1 / t)
            for w, g, memory in zip(numbers, grad, memories, strict=True)
        ]
    return below(
        "E16",
        "equals a loop over numbers",
        np.abs(theta - numbers).max(),
        1e-12,
        "largest difference",
        f"{steps} steps",
    )


def slices_equal_whole(optimiser: Any, seed: int) -> Check:
    """E16: stepping any slices of the vectors gives bit for bit what stepping the whole gives."""
    size, cuts = 2 * PIECE + 77, (0, 13, PIECE + 1, 2 * PIECE + 77)
    start, grads = _problem(seed, size)
    whole, sliced = start.copy(), start.copy()
    whole_state, sliced_state = optimiser.start(whole), optimiser.start(sliced)
    for t, grad in enumerate(grads, start=1):
        optimiser.step(whole, grad, whole_state, t=t, rate=0.01)
        for a, b in pairwise(cuts):
            state = {name: vector[a:b] for name, vector in sliced_state.items()}
            optimiser.step(sliced[a:b], grad[a:b], state, t=t, rate=0.01)
    changed = int((whole != sliced).sum())
    return below(
        "E16", "slices equal the whole", changed, 0, "numbers that differ", f"{size} numbers, float32"
    )


def resumes(optimiser: Any, seed: int) -> Check:
    """E16: a copy of theta and state, taken after any step, goes on bit for bit like the original."""
    theta, grads = _problem(seed, 101, steps=6)
    state = optimiser.start(theta)
    for t, grad in enumerate(grads, start=1):
        if t == 4:
            resumed, resumed_state = theta.copy(), {name: vector.copy() for name, vector in state.items()}
        optimiser.step(theta, grad, state, t=t, rate=0.01)
    for t, grad in enumerate(grads[3:], start=4):
        optimiser.step(resumed, grad, resumed_state, t=t, rate=0.01)
    changed = int((theta != resumed).sum())
    return below(
        "E16", "resumed equals uninterrupted", changed, 0, "numbers that differ", "3 steps and 3 steps"
    )


def converges(optimiser: Any, seed: int, *, steps: int = 600) -> Check:
    """E16: on f = Σ a w² / 2 with a from 1 to 5 and a falling rate, w comes to 0."""
    theta = np.random.default_rng(seed).standard_normal(6)
    curvature = np.linspace(1.0, 5.0, 6)
    state = optimiser.start(theta)
    for t in range(1, steps + 1):
        optimiser.step(theta, curvature * theta, state, t=t, rate=0.1 * 0.99**t)
    return below("E16", "converges on a quadratic", np.abs(theta).max(), 1e-3, "distance", f"{steps} steps")


def _problem(seed: int, size: int, *, steps: int = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    start = rng.standard_normal(size, dtype=np.float32)
    return start, rng.standard_normal((steps, size), dtype=np.float32)
