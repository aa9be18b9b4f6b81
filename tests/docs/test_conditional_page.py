"""docs/conditional.md: the recipe makes the digit that it is asked for, and the judge can be trusted."""

import json

import pytest


@pytest.fixture
def results(benchmark):
    return json.loads(benchmark("conditional").RESULT.read_text(encoding="utf-8"))


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
    machine, accuracy = benchmark("conditional").classifier(data, seed=0)
    x, labels = data.test.take(slice(None)), data.test.labels
    found = benchmark("conditional").judged(machine, x, labels)
    assert found["share"] == accuracy > 0.8
    assert found["standard_error"] == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / len(labels)))
    assert benchmark("conditional").judged(machine, x, (labels + 1) % 10)["share"] < 0.2
