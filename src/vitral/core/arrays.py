"""The few array operations that NumPy's functions do not hand on to other array types by themselves.

A NumPy function that *takes* an array also runs on a CuPy array (NEP 18). A function that makes an
array from nothing has nothing to dispatch on; these take a ``like`` array for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any  # an ndarray of NumPy, or of a library that speaks NumPy's dispatch protocols

LOG_TWO_PI = float(np.log(2.0 * np.pi))


def zeros(shape: int | tuple[int, ...], like: Array) -> Array:
    """An array of zeros of the kind and dtype of ``like``."""
    return np.zeros(shape, dtype=like.dtype, like=like)


def empty(shape: int | tuple[int, ...], like: Array) -> Array:
    """An uninitialised array of the kind and dtype of ``like``."""
    return np.empty(shape, dtype=like.dtype, like=like)


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)) = (1 + tanh(a / 2)) / 2, which overflows nowhere.

    derivative   s (1 - s)
    """
    s = np.tanh(0.5 * a)
    s *= 0.5
    s += 0.5
    return s


def softplus(a: Array) -> Array:
    """log(1 + exp(a)) = max(a, 0) + log1p(exp(-|a|)), which overflows nowhere.

    derivative   sigmoid(a)
    """
    tail = np.log1p(np.exp(-np.abs(a)))
    tail += np.maximum(a, 0.0)
    return tail


def logsumexp(a: Array, axis: int) -> Array:
    """log Σ exp(a) over one axis, shifted by the maximum so that nothing overflows.

    derivative   exp(a - logsumexp(a)), the normalised weights
    """
    top = np.max(a, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(a - top), axis=axis, keepdims=True))
    return np.squeeze(total + top, axis=axis)
