"""The optimisers' steps compiled: one pass over memory instead of ten, and the same bits.

    pip install vitral[fast]            # numba

NumPy reads and writes whole vectors for every operation of a step; compiled, a number is read once, everything is done
with it, and it is written once. Every operation here is one that IEEE 754 rounds in one way only (+, -, *, /, square
root, maximum), in NumPy's order and without fused products, so the results are NumPy's to the last bit
(tests/test_fast.py). That is why it may be used wherever it is installed; ``VITRAL_FAST=off`` leaves it out.

The formulas stand in parts/optimisers.py, whose ``numbers`` are the arguments after the vectors here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from vitral.core.arrays import Array
from vitral.errors import UsageError
from vitral.parts.optimisers import SGD, Adam, Adamax, AdamW, Momentum

VARIABLE = "VITRAL_FAST"

# In all of them the gradient is g, or g + more, the sum over the last two shards, where there are ``several``.


def _sgd(theta: Array, g: Array, more: Array, several: bool, rate: float) -> None:
    for i in range(theta.size):
        gradient = g[i] + more[i] if several else g[i]
        theta[i] -= gradient * rate


def _momentum(theta: Array, g: Array, more: Array, several: bool, v: Array, rho: float, rate: float) -> None:
    for i in range(theta.size):
        gradient = g[i] + more[i] if several else g[i]
        v[i] = v[i] * rho + gradient
        theta[i] -= v[i] * rate


def _adam(
    theta: Array, g: Array, more: Array, several: bool, m: Array, v: Array,
    b1: float, b2: float, shift: float, factor: float, keep: float,
) -> None:  # fmt: skip
    for i in range(theta.size):
        gradient = g[i] + more[i] if several else g[i]
        m[i] = m[i] * b1 + gradient
        v[i] = v[i] * b2 + gradient * gradient
        theta[i] = theta[i] * keep - m[i] / (np.sqrt(v[i]) + shift) * factor


def _adamax(
    theta: Array, g: Array, more: Array, several: bool, m: Array, u: Array,
    b1: float, share: float, b2: float, eps: float, factor: float,
) -> None:  # fmt: skip
    for i in range(theta.size):
        gradient = g[i] + more[i] if several else g[i]
        m[i] = m[i] * b1 + gradient * share
        u[i] = max(u[i] * b2, abs(gradient))
        theta[i] -= m[i] / (u[i] + eps) * factor


LOOPS = {SGD: _sgd, Momentum: _momentum, Adam: _adam, AdamW: _adam, Adamax: _adamax}


def wanted(environment: Mapping[str, str] | None = None) -> bool:
    """Whether steps are to be compiled: numba is installed, and VITRAL_FAST does not say ``off``."""
    said = (os.environ if environment is None else environment).get(VARIABLE, "auto")
    if said not in ("auto", "off"):
        raise UsageError(f"{VARIABLE} must be 'auto' or 'off', got {said!r}")
    return said == "auto" and find_spec("numba") is not None


def ready(optimiser: Any, dtype: str) -> bool:
    """Whether the steps are compiled; a numba that is installed but does not load is said once, and left out."""
    if not (wanted() and _loads()):
        return False
    prepare(optimiser, dtype)
    return True


@cache
def _loads() -> bool:
    """Whether numba can be imported: it may be too old for this NumPy, or its libraries may not load."""
    try:
        import numba  # noqa: F401
    except (ImportError, OSError, AttributeError, SystemError) as error:
        logging.getLogger("vitral").warning(
            f"numba is installed but does not load ({type(error).__name__}: {error}): the optimiser's steps are not "
            f"compiled and take longer, to the same bits; mend numba, or set {VARIABLE}=off"
        )
        return False
    return True


def step(
    optimiser: Any, theta: Array, gradients: Sequence[Array], slots: Mapping[str, Array], *, t: int, rate: float
) -> None:
    """``optimiser.step`` with the sum of the gradients, the first of which may be overwritten."""
    first = gradients[0]
    for gradient in gradients[1:-1]:
        first += gradient
    numbers = map(theta.dtype.type, optimiser.numbers(t, rate))
    vectors = (slots[name] for name in sorted(slots))
    _compiled(type(optimiser))(theta, first, gradients[-1], len(gradients) > 1, *vectors, *numbers)


def prepare(optimiser: Any, dtype: str) -> None:
    """Compile the step for numbers of this type, or load it from the disk, before it is needed."""
    few = np.ones(1, dtype)
    step(optimiser, few, [few.copy(), few.copy()], optimiser.start(few), t=1, rate=0.0)


@cache
def _compiled(kind: type) -> Callable[..., None]:
    """The compiled loop of an optimiser, kept on disk where there is a place to keep it."""
    from numba import njit

    settings = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **settings)(LOOPS[kind])
    except RuntimeError:  # no folder to keep the code in: it is compiled in every process
        return njit(**settings)(LOOPS[kind])
