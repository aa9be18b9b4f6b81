"""Layers in exact integer arithmetic: y = (x W + b) div 2^shift, cut to [low, high].

The products run in floating point, on integers: as long as no sum of absolute values passes 2^53 (2^24 in float32),
every partial sum is an integer that the format holds, so that nothing is ever rounded, in whatever order a BLAS, its
threads or its kernels add. ``bound`` is that sum, computed from the weights at hand, and is checked when a layer is
made. Derivation: docs/derivations/integer_networks.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vitral.errors import UsageError
from vitral.parts.convolution import Convolution, Sliding, TransposedConvolution

EXACT, EXACT_32 = 2**53, 2**24
WEIGHT = 2**15 - 1  # what the largest weight of a layer is scaled to, at most
REACH = 2**20 - 1  # what the outputs of a layer are cut to
HALF_Z = 2**19 - 1  # what the latents that a network is given are cut to, in size


@dataclass(frozen=True)
class Map:
    """The linear map of a layer: a matrix, or a convolution or its transpose of ``sliding``."""

    kind: str  # "dense", "convolution" or "transposed"
    sliding: Sliding | None = None

    def apply(self, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The map of rows (n, n_in), (n, n_out), in the dtype of both."""
        if self.sliding is None:
            return np.asarray(x @ weights)
        if self.kind == "convolution":
            y = self.sliding.apply(weights, x.reshape(-1, *self.sliding.image))
        else:
            y = self.sliding.adjoint(weights, x.reshape(-1, *self.sliding.out))
        return np.asarray(y.reshape(len(x), -1))

    def reach(self, weights: np.ndarray) -> float:
        """The largest sum of absolute weights that one number of the output is made of, or more."""
        axes = {"dense": (0,), "convolution": (0, 1, 2), "transposed": (0, 1, 3)}[self.kind]
        return float(np.abs(weights.astype(np.float64)).sum(axis=axes).max(initial=0.0))

    def sizes(self, weights: np.ndarray) -> tuple[int, int, int]:
        """How many numbers go in, how many come out, and how many of these have a bias of their own."""
        if self.sliding is None:
            return weights.shape[0], weights.shape[1], weights.shape[1]
        image, out = math.prod(self.sliding.image), math.prod(self.sliding.out)
        if self.kind == "convolution":
            return image, out, self.sliding.out[2]
        return out, image, self.sliding.image[2]

    def facts(self) -> dict[str, Any]:
        """Plain data, from which ``map_of`` makes it again."""
        if self.sliding is None:
            return {"map": self.kind}
        s = self.sliding
        listed = {"image": s.image, "kernel": s.kernel, "stride": s.stride, "padding": s.padding}
        return {"map": self.kind, "channels": s.channels, **{name: list(each) for name, each in listed.items()}}


def map_of(facts: dict[str, Any]) -> Map:
    """The inverse of ``Map.facts``; raises KeyError, TypeError or ValueError for anything else."""
    if facts["map"] == "dense":
        return Map("dense")
    if facts["map"] not in ("convolution", "transposed"):
        raise ValueError(facts["map"])
    whole = {name: tuple(int(n) for n in facts[name]) for name in ("image", "kernel", "stride", "padding")}
    if [len(whole[name]) for name in ("image", "kernel", "stride", "padding")] != [3, 2, 2, 2]:
        raise ValueError(whole)
    image, kernel, stride, padding = whole["image"], whole["kernel"], whole["stride"], whole["padding"]
    return Map(str(facts["map"]), Sliding(image, int(facts["channels"]), kernel, stride, padding))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """y = floor((x W + b) / 2^shift), cut to [low, high]; x holds integers of at most ``within`` in size."""

    map: Map
    weights: np.ndarray
    bias: np.ndarray
    shift: int
    low: int
    high: int
    within: int

    def __post_init__(self) -> None:
        if not self.bound < EXACT:
            raise UsageError(
                f"this network has no exact integer form: a sum of its products may reach {self.bound:.3g}, and only "
                "integers below 2^53 are exact; train one with smaller weights or narrower layers"
            )

    @cached_property
    def bound(self) -> float:
        """No partial sum of any output can be larger: the largest input times the sum of |W|, and |b|."""
        return self.within * self.map.reach(self.weights) + float(np.abs(self.bias).max(initial=0))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest floating point in which every sum is exact."""
        return np.dtype(np.float32 if self.bound < EXACT_32 else np.float64)

    @cached_property
    def _numbers(self) -> tuple[np.ndarray, np.ndarray]:
        return self.weights.astype(self.dtype), self.bias.astype(self.dtype)

    @property
    def out(self) -> int:
        """The largest size of an output."""
        return max(abs(self.low), abs(self.high))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Rows of integers (n, n_in) to rows of integers (n, n_out), both held in floating point."""
        weights, bias = self._numbers
        y = self.map.apply(weights, x.astype(self.dtype, copy=False))
        each = y.reshape(-1, len(bias))
        each += bias
        y *= y.dtype.type(2.0**-self.shift)
        np.floor(y, out=y)
        return np.clip(y, self.low, self.high, out=y)

    def facts(self) -> dict[str, Any]:
        """Plain data, which with the weights and the bias make it again."""
        return {**self.map.facts(), "shift": self.shift, "low": self.low, "high": self.high, "within": self.within}


@dataclass(frozen=True)
class Format:
    """What numbers an integer stands for: value = (integer - zero) / 2^fraction, integers from low to high."""

    fraction: int
    low: int = -REACH
    high: int = REACH
    zero: int = 0


def integer_layer(
    map: Map, weights: np.ndarray, bias: np.ndarray, given: Format, wanted: Format, *, relu: bool = False
) -> IntegerLayer:
    """The layer x W + b of numbers in the format ``given``, to numbers in the format ``wanted``.

    The largest weight becomes one of 15 bits, unless the wanted fraction needs more.
    """
    largest = float(np.abs(weights).max(initial=0.0))
    fraction = min(math.floor(math.log2(WEIGHT / largest)), 40) if largest > 0.0 else 0
    fraction = max(fraction, wanted.fraction - given.fraction)
    shift = given.fraction + fraction - wanted.fraction
    whole = np.rint(weights.astype(np.float64) * 2.0**fraction)
    half = 2.0 ** (shift - 1) if shift else 0.0
    b = np.rint(bias.astype(np.float64) * 2.0 ** (given.fraction + fraction)) + half + wanted.zero * 2.0**shift
    if float(np.abs(whole).max(initial=0.0)) >= 2**31 or float(np.abs(b).max(initial=0.0)) >= EXACT:
        raise UsageError(
            f"this network has no exact integer form: it has weights of up to {largest:.3g}, which do not fit; train "
            "one with smaller weights"
        )
    kind = np.int16 if float(np.abs(whole).max(initial=0.0)) <= WEIGHT else np.int32
    low = max(wanted.low, 0) if relu else wanted.low
    within = max(abs(given.low), abs(given.high))
    return IntegerLayer(map, whole.astype(kind), b.astype(np.int64), shift, low, wanted.high, within)


def map_of_layer(layer: Convolution | TransposedConvolution) -> Map:
    """The linear map of a layer of the model."""
    return Map("convolution" if isinstance(layer, Convolution) else "transposed", layer.sliding)
