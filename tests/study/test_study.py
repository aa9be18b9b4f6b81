"""A study, small and whole: its run folder, its numbers, its bytes, interrupted and resumed."""

import hashlib
import json
from itertools import islice

import numpy as np
import pytest

import vitral
from vitral.errors import ResourceError, UsageError
from vitral.parts.objectives import ELBO, IWAE, MMD, BetaTC, Reconstruction
from vitral.study import folder as folders
from vitral.study.measure import final_beta
from vitral.study.recipes import Recipe, load_recipe, to_toml
from vitral.study.run import Interrupted, Manner, study
from vitral.training.loop import Step

CHANGES = [
    "training.epochs=2", "training.seeds=2", "model.latents=[2,3]", "evaluation.importance_samples=20",
    "evaluation.importance_images=30", "evaluation.tsne_rows=40",
]  # fmt: skip
FILES = (
    "metrics.json",
    "arrays.npz",
    "explorer.npz",
    "recipe.toml",
    "models/latent-2.safetensors",
    "models/autoencoder-2.safetensors",
)


@pytest.fixture(scope="module")
def recipe():
    """Digits: two sizes, two seeds, one autoencoder, two epochs."""
    return load_recipe("digits", CHANGES)


def run(recipe, path, **options):
    folder = folders.create(path, to_toml(recipe), "vitral study --resume here", force=True)
    for _ in study(recipe, folder, command="test", **options):
        pass
    return folder


@pytest.fixture(scope="module")
def finished(recipe, tmp_path_factory):
    """One finished run, shared by the tests that only read it."""
    return run(recipe, tmp_path_factory.mktemp("runs") / "one")


def digests(path):
    return {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in FILES}


def test_the_same_seed_gives_the_same_bytes(recipe, finished, tmp_path):
    """Metrics, arrays and models; times live elsewhere."""
    assert digests(run(recipe, tmp_path / "two").path) == digests(finished.path)


@pytest.mark.parametrize("after", [1, 100, 137, 400])
def test_a_study_stopped_anywhere_and_resumed_is_the_same_study(recipe, finished, tmp_path, after):
    """Stopped in the first model, at an epoch's end, in the middle of an epoch, in a later model."""
    folder = folders.create(tmp_path / "run", to_toml(recipe), "vitral study --resume here", force=False)
    count = iter(range(10**9))
    with pytest.raises(Interrupted):
        for _ in study(recipe, folder, command="test", manner=Manner(stop=lambda: next(count) >= after)):
            pass
    assert folder.incomplete
    assert "vitral study --resume here" in (folder.path / folders.MARK).read_text()
    again = folders.reopen(folder.path)
    for _ in study(load_recipe(str(folder.path / "recipe.toml")), again, command="test"):
        pass
    assert digests(folder.path) == digests(finished.path)
    for name in ("latent-2", "latent-3-seed1"):
        with_times = [again.records(name), finished.records(name)]
        ours, theirs = ([{**record, "seconds": 0} for record in records] for records in with_times)
        assert ours == theirs


def test_a_study_killed_without_warning_is_resumed_from_the_last_epoch(recipe, finished, tmp_path):
    """The generator is dropped in the middle, as a killed process would: the checkpoint of the epoch is used."""
    folder = folders.create(tmp_path / "run", to_toml(recipe), "again", force=False)
    events = study(recipe, folder, command="test")
    steps = (event for event in events if isinstance(event, Step))
    list(islice(steps, 60))
    events.close()
    for _ in study(recipe, folders.reopen(folder.path), command="test"):
        pass
    assert digests(folder.path) == digests(finished.path)


