"""The benchmarks run: here with little data, by the same code that wrote benchmarks/results."""

import json
import sys

import pytest


@pytest.fixture
def likelihood(benchmark, monkeypatch, tmp_path):
    """benchmarks/likelihood.py with few samples and a result file of its own, as a function of its words."""
    module = benchmark("likelihood")
    for name, value in {"SAMPLES": 20, "REDRAWS": 2, "REDRAW_SAMPLES": 2, "REDRAW_IMAGES": 50}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results" / "likelihood.json")
    few = ("--folder", str(tmp_path), "--set", "training.epochs=2", "--set", "data.limit=300")

    def run(*rows):
        monkeypatch.setattr(sys, "argv", ["likelihood.py", *rows, *few])
        module.main()
        return json.loads(module.RESULTS.read_text(encoding="utf-8"))["rows"]

    run.module = module
    return run


def test_every_row_that_has_a_published_number_has_a_recipe_of_its_name(likelihood, tmp_path):
    for row in likelihood.module.ANCHORS:
        sitting = likelihood.module.sit_down(row, tmp_path, ["data.limit=300"])
        assert sitting.recipe.name == row
        assert sitting.data.contract.binary


def test_a_row_that_was_stopped_goes_on_to_the_same_number(likelihood, tmp_path, monkeypatch):
    whole = likelihood("one-layer-vae")["one-layer-vae"]
    assert whole["epochs"] == whole["epochs_asked"] == 2
    assert whole["images"] == 75
    assert whole["importance_samples"] == 20
    assert [step for step, _ in whole["curve"]] == [3, 6]
    assert whole["nll"] < whole["negative_elbo"]
    assert whole["rate"] + whole["distortion"] == pytest.approx(whole["negative_elbo"], abs=1e-4)
    (tmp_path / "one-layer-vae").rename(tmp_path / "kept")
    saved = likelihood.module.save_checkpoint

    def stopped(path, kept):
        saved(path, kept)
        if len(kept.state.history) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(likelihood.module, "save_checkpoint", stopped)
        with pytest.raises(KeyboardInterrupt):
            likelihood("one-layer-vae")
    again = likelihood("one-layer-vae")["one-layer-vae"]
    assert again["nll"] == whole["nll"]
    assert again["curve"] == whole["curve"]
