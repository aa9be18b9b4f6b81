"""Stable elementwise functions at ordinary and at extreme arguments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitral.core import arrays

FLOATS = st.floats(-700.0, 700.0)


@given(FLOATS)
def test_sigmoid_equals_its_definition(a):
    expected = 1.0 / (1.0 + math.exp(-a)) if a > -700 else 0.0
    assert float(arrays.sigmoid(np.array(a))) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(FLOATS)
def test_softplus_equals_its_definition(a):
    expected = max(a, 0.0) + math.log1p(math.exp(-abs(a)))
    assert float(arrays.softplus(np.array([a]))[0]) == pytest.approx(expected, rel=1e-14)


@given(st.lists(FLOATS, min_size=1, max_size=20))
def test_logsumexp_equals_its_definition_shifted(values):
    top = max(values)
    expected = top + math.log(math.fsum(math.exp(value - top) for value in values))
    assert float(arrays.logsumexp(np.array(values), axis=0)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", [arrays.sigmoid, arrays.softplus])
def test_extreme_arguments_overflow_nowhere_and_keep_their_dtype(function, dtype):
    a = np.array([-1e30, -1e4, 0.0, 1e4, 1e30], dtype)
    result = function(a)
    assert result.dtype == dtype
    assert np.isfinite(result).all()


def test_sigmoid_saturates_at_zero_and_one():
    np.testing.assert_array_equal([0.0, 0.5, 1.0], arrays.sigmoid(np.array([-1e4, 0.0, 1e4])))


def test_softplus_of_large_arguments_is_the_argument_or_zero():
    np.testing.assert_array_equal([0.0, 1e4], arrays.softplus(np.array([-1e4, 1e4])))


def test_logsumexp_of_far_apart_numbers_is_the_largest():
    assert float(arrays.logsumexp(np.array([-1e4, 1e4]), axis=0)) == 1e4


def test_functions_leave_their_argument_alone():
    a = np.linspace(-2.0, 2.0, 5)
    a.flags.writeable = False
    arrays.sigmoid(a)
    arrays.softplus(a)
    arrays.logsumexp(a, axis=0)


def test_log_two_pi_is_the_logarithm_of_two_pi():
    assert math.log(2.0 * math.pi) == arrays.LOG_TWO_PI
