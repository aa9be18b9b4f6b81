"""Own arrays: what fits is used as it is, what does not is refused with its place."""

import numpy as np
import pytest

from vitral.data import Contract, load_data
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


def test_the_limit_keeps_the_first_rows():
    """limit training rows, a quarter of it elsewhere."""
    data = load_data("mnist", limit=100)
    assert (len(data.train), len(data.validation), len(data.test)) == (100, 25, 25)
    assert data.train.labels[0] == 5
