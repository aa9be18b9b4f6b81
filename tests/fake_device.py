"""A strict stand-in for a device array: it computes through NumPy's dispatch protocols and by no other way.

Mixing it with a plain array, or asking for a plain array, is an error, as it is on a GPU.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class FakeArray(NDArrayOperatorsMixin):
    def __init__(self, hidden):
        self.hidden = hidden

    def __array__(self, *args, **kwargs):
        raise TypeError("a device array does not become a plain array by itself")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        result = getattr(ufunc, method)(*shown(inputs), **({"out": shown(out)} if out else {}), **shown(kwargs))
        return out[0] if out else hide(result)

    def __array_function__(self, function, types, args, kwargs):
        return hide(function(*shown(args), **shown(kwargs)))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)  # no __array_interface__: that door leads to a plain array as well
        value = getattr(self.hidden, name)
        return (lambda *args, **kwargs: hide(value(*shown(args), **shown(kwargs)))) if callable(value) else hide(value)

    def __getitem__(self, key):
        return hide(self.hidden[shown(key)])

    def __setitem__(self, key, value):
        self.hidden[shown(key)] = shown(value)

    def __len__(self):
        return len(self.hidden)

    def __float__(self):
        return float(self.hidden)


def hide(value):
    """Device arrays for plain ones, zero-dimensional ones included; everything else as it is."""
    if isinstance(value, tuple | list):
        return type(value)(map(hide, value))
    return FakeArray(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def shown(value):
    """What lies in device arrays; a plain array among them is refused, a plain number is not."""
    if isinstance(value, tuple | list):
        return type(value)(map(shown, value))
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        raise TypeError(f"a plain array of shape {value.shape} met a device array")
    return value.hidden if isinstance(value, FakeArray) else value
