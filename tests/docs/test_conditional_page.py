"""docs/conditional.md says what the benchmark measured: its table is written from the kept results."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def benchmark():
    """benchmarks/conditional.py as a module."""
    spec = importlib.util.spec_from_file_location("conditional", ROOT / "benchmarks" / "conditional.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(benchmark):
    return json.loads(benchmark.RESULT.read_text(encoding="utf-8"))


def test_the_table_is_written_from_the_kept_results(benchmark, results):
    page = benchmark.PAGE.read_text(encoding="utf-8")
    assert benchmark.with_results(page, results) == page
    assert benchmark.table(results) in page


def test_a_changed_number_would_be_noticed(benchmark, results):
    page = benchmark.PAGE.read_text(encoding="utf-8")
    results["rows"]["flow"]["decoder_means"]["share"] -= 0.01
    assert benchmark.with_results(page, results) != page


def test_the_recipe_of_the_package_makes_the_digit_that_it_is_asked_for(results):
    """At least 95 % of 1,000 images, as an independent classifier of real digits sees them; the recipe is as it was."""
    from vitral.study.recipes import Recipe, load_recipe

    entry = results["rows"]["flow"]
    for kind in ("decoder_means", "draws"):
        assert entry[kind]["images"] == 1000
        assert entry[kind]["share"] >= 0.95
        assert entry[kind]["classifier_accuracy_on_real_test_images"] > 0.96
    assert Recipe.from_dict(entry["settings"]).to_dict() == load_recipe("conditional").to_dict()


def test_the_judge_knows_real_digits_and_counts_what_it_is_asked(benchmark):
    """On small real data: right labels are found, labels moved by one class are not."""
    import numpy as np

    import vitral

    data = vitral.load_data("digits")
    machine, accuracy = benchmark.classifier(data, seed=0)
    x, labels = data.test.take(slice(None)), data.test.labels
    found = benchmark.judged(machine, x, labels)
    assert found["share"] == accuracy > 0.8
    assert found["standard_error"] == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / len(labels)))
    assert benchmark.judged(machine, x, (labels + 1) % 10)["share"] < 0.2
