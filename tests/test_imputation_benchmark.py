"""The comparison of imputers removes what it says, and gives classes to imputers of numbers and back."""

import numpy as np
import pytest


@pytest.fixture
def imputation(benchmark):
    return benchmark("imputation")


def test_entries_are_removed_as_the_pattern_says(imputation):
    X = np.random.default_rng(0).standard_normal((4000, 5))
    for pattern, share in (("random 20 %", 0.2), ("random 50 %", 0.5)):
        assert imputation.removed(X, pattern, 0).mean() == pytest.approx(share, abs=0.02)
    gone = imputation.removed(X, "by another column", 0)
    assert not gone[:, 0].any()
    assert gone[:, 1:].mean() == pytest.approx(0.3, abs=0.02)
    large = X[:, 0] > np.median(X[:, 0])
    assert gone[large, 1:].mean() > 2.0 * gone[~large, 1:].mean()
    assert (imputation.removed(X, "random 20 %", 1) != imputation.removed(X, "random 20 %", 0)).any()


def test_classes_become_columns_and_classes_again(imputation):
    one = imputation.mixed(rows=50)
    coded, places = imputation.one_hot(one.X, one.classes)
    assert coded.shape == (50, 3 + 2 + 1 + 3)
    assert (imputation.decoded(coded, places, one.classes) == one.X).all()
    holes = np.where(imputation.removed(one.X, "random 20 %", 0), np.nan, one.X)
    assert np.isnan(imputation.one_hot(holes, one.classes)[0][:, 3:5]).any(axis=1).sum() == np.isnan(holes[:, 3]).sum()


def test_errors_are_those_of_the_removed_entries(imputation):
    one = imputation.standardised(imputation.mixed(rows=200))
    gone = imputation.removed(one.X, "random 20 %", 0)
    made = one.X + np.where(gone, 1.0, 100.0) * (np.arange(6) < 3)
    found = imputation.errors(np.where(gone, made, one.X), None, one, gone)
    assert found == {"rmse": pytest.approx(1.0), "wrong": 0.0}
    wide = (one.X - 1.0, one.X + np.where(np.arange(6) == 0, -0.5, 0.5), np.full(200, 20.0))
    covered = imputation.errors(one.X, wide, one, gone)["coverage"]
    assert covered == pytest.approx(1.0 - gone[:, 0].sum() / gone[:, :3].sum())


def test_a_table_of_the_page_is_found_and_one_set_of_holes_has_no_spread(imputation):
    parts = {
        " | ".join(("wine", "random 20 %", str(seed), method)): {"rmse": value + 0.1 * seed, "coverage": 0.9}
        for seed in (0, 1)
        for method, value in zip(imputation.METHODS, (1.0, 0.9, 0.5, 0.6), strict=True)
    }
    kept = {"parts": parts, "environment": {"cpu": "a processor"}, "date": "today"}
    assert "| wine (chosen on) | 1.050 ± 0.071 | 0.950 ± 0.071 | **0.550 ± 0.071** | 0.650 ± 0.071 | 90 % | 2 |" in (
        imputation.table(kept)
    )
    del parts["wine | random 20 % | 1 | vitral"]
    assert "| 1.000 | 0.900 | **0.500** | 0.600 | 90 % | 1 |" in imputation.table(kept)
