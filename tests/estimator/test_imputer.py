"""``VAEImputer``: NaN in, none out, in the types, names and units that came in."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vitral import load
from vitral.errors import DataError, FileError
from vitral.estimator import VAE, VAEImputer

SMALL = {"hidden": (16,), "max_iter": 20, "samples": 100, "random_state": 0}


def holed(X, share=0.2, seed=0):
    return np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)


@pytest.fixture(scope="module")
def iris():
    return holed(load_iris().data)


@pytest.fixture(scope="module")
def fitted(iris):
    return VAEImputer(**SMALL).fit(iris)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_goes_in_and_none_comes_out_and_the_rest_is_as_it_was(iris, dtype):
    X = iris.astype(dtype)
    whole = VAEImputer(**SMALL).fit_transform(X)
    known = ~np.isnan(X)
    assert (whole.dtype, whole.shape) == (X.dtype, X.shape)
    assert np.isfinite(whole).all()
    assert whole[known].tobytes() == X[known].tobytes()


def test_it_knows_more_than_the_mean():
    """Wine with a fifth removed: a smaller error than the columns' means, which know nothing of the row."""
    X = load_wine().data
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    H = holed(X)
    m = np.isnan(H)
    whole = VAEImputer(hidden=(32,), max_iter=60, samples=200, random_state=0).fit_transform(H)
    ours, means = (((guess - X)[m] ** 2).mean() for guess in (whole, np.nanmean(H, axis=0)))
    assert ours < 0.9 * means


def test_units_of_the_columns_do_not_matter(iris):
    """A column in other units gives the same value in those units."""
    scaled = iris * [1000.0, 1.0, 0.001, 1.0] + [0.0, 5.0, 0.0, 0.0]
    plain, other = (VAEImputer(**SMALL).fit_transform(X) for X in (iris, scaled))
    np.testing.assert_allclose(other, plain * [1000.0, 1.0, 0.001, 1.0] + [0.0, 5.0, 0.0, 0.0], rtol=1e-6)


def test_draws_differ_where_something_was_missing_and_nowhere_else(fitted, iris):
    draws = fitted.draw(iris, 3)
    assert len(draws) == 3
    m = np.isnan(iris)
    assert (draws[0] != draws[1])[m].all()
    assert all((one[~m] == iris[~m]).all() for one in draws)
    again, other = fitted.draw(iris, 3), fitted.draw(iris, 3, random_state=5)
    assert all((one == two).all() for one, two in zip(draws, again, strict=True))
    assert (other[0] != draws[0])[m].any()


def test_effective_draws_are_told_and_few_of_them_are_warned_of(fitted, iris):
    ess = fitted.effective_sample_size(iris)
    m = np.isnan(iris).any(axis=1)
    assert np.isnan(ess[~m]).all()
    assert ((ess[m] >= 1.0) & (ess[m] <= 100.0)).all()
    lazy = VAEImputer(**{**SMALL, "samples": 4}).fit(iris)
    with pytest.warns(UserWarning, match="fewer than 10 effective draws"):
        lazy.transform(iris)


def test_indicators_stand_for_the_columns_that_had_holes(iris):
    X = iris.copy()
    X[:, 2] = load_iris().data[:, 2]
    imputer = VAEImputer(add_indicator=True, **SMALL).fit(X)
    whole = imputer.transform(X)
    assert whole.shape == (150, 7)
    assert (whole[:, 4:] == np.isnan(X)[:, [0, 1, 3]]).all()
    assert list(imputer.get_feature_names_out())[4:] == [f"missingindicator_x{n}" for n in (0, 1, 3)]


def test_it_works_in_a_pipeline(iris):
    classifier = make_pipeline(VAEImputer(**SMALL), StandardScaler(), LogisticRegression())
    assert classifier.fit(iris, load_iris().target).score(iris, load_iris().target) > 0.8


def test_a_column_without_any_value_is_refused(iris):
    X = iris.copy()
    X[:, 1] = np.nan
    with pytest.raises(DataError, match="column 1 of X holds no value"):
        VAEImputer(**SMALL).fit(X)


def test_it_is_saved_and_loaded_with_the_same_results(fitted, iris, tmp_path):
    """A file of another kind of estimator is named; one of a model for holes that has none is taken."""
    fitted.save(tmp_path / "imputer.safetensors")
    again = VAEImputer.load(tmp_path / "imputer.safetensors")
    assert (again.transform(iris) == fitted.transform(iris)).all()
    assert again.get_params() == fitted.get_params()
    with pytest.raises(FileError, match=r"VAEImputer\.load"):
        VAE.load(tmp_path / "imputer.safetensors")
    VAE(missing="model", hidden=(8,), max_iter=1, random_state=0).fit(iris).save(tmp_path / "vae.safetensors")
    assert np.isfinite(VAEImputer.load(tmp_path / "vae.safetensors").transform(iris)).all()
    VAE(hidden=(8,), max_iter=1, random_state=0).fit(load_iris().data).save(tmp_path / "whole.safetensors")
    with pytest.raises(FileError, match=r"VAE\.load"):
        VAEImputer.load(tmp_path / "whole.safetensors")
    assert load(tmp_path / "imputer.safetensors").contract.missing


def frame(pandas):
    """A number, a whole number, a class, a text, a truth: every kind with holes, and one column that is left alone."""
    rng = np.random.default_rng(0)
    city = rng.integers(0, 3, 200)
    made = pandas.DataFrame({
        "age": pandas.array(rng.integers(18, 90, 200), dtype="Int64"),
        "city": pandas.Categorical.from_codes(city, ["Oslo", "Rio", "Bonn"]),
        "height": 150.0 + 20.0 * city + rng.normal(0.0, 1.0, 200),
        "sex": np.array(["f", "m", "f"], dtype=object)[city],
        "tall": city == 2,
    })  # fmt: skip
    holed = made.copy()
    holed.loc[::5, "age"] = pandas.NA
    holed.loc[1::5, "city"] = np.nan
    holed.loc[2::5, "height"] = np.nan
    holed.loc[3::5, "sex"] = None
    return made, holed


def test_a_frame_keeps_names_types_classes_and_index():
    pandas = pytest.importorskip("pandas")
    whole, holed = frame(pandas)
    holed.index = holed.index + 1000
    imputer = VAEImputer(hidden=(32,), max_iter=60, samples=100, random_state=0).fit(holed)
    made = imputer.transform(holed)
    assert made.isna().sum().sum() == 0
    assert list(made.columns) == list(holed.columns)
    assert (made.index == holed.index).all()
    assert (made.dtypes == holed.dtypes).all()
    known = holed.notna()
    for name in holed.columns:
        assert (made[name][known[name]] == holed[name][known[name]]).all()
    assert (made["city"][1::5].to_numpy() == whole["city"][1::5].to_numpy()).mean() > 0.8
    assert list(imputer.get_feature_names_out()) == list(holed.columns)


def test_a_polars_frame_comes_back_as_one():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    _, holed = frame(pandas)
    given = polars.DataFrame({
        "height": polars.Series([None if np.isnan(one) else one for one in holed["height"]]),
        "city": [None if one != one else one for one in holed["city"].astype(object)],
    })  # fmt: skip
    made = VAEImputer(**SMALL).fit(given).transform(given)
    assert made.schema == given.schema
    assert sum(made.null_count().row(0)) == 0
