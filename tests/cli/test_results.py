"""What the commands write is what the model says."""

import json

import numpy as np
import pytest

import vitral
from vitral.core.randomness import stream
from vitral.evaluation.classifier import train_classifier
from vitral.evaluation.samples import sample_quality


@pytest.fixture
def model(trained):
    return vitral.load(trained).model("latent-2")


@pytest.fixture
def test_rows():
    return vitral.load_data("digits", split="random").test


def written(run, *words, name="out.npy"):
    answer = run(*words, "-o", name)
    assert answer.code == 0, answer.err
    assert answer.out == f"{name}\n"
    return np.load(name)


def test_sample_writes_decoder_means_and_with_draws_noise_around_the_same_means(run, trained, model):
    means = written(run, "sample", str(trained), "-n", "500", "--seed", "3")
    draws = written(run, "sample", str(trained), "-n", "500", "--seed", "3", "--draws", name="draws.npy")
    np.testing.assert_array_equal(means, model.prior_means(500, seed=3))
    np.testing.assert_array_equal(draws, model.sample(500, seed=3))
    variance = model.model.likelihood.noise_variance(model.model.views(model.theta).likelihood)
    assert np.mean((draws - means) ** 2) == pytest.approx(variance, rel=0.03)


def test_another_seed_gives_other_samples(run, trained):
    assert not np.array_equal(
        written(run, "sample", str(trained)),
        written(run, "sample", str(trained), "--seed", "1", name="b.npy"),
    )


@pytest.mark.parametrize("spacing, edge", [("linear", 3.0), ("quantile", 1.2815515655446004)])
def test_the_grid_has_its_largest_z2_on_top(run, trained, model, spacing, edge):
    """Five values: the outer quantiles are at 10 % and 90 %."""
    grid = written(run, "grid", str(trained), "--spacing", spacing, "--size", "5")
    assert grid.shape == (5, 5, 64)
    np.testing.assert_allclose(grid[0, 0], model.decode([[-edge, edge]])[0], atol=1e-6)
    np.testing.assert_allclose(grid[4, 4], model.decode([[edge, -edge]])[0], atol=1e-6)


def test_an_interpolation_begins_and_ends_at_the_two_reconstructions(run, trained, model, test_rows):
    frames = written(run, "interpolate", str(trained), "--from", "3", "--to", "8", "--frames", "7")
    ends = model.reconstruct(test_rows.take(np.array([3, 8])))
    assert frames.shape == (7, 64)
    np.testing.assert_allclose(frames[[0, -1]], ends, atol=1e-6)


def test_reconstruct_writes_the_first_test_rows_at_mu(run, trained, model, test_rows):
    shown = written(run, "reconstruct", str(trained), "--rows", "6")
    np.testing.assert_allclose(shown, model.reconstruct(test_rows.take(slice(0, 6))), atol=1e-6)


def test_encode_writes_the_same_codes_as_array_and_as_table(run, folder, trained, model, test_rows):
    codes = written(run, "encode", str(trained))
    np.testing.assert_allclose(codes, model.encode(test_rows.take(slice(None))), atol=1e-6)
    assert run("encode", str(trained), "-o", "codes.csv").code == 0
    assert (folder / "codes.csv").read_text().startswith("z1,z2\n")
    np.testing.assert_array_equal(np.loadtxt("codes.csv", delimiter=",", skiprows=1, dtype="float32"), codes)


def test_encode_takes_all_rows_of_a_file_and_refuses_a_range_that_does_not_fit(run, trained, test_rows):
    np.save("rows.npy", test_rows.take(slice(0, 9)))
    assert written(run, "encode", str(trained), "rows.npy").shape == (9, 2)
    np.save("rows.npy", 16 * test_rows.take(slice(0, 9)))
    answer = run("encode", str(trained), "rows.npy", "-o", "no.npy")
    assert answer.code == 3
    assert "values must lie in [0, 1]" in answer.err