def test_metrics_hold_the_promised_keys(finished):
    """Schema 1 of the run folder."""
    metrics = vitral.load(finished.path).metrics
    assert (metrics["schema"], metrics["recipe"]) == (1, "digits")
    assert set(metrics["data"]) >= {"name", "train", "validation", "test", "features"}
    assert set(metrics["baselines"]["pca"]) == {"2", "3"}
    model = metrics["models"]["latent-3"]
    assert set(model) >= {"kind", "latent", "parameters", "epochs", "train", "validation", "test", "seeds"}
    assert set(model["train"]) >= {"loss", "elbo", "sse", "kl"}
    assert set(model["validation"]) >= {"loss", "loss_se", "elbo", "sse", "kl", "loss_at_mean", "sse_at_mean"}
    assert set(model["test"]) >= {
        "loss", "loss_se", "elbo", "elbo_se", "log_px_hat", "log_px_hat_se", "importance_samples", "active_units",
        "kl_per_dimension", "knn_accuracy",
    }  # fmt: skip
    assert model["test"]["importance_samples"] == 20
    assert len(model["test"]["kl_per_dimension"]) == 3


def test_the_numbers_of_a_model_fit_together(finished):
    """-ELBO = loss + constant; KL is the sum over dimensions; the importance bound is not below the ELBO."""
    for name, model in vitral.load(finished.path).metrics["models"].items():
        test = model["test"]
        if model["kind"] == "autoencoder":
            assert test["elbo"] is None
            assert test["log_px_hat"] is None
            continue
        assert -test["elbo"] == pytest.approx(test["loss"] + model["loss_constant"], rel=1e-9), name
        assert sum(test["kl_per_dimension"]) == pytest.approx(test["kl"], rel=1e-5)
        assert test["log_px_hat"] > test["elbo_same_images"]
        assert test["mu_shortcut_measured"] == pytest.approx(test["loss"] - test["loss_at_mean"])
        assert model["checks"]["passed"] == model["checks"]["total"] > 10


def test_seeds_are_listed_with_their_spread(finished):
    """Two seeds: each one's numbers, and the deviation between them."""
    test = vitral.load(finished.path).metrics["models"]["latent-2"]
    values = [seed["test"]["elbo"] for seed in test["seeds"]]
    assert [seed["seed"] for seed in test["seeds"]] == [0, 1]
    assert test["test"]["elbo_sd"] == pytest.approx(abs(values[0] - values[1]) / np.sqrt(2))


def test_a_finished_run_has_no_mark_and_no_checkpoints(finished):
    """The mark and the checkpoints belong to an unfinished run."""
    finished.finish()
    assert not finished.incomplete
    assert not (finished.path / "checkpoints").exists()


def test_no_data_keeps_training_rows_out(recipe, tmp_path):
    """No array of the run equals a training row."""
    small = load_recipe(
        "digits", [*CHANGES, "model.latents=[2]", "training.seeds=1", "model.autoencoders=[]"]
    )
    folder = run(small, tmp_path / "run", show_data=False)
    with np.load(folder.path / "arrays.npz", allow_pickle=False) as arrays:
        assert not {"data_samples", "data_sample_labels"} & set(arrays.files)
        shown = arrays["originals"]
    train = vitral.load_data("digits", split="random").train.take(slice(None))
    assert not (shown[:, None, :] == train[None]).all(axis=-1).any()


def test_arrays_draw_in_the_right_directions(finished):
    """The top row of the grid is the largest z2; interpolations start and end at the reconstructions."""
    model = vitral.load(finished.path).model("latent-2")
    with np.load(finished.path / "arrays.npz", allow_pickle=False) as arrays:
        axis, grid = arrays["latent-2/grid_linear_axis"], arrays["latent-2/grid_linear"]
        np.testing.assert_allclose(grid[0, -1], model.decode([[axis[-1], axis[-1]]])[0], atol=1e-6)
        np.testing.assert_allclose(grid[-1, 0], model.decode([[axis[0], axis[0]]])[0], atol=1e-6)
        np.testing.assert_allclose(grid[0, 0], model.decode([[axis[0], axis[-1]]])[0], atol=1e-6)
        labels = arrays["pair_labels"]
    assert (labels[:, 0] != labels[:, 1]).all()


