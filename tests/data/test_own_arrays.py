"""Own arrays: what fits is used as it is, what does not is refused with its place."""

import gzip
import re
import struct

import numpy as np
import pytest

from vitral.data import Contract, load_data
from vitral.data.files import array_file
from vitral.errors import DataError, UsageError


@pytest.fixture
def rows(tmp_path):
    """Forty rows of twelve numbers in [0, 1]."""
    return np.random.default_rng(0).random((40, 12))


def saved(tmp_path, array, **others):
    path = tmp_path / ("rows.npz" if others else "rows.npy")
    np.savez(path, x=array, **others) if others else np.save(path, array)
    return str(path)


def test_floats_are_taken_as_they_are(tmp_path, rows):
    """80 / 10 / 10, nothing scaled, every row exactly once."""
    data = load_data(saved(tmp_path, rows))
    assert (len(data.train), len(data.validation), len(data.test)) == (32, 4, 4)
    pooled = np.concatenate([part.take(slice(None), "float64") for part in data.parts().values()])
    np.testing.assert_array_equal(np.sort(pooled, axis=0), np.sort(rows, axis=0))


def test_eight_bit_images_keep_their_shape_and_are_scaled(tmp_path):
    """(N, H, W) of uint8: x = level / 255, image shape (H, W)."""
    images = np.random.default_rng(0).integers(0, 256, (30, 5, 4), dtype=np.uint8)
    data = load_data(saved(tmp_path, images))
    assert data.contract.image_shape == (5, 4)
    assert data.contract.scale == 255.0
    assert data.train.take(slice(None)).max() <= 1.0


def test_labels_of_an_archive_travel_with_their_rows(tmp_path, rows):
    """The label of a row is still its own after the split."""
    labels = np.arange(40)
    data = load_data(saved(tmp_path, rows, y=labels), seed=3)
    for part in data.parts().values():
        np.testing.assert_allclose(part.take(slice(None), "float64"), rows[part.labels])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_refused_with_row_and_column(tmp_path, rows, bad):
    """Row and column of the first offender, counted from 0."""
    rows[7, 3] = bad
    rows[9, 1] = bad
    with pytest.raises(DataError, match="row 7, column 3"):
        load_data(saved(tmp_path, rows))


@pytest.mark.parametrize(
    "array, sentence",
    [
        (np.array(["a", "b"]), "not numbers"),
        (np.zeros(5), "shape"),
        (np.zeros((3, 0)), "shape"),
        (np.zeros((2, 3)), "too few rows"),
        (np.zeros((4, 2), complex), "not numbers"),
    ],
)
def test_arrays_that_are_not_rows_of_numbers_are_refused(tmp_path, array, sentence):
    """Strings, one dimension, nothing at all, too few rows, complex numbers."""
    with pytest.raises(DataError, match=sentence):
        load_data(saved(tmp_path, array))


def test_files_that_are_not_arrays_are_refused(tmp_path):
    """Missing, text, cut short, pickled, another kind, an archive with no clear rows."""
    with pytest.raises(DataError, match="no such file"):
        load_data(str(tmp_path / "none.npy"))
    text = tmp_path / "text.npy"
    text.write_text("hello")
    with pytest.raises(DataError, match="cannot read"):
        load_data(str(text))
    path = saved(tmp_path, np.zeros((100, 5)))
    cut = tmp_path / "cut.npy"
    cut.write_bytes((tmp_path / "rows.npy").read_bytes()[:-8])
    with pytest.raises(DataError, match="cannot read"):
        load_data(str(cut))
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot read"):
        load_data(str(objects))
    (tmp_path / "table.xlsx").write_text("1,2")
    with pytest.raises(UsageError, match="no file that Vitral reads"):
        load_data(str(tmp_path / "table.xlsx"))
    np.savez(tmp_path / "two.npz", one=np.zeros(3), two=np.zeros(3))
    with pytest.raises(DataError, match="one, two"):
        load_data(str(tmp_path / "two.npz"))
    assert load_data(path).train.stored.shape == (80, 5)


