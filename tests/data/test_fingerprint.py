"""Fingerprints: equal for equal data wherever they lie, different for others; files that change are noticed."""

import os
from dataclasses import replace

import numpy as np
import pytest

from vitral.data import binarised, load_data
from vitral.data import fingerprint as fingerprints
from vitral.errors import DataError
from vitral.specs import Spec
from vitral.training.loop import Epoch, Plan, start, train


@pytest.fixture
def rows():
    return np.random.default_rng(0).random((60, 5)).astype(np.float32)


def data_of(path, array):
    np.save(path, array)
    return load_data(str(path))


def test_the_path_and_the_date_do_not_count(tmp_path, rows):
    """The same rows under another name, a year earlier."""
    first = data_of(tmp_path / "rows.npy", rows)
    second = data_of(tmp_path / "others.npy", rows)
    os.utime(tmp_path / "others.npy", (1e9, 1e9))
    again = load_data(str(tmp_path / "others.npy"))
    assert first.fingerprint() == second.fingerprint() == again.fingerprint()
    assert len(first.fingerprint()) == 64


@pytest.mark.parametrize("place", [(0, 0), (59, 4), (31, 2)])
def test_any_value_of_small_data_counts(tmp_path, rows, place):
    """One number, by one unit in the last place."""
    before = data_of(tmp_path / "rows.npy", rows).fingerprint()
    rows[place] = np.nextafter(rows[place], np.float32(1.0))
    assert before != data_of(tmp_path / "rows.npy", rows).fingerprint()


def test_labels_order_split_scale_type_and_bits_count():
    """Whatever a training would see differently."""
    data = load_data("digits")
    part = data.train
    others = [
        data,
        replace(data, train=replace(part, labels=part.labels[::-1])),
        replace(data, train=replace(part, stored=part.stored[::-1])),
        replace(data, train=data.validation, validation=data.train),
        replace(data, train=replace(part, scale=17.0)),
        replace(data, train=replace(part, stored=part.stored.astype(np.int16))),
        replace(data, train=replace(part, labels=None)),
        load_data("digits", seed=1),
        load_data("digits", limit=100),
        binarised(data, "static", seed=0),
        binarised(data, "dynamic", seed=0),
        binarised(data, "static", seed=1),
    ]
    assert len({other.fingerprint() for other in others}) == len(others)


def test_large_arrays_are_sampled_first_and_last_rows_included(monkeypatch, rows):
    """No more bytes than the budget, evenly spaced."""
    monkeypatch.setattr(fingerprints, "WHOLE", 200)
    sampled = np.frombuffer(fingerprints._sample(rows), np.float32).reshape(-1, 5)
    np.testing.assert_array_equal(rows[np.linspace(0, 59, 10).astype(int)], sampled)


def test_a_file_that_was_touched_is_fine_and_one_that_changed_is_refused(tmp_path, rows):
    """Other bytes under the same size, another size, gone."""
    path = tmp_path / "rows.npy"
    data = data_of(path, rows)
    os.utime(path, (1e9, 1e9))
    data.check_files()
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\x01")
    with pytest.raises(DataError, match=r"changed while it was in use \(its bytes are others"):
        data.check_files()
    path.write_bytes(content + b"\x01")
    with pytest.raises(DataError, match=r"it had 1,328 bytes and has 1,329"):
        data.check_files()
    path.unlink()
    with pytest.raises(DataError, match="No such file"):
        data.check_files()


def test_a_training_stops_at_the_epoch_that_begins_with_other_data(tmp_path, rows):
    """The first epoch runs; the second finds a file that something else has written."""
    path = tmp_path / "rows.npy"
    data = data_of(path, rows)
    network = {"kind": "mlp", "hidden": [4]}
    model = Spec(5, 1, network, network, likelihood={"kind": "gaussian_learned"}).build()
    plan = Plan(epochs=3, batch=16)
    state = start(model, model.init(0, plan.dtype, data.train.take(slice(0, 10))), plan)

    def go():
        for event, _ in train(model, data, plan, state, seed=0):
            if isinstance(event, Epoch) and event.record["epoch"] == 1:
                np.save(path, 1.0 - rows)

    with pytest.raises(DataError, match="changed while it was in use"):
        go()
    assert [record["epoch"] for record in state.history] == [0, 1]
