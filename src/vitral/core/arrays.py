"""The few array operations that NumPy's functions do not hand on to other array types by themselves.

A NumPy function that *takes* an array also runs on a CuPy array (NEP 18). A function that makes an
array from nothing has nothing to dispatch on; these take a ``like`` array for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any  # an ndarray of NumPy, or of a library that speaks NumPy's dispatch protocols

LOG_TWO = float(np.log(2.0))
LOG_TWO_PI = float(np.log(2.0 * np.pi))


def zeros(shape: int | tuple[int, ...], like: Array) -> Array:
    """An array of zeros of the kind and dtype of ``like``."""
    return np.zeros(shape, dtype=like.dtype, like=like)


def empty(shape: int | tuple[int, ...], like: Array) -> Array:
    """An uninitialised array of the kind and dtype of ``like``."""
    return np.empty(shape, dtype=like.dtype, like=like)


def ones(n: int, like: Array) -> Array:
    """n times 1, of the kind and dtype of ``like``."""
    return np.ones(n, dtype=like.dtype, like=like)


def arange(n: int, like: Array) -> Array:
    """0 to n - 1, of the kind and dtype of ``like``."""
    return np.arange(n, dtype=like.dtype, like=like)


def joined(x: Array, context: Array | None) -> Array:
    """x (..., N, F) with the context (N, C), if there is one, beside it in every row."""
    if context is None:
        return x
    return np.concatenate([x, np.broadcast_to(context, (*x.shape[:-1], context.shape[-1]))], axis=-1)


def without_holes(x: Array) -> Array:
    """x (N, D) whose NaN have given way to the observed numbers of their columns, one after the other; 0 if none is.

    For what looks at data before it has seen a mask, such as an initialisation: every column keeps its observed
    values, and nearly their mean and spread.
    """
    holes = np.isnan(x)
    if not holes.any():
        return x
    made = np.where(holes, np.zeros_like(x), x)
    for column in np.flatnonzero(holes.any(axis=0) & ~holes.all(axis=0)):
        known = x[~holes[:, column], column]
        empty = np.flatnonzero(holes[:, column])
        made[empty, column] = known[np.arange(len(empty)) % len(known)]
    return made


def sum_of_rows(rows: Array) -> Array:
    """Σ_n rows_n as a product with ones: NumPy's own sum adds short rows one by one."""
    return ones(len(rows), like=rows) @ rows


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)) = (1 + tanh(a / 2)) / 2, which overflows nowhere.

    derivative   s (1 - s)
    """
    s = np.tanh(0.5 * a)
    s *= 0.5
    s += 0.5
    return s


def softplus(a: Array) -> Array:
    """log(1 + exp(a)) = max(a, 0) + log(1 + e), e = exp(-|a|), which overflows nowhere.

    derivative   sigmoid(a)

    With u = 1 + e as it is rounded, log(1 + e) = log(u) + (e - (u - 1)) / u: what the rounding lost comes back. NumPy
    computes log on vectors of numbers, and log1p one by one.
    """
    e = np.exp(-np.abs(a))
    u = e + 1.0
    e -= u - 1.0
    e /= u
    e += np.log(u)
    e += np.maximum(a, 0.0)
    return e


def logsumexp(a: Array, axis: int) -> Array:
    """log Σ exp(a) over one axis, shifted by the maximum so that nothing overflows.

    derivative   exp(a - logsumexp(a)), the normalised weights
    """
    top = np.max(a, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(a - top), axis=axis, keepdims=True))
    return np.squeeze(total + top, axis=axis)


def log1mexp(a: Array) -> Array:
    """log(1 - exp(-a)) for a > 0, by the form that keeps its digits on either side of log 2 (Maechler 2012).

    derivative   1 / (exp(a) - 1)
    """
    near = np.minimum(a, 1.0)  # each form is given only what it is good for
    return np.where(a < LOG_TWO, np.log(-np.expm1(-near)), np.log1p(-np.exp(-np.maximum(a, 0.5))))


def stirling(z: Array) -> Array:
    """What Stirling's formula lacks: log Gamma(z) - (z - 1/2) log z + z - log(2 pi) / 2, for z > 0.

    derivative   stirling_slope(z)

    1/(12 z) - 1/(360 z^3) + ... from z = 10 on; below, that of z + 10, by Gamma(z + 10) = z ... (z + 9) Gamma(z).
    """
    small = z < 10.0
    s, r = np.where(small, z, 1.0), 1.0 / np.where(small, z + 10.0, z)
    q = r * r
    series = r * (1 / 12 - q * (1 / 360 - q * (1 / 1260 - q * (1 / 1680 - q * (1 / 1188 - q * (691 / 360360))))))
    product = s
    for step in range(1, 10):
        product = product * ((s + float(step)) / (s + 10.0))
    lifted = (s - 0.5) * np.log((s + 10.0) / s) - np.log(product / (s + 10.0)) - 10.0
    return series + np.where(small, lifted, 0.0)


def stirling_slope(z: Array) -> Array:
    """digamma(z) - log z + 1/(2 z): the derivative of ``stirling``, by the same two ways."""
    small = z < 10.0
    s, r = np.where(small, z, 1.0), 1.0 / np.where(small, z + 10.0, z)
    q = r * r
    series = q * (1 / 12 - q * (1 / 120 - q * (1 / 252 - q * (1 / 240 - q * (1 / 132 - q * (691 / 32760))))))
    numerator: Array = 1.0
    product = s  # numerator / product is 1/z + 1/(z + 1) + ... + 1/(z + 9)
    for step in range(1, 10):
        numerator, product = numerator * (s + float(step)) + product, product * (s + float(step))
    lifted = np.log((s + 10.0) / s) - 0.5 / (s + 10.0) + 0.5 / s - numerator / product
    return np.where(small, lifted, 0.0) - series
