"""Streams: equal arguments, equal numbers; otherwise independent ones; the global state is never touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.members import small_model
from vitral.core.randomness import draw, stream

RAW = [6638193365810586559, 1286171014135821826]


@given(st.integers(0, 2**63), st.text(max_size=8), st.lists(st.integers(0, 2**31), max_size=3))
def test_equal_arguments_give_equal_numbers(seed, purpose, index):
    first, second = stream(seed, purpose, *index), stream(seed, purpose, *index)
    np.testing.assert_array_equal(first.random(3), second.random(3))


@pytest.mark.parametrize(
    "other", [(1, "noise", 0, 0), (0, "shuffle", 0, 0), (0, "noise", 0, 1), (0, "noise", 1, 0), (0, "noise", 0)]
)
def test_another_seed_purpose_or_index_gives_other_numbers(other):
    assert not np.array_equal(stream(0, "noise", 0, 0).random(4), stream(*other).random(4))


def test_streams_are_uncorrelated():
    """Neighbouring indices: the correlation of 100,000 normals stays within 5 standard errors."""
    a, b = (stream(0, "noise", step).standard_normal(100_000) for step in (0, 1))
    assert abs(float(a @ b)) / np.sqrt(100_000) < 5.0


def test_the_bits_of_a_stream_never_change():
    """Written down once: a change here would change every seeded result of every user."""
    assert stream(0, "noise", 1, 2).bit_generator.random_raw(2).tolist() == RAW


def test_noise_has_the_shapes_and_the_dtype_asked_for():
    noise = draw({"a": (2, 3), "b": (4,)}, stream(0, "noise"), "float32")
    assert {name: eps.shape for name, eps in noise.items()} == {"a": (2, 3), "b": (4,)}
    assert {"float32"} == {eps.dtype.name for eps in noise.values()}


def test_the_global_random_state_is_never_touched():
    """Initialising, sampling and drawing leave NumPy's legacy generator where it was."""
    kept = np.random.get_state()  # noqa: NPY002 - the thing that must not move
    model = small_model("bernoulli")
    theta = model.init(0)
    model.sample(model.views(theta), 3, stream(0, "sample"))
    draw(model.posterior.noise_shapes(1, 2), stream(0, "noise"), "float32")
    now = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(kept[1], now[1])
    assert kept[2] == now[2]
