"""Counts, categories, and tables whose columns differ in kind."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import special, stats

from vitral.core.parameters import count, cut
from vitral.core.randomness import stream
from vitral.errors import UsageError
from vitral.parts.likelihoods import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    GaussianPixel,
    Mixed,
    Poisson,
)
from vitral.parts.likelihoods.counts import LOG_RATE
from vitral.specs import Spec

TABLE = Mixed(("gaussian", {"kind": "categorical", "classes": 4}, "poisson", "bernoulli", "continuous_bernoulli"), 5)


def table():
    """Three rows of the table, decoder outputs (2, 3, M) and parameters."""
    rng = stream(0, "table")
    columns = [rng.standard_normal(3), rng.integers(0, 4, 3), rng.poisson(3.0, 3), rng.integers(0, 2, 3), rng.random(3)]
    x = np.stack(columns, axis=1)
    return x, rng.standard_normal((2, 3, TABLE.width(5))), cut(np.full(count(TABLE.shapes), -0.7), TABLE.shapes)


def test_the_poisson_is_scipy_s():
    rng = stream(0, "x")
    rates = np.exp(rng.uniform(-8.0, 9.0, (1, 1, 300)))
    x = rng.poisson(rates[0]).astype(float) + rng.integers(0, 3, (1, 300))
    found = Poisson().log_prob_terms(None, x, LOG_RATE.inverse(np.log(rates)))
    np.testing.assert_allclose(found, stats.poisson.logpmf(x, rates), rtol=1e-9, atol=1e-9)


def test_counts_of_a_million_keep_their_digits_in_float32():
    """Σ x h - r - log x! would lose whole nats; the mass at the mode is 1 / sqrt(2 π x)."""
    x = np.float32([[1e6, 1e4, 1.0, 0.0]])
    o = LOG_RATE.inverse(np.log(np.maximum(x, 1.0)))[None]
    expected = [-0.5 * math.log(2.0 * math.pi * 1e6), -0.5 * math.log(2.0 * math.pi * 1e4), -1.0, -1.0]
    np.testing.assert_allclose(Poisson().log_prob_terms(None, x, o)[0, 0], expected, atol=2e-3)


def test_the_rate_of_a_poisson_stays_within_its_bound():
    found = Poisson().mean(None, np.array([[[-1e30, 0.0, 1e30]]]))
    np.testing.assert_allclose(found, [[[math.exp(-20.0), 1.0, math.exp(20.0)]]])


def test_the_start_of_a_poisson_has_the_mean_of_the_data():
    data = stream(0, "x").poisson([0.0, 0.3, 4.0, 900.0], (2000, 4)).astype(float)
    found = Poisson().mean(None, Poisson().start(data))[0]
    np.testing.assert_allclose(found, data.mean(axis=0), rtol=1e-2, atol=1e-3)


def test_log_masses_of_categories_are_the_logarithm_of_the_softmax():
    o = 10.0 * stream(0, "o").standard_normal((2, 3, 5 * 4))
    expected = special.log_softmax(o.reshape(2, 3, 5, 4), axis=-1)
    likelihood = Categorical(4)
    np.testing.assert_allclose(likelihood.log_masses(None, o), expected, atol=1e-13)
    x = np.array([[0.0, 1.0, 2.0, 3.0, 0.0]] * 3)
    picked = expected[:, :, range(5), [0, 1, 2, 3, 0]]
    np.testing.assert_allclose(likelihood.log_prob_terms(None, x, o), picked, atol=1e-13)


def test_two_categories_are_a_bernoulli_on_the_difference_of_their_logits():
    o, x = stream(0, "o").standard_normal((2, 3, 8)), stream(0, "x").integers(0, 2, (3, 4)).astype(float)
    expected = Bernoulli().log_prob_terms(None, x, o[..., 1::2] - o[..., ::2])
    np.testing.assert_allclose(Categorical(2).log_prob_terms(None, x, o), expected, atol=1e-13)


def test_the_mean_of_a_category_is_its_likeliest_class_and_no_number():
    likelihood = Categorical(3)
    assert not likelihood.numeric
    np.testing.assert_array_equal([[[2.0, 0.0]]], likelihood.mean(None, np.array([[[0.1, 0.2, 0.3, 5.0, -1.0, 4.0]]])))


def test_the_start_of_categories_is_how_often_each_was_seen():
    """A class that was never seen keeps a share of one row of doubt."""
    data = np.repeat([[0.0], [2.0]], [30, 10], axis=0)
    found = np.exp(Categorical(3).start(data)[0])
    np.testing.assert_allclose(found, np.array([30.0 + 1 / 3, 1 / 3, 10.0 + 1 / 3]) / 41.0)


def test_every_column_of_a_table_is_scored_by_its_own_likelihood():
    """Terms, means and gradients are those of the columns, one after the other in o."""
    x, o, p = table()
    parts = (GaussianPixel(1, "identity"), Categorical(4), Poisson(), Bernoulli(), ContinuousBernoulli())
    assert parts == TABLE.parts
    terms, mean = TABLE.log_prob_terms(p, x, o), TABLE.mean(p, o)
    dlog_px, start = stream(0, "d").standard_normal((2, 3)), 0
    grad = np.zeros(1)
    do = TABLE.log_prob(p, x, o)[1](dlog_px, cut(grad, TABLE.shapes))
    for column, (part, views) in enumerate(zip(parts, p, strict=True)):
        own, end = x[:, [column]], start + part.width(1)
        expected, backward = part.log_prob(views, own, o[..., start:end])
        alone = np.zeros(count(part.shapes))
        np.testing.assert_allclose(terms[..., column], expected, rtol=1e-14)
        np.testing.assert_array_equal(mean[..., [column]], part.mean(views, o[..., start:end]))
        np.testing.assert_array_equal(do[..., start:end], backward(dlog_px, cut(alone, part.shapes)))
        start = end
        if alone.size:
            np.testing.assert_array_equal(grad, alone)
    assert start == TABLE.width(5) == 8


def test_the_parameters_of_a_table_start_from_their_columns():
    data = stream(0, "x").standard_normal((300, 2)) * [3.0, 0.5]
    likelihood = Mixed(("gaussian", "gaussian"), 2)
    theta = np.zeros(2)
    likelihood.init(cut(theta, likelihood.shapes), stream(0, "init"), data)
    np.testing.assert_allclose(np.exp(theta) + 1e-4, data.var(axis=0), rtol=1e-9)


def test_a_table_with_a_category_has_no_squared_error_and_one_without_has():
    assert not TABLE.numeric
    assert Mixed(("gaussian", "poisson"), 2).numeric


@pytest.mark.parametrize(
    "likelihood, x, offence",
    [
        (Poisson(), [[0.0, 3.0], [1.0, 2.5]], (1, 1, "counts, whole numbers of at least 0")),
        (Categorical(3), [[0.0, 2.0], [1.5, 2.0]], (1, 0, "a class number, 0 to 2")),
        (TABLE, [[0.0, 1.0, 2.0, 1.0, 0.5], [0.0, 4.0, 2.0, 1.0, 0.5]], (1, 1, "a number from 0 to 3")),
        (TABLE, [[0.0, 1.0, -1.0, 1.0, 0.5]], (0, 2, "a number from 0 to inf")),
        (TABLE, [[0.0, 1.0, 0.5, 1.0, 0.5]], (0, 2, "counts, whole numbers of at least 0")),
        (TABLE, [[0.0, 1.0, 2.0, 0.4, 0.5]], (0, 3, "0 or 1")),
        (TABLE, [[0.0, 1.0, 2.0, 1.0, 1.5]], (0, 4, "a number from 0 to 1")),
        (TABLE, [[math.nan, 1.0, 2.0, 1.0, 0.5]], (0, 0, "a number from -inf to inf")),
        (TABLE, [[-7.5, 3.0, 0.0, 0.0, 1.0]], None),
    ],
)
def test_the_first_entry_that_has_no_probability_is_named(likelihood, x, offence):
    assert likelihood.offence(np.array(x)) == offence


@pytest.mark.parametrize(
    "columns, sentence",
    [
        (["gaussian"], "needs one entry of columns for each of 2 columns, got 1"),
        ("gaussian", "needs one entry of columns for each of 2 columns, got 'gaussian'"),
        (["gaussian", "gausian"], "unknown kind of column 1: 'gausian': did you mean 'gaussian'"),
        (["gaussian", {"kind": "categorical"}], "column 1 is categorical and needs classes"),
        (["gaussian", {"kind": "categorical", "classes": 1}], "classes must be a whole number of at least 2, got 1"),
        (["gaussian", {"kind": "poisson", "clases": 1}], "unknown key of column 1"),
        ([{"kind": "gaussian", "floor": 0.0}, "poisson"], "floor must be a positive number, got 0.0"),
        ([{"classes": 3}, "poisson"], "unknown kind of column 0"),
    ],
)
def test_columns_that_make_no_sense_are_refused(columns, sentence):
    with pytest.raises(UsageError, match=sentence):
        Spec(2, 1, likelihood={"kind": "mixed", "columns": columns}).build()


@pytest.mark.parametrize("likelihood, missing", [("categorical", "classes"), ("mixed", "columns")])
def test_an_option_without_a_default_is_asked_for(likelihood, missing):
    with pytest.raises(UsageError, match=f"likelihood '{likelihood}' needs {missing}, and none is given: add it"):
        Spec(2, 1, likelihood=likelihood).build()


def test_a_table_survives_json_and_gives_an_equal_model():
    columns = ["gaussian", {"kind": "categorical", "classes": 4}]
    spec = Spec(2, 1, likelihood={"kind": "mixed", "columns": columns})
    again = Spec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again.build() == spec.build()
    assert again.to_dict()["likelihood"] == {"kind": "mixed", "columns": columns}
