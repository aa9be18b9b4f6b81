"""Data that a likelihood gives no probability are refused before training, with their place and what would work."""

import json

import numpy as np
import pytest

from vitral.errors import DataError
from vitral.study.jobs import open_data
from vitral.study.recipes import load_recipe

COLUMNS = '["gaussian", {kind="categorical", classes=3}]'


def opened(name, likelihood, *changes):
    asked = [f"data.name={json.dumps(name)}", f"model.likelihood={likelihood}", *changes]
    return open_data(load_recipe("digits", asked))


def table(tmp_path, second):
    """Forty rows of a number and a category."""
    rows = np.stack([np.linspace(-1.0, 1.0, 40), np.resize(second, 40)], axis=1)
    np.save(tmp_path / "table.npy", rows)
    return str(tmp_path / "table.npy")


@pytest.mark.parametrize(
    "name, likelihood, changes",
    [
        ("mnist", "{kind='beta_binomial'}", ["data.limit=100"]),
        ("digits", "{kind='discretised_logistic', levels=17}", []),
        ("digits", "{kind='logistic_mixture', levels=2}", ["data.binarise=static"]),
    ],
)
def test_levels_that_the_data_have_are_taken(name, likelihood, changes):
    """8-bit images, 0 to 16, and bits."""
    assert len(opened(name, likelihood, *changes).train) > 50


def test_levels_that_the_data_do_not_have_are_refused_with_how_many_there_are():
    with pytest.raises(DataError, match=r"digits \(train\): row 0, column 1 is .*none of the 256 levels .* have 17"):
        opened("digits", "{kind='beta_binomial'}")


def test_values_between_levels_are_refused(tmp_path):
    """Floats in [0, 1] that are no 8-bit levels; those that are, up to rounding, pass."""
    levels = np.random.default_rng(0).integers(0, 256, (40, 3)) / 255.0
    np.save(tmp_path / "rows.npy", levels.astype(np.float32))
    assert len(opened(str(tmp_path / "rows.npy"), "{kind='beta_binomial'}").train) == 32
    levels[39, 2] += 0.001
    np.save(tmp_path / "rows.npy", levels)
    with pytest.raises(DataError, match=r"column 2 is .* none of the 256 levels .* give 8-bit rows"):
        opened(str(tmp_path / "rows.npy"), "{kind='beta_binomial'}")


def test_a_category_that_does_not_exist_is_named_by_row_and_column(tmp_path):
    mixed = f"{{kind='mixed', columns={COLUMNS}}}"
    assert len(opened(table(tmp_path, [0, 1, 2]), mixed).train) == 32
    with pytest.raises(DataError, match=r"column 1 is 3; the likelihood scores .* there: change the data"):
        opened(table(tmp_path, [0, 1, 2, 3]), mixed)


def test_numbers_outside_the_range_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"column 0 is -.*values must lie in \[0, inf\]"):
        opened(table(tmp_path, [0, 1]), "{kind='poisson'}")
