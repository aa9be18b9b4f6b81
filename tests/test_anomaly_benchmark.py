"""benchmarks/anomaly.py: the protocol of the tables, on tables made here, and a run that goes on where it was."""

import json
import sys

import numpy as np
import pytest

from vitral.core.randomness import stream

pytest.importorskip("pyod")


@pytest.fixture
def anomaly(benchmark, monkeypatch, tmp_path):
    """The benchmark with tables of its own: 18 names, the rows numbered in the order of the file."""
    module = benchmark("anomaly")
    folder = tmp_path / "tables"
    folder.mkdir()
    for place, name in enumerate((*module.FIRST, *module.SECOND)):
        rows = 60 if name == "glass" else 1200
        X = stream(place, "table").normal(size=(rows, 3))
        X[:, 0] = np.arange(rows)
        y = np.zeros(rows, int)
        y[::20] = 1
        X[y == 1, 1:] += 6.0
        np.savez(folder / f"{place}_{name}.npz", X=X, y=y)
    monkeypatch.setattr(module, "RESULT", tmp_path / "anomaly.json")
    module.folder = folder
    return module


def test_the_protocol_is_the_published_one(anomaly):
    """A bootstrap of all rows tested on all; the first half of the normal rows in file order, tested on the rest."""
    path = anomaly.tables(anomaly.folder)["letter"]
    train, test, answer = anomaly.cut(path, "unsupervised", 0)
    assert train.shape == test.shape == (1200, 3)
    np.testing.assert_allclose(test.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(test.std(axis=0), 1.0)
    assert len(np.unique(train[:, 0])) == pytest.approx(1200 * (1 - np.exp(-1)), abs=40)
    assert answer.sum() == 60
    train, test, answer = anomaly.cut(path, "normal", 0)
    assert (len(train), len(test), answer.sum()) == (570, 630, 60)
    np.testing.assert_allclose(train.mean(axis=0), 0.0, atol=1e-9)
    assert train[:, 0].max() < test[answer == 0, 0].min()


def test_few_rows_are_resampled_and_seeds_differ(anomaly):
    path = anomaly.tables(anomaly.folder)["glass"]
    first, again, other = (anomaly.cut(path, "unsupervised", seed)[1] for seed in (0, 0, 1))
    assert len(first) == 1000
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_halves_are_in_the_order_of_the_alphabet(anomaly):
    names = [*anomaly.FIRST, *anomaly.SECOND]
    assert names == sorted(names)
    assert len(anomaly.FIRST) == len(anomaly.SECOND) == 9


def test_a_missing_table_is_named(anomaly):
    next(anomaly.folder.glob("*_smtp.npz")).unlink()
    with pytest.raises(SystemExit, match="no file of smtp"):
        anomaly.tables(anomaly.folder)


def test_a_run_goes_on_where_it_was_and_the_means_are_those_of_the_tables(anomaly, monkeypatch):
    def main(*words):
        monkeypatch.setattr(sys, "argv", ["anomaly.py", "--tables", str(anomaly.folder), *words])
        anomaly.main()
        return json.loads(anomaly.RESULT.read_text(encoding="utf-8"))["measured"]

    first = main("--only", "constant", "--seeds", "0", "--seconds", "0")
    assert sum(map(len, first.values())) == 1
    whole = main("--only", "constant", "--seeds", "0", "1")
    assert whole["unsupervised"]["annthyroid"]["0"] == first["unsupervised"]["annthyroid"]["0"]
    every = [*anomaly.FIRST, *anomaly.SECOND]
    found = anomaly.means(whole, "normal", "constant", every, "auroc")
    expected = [np.mean([whole["normal"][name][str(seed)]["constant"]["auroc"] for name in every]) for seed in (0, 1)]
    np.testing.assert_allclose(found, expected)
    assert found.min() > 90.0
    assert "control: constant decoder" in anomaly.summary_table(whole)


def test_the_default_and_its_controls_are_measured(anomaly):
    """Every score of one fit; on these tables the trained model finds what lies far off."""
    train, test, answer = anomaly.cut(anomaly.tables(anomaly.folder)["glass"], "normal", 0)
    found = anomaly.ours(train, test, 0) | anomaly.untrained(train, test, 0) | anomaly.constant(train, test, 0)
    assert set(found) == {*anomaly.SCORES, "constant", "untrained"}
    assert anomaly.measured(answer, found["bound"])["auroc"] > 95.0
