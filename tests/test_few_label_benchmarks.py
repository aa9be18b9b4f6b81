"""benchmarks/augmentation.py and representation.py: what they count, that they go on, and that test rows stay out."""

import json

import numpy as np
import pytest


@pytest.fixture
def augmentation(benchmark):
    return benchmark("augmentation")


@pytest.fixture
def representation(benchmark):
    return benchmark("representation")


@pytest.fixture
def digits(representation):
    return representation.Digits(limit=3000)


def test_labels_are_drawn_from_the_pool_as_many_of_every_class(digits):
    """The same for a seed, others for another, none twice; the pool is a part of the training images."""
    places = digits.chosen(5, seed=0)
    np.testing.assert_array_equal(digits.labels[places], np.repeat(np.arange(10), 5))
    np.testing.assert_array_equal(places, digits.chosen(5, seed=0))
    assert not np.array_equal(places, digits.chosen(5, seed=1))
    assert len(set(places.tolist())) == 50
    assert len(digits.pool) == len(digits.labels) <= len(digits.train)
    assert set(np.unique(digits.train)) == {0, 1}


def test_labels_spread_within_a_cloud_and_not_beyond(representation):
    """Two clouds far apart, one label in each: every point of a cloud gets the label of its cloud."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.standard_normal((60, 2)), 50.0 + rng.standard_normal((60, 2))])
    shares = representation.spread(representation._graph(points), np.array([0, 60]), np.array([3, 7]))
    np.testing.assert_array_equal(shares.argmax(axis=1), np.repeat([3, 7], 60))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_every_classifier_is_judged_for_every_draw(representation, digits, monkeypatch):
    """On principal components of few images: better than chance everywhere, and better with more labels."""
    monkeypatch.setattr(representation, "DRAWS", 2)
    pool, test, about = representation.features("pca-10", digits, None)
    found = representation.measured(pool, test, digits)
    assert about == {"features": 10}
    assert set(found) == {"1-NN", "1-NN, cosine", "linear probe", "label spreading"}
    for by_labels in found.values():
        assert [len(values) for values in by_labels.values()] == [2, 2, 2]
        assert 0.3 < np.mean(by_labels["5"]) < np.mean(by_labels["50"])


def test_a_model_is_trained_once_and_kept(representation, digits, tmp_path):
    small = {"max_iter": 1, "hidden": (8,)}
    first, seconds = representation.trained("latent-5", digits, tmp_path, **small)
    again, same = representation.trained("latent-5", digits, tmp_path)
    assert (seconds, first.n_components) == (same, 5)
    np.testing.assert_array_equal(first.theta_, again.theta_)


def test_shifts_move_by_one_pixel_and_fill_every_class(augmentation, digits):
    places = digits.chosen(5, seed=0)
    x, y = digits.train[digits.pool][places], digits.labels[places]
    made, labels = augmentation.shifted(x, y, seed=0)
    np.testing.assert_array_equal(np.bincount(labels), [augmentation.FILLED] * 10)
    np.testing.assert_array_equal(made[:50], x)
    assert (made[50:].sum(axis=1)[:, None] == x.sum(axis=1)).any(axis=1).all()


def test_over_samplers_of_a_benchmark_see_training_rows_alone(augmentation, monkeypatch):
    """What a method is given is neither more rows than asked, nor any of those that are judged."""
    pytest.importorskip("imblearn")
    seen = []
    table = augmentation.built_in()["wine"]

    def noticed(rare, seed):
        return {"noticed": lambda x, y: (seen.append((x, y)), (x, y))[1]}

    monkeypatch.setattr(augmentation, "of_tables", noticed)
    found = augmentation.table_cell("wine", table, "noticed", seed=0)
    (x, y), = seen
    assert (y == 1).sum() == augmentation.RARER["wine"]
    assert len(x) < 0.6 * len(table[0])
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=1e-9)
    assert all(0.5 < scores["average_precision"] <= 1.0 for scores in found.values())


@pytest.mark.slow
def test_every_method_fills_up_what_it_is_asked_to(augmentation, digits):
    pytest.importorskip("imblearn")
    places = digits.chosen(5, seed=0)
    x, y = digits.train[digits.pool][places], digits.labels[places]
    for name, method in augmentation.of_digits(5, 0).items():
        made, labels = method(x, y)
        assert (made.min(), made.max()) == (0, 1), name
        assert name == "SMOTE" or set(np.unique(made)) == {0, 1}, name  # it makes what lies between bits
        assert len(made) == (50 if name == "none" else 10 * augmentation.FILLED), name
        np.testing.assert_array_equal(labels[:50], y)


def test_a_stopped_measurement_goes_on_where_it_was(augmentation, tmp_path, monkeypatch):
    done = []
    cells = [(f"5/none/{seed}", lambda seed=seed: done.append(seed) or {"kNN": 0.5}) for seed in range(3)]
    monkeypatch.setattr(augmentation, "cells", lambda *given: iter(cells))
    out = tmp_path / "a.json"
    assert not augmentation.measure("digits", 3, None, out, minutes=-1.0)
    assert done == []
    assert augmentation.measure("digits", 3, None, out, minutes=1.0)
    assert augmentation.measure("digits", 3, None, out, minutes=1.0)
    assert done == [0, 1, 2]
    assert list(json.loads(out.read_text("utf-8"))["digits"]["cells"]) == [key for key, _ in cells]


def test_the_table_of_digits_says_gains_over_nothing(augmentation, monkeypatch):
    """Means, spread, and the difference to no augmentation; a dash where the draws are not complete."""
    cells = {}
    for seed, (plain, made) in enumerate([(0.5, 0.6), (0.7, 0.7)]):
        cells[f"5/none/{seed}"] = {"kNN": plain}
        cells[f"5/SMOTE/{seed}"] = {"kNN": made}
    cells["10/none/0"] = {"kNN": 0.5}
    monkeypatch.setattr(augmentation, "OF_DIGITS", ("none", "SMOTE"))
    text = augmentation.digits_table({"digits": {"cells": cells}})
    assert "| kNN | none | 60.0 ± 14.1 | – | – |" in text
    assert "| kNN | SMOTE | 65.0 ± 7.1 (+5.0) | – | – |" in text


def test_the_table_of_tables_keeps_the_halves_apart(augmentation, monkeypatch):
    cells = {}
    for name, ours in (("wine", 0.9), ("ADBench a", 0.4), ("ADBench b", 0.8), ("ADBench c", 0.2)):
        for method, value in (("SMOTE", 0.5), ("VAEOverSampler", ours)):
            scores = {"average_precision": value, "balanced_accuracy": value}
            cells[f"{name}/{method}/0"] = {"kNN": scores}
    monkeypatch.setattr(augmentation, "OF_TABLES", ("SMOTE", "VAEOverSampler"))
    names = ["wine", *(f"ADBench {letter}" for letter in "abc")]
    text = augmentation.tables_table({"tables": {"cells": cells, "names": names}})
    assert "| built in (1) | kNN | VAEOverSampler | 90.0 | 90.0 | 1 of 1 |" in text
    assert "| first half (2) | kNN | VAEOverSampler | 60.0 | 60.0 | 1 of 2 |" in text
    assert "| second half (1) | kNN | VAEOverSampler | 20.0 | 20.0 | 0 of 1 |" in text
