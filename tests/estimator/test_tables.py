"""Data frames with numbers, classes and holes: names and types go in, and come out again."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import vitral
from vitral.errors import DataError, UsageError
from vitral.estimator import VAE, ConditionalVAE

pd = pytest.importorskip("pandas")
SMALL = {"hidden": (16,), "max_iter": 30, "random_state": 0}
RNG = np.random.default_rng(0)
KIND = RNG.integers(0, 3, 240)


def frame(holes=True):
    """Two numbers of different scales, whole ones, truth, text and an ordered category, all tied to one cause."""
    table = pd.DataFrame(
        {
            "height": (170.0 + 10.0 * KIND + RNG.standard_normal(240)).astype("float32"),
            "income": 1e5 * (1.0 + KIND) + 1e4 * RNG.standard_normal(240),
            "children": KIND + RNG.integers(0, 2, 240),
            "member": KIND > 0,
            "colour": np.array(["red", "green", "blue"])[KIND],
            "size": pd.Categorical(np.array(["S", "M", "L"])[KIND], categories=["S", "M", "L"]),
        }
    )
    if holes:
        for column in ("height", "income", "colour", "size"):
            table.loc[RNG.random(240) < 0.15, column] = None
    return table


@pytest.fixture(scope="module")
def fitted():
    table = frame()
    return VAE(2, missing="model", **SMALL).fit(table), table


def test_a_mixed_table_is_encoded_scored_and_given_back(fitted):
    """Every column in its own name, type and classes, holes filled, close to what was there."""
    vae, table = fitted
    again = vae.reconstruct(table)
    assert vae.transform(table).shape == (240, 2)
    assert np.isfinite(vae.score_samples(table)).all()
    assert list(again.columns) == list(table.columns)
    assert again.dtypes.to_dict() == table.dtypes.to_dict()
    assert not again.isna().any().any()
    whole = np.array(["red", "green", "blue"])[KIND]
    assert (again["colour"] == whole).mean() > 0.9
    assert again["income"].corr(pd.Series(1.0 + KIND)) > 0.9


def test_new_rows_are_a_table_like_the_first(fitted):
    """Names and types, whole numbers whole, only classes that are known; from codes as well as from the prior."""
    vae, table = fitted
    rows = vae.sample(200)
    assert list(rows.columns) == list(table.columns)
    assert set(rows["colour"]) <= {"red", "green", "blue"}
    assert rows["size"].dtype == "category"
    assert rows["children"].dtype == table["children"].dtype
    assert rows["member"].dtype == bool
    assert rows["income"].mean() == pytest.approx(table["income"].mean(), rel=0.2)
    made = vae.inverse_transform(vae.transform(table))
    assert list(made["colour"]) == list(vae.reconstruct(table)["colour"])


def test_scores_of_a_table_are_in_the_units_of_its_columns():
    """Income in thousands: the density of every row is a thousand times higher, its classes are as likely as before."""
    table = frame(holes=False)
    smaller = table.assign(income=table["income"] / 1000.0)
    before, after = (VAE(2, **SMALL).fit(one).score_samples(one) for one in (table, smaller))
    assert after - before == pytest.approx(np.full(240, np.log(1000.0)), abs=1e-6)


def test_a_table_of_numbers_is_an_array_with_names():
    """The same model, bit for bit, and rows with names again."""
    numbers = frame(holes=False)[["height", "income", "children"]].astype("float64")
    named, plain = VAE(**SMALL).fit(numbers), VAE(**SMALL).fit(numbers.to_numpy())
    assert np.array_equal(named.theta_, plain.theta_)
    assert list(named.sample(3).columns) == list(numbers.columns)
    assert named.sample(3).to_numpy() == pytest.approx(plain.sample(3))
    assert isinstance(plain.sample(3), np.ndarray)
    assert isinstance(named.reconstruct(numbers), pd.DataFrame)


def test_a_table_comes_back_from_its_file(fitted, tmp_path):
    """And the rest of the library knows its columns by name."""
    vae, table = fitted
    vae.save(tmp_path / "table.safetensors")
    back = VAE.load(tmp_path / "table.safetensors")
    assert np.array_equal(back.score_samples(table), vae.score_samples(table))
    assert back.reconstruct(table).equals(vae.reconstruct(table))
    model = vitral.load(tmp_path / "table.safetensors")
    assert list(model.sample(3, frame="pandas").columns) == list(table.columns)
    assert model.encode(table).to_numpy() == pytest.approx(vae.transform(table))


def test_polars_in_polars_out():
    """The same numbers as from pandas."""
    pl = pytest.importorskip("polars")
    table = frame(holes=False)
    columns = {name: table[name].to_list() for name in table.columns}
    polar = pl.DataFrame(columns, schema_overrides={"height": pl.Float32})
    vae = VAE(2, **SMALL).fit(polar)
    again = vae.reconstruct(polar)
    assert isinstance(again, pl.DataFrame)
    assert again.schema == polar.schema
    assert isinstance(vae.sample(3), pl.DataFrame)
    assert vae.set_output(transform="polars").transform(polar).columns == ["vae0", "vae1"]


def test_tables_in_a_search_and_a_conditional_model(fitted):
    """Grids split frames by rows; a column may be the y of p(x given y)."""
    _, table = fitted
    search = GridSearchCV(VAE(missing="model", **{**SMALL, "max_iter": 3}), {"n_components": [1, 2]}, cv=2).fit(table)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    rest = frame(holes=False)
    model = ConditionalVAE(**SMALL).fit(rest.drop(columns="colour"), rest["colour"])
    rows, made = model.sample(50, y="blue")
    assert set(made) == {"blue"}
    assert (rows["size"] == "L").mean() > 0.7
    assert rows["height"].mean() == pytest.approx(190.0, abs=6.0)


def test_frames_pass_through_a_pipeline_and_back():
    numbers = frame(holes=False)[["height", "income"]].astype("float64")
    model = make_pipeline(StandardScaler(), VAE(1, **SMALL)).set_output(transform="pandas").fit(numbers)
    assert list(model.transform(numbers).columns) == ["vae0"]
    assert model.inverse_transform(model.transform(numbers)).shape == (240, 2)


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda table: table.assign(colour="pink"), "'pink'.*none of the classes blue, green, red"),
        (lambda table: table.drop(columns="income"), "feature names"),
        (lambda table: table.assign(height=np.inf), "infinity|finite numbers"),
        (lambda table: table.assign(member="yes"), "member"),
    ],
)
def test_another_table_is_refused_by_name(fitted, change, said):
    vae, table = fitted
    with pytest.raises(ValueError, match=said):
        vae.transform(change(table))


def test_a_table_that_cannot_be_is_refused():
    table = frame()
    with pytest.raises(DataError, match=r'X contains NaN: row \d+, column \'height\'.*missing="model"'):
        VAE(**SMALL).fit(table)
    with pytest.raises(UsageError, match="columns of classes"):
        VAE(likelihood="bernoulli", missing="model", **SMALL).fit(table)
    with pytest.raises(DataError, match="when"):
        VAE(**SMALL).fit(frame(holes=False).assign(when=pd.Timestamp("2026-01-01")))
