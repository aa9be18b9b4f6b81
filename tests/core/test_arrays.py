"""Stable elementwise functions at ordinary and at extreme arguments."""

from __future__ import annotations

import math
from decimal import Context, Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special

from vitral.core import arrays

FLOATS = st.floats(-700.0, 700.0)
EXACT = Context(prec=400)  # 1 - exp(-a) holds 304 nines at a = 700


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


def test_softplus_keeps_the_digits_of_float32_where_it_is_tiny_and_where_it_is_large():
    a = np.linspace(-80.0, 80.0, 100_001, dtype=np.float32)
    found = arrays.softplus(a)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.logaddexp(0.0, a.astype(np.float64)), rtol=5e-7)


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


@given(st.floats(1e-12, 700.0))
@example(39.0)
def test_log1mexp_equals_its_definition_in_four_hundred_digits(a):
    exact = float(EXACT.subtract(Decimal(1), (-Decimal(a)).exp(EXACT)).ln(EXACT))
    assert float(arrays.log1mexp(np.array(a))) == pytest.approx(exact, rel=1e-12, abs=0.0)


@given(st.floats(1e-5, 1e5))
def test_what_stirlings_formula_lacks_completes_it(z):
    """log Gamma by the formula and its remainder, on both sides of the change to the series."""
    formula = (z - 0.5) * math.log(z) - z + 0.5 * math.log(2.0 * math.pi)
    found = formula + float(arrays.stirling(np.array(z)))
    assert found == pytest.approx(math.lgamma(z), rel=1e-13, abs=1e-13)


@given(st.floats(1e-3, 1e4))
def test_the_slope_of_what_stirlings_formula_lacks_completes_the_digamma(z):
    found = math.log(z) - 0.5 / z + float(arrays.stirling_slope(np.array(z)))
    assert found == pytest.approx(float(special.digamma(z)), rel=1e-12, abs=1e-12)


def test_stirling_and_its_slope_do_not_jump_where_the_series_begins():
    below, above = np.nextafter(10.0, 0.0), np.array(10.0)
    for function in (arrays.stirling, arrays.stirling_slope):
        assert float(function(np.array(below))) == pytest.approx(float(function(above)), abs=1e-13)


@pytest.mark.parametrize("function", [arrays.log1mexp, arrays.stirling, arrays.stirling_slope])
def test_functions_of_positive_numbers_keep_float32_and_stay_finite(function):
    result = function(np.array([1e-8, 0.1, 0.7, 9.99, 10.0, 1e4, 1e30], "float32"))
    assert result.dtype == "float32"
    assert np.isfinite(result).all()


def test_arange_counts_in_the_dtype_of_its_like():
    found = arrays.arange(3, like=np.ones(1, "float32"))
    assert found.dtype == "float32"
    np.testing.assert_array_equal([0.0, 1.0, 2.0], found)
