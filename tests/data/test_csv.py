"""Tables in text files: what is detected, and what is refused with its line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitral.core.randomness import stream
from vitral.data.csv_file import LONGEST_LINE, MISSING, ROWS, csv_bytes, read_csv
from vitral.data.tables import decoded, rows_of, source_of
from vitral.errors import DataError

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).filter(
    lambda word: word.strip().casefold() not in MISSING
)


def read(tmp_path, content, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, **options)


def taken(table):
    """Every column as (dtype, values), texts in the place of their numbers."""
    return {
        one.name: (one.dtype, [None if n != n else one.labels[int(n)] if one.labels else n for n in one.numbers])
        for one in table.columns
    }


PLAIN = {"a": ("int64", [1.0, 2.0]), "b": ("float64", [1.5, -2.0]), "c": ("string", ["x", "y"])}


@pytest.mark.parametrize(
    "content",
    [
        "a,b,c\n1,1.5,x\n2,-2,y\n",
        "a,b,c\r\n1,1.5,x\r\n2,-2,y",
        "\ufeffa,b,c\n1,1.5,x\n2,-2,y\n\n\n",
        "a;b;c\n1;1,5;x\n2;-2;y\n",
        "a\tb\tc\n1\t1.5\tx\n2\t-2\ty\n",
        '"a","b","c"\n"1","1.5","x"\n2,-2,y\n',
        "a;b;c\n1;1.5;x\n2;-2;y\n",
        "a,b,c\n 1, 15e-1,x\n2,-2.,y\n",
    ],
    ids=["plain", "windows", "mark and blank end", "semicolons, comma", "tabs", "quotes", "semicolons", "spaces"],
)
def test_ways_to_write_one_table(tmp_path, content):
    assert taken(read(tmp_path, content)) == PLAIN


def test_a_first_line_with_a_number_is_a_row(tmp_path):
    found = taken(read(tmp_path, "1,x\n2,y\n"))
    assert found == {"column1": ("int64", [1.0, 2.0]), "column2": ("string", ["x", "y"])}


def test_missing_values_and_flags(tmp_path):
    found = taken(read(tmp_path, "a,b,c\n1,true,\n,FALSE,red\nNA,n/a,NULL\n"))
    assert found == {
        "a": ("int64", [1.0, None, None]),
        "b": ("bool", [1.0, 0.0, None]),
        "c": ("string", [None, "red", None]),
    }


def test_quotes_hold_separators_lines_and_quotes(tmp_path):
    found = taken(read(tmp_path, 'a,b\n"x, ""y""\nz",1\nw,2\n'))
    assert found["a"][1] == ['x, "y"\nz', "w"]


def test_leading_zeros_are_text_and_stay(tmp_path):
    assert taken(read(tmp_path, "zip\n01234\n09876\n"))["zip"] == ("string", ["01234", "09876"])


def test_a_column_can_be_read_as_it_is_written(tmp_path):
    assert taken(read(tmp_path, "a,b\n1,2\n2,3\n", as_text=["b"]))["b"] == ("string", ["2", "3"])


def test_numbers_of_many_blocks_are_those_of_python(tmp_path):
    """Also where a block holds whole numbers and the next one holes."""
    numbers = stream(0, "x").standard_normal(2 * ROWS + 5)
    numbers[: ROWS + 3] = np.rint(numbers[: ROWS + 3] * 100)
    cells = [repr(float(number)) for number in numbers]
    cells[ROWS + 7] = ""
    numbers[ROWS + 7] = np.nan
    found = read(tmp_path, "a\n" + "\n".join(cell or "NA" for cell in cells) + "\n").columns[0]
    np.testing.assert_array_equal(found.numbers, numbers)


@pytest.mark.parametrize(
    "content, said",
    [
        ("", "is empty: give a table"),
        ("a,b\n1,2\n3\n", "line 3: 1 values, and the table has 2 columns (commas between them)"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 values"),
        ("a,b\n1,2\n\n3,4\n", "line 3 is empty"),
        ("a,b\n1,x\0\n", "line 2 holds a NUL byte"),
        (b"a,b\n1,x\n2,\xe9t\xe9\n", "line 3 is not UTF-8"),
        (b"\xff\xfea\0,\0", "is UTF-16"),
        ('a,b\n1,"x\n2,y\n', "line 3: unexpected end of data; check the quotes"),
        ('a,b\n1,"x"y\n', "line 2: ',' expected after"),
        ("a,,c\n1,2,3\n", "line 1: column 2 has no name"),
        ("a,b,a\n1,2,3\n", "several columns named 'a'"),
        ("a,b\n", "no rows"),
        ("a;b\n1,5;2\n1.5;2\n", "writes '1,5' on line 2 and '1.5' on line 3"),
        ("a,b\n1," + "x" * LONGEST_LINE + "\n", "line 2 is longer than 1,048,576 bytes"),
        ("a,b\n1," + "x" * 200_000 + "\n", "line 2: field larger than field limit"),
        ("a,b\r1,2\r", "line 1: new-line character seen in unquoted field"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path, content, said):
    with pytest.raises(DataError) as refused:
        read(tmp_path, content)
    assert said in str(refused.value)
    assert "t.csv" in str(refused.value)


def test_a_column_of_numbers_and_texts_is_refused_where_it_is_used(tmp_path):
    """With both lines; as classes, or left out, it does no harm."""
    content = "a,b\n" + "1,2\n" * 5000 + "x,3\n"
    with pytest.raises(DataError, match=r"column 'a' holds '1' on line 2 and 'x' on line 5002: write NA"):
        source_of(read(tmp_path, content))
    assert source_of(read(tmp_path, content), columns=["b"]).contract.features == 1
    classes = source_of(read(tmp_path, content, as_text=["a"]), columns=["a:category"]).contract.columns
    assert classes[0].categories == ("1", "x")


def test_a_refused_value_names_its_line(tmp_path):
    source = source_of(read(tmp_path, "a,b\n1,x\n2,y\n"))
    with pytest.raises(DataError, match=r"line 4, column 'b' is 'z'; which is none of the classes x, y"):
        rows_of(read(tmp_path, 'a,b\n1,x\n"\n2",z\n'.replace('"\n2"', "2")[:8] + '2,"y"\n3,z\n'), source.contract)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(WORDS, min_size=2, max_size=12), numbers=st.lists(st.floats(width=64), min_size=12, max_size=12))
def test_any_texts_and_numbers_survive_writing_and_reading(tmp_path, texts, numbers):
    """Quotes, separators, line ends, spaces and signs of any script; infinity is text and so refused, NaN is a hole."""
    numbers = np.array(numbers[: len(texts)])
    numbers[np.isinf(numbers)] = 0.0
    words = np.array([*texts, None], dtype=object)[:-1]
    back = read(tmp_path, csv_bytes({"number": numbers, "word": words}), as_text=["word"])
    np.testing.assert_array_equal(back.columns[0].numbers, numbers)
    assert taken(back)["word"] == ("string", texts)


def test_a_class_that_would_be_read_as_nothing_is_not_written():
    with pytest.raises(DataError, match=r"column 'country' has a class 'NA', .* write .parquet"):
        csv_bytes({"country": np.array(["BR", "NA"], dtype=object)})


def test_a_table_survives_writing_and_reading(tmp_path):
    """Numbers to the last bit, quotes, commas, umlauts, classes that look like numbers."""
    columns = {
        "x": stream(0, "x").standard_normal(4) * [1e-300, 1.0, 1e17, 0.1],
        "y": np.array([0.1, 2.5, -3.0, 1e-7], "float32"),
        "n": np.array([1, -5, 2**40, 0]),
        "flag": np.array([True, False, True, True]),
        "word, \"quoted\"": np.array(["a,b", 'c"d', "é\nf", "a,b"], dtype=object),
    }
    table = read(tmp_path, csv_bytes(columns))
    source = source_of(table)
    back = decoded(source.contract, source.rows.take(slice(None), "float64"))
    assert list(back) == list(columns)
    for name, values in columns.items():
        np.testing.assert_array_equal(back[name].astype(values.dtype), values)
