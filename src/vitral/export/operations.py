"""What NumPy's functions are in ONNX, opset 17. A function that is not listed has no form, and says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vitral.export.tape import BOOL, FLOAT, FUNCTIONS, INT, UFUNCS, NoForm, Tape, Traced

ONE_TO_ONE = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "true_divide": "Div", "negative": "Neg",
    "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh", "absolute": "Abs", "sign": "Sign", "floor": "Floor",
    "rint": "Round", "maximum": "Max", "minimum": "Min",
}  # fmt: skip
COMPARISONS = {"greater": "Greater", "less": "Less", "greater_equal": "GreaterOrEqual", "less_equal": "LessOrEqual",
               "equal": "Equal"}  # fmt: skip
LOGIC = {"logical_and": "And", "bitwise_and": "And", "logical_or": "Or", "bitwise_or": "Or"}


def shape_of(value: Any) -> tuple[int, ...]:
    return value.shape if isinstance(value, Traced) else np.shape(value)


def as_float(value: Any) -> Any:
    """Numbers for a formula: what is true counts as 1."""
    if isinstance(value, Traced):
        return value.astype(FLOAT)
    return value if isinstance(value, np.ndarray) and value.dtype.kind == "f" else np.asarray(value, FLOAT)


def elementwise(
    operator: str, dtype: np.dtype[Any] = FLOAT, taken: Callable[[Any], Any] = as_float
) -> Callable[..., Any]:
    """An operator that works number by number and broadcasts as NumPy does."""

    def step(tape: Tape, *inputs: Any) -> Traced:
        return tape.step(
            operator, [taken(value) for value in inputs], np.broadcast_shapes(*map(shape_of, inputs)), dtype
        )

    return step


def as_it_is(value: Any) -> Any:
    return value


def power(tape: Tape, base: Any, exponent: Any) -> Any:
    if isinstance(exponent, int | float) and exponent == 2:
        return base * base
    return elementwise("Pow")(tape, base, exponent)


def expm1(tape: Tape, x: Any) -> Any:
    """exp(x) - 1 = 2 t / (1 - t), t = tanh(x / 2), which keeps the digits of a small x."""
    t = np.tanh(0.5 * x)
    return np.where(np.abs(x) < 1.0, 2.0 * t / (1.0 - t), np.exp(x) - 1.0)


def log1p(tape: Tape, x: Any) -> Any:
    """log(1 + x) = log(u) + (x - (u - 1)) / u, u = 1 + x as it is rounded."""
    u = x + 1.0
    return np.log(u) + (x - (u - 1.0)) / u


def matmul(tape: Tape, a: Any, b: Any) -> Traced:
    left, right = shape_of(a), shape_of(b)
    if min(len(left), len(right)) < 2:
        raise NoForm("a product with a vector has no form in ONNX here")
    shape = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])
    return tape.step("MatMul", (as_float(a), as_float(b)), shape)


def reduction(operator: str) -> Callable[..., Any]:
    """Sum, mean or largest over axes; opset 17 takes those of a sum as an input, the others' as an attribute."""

    def step(tape: Tape, x: Traced, axis: Any = None, keepdims: bool = False, **_: Any) -> Traced:
        axes = sorted(a % x.ndim for a in (range(x.ndim) if axis is None else np.atleast_1d(axis).tolist()))
        shape = [1 if at in axes else size for at, size in enumerate(x.shape) if keepdims or at not in axes]
        kept, given = int(keepdims), as_float(x)
        if operator == "ReduceSum":
            return tape.step(operator, (given, np.array(axes, INT)), shape, keepdims=kept)
        return tape.step(operator, (given,), shape, axes=axes, keepdims=kept)

    return step


def concatenate(tape: Tape, arrays: Any, axis: int = 0, **_: Any) -> Traced:
    shapes = [list(shape_of(one)) for one in arrays]
    axis %= len(shapes[0])
    shape = [*shapes[0][:axis], sum(one[axis] for one in shapes), *shapes[0][axis + 1 :]]
    return tape.step("Concat", [as_float(one) for one in arrays], shape, axis=axis)


def stack(tape: Tape, arrays: Any, axis: int = 0, **_: Any) -> Traced:
    traced = [
        as_float(one) if isinstance(one, Traced) else tape.step("Identity", (as_float(one),), one.shape)
        for one in arrays
    ]
    return concatenate(
        tape, [one.unsqueeze([axis % (one.ndim + 1)]) for one in traced], axis % (traced[0].ndim + 1)
    )


def where(tape: Tape, condition: Any, a: Any, b: Any) -> Traced:
    shape = np.broadcast_shapes(*map(shape_of, (condition, a, b)))
    return tape.step("Where", (condition, as_float(a), as_float(b)), shape)


def squeeze(tape: Tape, x: Traced, axis: int) -> Traced:
    shape = [size for at, size in enumerate(x.shape) if at != axis % x.ndim]
    return tape.step("Squeeze", (x, np.array([axis % x.ndim], INT)), shape, x.dtype)


def argmax(tape: Tape, x: Traced, axis: int) -> Traced:
    shape = [size for at, size in enumerate(x.shape) if at != axis % x.ndim]
    return tape.step("ArgMax", (x,), shape, INT, axis=axis % x.ndim, keepdims=0)


def moveaxis(tape: Tape, x: Traced, source: int, destination: int) -> Traced:
    order = [at for at in range(x.ndim) if at != source % x.ndim]
    order.insert(destination % x.ndim, source % x.ndim)
    return x.transpose(*order)


def clip(tape: Tape, x: Any, low: Any, high: Any, **_: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


def broadcast_to(tape: Tape, x: Any, shape: tuple[int, ...]) -> Any:
    return x if shape_of(x) == tuple(shape) else x + tape.zeros(tuple(shape))


def zeros(tape: Tape, shape: Any, **_: Any) -> Any:
    return tape.zeros((shape,) if isinstance(shape, int) else tuple(shape))


def zeros_like(tape: Tape, x: Traced, **_: Any) -> Any:
    return tape.zeros(x.shape)


def arange(tape: Tape, n: int, **_: Any) -> np.ndarray:
    return np.arange(n, dtype=FLOAT)


def asarray(tape: Tape, value: Any, **_: Any) -> np.ndarray:
    return np.asarray(value, FLOAT)


UFUNCS |= {name: elementwise(operator) for name, operator in ONE_TO_ONE.items()}
UFUNCS |= {name: elementwise(operator, BOOL) for name, operator in COMPARISONS.items()}
UFUNCS |= {name: elementwise(operator, BOOL, as_it_is) for name, operator in LOGIC.items()}
UFUNCS |= {"invert": elementwise("Not", BOOL, as_it_is), "logical_not": elementwise("Not", BOOL, as_it_is)}
UFUNCS |= {"power": power, "expm1": expm1, "log1p": log1p, "matmul": matmul}
FUNCTIONS |= {"sum": reduction("ReduceSum"), "mean": reduction("ReduceMean"), "max": reduction("ReduceMax"),
              "amax": reduction("ReduceMax"), "min": reduction("ReduceMin")}  # fmt: skip
FUNCTIONS |= {
    function.__name__: function
    for function in (
        concatenate,
        stack,
        where,
        squeeze,
        argmax,
        moveaxis,
        clip,
        broadcast_to,
        zeros,
        zeros_like,
        arange,
        asarray,
    )
}
FUNCTIONS["empty"] = zeros