def test_an_existing_folder_is_never_overwritten_unasked(recipe, finished, tmp_path):
    """A run needs --force; a folder that is no run is not touched even with it."""
    with pytest.raises(UsageError, match="--force"):
        folders.create(finished.path, "x", "y", force=False)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="nothing there is touched"):
        folders.create(tmp_path, "x", "y", force=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    with pytest.raises(UsageError, match="is a file"):
        folders.create(tmp_path / "thesis.txt", "x", "y", force=True)
    with pytest.raises((ResourceError, UsageError)):
        folders.create(tmp_path / "thesis.txt" / "deeper", "x", "y", force=False)


def test_an_unfinished_run_has_no_metrics_and_says_so(recipe, tmp_path):
    """Loading it names the command that goes on."""
    folder = folders.create(tmp_path / "run", to_toml(recipe), "again", force=False)
    with pytest.raises(vitral.VitralError, match="--resume"):
        _ = vitral.load(folder.path).metrics


def test_grey_levels_under_bernoulli_are_a_loss_and_no_likelihood(tmp_path):
    """Digits are not binary: ELBO and log p(x) are null, the loss stays (E05c)."""
    changes = [
        *CHANGES,
        "model.latents=[2]",
        "training.seeds=1",
        "model.autoencoders=[]",
        "model.likelihood.kind=bernoulli",
    ]
    folder = run(load_recipe("digits", changes), tmp_path / "run")
    model = json.loads((folder.path / "metrics.json").read_text())["models"]["latent-2"]
    assert model["loss_is_likelihood"] is False
    assert model["test"]["elbo"] is None
    assert model["test"]["log_px_hat"] is None
    assert model["test"]["loss"] > 0


def test_own_rows_without_shape_or_labels_can_be_studied(tmp_path):
    """A table: no image shape, no classes, no neighbours."""
    rows = np.random.default_rng(0).standard_normal((60, 5))
    np.save(tmp_path / "rows.npy", rows)
    recipe = Recipe.from_dict({
        "name": "table", "data": {"name": str(tmp_path / "rows.npy")},
        "model": {"latents": [2], "encoder": {"hidden": [8]}, "decoder": {"hidden": [8]},
                  "likelihood": {"kind": "gaussian_learned", "link": "identity"}},
        "training": {"epochs": 1}, "evaluation": {"importance_samples": 10, "importance_images": 5},
    })  # fmt: skip
    folder = run(recipe, tmp_path / "run")
    metrics = vitral.load(folder.path).metrics
    assert metrics["data"]["image_shape"] is None
    assert metrics["data"]["classes"] is None
    assert metrics["models"]["latent-2"]["test"]["knn_accuracy"] is None


def test_a_range_that_does_not_fit_the_likelihood_is_refused_before_training(tmp_path):
    """Values outside [0, 1] under a sigmoid mean: row, column and the fix."""
    rows = np.random.default_rng(0).random((60, 5))
    rows[:, 2] += 4.0
    np.save(tmp_path / "rows.npy", rows)
    recipe = load_recipe("digits", [*CHANGES, f"data.name='{tmp_path / 'rows.npy'}'"])
    folder = folders.create(tmp_path / "run", to_toml(recipe), "again", force=False)
    with pytest.raises(vitral.VitralError, match=r"column 2 is 4.*scale the data"):
        next(iter(study(recipe, folder, command="test")))


@pytest.mark.parametrize(
    "objective, weight",
    [(ELBO(4.0), 4.0), (MMD(beta=0.5), 0.5), (BetaTC(beta=6.0), 1.0), (IWAE(), 1.0), (Reconstruction(), 0.0)],
)
def test_the_weight_of_the_kl_is_not_the_weight_of_a_part_of_it(objective, weight):
    assert final_beta(objective) == weight
