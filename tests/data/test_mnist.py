"""The packaged MNIST: whole, cached safely, split as it says."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from vitral.data import load_data
from vitral.data.mnist import COMPRESSED, POOLED, _unpacked, mnist
from vitral.errors import FileError, ResourceError

# MD5 of the four original files, as published with the set (its mirrors list them).
ORIGINAL_MD5 = {
    "train-images.idx3-ubyte.xz": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels.idx1-ubyte.xz": "a25bea736e30d166cdddb491f175f624",
    "t10k-images.idx3-ubyte.xz": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels.idx1-ubyte.xz": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.mark.parametrize("name", sorted(ORIGINAL_MD5))
def test_the_packaged_files_unpack_to_the_originals(name):
    """An independent digest of the original files agrees."""
    assert hashlib.md5(_unpacked(name)).hexdigest() == ORIGINAL_MD5[name]


def test_the_official_split_keeps_the_official_test_set():
    """50,000 / 10,000 / 10,000; the first label of each official part is 5 and 7."""
    data = load_data("mnist")
    assert (len(data.train), len(data.validation), len(data.test)) == (50_000, 10_000, 10_000)
    assert data.train.labels[0] == 5
    assert data.test.labels[0] == 7


def test_the_large_split_trains_on_all_but_four_hundred_of_the_official_training_images():
    """59,600 / 400 / 10,000; together they are all images, in their order."""
    data = load_data("mnist", split="large")
    assert (len(data.train), len(data.validation), len(data.test)) == (59_600, 400, 10_000)
    whole = load_data("mnist", split="official")
    labels = [np.concatenate([rows.labels for rows in one.parts().values()]) for one in (data, whole)]
    np.testing.assert_array_equal(*labels)


def test_the_notebook_split_is_disjoint_and_stratified():
    """48,000 / 12,000 / 10,000 of the pooled set; every class within one row of its share."""
    data = load_data("mnist", split="notebook")
    counts = [np.bincount(part.labels, minlength=10) for part in data.parts().values()]
    assert [count.sum() for count in counts] == [48_000, 12_000, 10_000]
    pooled = np.bincount(mnist().rows.labels, minlength=10)
    np.testing.assert_array_equal(sum(counts), pooled)
    assert np.abs(counts[2] - pooled / 7).max() <= 1


def test_the_map_is_read_only():
    """Nobody can write into the cache by accident."""
    with pytest.raises(ValueError, match="read-only"):
        mnist().rows.stored[0, 0] = 1


def test_rows_are_float32_quotients_in_either_precision():
    """x = level / 255 rounded to float32, so that float64 training sees the same data."""
    rows = load_data("mnist").train
    np.testing.assert_array_equal(rows.take(slice(0, 9), "float64"), rows.take(slice(0, 9), "float32"))
    assert rows.take(slice(0, 9), "float64").dtype == np.float64


def test_a_damaged_cache_is_decoded_again(tmp_path, monkeypatch):
    """One flipped byte is seen, and repaired from the package."""
    monkeypatch.setenv("VITRAL_CACHE", str(tmp_path))
    name = "mnist-labels-70000.u8"
    mnist()
    content = bytearray((tmp_path / name).read_bytes())
    content[123] ^= 1
    (tmp_path / name).write_bytes(content)
    mnist()
    assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == POOLED[name][2]


def test_a_damaged_package_is_refused_by_file(monkeypatch):
    """The sentence names the file and says what to do."""
    name = next(iter(COMPRESSED))
    monkeypatch.setitem(COMPRESSED, name, "0" * 64)
    with pytest.raises(FileError, match=f"{name}.*install Vitral again"):
        _unpacked(name)


def test_a_cache_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    """A file where the folder should be: the sentence names VITRAL_CACHE."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("VITRAL_CACHE", str(blocked))
    with pytest.raises(ResourceError, match="VITRAL_CACHE"):
        mnist()


@pytest.mark.slow
def test_processes_that_start_at_once_all_get_the_whole_set(tmp_path, monkeypatch):
    """Four processes decode into one empty cache together."""
    monkeypatch.setenv("VITRAL_CACHE", str(tmp_path))
    code = "from vitral.data import load_data; print(int(load_data('mnist').test.stored.sum()))"
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    sums = {child.communicate()[0].strip() for child in children}
    assert {child.returncode for child in children} == {0}
    assert sums == {str(int(load_data("mnist").test.stored.sum()))}
    assert not list(tmp_path.glob(".*"))
