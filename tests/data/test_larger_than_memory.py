"""Rows that stay in their file: the same rows, split and mixed in blocks, as functions of the seed."""

import sys

import numpy as np
import pytest

from vitral.core.randomness import stream
from vitral.data import binarised, load_data, mapped
from vitral.errors import DataError
from vitral.specs import Spec
from vitral.training.loop import Plan, Streams, start, train

ROWS = np.random.default_rng(0).random((403, 5)).astype(np.float32)


@pytest.fixture
def small_blocks(monkeypatch):
    """Every file is large, a block has ten rows, and four blocks are mixed."""
    monkeypatch.setattr(mapped, "LARGE", 1)
    monkeypatch.setattr(mapped, "BLOCK_BYTES", 200)
    monkeypatch.setattr(mapped, "WINDOW", 4)


@pytest.fixture
def data(tmp_path, small_blocks):
    np.save(tmp_path / "rows.npy", ROWS)
    np.save(tmp_path / "y.npy", np.arange(403))
    return load_data(str(tmp_path / "rows.npy"), labels=str(tmp_path / "y.npy"), seed=1)


def test_every_row_is_in_one_part_and_parts_are_whole_blocks(data):
    """Forty blocks of ten: 32 for training, four and four, and the three rows that are left over."""
    assert [len(part) for part in data.parts().values()] == [323, 40, 40]
    places = np.concatenate([part.labels for part in data.parts().values()])
    np.testing.assert_array_equal(np.arange(403), np.sort(places))
    for part in data.parts().values():
        whole = part.labels[: len(part) // 10 * 10].reshape(-1, 10)
        np.testing.assert_array_equal(whole % 10, np.tile(np.arange(10), (len(whole), 1)))
        np.testing.assert_array_equal(ROWS[part.labels], part.take(slice(None)))
    assert len(np.unique(data.train.labels[::10] // 10)) == 33
    assert (np.diff(data.train.labels[:320:10]) < 0).any()


def test_choosing_rows_reads_none(data):
    """Slices, lists of rows and limits: the file is read by take alone."""
    some = data.train.select(slice(5, 25)).select(np.array([3, 0, 3]))
    assert isinstance(some.stored, mapped.Mapped)
    assert np.shares_memory(some.stored.base, data.train.stored.base)
    np.testing.assert_array_equal(data.train.take(slice(None))[[8, 5, 8]], some.take(slice(None)))


@pytest.mark.parametrize("rows", [1, 9, 10, 95, 403])
def test_an_epoch_has_every_row_once_from_few_blocks_at_a_time(small_blocks, rows):
    """Within any 40 rows of the order there are at most 3 x 4 blocks; orders differ between epochs, and repeat."""
    streams = Streams(3, 10)
    orders = [streams.order(epoch, rows) for epoch in (0, 1)]
    for order in orders:
        np.testing.assert_array_equal(np.arange(rows), np.sort(order))
        assert all(len(np.unique(order[first : first + 40] // 10)) <= 12 for first in range(0, rows, 7))
    np.testing.assert_array_equal(orders[1], Streams(3, 10).order(1, rows))
    if rows > 9:
        assert (orders[0] != orders[1]).any()
        assert (np.diff(orders[0]) != 1).any()


def test_rows_at_hand_keep_their_order():
    """The permutation of the stream, as it always was."""
    np.testing.assert_array_equal(stream(3, "shuffle", 2).permutation(50), Streams(3).order(2, 50))


def test_a_training_from_the_file_equals_one_from_memory(data):
    """The same order over the same rows gives the same bits."""
    network = {"kind": "mlp", "hidden": [4]}
    model = Spec(5, 1, network, network).build()
    plan, ends = Plan(epochs=2, batch=16), []
    for randomness in (None, Streams(0, 10)):
        theta = model.init(0, plan.dtype, data.train.take(slice(0, 10)))
        for _ in train(model, data, plan, start(model, theta, plan), seed=0, randomness=randomness):
            pass
        ends.append(theta.tobytes())
        parts = {name: part.select(slice(None)) for name, part in data.parts().items()}
        data = type(data)(data.name, data.split, **{
            name: type(part)(part.take(slice(None)), part.labels, 1.0) for name, part in parts.items()
        }, contract=data.contract)  # fmt: skip
        assert data.train.block == 0
    assert ends[0] == ends[1]


def test_offenders_are_named_by_their_place_in_the_file(tmp_path, small_blocks):
    """One pass over the file, block after block."""
    rows = ROWS.copy()
    rows[377, 2] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(DataError, match="row 377, column 2 is nan"):
        load_data(str(tmp_path / "rows.npy"))


def test_bits_of_a_large_file_are_refused(data):
    """They would be drawn for all rows at once."""
    with pytest.raises(DataError, match="is read from its file in blocks"):
        binarised(data, "dynamic", seed=0)


def test_the_fingerprint_is_of_the_rows(data, tmp_path, monkeypatch):
    """Another seed, another split; the same again, the same digits."""
    path = str(tmp_path / "rows.npy")
    labels = str(tmp_path / "y.npy")
    assert load_data(path, labels=labels, seed=1).fingerprint() == data.fingerprint()
    assert load_data(path, labels=labels, seed=2).fingerprint() != data.fingerprint()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RssAnon is Linux's")
def test_a_file_three_times_the_memory_allowed_trains(benchmark):
    """Rows of 450 MiB: opening and training need less than a third of that beyond what Python itself does."""
    found = benchmark("memory").measure(450, 512)
    assert found["rss_anon_peak_mib"] - found["rss_anon_before_mib"] < 150
    assert found["validation_loss"][1] < found["validation_loss"][0]
    assert found["train_rows"] > 0.79 * found["rows"]
