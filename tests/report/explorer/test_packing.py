"""Arrays as text: what goes in comes out, exactly or within a bound, and by the rule that browsers follow."""

import base64
import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vitral.report.explorer import packing

FINITE = st.floats(-1e4, 1e4, width=32)
ARRAYS = hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6), elements=FINITE)
MATRICES = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6), elements=FINITE)
GREYS = st.floats(0, 1, width=32)
SHARES = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=GREYS)


def back(packed):
    """Through the text of a page."""
    return packing.unpack(json.loads(json.dumps(packed.entry)))


def by_hand(entry):
    """Every number by the words of the module: one at a time, as the loop of a browser would."""
    size = {"u1": 1, "q8": 1, "i2": 2, "i4": 4}[entry["dtype"]]
    raw = zlib.decompress(base64.b64decode(entry["bytes"]))
    numbers = [
        int.from_bytes(raw[place : place + size], "little", signed=entry["dtype"] != "u1")
        for place in range(0, len(raw), size)
    ]
    if entry.get("delta"):
        width, low = entry["delta"], 0 if entry["dtype"] == "u1" else -(1 << (8 * size - 1))
        for place in range(width, len(numbers)):
            numbers[place] = (numbers[place] + numbers[place - width] - low) % (1 << 8 * size) + low
    if "scale" not in entry:
        return numbers

    def column(name, place):
        value = entry.get(name, 0.0)
        if isinstance(value, str):
            floats = struct.iter_unpack("<f", base64.b64decode(value))
            return [number for (number,) in floats][place % entry["shape"][-1]]
        return value

    return [np.float32(column("offset", i) + column("scale", i) * number) for i, number in enumerate(numbers)]


@given(ARRAYS)
def test_floats_come_back_to_the_last_bit(array):
    packed = packing.floats(array)
    assert packed.max_error == 0.0
    np.testing.assert_array_equal(array, back(packed))


@given(ARRAYS)
def test_halved_floats_keep_eleven_bits(array):
    packed = packing.floats(array, "f2")
    error = np.abs(back(packed) - array.astype(np.float64))
    assert (error <= np.maximum(2.0**-11 * np.abs(array), 2.0**-25)).all()
    assert packed.max_error == error.max(initial=0.0)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        packing.floats(np.array([1.0, bad]))
    with pytest.raises(ValueError, match="not finite as f2"):
        packing.floats(np.array([70000.0]), "f2")


@pytest.mark.parametrize("dtype", ["u1", "q8", "i2", "i4"])
@pytest.mark.parametrize("delta", [0, 1, 2, 5, 7])
def test_whole_numbers_come_back_and_differences_wrap(dtype, delta):
    """From the least to the greatest and back: the differences pass the range of the type."""
    kind = np.iinfo(packing.INTEGERS[dtype])
    array = np.array([[kind.min, 3], [kind.max, 0], [kind.min, kind.max]])
    packed = packing.integers(array, dtype, delta=delta)
    np.testing.assert_array_equal(array, back(packed))
    assert by_hand(packed.entry) == array.ravel().tolist()


def test_whole_numbers_that_do_not_fit_are_refused():
    for array in ([256], [-1], [0.5]):
        with pytest.raises(ValueError, match="not one of u1"):
            packing.integers(np.array(array), "u1")


@given(MATRICES, st.sampled_from([127, 63, 31, 15, 7]))
@settings(deadline=None)
def test_weights_are_off_by_half_a_step_of_their_column_at_most(array, levels):
    packed = packing.weights(array, levels)
    step = np.abs(array).max(axis=tuple(range(array.ndim - 1))) / levels
    error = np.abs(back(packed) - array.astype(np.float64))
    assert (error <= 0.5 * step * (1 + 1e-5) + 1e-6 * np.abs(array) + 1e-37).all()
    assert packed.max_error == error.max()
    np.testing.assert_array_equal(np.array(by_hand(packed.entry), np.float32), back(packed).ravel())


@pytest.mark.parametrize("levels", [127, 15])
def test_rounding_for_inputs_keeps_what_a_layer_puts_out(levels):
    """Inputs of a few directions, as hidden units have them: on new ones the outputs are off by less than half."""
    rng = np.random.default_rng(0)
    basis, matrix = rng.standard_normal((3, 40)), rng.standard_normal((40, 30))
    seen, new = (np.maximum(rng.standard_normal((200, 3)) @ basis, 0.0) for _ in range(2))
    errors = [
        np.abs(new @ (back(packed).astype(np.float64) - matrix)).mean()
        for packed in (packing.weights(matrix, levels), packing.weights(matrix, levels, seen))
    ]
    assert errors[1] < 0.5 * errors[0]


def test_rounding_for_inputs_that_are_all_zero_is_plain_rounding():
    matrix = np.random.default_rng(0).standard_normal((6, 5))
    assert packing.weights(matrix).entry == packing.weights(matrix, 127, np.zeros((4, 6))).entry


@given(ARRAYS, st.sampled_from(["i2", "u1"]), st.integers(0, 20))
@settings(deadline=None)
def test_even_steps_are_off_by_half_a_step_at_most(array, dtype, delta):
    packed = packing.spread(array, dtype, delta=delta)
    width = float(array.max() - array.min()) if array.size else 0.0
    kind = np.iinfo(packing.INTEGERS[dtype])
    error = np.abs(back(packed) - array.astype(np.float64)).max(initial=0.0)
    assert error <= 0.5 * width / (kind.max - kind.min) * (1 + 1e-6) + 1e-6 * np.abs(array).max(initial=0.0)
    assert packed.max_error == error
    np.testing.assert_array_equal(np.array(by_hand(packed.entry), np.float32), back(packed).ravel())


@given(SHARES, st.sampled_from([255, 15]), st.integers(0, 20))
def test_greys_are_off_by_half_a_grey_at_most(array, steps, delta):
    packed = packing.greys(array, steps, delta=delta)
    assert packed.max_error <= 0.5 / steps + 1e-7
    np.testing.assert_array_equal(np.array(by_hand(packed.entry), np.float32), back(packed).ravel())


def test_levels_of_a_picture_are_the_very_numbers_of_the_data():
    """x = level / 255 in 32 bits: the page's image is what the encoder was trained on."""
    levels = np.arange(256).reshape(16, 16)
    packed = packing.integers(levels, "u1", scale=1 / 255)
    np.testing.assert_array_equal(levels.astype(np.float32) / np.float32(255), back(packed))


def test_equal_arrays_give_equal_text():
    array = np.random.default_rng(0).standard_normal((20, 5))
    assert packing.weights(array).entry == packing.weights(array.copy(order="F")).entry
    assert packing.size_of(packing.weights(array).entry) > 100
