"""An array that writes down what is done to it: the model's own code, run once, gives the graph of its ONNX form.

There is no second implementation of the mathematics that could drift from the first. ``Traced`` speaks NumPy's
dispatch protocols, as a GPU array would; ``Tape`` keeps the nodes. Nothing here knows ONNX but by the names of its
operators (opset 17), which ``operations`` lists.

The number of rows is open. While the code runs it is ``ROWS``, a prime that no other size is a multiple of: an axis of
k ROWS numbers is the open one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from vitral.errors import UsageError

ROWS = 1_000_003
FLOAT, BOOL, INT = np.dtype("float32"), np.dtype("bool"), np.dtype("int64")

UFUNCS: dict[str, Callable[..., Any]] = {}  # filled by operations
FUNCTIONS: dict[str, Callable[..., Any]] = {}


class NoForm(UsageError):
    """An operation that has no form in ONNX here."""


class Node(NamedTuple):
    """One step: an operator of ONNX, the names that it takes, the name that it makes, its attributes."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


class Tape:
    """The steps in their order, the constants by name, and the inputs."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}
        self.inputs: dict[str, Traced] = {}
        self._names: dict[tuple[float, str], str] = {}
        self._kept: list[Any] = []  # arrays whose id is a key of _names

    def input(self, name: str, width: int) -> Traced:
        """Rows (ROWS, width) of float32 that come from outside."""
        self.inputs[name] = Traced(self, name, (ROWS, width), FLOAT)
        return self.inputs[name]

    def step(
        self,
        operator: str,
        inputs: Sequence[Any],
        shape: Sequence[int],
        dtype: np.dtype[Any] = FLOAT,
        **attributes: Any,
    ) -> Traced:
        """The result of one operator."""
        output = f"v{len(self.nodes)}"
        self.nodes.append(Node(operator, tuple(map(self.name, inputs)), output, attributes))
        return Traced(self, output, tuple(shape), dtype)

    def name(self, value: Any) -> str:
        """The name of a traced array, of the name itself, or of a constant, which is stored once."""
        if isinstance(value, Traced):
            return value.name
        array = np.asarray(value)
        kind = {"f": FLOAT, "b": BOOL}.get(array.dtype.kind, INT)
        key = (float(array), f"number {kind.name}") if array.ndim == 0 else (id(value), kind.name)
        if key not in self._names:
            self._names[key] = f"c{len(self.constants)}"
            self._kept.append(value)
            self.constants[self._names[key]] = np.asarray(array, kind, order="C")
        return self._names[key]

    def zeros(self, shape: tuple[int, ...]) -> Any:
        """Zeros; where an axis is the open one, made from an input, whose rows say how many."""
        if not any(size % ROWS == 0 for size in shape if size):
            return np.zeros(shape, FLOAT)
        if shape.count(ROWS) != 1 or any(size % ROWS == 0 and size != ROWS for size in shape):
            raise NoForm(f"zeros of shape {shape} have no form in ONNX here")
        first = next(iter(self.inputs.values()))[:, :1]
        none = self.step("Less", (first, first), first.shape, BOOL).astype(FLOAT)
        column = none.reshape([ROWS if size == ROWS else 1 for size in shape])
        return column + np.zeros([1 if size == ROWS else size for size in shape], FLOAT)


class Traced(NDArrayOperatorsMixin):
    """An array of known shape and dtype, and of values that come later."""

    def __init__(self, tape: Tape, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.tape, self.name, self.shape, self.dtype = tape, name, shape, dtype

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: tuple[Any, ...] = (), **_: Any
    ) -> Any:
        if method != "__call__" or ufunc.__name__ not in UFUNCS:
            raise NoForm(f"numpy.{ufunc.__name__} has no form in ONNX here")
        made = UFUNCS[ufunc.__name__](self.tape, *inputs)
        if out and not isinstance(out[0], Traced):
            raise NoForm(f"numpy.{ufunc.__name__} into a plain array has no form in ONNX here")
        return out[0].become(made) if out else made

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function.__name__ not in FUNCTIONS:
            raise NoForm(f"numpy.{function.__name__} has no form in ONNX here")
        return FUNCTIONS[function.__name__](self.tape, *args, **kwargs)

    def become(self, made: Traced) -> Traced:
        """What an operation in place leaves here."""
        if self.shape != made.shape:
            raise NoForm(
                f"an operation in place that changes the shape {self.shape} has no form in ONNX here"
            )
        self.name, self.dtype = made.name, made.dtype
        return self

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def T(self) -> Traced:  # noqa: N802  (NumPy's name)
        return self.transpose()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NoForm(f"an array's {name} has no form in ONNX here")

    def __len__(self) -> int:
        return self.shape[0]

    def reshape(self, *shape: Any) -> Traced:
        wanted = list(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
        if -1 in wanted:
            rest = int(np.prod([size for size in wanted if size != -1]))
            wanted[wanted.index(-1)] = int(np.prod(self.shape)) // rest
        if tuple(wanted) == self.shape:
            return self
        open_axes = np.array([-1 if size % ROWS == 0 else size for size in wanted], INT)
        return self.tape.step("Reshape", (self, open_axes), wanted, self.dtype)

    def transpose(self, *axes: int) -> Traced:
        order = list(axes) or list(range(self.ndim))[::-1]
        return self.tape.step(
            "Transpose", (self,), [self.shape[axis] for axis in order], self.dtype, perm=order
        )

    def swapaxes(self, one: int, other: int) -> Traced:
        order = list(range(self.ndim))
        order[one], order[other] = order[other], order[one]
        return self.transpose(*order)

    def astype(self, dtype: Any, **_: Any) -> Traced:
        kind = {"f": FLOAT, "b": BOOL}.get(np.dtype(dtype).kind, INT)
        if kind == self.dtype:
            return self
        number = {FLOAT: 1, INT: 7, BOOL: 9}[kind]  # of TensorProto.DataType
        return self.tape.step("Cast", (self,), self.shape, kind, to=number)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.max(self, axis=axis, keepdims=keepdims)

    def __getitem__(self, key: Any) -> Traced:
        """Slices, numbers, lists of numbers, None and an ellipsis."""
        made, axis, dropped, added = self, 0, list[int](), list[int]()
        for item in _spelled_out(key, self.ndim):
            if item is None:
                added.append(axis - len(dropped) + len(added))
                continue
            if isinstance(item, int | np.integer):
                made = made.part(axis, slice(int(item) % self.shape[axis], int(item) % self.shape[axis] + 1))
                dropped.append(axis)
            else:
                made = made.part(axis, item)
            axis += 1
        if dropped:
            shape = [size for at, size in enumerate(made.shape) if at not in dropped]
            made = self.tape.step("Squeeze", (made, np.array(dropped, INT)), shape, self.dtype)
        return made.unsqueeze(added) if added else made

    def unsqueeze(self, axes: list[int]) -> Traced:
        """New axes of length 1, at these places of the result."""
        shape = list(self.shape)
        for axis in sorted(axes):
            shape.insert(axis, 1)
        return self.tape.step("Unsqueeze", (self, np.array(axes, INT)), shape, self.dtype)

    def part(self, axis: int, item: Any) -> Traced:
        """A slice of one axis, or the places of a list."""
        shape = list(self.shape)
        if isinstance(item, slice):
            start, stop, step = item.indices(shape[axis])
            shape[axis] = len(range(start, stop, step))
            if shape[axis] == self.shape[axis] and step == 1:
                return self
            if self.shape[axis] % ROWS == 0 or step < 1:
                raise NoForm(f"the slice {item} has no form in ONNX here")
            bounds = [np.array([number], INT) for number in (start, stop, axis, step)]
            return self.tape.step("Slice", (self, *bounds), shape, self.dtype)
        places = np.asarray(item)
        if places.dtype == bool or places.ndim != 1:
            raise NoForm("an index of such a kind has no form in ONNX here")
        shape[axis] = len(places)
        return self.tape.step("Gather", (self, np.asarray(places, INT)), shape, self.dtype, axis=axis)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Other numbers at places of the last axes: x (1 - m) + v S, where S puts each number of v in its place."""
        items = _spelled_out(key, self.ndim)
        lead = next(at for at, item in enumerate(items) if item != slice(None)) if items else 0
        tail = self.shape[lead:]
        places = np.arange(int(np.prod(tail))).reshape(tail)[tuple(items[lead:])].ravel()
        put = np.zeros((len(places), int(np.prod(tail))), FLOAT)
        put[np.arange(len(places)), places] = 1.0
        kept = (1.0 - put.sum(axis=0)).reshape(tail).astype(FLOAT)
        spread = (value.reshape(-1, len(places)) @ put).reshape(self.shape)
        self.become(self * kept + spread)


def _spelled_out(key: Any, ndim: int) -> list[Any]:
    """An index with one item for every axis, and None for every new one."""
    items = list(key) if isinstance(key, tuple) else [key]
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    at = next(number for number, item in enumerate(items) if item is Ellipsis)
    missing = ndim - sum(item is not None and item is not Ellipsis for item in items)
    return [*items[:at], *[slice(None)] * missing, *items[at + 1 :]]
