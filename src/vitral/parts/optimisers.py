"""Optimisers: frozen configuration and one in-place step on flat vectors, or on any slice of them.

They work in pieces that stay in the processor's cache: a step is many cheap passes, and passes over main
memory would cost more than the arithmetic. What is a factor of every number, such as Adam's 1 - b1 and its corrections
of the start, is put into the rate, so that no pass is spent on it: ``numbers`` are what a step needs beside its
vectors. fast.py has the same steps compiled. Derivation and three steps by hand: docs/derivations/optimisers.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array

PIECE = 131_072  # numbers; five float32 vectors of this length are 2.6 MB

State = dict[str, Array]


def _pieces(*vectors: Array) -> Iterator[tuple[Array, ...]]:
    """The same slice of every vector, with one scratch array of that length last."""
    scratch = arrays.empty(min(PIECE, vectors[0].size), like=vectors[0])
    for start in range(0, vectors[0].size, PIECE):
        parts = [vector[start : start + PIECE] for vector in vectors]
        yield (*parts, scratch[: parts[0].size])


def clip(grad: Array, limit: float) -> None:
    """g <- g min(1, limit / |g|), in place, with |g| over all parameters (Pascanu et al. 2013)"""
    length = sqrt(float(grad @ grad))  # one product on one BLAS thread: the same bits on any number of ours
    if length > limit:
        grad *= limit / length


def blend(average: Array, theta: Array, t: int, decay: float) -> None:
    """a <- a + (theta - a) (1 - decay) / (1 - decay^t), in place, after step t = 1, 2, ...

    Written out, a = (1 - decay) Σ_s decay^(t-s) theta_s / (1 - decay^t): the exponential average, its bias towards
    the zero start removed at every step (Kingma and Ba 2015, section 7.2). It starts at theta_1.
    """
    share = (1.0 - decay) / (1.0 - decay**t)
    for a, piece, change in _pieces(average, theta):
        np.subtract(piece, a, out=change)
        change *= share
        a += change


@dataclass(frozen=True)
class SGD:
    """theta <- theta - rate g                                                                     # E16"""

    def start(self, theta: Array) -> State:
        return {}

    def numbers(self, t: int, rate: float) -> tuple[float, ...]:
        return (rate,)

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

    def numbers(self, t: int, rate: float) -> tuple[float, ...]:
        return self.rho, rate

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

    The state holds the sums m / (1 - b1) and v / (1 - b2): they grow by g and g² without a factor.
    """

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def start(self, theta: Array) -> State:
        return {"m": arrays.zeros(theta.shape, like=theta), "v": arrays.zeros(theta.shape, like=theta)}

    def numbers(self, t: int, rate: float) -> tuple[float, ...]:
        return self.b1, self.b2, *_shift_and_factor(self.b1, self.b2, self.eps, t, rate), 1.0

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        b1, b2, shift, factor, _ = self.numbers(t, rate)
        for piece, g, m, v, scratch in _pieces(theta, grad, state["m"], state["v"]):
            _gather(m, v, g, b1, b2, scratch)
            _change(m, v, shift, factor, scratch)
            piece -= scratch


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2)                   # E16

    theta <- theta - rate decay theta - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    The decay does not pass through m and v, so every parameter shrinks at the same rate, whatever its gradients; it
    follows the schedule of the rate, and holds for all parameters, biases included.
    """

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    decay: float = 0.01

    def start(self, theta: Array) -> State:
        return {"m": arrays.zeros(theta.shape, like=theta), "v": arrays.zeros(theta.shape, like=theta)}

    def numbers(self, t: int, rate: float) -> tuple[float, ...]:
        keep = 1.0 - rate * self.decay
        return self.b1, self.b2, *_shift_and_factor(self.b1, self.b2, self.eps, t, rate), keep

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        b1, b2, shift, factor, keep = self.numbers(t, rate)
        for piece, g, m, v, scratch in _pieces(theta, grad, state["m"], state["v"]):
            _gather(m, v, g, b1, b2, scratch)
            _change(m, v, shift, factor, scratch)
            piece *= keep
            piece -= scratch


@dataclass(frozen=True)
class Adamax:
    """m <- b1 m + (1 - b1) g        u <- max(b2 u, |g|)        (Kingma and Ba 2015, algorithm 2)    # E16

    theta <- theta - rate (m / (1 - b1^t)) / (u + eps)        u needs no correction: a maximum has no pull to 0

    eps keeps a parameter whose gradient has always been 0 where it is; the paper leaves it out.
    """

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def start(self, theta: Array) -> State:
        return {"m": arrays.zeros(theta.shape, like=theta), "u": arrays.zeros(theta.shape, like=theta)}

    def numbers(self, t: int, rate: float) -> tuple[float, ...]:
        return self.b1, 1.0 - self.b1, self.b2, self.eps, rate / (1.0 - self.b1**t)

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        b1, share, b2, eps, factor = self.numbers(t, rate)
        for piece, g, m, u, scratch in _pieces(theta, grad, state["m"], state["u"]):
            m *= b1
            np.multiply(g, share, out=scratch)
            m += scratch
            u *= b2
            np.maximum(u, np.abs(g, out=scratch), out=u)
            np.add(u, eps, out=scratch)
            np.divide(m, scratch, out=scratch)
            scratch *= factor
            piece -= scratch


def _gather(m: Array, v: Array, g: Array, b1: float, b2: float, scratch: Array) -> None:
    """m <- b1 m + g and v <- b2 v + g², in place: Adam's running means, over (1 - b1) and (1 - b2)."""
    m *= b1
    m += g
    v *= b2
    np.multiply(g, g, out=scratch)
    v += scratch


def _shift_and_factor(b1: float, b2: float, eps: float, t: int, rate: float) -> tuple[float, float]:
    """What step t has in place of eps and of the rate, with m and v such sums: with r = sqrt((1 - b2) / (1 - b2^t)),

    rate (1 - b1) / (1 - b1^t) m / (r sqrt(v) + eps)  =  [rate (1 - b1) / ((1 - b1^t) r)] m / (sqrt(v) + eps / r)
    """
    root = sqrt((1.0 - b2) / (1.0 - b2**t))
    return eps / root, rate * (1.0 - b1) / ((1.0 - b1**t) * root)


def _change(m: Array, v: Array, shift: float, factor: float, scratch: Array) -> None:
    """factor m / (sqrt(v) + shift), what Adam subtracts, written into ``scratch``."""
    np.sqrt(v, out=scratch)
    scratch += shift
    np.divide(m, scratch, out=scratch)
    scratch *= factor
