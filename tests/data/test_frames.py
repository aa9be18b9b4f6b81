"""Frames of other packages, in and out: names, types, classes and holes are the same."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from vitral.core.randomness import stream
from vitral.data.frames import frame_like, table_of
from vitral.data.opening import opened
from vitral.data.tables import decoded, rows_of, source_of
from vitral.errors import DataError, MissingPackage, UsageError

N = 30


def there_and_back(frame, **options):
    source = source_of(table_of(frame), missing="model", **options)
    return frame_like(frame, decoded(source.contract, source.rows.take(slice(None), "float64")))


def pandas_frame():
    pandas = pytest.importorskip("pandas")
    rng = stream(0, "frame")
    frame = pandas.DataFrame(
        {
            "age": rng.integers(0, 90, N).astype("int16"),
            "height": rng.normal(170, 10, N),
            "single": rng.random(N).astype("float32"),
            "colour": rng.choice(["red", "green"], N),
            "grade": pandas.Categorical(rng.choice(["low", "high"], N), ["low", "mid", "high"], ordered=True),
            "flag": rng.random(N) < 0.5,
            "maybe": pandas.array([True, False, None] * 10, dtype="boolean"),
            "whole": pandas.array([1, None, 3, 4, 9] * 6, dtype="Int64"),
        },
        index=[f"row {i}" for i in range(N)],
    )
    frame.loc["row 3", "height"] = np.nan
    frame.loc["row 4", "colour"] = None
    return frame


def polars_frame():
    polars = pytest.importorskip("polars")
    rng = stream(0, "frame")
    return polars.DataFrame(
        {
            "age": rng.integers(0, 90, N).astype("int16"),
            "height": [None, *rng.normal(170, 10, N - 1).tolist()],
            "colour": [None, *rng.choice(["red", "green"], N - 1).tolist()],
            "grade": polars.Series(["low", "high", None] * 10, dtype=polars.Enum(["low", "mid", "high"])),
            "kind": polars.Series(["x", "y", "y"] * 10, dtype=polars.Categorical),
            "flag": [True, False, None] * 10,
        }
    )


def test_a_pandas_frame_comes_back_equal():
    pandas = pytest.importorskip("pandas")
    frame = pandas_frame()
    pandas.testing.assert_frame_equal(there_and_back(frame), frame)


def test_a_polars_frame_comes_back_equal():
    frame = polars_frame()
    back = there_and_back(frame)
    assert back.schema == frame.schema
    for name in frame.columns:
        if name != "height":
            assert back[name].to_list() == frame[name].to_list()
    np.testing.assert_allclose(back["height"].to_numpy(), frame["height"].to_numpy())


def test_categories_keep_what_their_type_knows():
    columns = {one.name: one for one in source_of(table_of(pandas_frame()), missing="model").contract.columns}
    assert columns["grade"].categories == ("low", "mid", "high")
    assert columns["whole"].dtype == "int64"
    assert columns["maybe"].kind == "boolean"


def test_pandas_polars_arrow_and_names_with_values_give_the_same_rows():
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = pandas_frame()[["age", "height", "colour", "flag"]]
    first = source_of(table_of(frame), missing="model")
    others = [polars.from_pandas(frame), polars.from_pandas(frame).to_arrow(), {n: frame[n].to_numpy() for n in frame}]
    for other in others:
        made = source_of(table_of(other), missing="model")
        assert made.contract == first.contract
        np.testing.assert_array_equal(made.rows.stored, first.rows.stored)


def test_names_that_are_no_texts_come_back():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(stream(0, "x").random((N, 3)))
    assert there_and_back(frame).columns.tolist() == [0, 1, 2]


def test_a_type_that_no_row_of_numbers_holds_is_refused_by_name():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"day": pandas.date_range("2024-01-01", periods=N), "x": np.arange(float(N))})
    with pytest.raises(DataError, match=r"column 'day' holds datetime64\[.*\] values: make numbers"):
        source_of(table_of(frame))
    assert source_of(table_of(frame), columns=["-day"]).contract.features == 1


def test_what_is_no_frame_is_refused():
    with pytest.raises(DataError, match="is a int: give a pandas or polars DataFrame"):
        table_of(3)
    with pytest.raises(UsageError, match="frame must be one of pandas, polars, arrow"):
        frame_like("pandsa", {})


def test_a_parquet_file_of_many_row_groups_is_its_table(tmp_path):
    """Nulls are missing, dictionaries are categories with one list of labels for all groups."""
    pytest.importorskip("pyarrow")
    frame = pandas_frame()
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=7)
    made = source_of(opened(str(tmp_path / "t.parquet")), missing="model", columns=list(frame.columns))
    first = source_of(table_of(frame), missing="model")
    assert made.contract == replace(first.contract)
    np.testing.assert_array_equal(made.rows.stored, first.rows.stored)


def test_parquet_round_trips_its_types(tmp_path):
    pytest.importorskip("pyarrow")
    from vitral.data.arrow import parquet_bytes

    source = source_of(table_of(pandas_frame()), missing="model")
    columns = decoded(source.contract, source.rows.take(slice(None), "float64"))
    (tmp_path / "t.parquet").write_bytes(parquet_bytes(columns))
    again = opened(str(tmp_path / "t.parquet"))
    known = replace(source.contract, columns=source.contract.columns)
    np.testing.assert_array_equal(rows_of(again, known).stored, source.rows.stored)
    types = {one.name: one.dtype for one in again.columns}
    assert (types["age"], types["single"], types["flag"], types["whole"]) == ("int16", "float32", "bool", "int64")


def test_nested_and_damaged_parquet_is_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    path = tmp_path / "t.parquet"
    table = arrow.table({"x": [1.0, 2.0], "tags": [["a"], ["b"]], "point": [{"u": 1}, {"u": 2}]})
    pyarrow.parquet.write_table(table, path)
    for name in ("tags", "point"):
        with pytest.raises(DataError, match=f"column '{name}' holds .* values"):
            source_of(opened(str(path)), columns=["x", name])
    assert source_of(opened(str(path)), columns=["x"]).contract.features == 1
    whole = path.read_bytes()
    for damaged in (whole[:-6], whole[:-20] + b"\xff" * 12 + whole[-8:], b"PAR1", b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"cannot read .*t\.parquet: .*; write the file again"):
            opened(str(path))


def test_without_pyarrow_the_sentence_names_package_and_extra(tmp_path, monkeypatch):
    """Only parquet and Arrow are off; a broken library is said like a missing one."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"")
    with pytest.raises(MissingPackage, match=r"need pyarrow, which does not load .* pip install vitral\[parquet\]"):
        opened(str(tmp_path / "t.parquet"))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackage, match="pandas cannot be imported"):
        frame_like("pandas", {"a": np.zeros(2)})
