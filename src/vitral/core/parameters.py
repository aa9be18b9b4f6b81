"""All parameters in one flat vector, read through named views.

    shapes = {"encoder": {"W": (3, 2), "b": (2,)}}
    theta  = np.zeros(count(shapes))
    p      = cut(theta, shapes)
    p.encoder.W[...] = 1.0                     # writes into theta

Whatever treats all parameters alike (an optimiser, a checkpoint, finite differences, "keep the best")
is one line on ``theta``; whatever needs a name uses the views.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NoReturn

import numpy as np

from vitral.core.arrays import Array

Shapes = Mapping[str, Any]  # name -> shape tuple, or a nested Shapes


class Views:
    """Named views of one flat vector: ``p.encoder``, ``p.W``; iterating gives the children in order.

    Rebinding (``p.W = ...``) would silently detach a name from the vector, and so would ``pickle`` and
    ``deepcopy``: all three are refused. Write into a view instead: ``p.W[...] = ...``.

    After ``clear`` every tensor is blank: it stands for zeros that are not written yet. The first look at it writes
    them, and its first product goes straight into its place.
    """

    __slots__ = ("_blank", "_children")

    def __init__(self, children: dict[str, Any]) -> None:
        object.__setattr__(self, "_children", children)
        object.__setattr__(self, "_blank", set())

    def __getattr__(self, name: str) -> Any:
        if name in self._blank:
            self._blank.remove(name)
            self._children[name][...] = 0.0
        try:
            return self._children[name]
        except KeyError:
            raise AttributeError(
                f"no parameter {name!r} here; there are: {', '.join(self._children)}"
            ) from None

    def __iter__(self) -> Iterator[Any]:
        for name in tuple(self._blank):
            getattr(self, name)
        return iter(self._children.values())

    def add_product(self, name: str, a: Array, b: Array) -> None:
        """The tensor ``name``, as a matrix (rows of a, columns of b), += a @ b."""
        matrix = self._children[name].reshape(a.shape[0], b.shape[1])
        if name in self._blank:
            self._blank.remove(name)
            np.matmul(a, b, out=matrix)
        else:
            matrix += a @ b

    def clear(self) -> Views:
        """From here on all tensors are blank, here and below."""
        for name, child in self._children.items():
            if isinstance(child, Views):
                child.clear()
            else:
                self._blank.add(name)
        return self

    def fill(self) -> None:
        """Write the zeros of all tensors that are blank still, here and below."""
        for name in tuple(self._blank):
            getattr(self, name)
        for child in self._children.values():
            if isinstance(child, Views):
                child.fill()

    def __len__(self) -> int:
        return len(self._children)

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._children and value is self._children[name]:
            return  # the last step of ``g.W += dW``, which has written into the view
        raise AttributeError(f"parameters are views: write p.{name}[...] = value, do not rebind p.{name}")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("views cannot be copied or pickled: copy the flat vector and cut it again")

    def __repr__(self) -> str:
        return f"Views({', '.join(self._children)})"


def count(shapes: Shapes) -> int:
    """How many numbers the shapes hold."""
    return sum(prod(shape) for _, shape in _walk(shapes))


def cut(flat: Array, shapes: Shapes) -> Views:
    """Views of ``flat`` with the given shapes, in their order, nothing left over."""
    if flat.shape != (count(shapes),):
        raise ValueError(f"expected a flat vector of {count(shapes)} parameters, got shape {flat.shape}")
    views, end = _cut(flat, shapes, 0)
    assert end == flat.size
    return views


def named(shapes: Shapes) -> dict[str, tuple[slice, tuple[int, ...]]]:
    """Where each tensor lies: ``{"encoder.0.W": (slice(0, 6), (3, 2)), ...}``."""
    places, start = {}, 0
    for name, shape in _walk(shapes):
        places[name] = (slice(start, start + prod(shape)), shape)
        start += prod(shape)
    return places


def _walk(shapes: Shapes, prefix: str = "") -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, shape in shapes.items():
        if isinstance(shape, Mapping):
            yield from _walk(shape, f"{prefix}{name}.")
        else:
            yield prefix + name, tuple(shape)


def _cut(flat: Array, shapes: Shapes, start: int) -> tuple[Views, int]:
    children: dict[str, Any] = {}
    for name, shape in shapes.items():
        if isinstance(shape, Mapping):
            children[name], start = _cut(flat, shape, start)
        else:
            end = start + prod(shape)
            children[name] = flat[start:end].reshape(shape)
            start = end
    return Views(children), start
