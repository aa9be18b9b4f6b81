"""Columns: what they are taken for, how they are scaled, what is refused, and that they come back."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.core.parameters import cut
from vitral.core.randomness import stream
from vitral.data import load_data
from vitral.data.frames import table_of
from vitral.data.tables import decoded, fitted, likelihood_for, rows_of, source_of
from vitral.errors import DataError, UsageError
from vitral.specs import Spec

N = 60


def columns(**others):
    rng = stream(0, "table")
    return {
        "age": rng.integers(18, 90, N),
        "height": rng.normal(170.0, 10.0, N),
        "colour": np.array(["red", "green", "blue"], dtype=object)[rng.integers(0, 3, N)],
        "member": rng.random(N) < 0.5,
        "visits": rng.poisson(3.0, N),
        **others,
    }


def kinds(**options):
    return {one.name: one.kind for one in source_of(table_of(columns()), **options).contract.columns}


def test_kinds_follow_types_and_values():
    expected = {"age": "number", "height": "number", "colour": "category", "member": "boolean", "visits": "number"}
    assert kinds() == expected
    found = source_of(table_of({"bits": [0, 1, 1], "ones": [1, 1, 1], "halves": [0.0, 1.0, 0.5]})).contract.columns
    assert [one.kind for one in found] == ["boolean", "number", "number"]


@pytest.mark.parametrize(
    "wishes, expected",
    [
        (["age", "colour"], {"age": "number", "colour": "category"}),
        (["visits:count"], {"visits": "count"}),
        (["*", "visits:count"], {**kinds(), "visits": "count"}),
        (["-age", "-height"], {"colour": "category", "member": "boolean", "visits": "number"}),
        (["-age", "visits:count"], {**{k: v for k, v in kinds().items() if k != "age"}, "visits": "count"}),
        (["age:category", "member:boolean"], {"age": "category", "member": "boolean"}),
    ],
)
def test_columns_are_chosen_and_named_kinds_win(wishes, expected):
    assert kinds(columns=wishes) == expected


@pytest.mark.parametrize(
    "wishes, said",
    [
        (["agee"], "no column 'agee': did you mean 'age'?"),
        (["-agee"], "no column 'agee'"),
        (["age", "age:numbre"], "no column 'age:numbre'"),
        (["colour:boolean"], "'colour' holds 3 different values, which is no boolean"),
        (["colour:number"], "column 'colour' is 'green'; the column holds finite numbers"),
        (["height:count"], "the column holds counts, whole numbers of at least 0"),
    ],
)
def test_wishes_that_do_not_fit_are_refused(wishes, said):
    with pytest.raises(DataError) as refused:
        source_of(table_of(columns()), columns=wishes)
    assert said in str(refused.value)


def test_labels_come_from_a_column_and_leave_the_rows():
    data = load_data(columns(), labels="colour", columns=["*", "visits:count"])
    assert [one.name for one in data.contract.columns] == ["age", "height", "member", "visits"]
    assert data.classes == [0, 1, 2]
    assert data.contract.label.categories == ("blue", "green", "red")
    whole = load_data(columns(), labels="visits")
    assert set(whole.classes) <= set(columns()["visits"].tolist())


def test_scaling_is_that_of_the_training_rows_alone():
    data = load_data(columns(), seed=3)
    place = [one.name for one in data.contract.columns].index("height")
    values = data.train.stored[:, place]
    assert data.contract.location[place] == values.mean()
    assert data.contract.spread[place] == values.std()
    assert (data.contract.location[2], data.contract.spread[2]) == (0.0, 1.0)  # a category
    assert data.train.take(slice(None), "float64")[:, place].std() == pytest.approx(1.0)
    assert data.test.location == data.train.location


def test_a_constant_column_is_moved_and_not_stretched():
    source = source_of(table_of({"a": np.full(20, 0.1), "b": np.arange(20.0)}))
    location, spread = fitted(source.rows, source.contract.columns, "t")
    assert (location[0], spread[0]) == (pytest.approx(0.1), 1.0)


@pytest.mark.parametrize(
    "given, said",
    [
        (columns(bad=np.array([1.0] * 30 + [np.nan] * 30)), "row 30, column 'bad' is missing; nothing may be"),
        (columns(bad=np.array([1.0] * 59 + [np.inf])), "row 59, column 'bad' is inf"),
        (columns(bad=np.full(N, np.nan)), "column 'bad' holds no value"),
        (columns(bad=np.arange(N) + 2**60), "whole ones below 2^53"),
        (columns(bad=np.array([f"name {i}" for i in range(101)][:N] , dtype=object)), None),
        (columns(bad=np.zeros(N, complex)), "column 'bad' holds complex128 values"),
        (columns(bad=np.zeros(N, "datetime64[s]")), "column 'bad' holds datetime64[s] values"),
        (columns(bad=np.array([1, "a"] * 30, dtype=object)), "column 'bad' holds values of type int and str"),
        (columns(bad=np.zeros(3)), "columns of different lengths"),
        ({"name": np.array([f"name {i}" for i in range(150)], dtype=object)}, "150 different texts, which look like"),
        (columns(bad=np.array([1e200, -1e200] * 30)), "too large to be squared"),
    ],
)  # fmt: skip
def test_what_no_model_can_use_is_refused_by_its_column(given, said):
    if said is None:
        assert load_data(given).contract.columns[-1].kind == "category"  # sixty classes are classes
        return
    with pytest.raises(DataError) as refused:
        load_data(given)
    assert said in str(refused.value)


def test_a_class_that_training_never_saw_is_refused_with_row_column_and_value():
    contract = load_data(columns()).contract
    others = columns(colour=np.array(["red"] * 10 + ["violet"] + ["red"] * 49, dtype=object))
    with pytest.raises(DataError, match=r"row 10, column 'colour' is 'violet'; which is none of the classes blue, gre"):
        rows_of(table_of(others), contract)


def test_columns_are_found_by_name_in_any_order_beside_others():
    contract = load_data(columns()).contract
    turned = dict(reversed(columns(other=np.zeros(N)).items()))
    expected = rows_of(table_of(columns()), contract)
    np.testing.assert_array_equal(rows_of(table_of(turned), contract).stored, expected.stored)


def test_a_column_that_is_not_there_is_named():
    contract = load_data(columns()).contract
    few = {name: values for name, values in columns().items() if name != "height"}
    with pytest.raises(DataError, match="no column 'height'"):
        rows_of(table_of(few), contract)


def test_columns_come_back_with_names_types_and_classes():
    given = columns(grade=np.array(["a", "b"] * 30, dtype=object), small=np.arange(N, dtype="uint8"),
                    single=np.arange(N, dtype="float32") / 3)  # fmt: skip
    data = load_data(given)
    rows = rows_of(table_of(given), data.contract)
    back = decoded(data.contract, rows.take(slice(None), "float64"))
    assert list(back) == list(given)
    for name, values in given.items():
        np.testing.assert_array_equal(back[name], values)
        assert back[name].dtype == values.dtype


def test_a_number_beyond_its_type_is_never_clipped():
    data = load_data({"a": np.arange(40, dtype="uint8") % 7, "b": np.arange(40.0)})
    x = data.train.take(slice(0, 2), "float64")
    x[0, 0] = -1000.0
    found = decoded(data.contract, x)["a"]
    assert found.dtype == np.int64
    assert found[0] < -100


def test_unscaled_is_the_inverse_of_scaling_and_missing_values_stay_so():
    given = columns(height=np.where(np.arange(N) % 4 == 0, np.nan, 170.0 + np.arange(N)))
    given["colour"][5] = None
    data = load_data(given, missing="model")
    rows = rows_of(table_of(given), data.contract)
    back = decoded(data.contract, rows.take(slice(None), "float64"))
    np.testing.assert_allclose(back["height"], given["height"])
    assert back["colour"].tolist() == given["colour"].tolist()


def test_the_likelihood_follows_the_columns():
    contract = load_data(columns(), columns=["*", "visits:count"]).contract
    made = likelihood_for(contract.columns)
    categorical = {"kind": "categorical", "classes": 3}
    assert made == {"kind": "mixed", "columns": ["gaussian", "gaussian", categorical, "bernoulli", "poisson"]}
    Spec(5, 2, likelihood=made, inputs=contract.inputs).build()


def test_a_table_of_numbers_is_scored_at_once_by_the_same_density():
    data = load_data(columns(), columns=["age", "height", "visits"])
    made = likelihood_for(data.contract.columns)
    once, each = (
        Spec(3, 2, likelihood=entry, inputs=data.contract.inputs).build().likelihood
        for entry in (made, {"kind": "mixed", "columns": ["gaussian"] * 3})
    )
    raw = stream(0, "raw").standard_normal(3)
    x, o = data.test.take(slice(None), "float64"), stream(0, "o").standard_normal((2, len(data.test), 3))
    found = [
        one.log_prob(cut(raw, one.shapes), x, o)[0] for one in (once, each)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_options_of_a_table_are_refused_for_other_data():
    with pytest.raises(UsageError, match="are those of a table"):
        load_data("digits", columns=["a"])


def test_the_mean_of_a_table_of_ten_million_cells_is_not_read_cell_by_cell():
    """An all-number frame goes column by column, in NumPy: as many Python steps for many rows as for few."""
    import sys

    counts = []
    for rows in (100, 10_000):
        calls = 0

        def count(frame, event, arg):
            nonlocal calls
            calls += event == "call"

        given = {f"c{i}": stream(0, "x", i).standard_normal(rows) for i in range(5)}
        sys.setprofile(count)
        source_of(table_of(given))
        sys.setprofile(None)
        counts.append(calls)
    assert counts[1] <= counts[0] + 20
