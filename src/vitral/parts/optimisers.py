"""Optimisers: frozen configuration and one in-place step on flat vectors, or on any slice of them.

They work in pieces that stay in the processor's cache: a step is many cheap passes, and passes over main
memory would cost more than the arithmetic. Derivation and three steps by hand: docs/derivations/optimisers.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array

PIECE = 65_536  # numbers; five float32 vectors of this length are 1.3 MB

State = dict[str, Array]


def _pieces(*vectors: Array) -> Iterator[tuple[Array, ...]]:
    """The same slice of every vector, with one scratch array of that length last."""
    scratch = arrays.empty(min(PIECE, vectors[0].size), like=vectors[0])
    for start in range(0, vectors[0].size, PIECE):
        parts = [vector[start : start + PIECE] for vector in vectors]
        yield (*parts, scratch[: parts[0].size])


@dataclass(frozen=True)
class SGD:
    """theta <- theta - rate g                                                                     # E16"""

    def start(self, theta: Array) -> State:
        return {}

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        for piece, g, change in _pieces(theta, grad):
            np.multiply(g, rate, out=change)
            piece -= change


@dataclass(frozen=True)
class Momentum:
    """v <- rho v + g        theta <- theta - rate v                                               # E16"""

    rho: float = 0.9

    def start(self, theta: Array) -> State:
        return {"v": arrays.zeros(theta.shape, like=theta)}

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        for piece, g, v, change in _pieces(theta, grad, state["v"]):
            v *= self.rho
            v += g
            np.multiply(v, rate, out=change)
            piece -= change


@dataclass(frozen=True)
class Adam:
    """m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g²        (Kingma and Ba 2015, algorithm 1) # E16

    theta <- theta - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)        t counts from 1
    """

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def start(self, theta: Array) -> State:
        return {"m": arrays.zeros(theta.shape, like=theta), "v": arrays.zeros(theta.shape, like=theta)}

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        first, second = 1.0 - self.b1**t, 1.0 - self.b2**t
        for piece, g, m, v, scratch in _pieces(theta, grad, state["m"], state["v"]):
            self._average(m, v, g, scratch)
            np.multiply(v, 1.0 / second, out=scratch)
            np.sqrt(scratch, out=scratch)
            scratch += self.eps
            np.divide(m, scratch, out=scratch)
            scratch *= rate / first
            piece -= scratch

    def _average(self, m: Array, v: Array, g: Array, scratch: Array) -> None:
        """The two running means, in place."""
        m *= self.b1
        np.multiply(g, 1.0 - self.b1, out=scratch)
        m += scratch
        v *= self.b2
        np.multiply(g, g, out=scratch)
        scratch *= 1.0 - self.b2
        v += scratch