@pytest.mark.parametrize("code, kind", [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")])
@pytest.mark.parametrize("ending", [".idx", "-idx3-ubyte", ".idx3-ubyte", ".idx.gz", "-images-idx3-ubyte.gz"])
def test_idx_files_of_every_type_plain_and_compressed(tmp_path, code, kind, ending):
    """Numbers with the most significant byte first."""
    array = np.random.default_rng(0).integers(0, 100, (20, 3, 2)).astype(">" + kind)
    content = bytes([0, 0, code, 3]) + struct.pack(">3I", 20, 3, 2) + array.tobytes()
    path = tmp_path / ("train" + ending)
    path.write_bytes(gzip.compress(content) if ending.endswith(".gz") else content)
    source = array_file(path)
    np.testing.assert_array_equal(array.reshape(20, 6), source.rows.stored)
    assert source.contract.image_shape == (3, 2)
    assert source.contract.stored == np.dtype(kind).name


@pytest.mark.parametrize("kind", [">f8", ">i2", "<f2", "<i8", "<u2", "|b1", "|i1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_other_types_and_orders_keep_their_values(tmp_path, kind, order):
    """Nothing but 8-bit levels is scaled; both orders of bytes and of axes."""
    array = np.asarray(np.random.default_rng(0).integers(0, 2 if kind == "|b1" else 100, (20, 3, 2)), kind, order=order)
    data = load_data(saved(tmp_path, array))
    pooled = np.concatenate([part.take(slice(None), "float64") for part in data.parts().values()])
    np.testing.assert_array_equal(np.sort(array.reshape(20, 6).astype(float), axis=0), np.sort(pooled, axis=0))
    assert data.contract.scale == 1.0
    assert data.contract.binary == (kind == "|b1")


def test_sixteen_bit_images_are_not_scaled(tmp_path):
    """Levels up to 65535 as they are: a likelihood on [0, 1] refuses them later."""
    data = load_data(saved(tmp_path, np.full((20, 3, 2), 65535, np.uint16)))
    assert data.train.take(slice(None)).max() == 65535.0


def test_numbers_beyond_float32_are_refused_with_their_place(tmp_path, rows):
    """They would become infinite in training."""
    rows[7, 3] = -1e300
    with pytest.raises(DataError, match=r"row 7, column 3 is -1e\+300; values must lie in \[-3.40282e\+38"):
        load_data(saved(tmp_path, rows))


def test_channels_before_height_and_width_are_refused_with_the_remedy(tmp_path):
    """(N, 3, H, W); four channels at the end are fine."""
    with pytest.raises(DataError, match=r"give \(rows, H, W, C\), as numpy.moveaxis\(images, 1, -1\) makes it"):
        load_data(saved(tmp_path, np.zeros((20, 3, 8, 8), np.uint8)))
    assert load_data(saved(tmp_path, np.zeros((20, 3, 8, 4), np.uint8))).contract.image_shape == (3, 8, 4)


NAMES = ["dog", "cat", "dog", "bird"] * 10


@pytest.mark.parametrize(
    "name, content, names",
    [
        ("y.txt", "\n".join(NAMES), ("bird", "cat", "dog")),
        ("y.txt", "\r\n".join(NAMES) + "\r\n", ("bird", "cat", "dog")),
        ("y.csv", "\ufeffanimal\n" + "\n".join(f'"{name}"' for name in NAMES), ("bird", "cat", "dog")),
        ("y.csv", "\n".join(str(number % 7) for number in range(40)), ()),
    ],
)
def test_labels_of_a_text_file(tmp_path, rows, name, content, names):
    """Names are numbered in their order, numbers stay; a table may begin with the name of its column."""
    path = tmp_path / name
    path.write_bytes(content.encode())
    data = load_data(saved(tmp_path, rows), labels=str(path))
    wanted = [names.index(one) for one in NAMES] if names else [number % 7 for number in range(40)]
    for part in data.parts().values():
        places = [int(np.flatnonzero((rows == row).all(axis=1))[0]) for row in part.take(slice(None), "float64")]
        assert [wanted[place] for place in places] == part.labels.tolist()
    assert (data.contract.label.categories if names else data.contract.label) == (names or None)
    assert Contract.from_dict(data.contract.to_dict()) == data.contract


def test_labels_of_arrays(tmp_path, rows):
    """A .npy or IDX file of whole numbers or names, or y of an archive."""
    wanted = np.arange(40, dtype=np.uint8) % 3
    np.save(tmp_path / "y.npy", wanted)
    np.save(tmp_path / "names.npy", np.array(NAMES))
    content = b"\0\0\x08\x01" + struct.pack(">I", 40) + wanted.tobytes()
    (tmp_path / "y-idx1-ubyte.gz").write_bytes(gzip.compress(content))
    path = saved(tmp_path, rows)
    first, second, named = (
        load_data(path, labels=str(tmp_path / name)) for name in ("y.npy", "y-idx1-ubyte.gz", "names.npy")
    )
    np.testing.assert_array_equal(first.train.labels, second.train.labels)
    assert named.contract.label.categories == ("bird", "cat", "dog")
    assert load_data(saved(tmp_path, rows, y=np.array(NAMES))).fingerprint() == named.fingerprint()


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("y.txt", b"a\n" * 39, "holds 39 labels, the rows are 40: give one a row"),
        ("y.txt", b"a\n" * 41, "holds 41 labels, the rows are 40: give one a row"),
        ("y.txt", b"a\n" * 6 + b"\n" + b"a\n" * 33, "line 7 is empty: give one label a line"),
        ("y.csv", b"a\n" * 6 + b"1,2\n" + b"a\n" * 33, "line 7 holds more than one column: give one label a line"),
        ("y.txt", b"\xff\xfe" * 40, "save it as text in UTF-8, one label a line"),
        ("y.npy", b"hello", "it is not a .npy array"),
        ("y.json", b"[]", "give a .npy, IDX, .txt or .csv file"),
        ("none.txt", None, "no such file"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, rows, name, content, said):
    """Their number, an empty line, another column, not text, not there."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((DataError, UsageError), match=re.escape(said)):
        load_data(saved(tmp_path, rows), labels=str(path))


def test_labels_that_are_no_labels_are_refused(tmp_path, rows):
    """Fractions, two columns; and a named set that has its own."""
    path = saved(tmp_path, rows)
    np.save(tmp_path / "y.npy", np.zeros(40))
    with pytest.raises(DataError, match="labels hold float64 values: give whole numbers, or names as text"):
        load_data(path, labels=str(tmp_path / "y.npy"))
    np.save(tmp_path / "y.npy", np.zeros((40, 1), int))
    with pytest.raises(DataError, match=r"labels have shape \(40, 1\), the rows need \(40,\)"):
        load_data(path, labels=str(tmp_path / "y.npy"))
    with pytest.raises(UsageError, match="digits has labels of its own"):
        load_data("digits", labels="y.npy")


def test_unknown_names_are_answered_with_the_nearest():
    """A slip of the finger is named."""
    with pytest.raises(UsageError, match="did you mean 'mnist'"):
        load_data("mnits")
    with pytest.raises(UsageError, match="did you mean 'random'"):
        load_data("digits", split="randon")
    with pytest.raises(UsageError, match="mnist only"):
        load_data("digits", split="official")


def test_a_contract_refuses_rows_that_do_not_fit():
    """Feature count, range and kind, each with the fix; 8-bit rows are scaled as in training."""
    contract = Contract(4, (2, 2), "uint8", 255.0, 0.0, 1.0, "pixel intensity")
    assert contract.rows(np.full((3, 2, 2), 255, np.uint8)).take(slice(None)).max() == 1.0
    with pytest.raises(DataError, match="5 features a row, the model needs 4"):
        contract.rows(np.zeros((3, 5)))
    with pytest.raises(DataError, match=r"row 1, column 2 is 7; values must lie in \[0, 1\]"):
        contract.rows(np.array([[0, 0, 0, 0], [0, 0, 7.0, 0]]))
    assert Contract.from_dict(contract.to_dict()) == contract
    wide = Contract(8, (2, 4), "uint8", 255.0, 0.0, 1.0, "pixel intensity")
    assert len(wide.rows(np.zeros((3, 2, 4, 1), np.uint8))) == len(wide.rows(np.zeros((3, 8), np.uint8))) == 3
    with pytest.raises(DataError, match=r"has shape \(3, 4, 2\), the model needs images of 2 x 4: give them in that"):
        wide.rows(np.zeros((3, 4, 2), np.uint8))


def test_the_limit_keeps_the_first_rows():
    """limit training rows, a quarter of it elsewhere."""
    data = load_data("mnist", limit=100)
    assert (len(data.train), len(data.validation), len(data.test)) == (100, 25, 25)
    assert data.train.labels[0] == 5


def test_a_signalling_nan_is_refused_like_any_other(tmp_path):
    """Its conversion to another precision makes NumPy warn, which is no sentence for a user."""
    rows = np.ones((20, 3), np.float32)
    rows.view(np.uint32)[4, 1] = 0x7FA00000
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(DataError, match="row 4, column 1 is nan"):
        load_data(str(tmp_path / "rows.npy"))


def test_texts_that_are_no_characters_are_refused(tmp_path, rows):
    np.save(tmp_path / "y.npy", np.full(40, 0x7F000000, np.uint32).view("<U1"))
    with pytest.raises(DataError, match="no character in Unicode"):
        load_data(saved(tmp_path, rows), labels=str(tmp_path / "y.npy"))