def test_evaluate_measures_what_the_study_measured(run, studied):
    """The same seed, draws and rows: the same numbers, to the last digit."""
    theirs = json.loads((studied / "metrics.json").read_text())
    answer = run("evaluate", str(studied), "--samples", "5", "--images", "179", "--json", "--quiet")
    ours = json.loads(answer.out)
    model = theirs["models"]["latent-2"]
    assert ours["train"] == model["train"]
    assert ours["test"]["log_px_hat"] == model["test"]["log_px_hat"]
    assert ours["test"]["kl_per_dimension"] == model["test"]["kl_per_dimension"]
    assert ours["baselines"] == theirs["baselines"]


def test_evaluate_shows_every_number_with_its_error_and_its_unit(run, studied):
    out = run("evaluate", str(studied), "--images", "20").out
    assert out.count("±") == 16
    assert "nats per image, z sampled" in out
    assert "100 samples, 20 images" in out
    assert "bits per dimension" in out
    assert "level / 16" in out
    assert "codes of 179 images: mutual information" in out
    assert "Diagnosis:" in out


def test_evaluate_judges_new_images_where_it_is_asked_to(run, trained, model):
    """The scores are those of the same samples judged from Python; without --quality neither block is there."""
    plain = json.loads(run("evaluate", str(trained), "--model", "latent-2", "--json").out)
    assert not {"samples", "amortisation"} & set(plain)
    asked = run("evaluate", str(trained), "--model", "latent-2", "--quality", "150", "--json")
    seen = json.loads(asked.out)
    data = vitral.load_data("digits", split="random")
    z, _ = model.model.sample(model.model.views(model.theta), 150, stream(0, "judged samples"))
    expected = sample_quality(
        model.decode(z), data.train, data.test, seed=0, classifier=train_classifier(data.train, seed=0)
    )
    assert seen["samples"] == {"judged": "means", **json.loads(json.dumps(expected))}
    assert seen["amortisation"]["images"] == 100
    assert seen["amortisation"]["amortisation_gap"] > 0.0


def test_evaluate_says_what_is_wrong_and_what_to_try(run, folder):
    """A KL weighed a thousand times leaves nothing in the code; training that goes on falling is said to."""
    words = ("--latent", "3", "--hidden", "8", "--epochs", "8", "--beta", "1000", "--out", "heavy", "--quiet")
    assert run("train", "digits", *words).code == 0
    out = run("evaluate", "heavy", "--samples", "5", "--images", "20").out
    assert "serious: Posterior collapse: the code says nothing." in out
    assert "Try: " in out
    document = json.loads(run("evaluate", "heavy", "--samples", "5", "--images", "20", "--json", "--quiet").out)
    kinds = [found["kind"] for found in document["findings"]]
    assert kinds[0] == "collapsed"
    assert "stopped_early" in kinds
    assert all(found["says"] and found["advice"] for found in document["findings"])


def test_check_passes_on_a_trained_model_and_counts_what_it_ran(run, trained):
    document = json.loads(run("check", str(trained), "--json", "--quiet").out)
    ran = [item for item in document["checks"] if item["passed"] is not None]
    assert document["passed"] == document["total"] == len(ran) > 10


def test_a_failed_check_is_exit_code_1(run, trained, monkeypatch):
    from dataclasses import replace

    from vitral.checks import certificate

    items = certificate.certify

    def spoiled(*given, **options):
        first, *rest = items(*given, **options)
        return [replace(first, passed=False), *rest]

    monkeypatch.setattr(certificate, "certify", spoiled)
    answer = run("check", str(trained))
    assert answer.code == 1
    assert answer.out.startswith("FAIL")


@pytest.mark.parametrize(
    "words",
    [("sample",), ("grid", "--language", "pt"), ("interpolate",), ("reconstruct",)],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_pictures_are_pictures_and_the_same_each_time(run, folder, trained, words, ending):
    for name in (f"one.{ending}", f"two.{ending}"):
        assert run(words[0], str(trained), *words[1:], "-o", name).code == 0
    first = (folder / f"one.{ending}").read_bytes()
    assert first.startswith(b"\x89PNG" if ending == "png" else b"<?xml")
    assert first == (folder / f"two.{ending}").read_bytes()


def test_info_says_what_the_numbers_were_made_on(run):
    facts = json.loads(run("info", "--json").out)
    assert facts["vitral"] == vitral.__version__
    assert facts["blas"]["threads"] >= 1
    assert {"python", "numpy", "scipy", "matplotlib", "cores", "cache"} <= set(facts)
