"""What is recorded for the explorer: true, bounded, and without an effect on the training."""

import hashlib

import numpy as np
import pytest

import vitral
from vitral.data import load_data
from vitral.evaluation.latent import codes
from vitral.study import folder as folders
from vitral.study import recording
from vitral.study.pictures import latent_axis
from vitral.study.recipes import load_recipe, to_toml
from vitral.study.recording import Recorder, spaced
from vitral.study.run import study

CHANGES = [
    "training.epochs=3", "training.seeds=2", "model.latents=[2,3]", "evaluation.importance_samples=5",
    "evaluation.importance_images=10", "evaluation.tsne_rows=10", "evaluation.information_images=0",
]  # fmt: skip


def run(path, changes=CHANGES, **options):
    """A study without its slow part, the certificate."""
    recipe = load_recipe("digits", changes)
    folder = folders.create(path, to_toml(recipe), "again", force=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vitral.study.measure.certify", lambda *_, **__: [])
        for _ in study(recipe, folder, command="test", **options):
            pass
    return folder.path


def arrays_of(path):
    with np.load(path / "explorer.npz", allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(tmp_path_factory.mktemp("recorded") / "run")


@pytest.fixture(scope="module")
def recorded(finished):
    return arrays_of(finished)


def digests(path):
    files = [path / "metrics.json", path / "arrays.npz", *sorted((path / "models").iterdir())]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_recording_changes_no_number_of_a_training(finished, tmp_path, monkeypatch):
    """The same bytes of metrics, figures' arrays and models as without a recorder."""
    monkeypatch.setattr(Recorder, "of", lambda *given: None)
    bare = run(tmp_path / "bare")
    assert digests(bare) == digests(finished)
    assert set(arrays_of(bare)) == {"images", "images_labels", "train_images", "train_labels"}


@pytest.mark.parametrize("epochs", [0, 1, 2, 10, 60, 5000])
def test_moments_are_dense_at_first_and_few(epochs):
    found = spaced(epochs, 8)
    assert len(found) <= 8
    assert found == sorted(set(found))
    assert found[-1:] == [epochs][: len(found)]
    assert found[:1] == [1][: min(epochs, 1)]
    gaps = np.diff(found)
    assert (gaps[1:] >= gaps[:-1]).all() or epochs < 20


def test_the_last_scene_is_the_finished_model(finished, recorded):
    """Its codes, KL, plane and reconstructions are those of the model file."""
    trained, data = vitral.load(finished).model("latent-2"), load_data("digits", split="random")
    mu, logvar = codes(trained.model, trained.theta, data.test)
    np.testing.assert_allclose(recorded["latent-2/history_codes"][-1], mu, atol=1e-6)
    np.testing.assert_allclose(recorded["latent-2/history_logvar"][-1], logvar, atol=1e-6)
    kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(axis=0)
    np.testing.assert_allclose(recorded["latent-2/history_kl"][-1], kl, rtol=1e-4)
    axis = latent_axis("quantile")
    top_right = trained.decode([[axis[-1], axis[-1]]])[0]
    np.testing.assert_allclose(recorded["latent-2/history_grid"][-1][14] / 255, top_right, atol=0.51 / 255)
    again = trained.reconstruct(data.test.take(slice(0, 10)))
    np.testing.assert_allclose(recorded["latent-2/history_reconstructions"][-1] / 255, again, atol=0.51 / 255)


def test_early_moments_lie_within_the_first_epoch(recorded):
    """45 steps an epoch: before the first step, after 3 and 11 of them, and after every epoch."""
    for kind in ("history", "pulse"):
        expected = np.array([0, 3 / 45, 11 / 45, 1, 2, 3], np.float32)
        np.testing.assert_array_equal(expected, recorded[f"latent-2/{kind}_epochs"])


def test_every_recording_has_its_promised_shape(recorded):
    shapes = {name.removeprefix("latent-3/"): array.shape for name, array in recorded.items() if "latent-3/" in name}
    assert shapes == {
        "history_epochs": (6,), "history_codes": (6, 179, 3), "history_logvar": (6, 179, 3), "history_kl": (6, 3),
        "history_reconstructions": (6, 10, 64), "pulse_epochs": (6,), "pulse_kl": (6, 3), "pulse_dead": (6, 2),
        "pulse_weight": (6, 9), "pulse_gradient": (6, 9), "pulse_update": (6, 9),
    }  # fmt: skip
    assert recorded["latent-2/history_grid"].shape == (6, 225, 64)
    assert recorded["latent-2/history_grid"].dtype == np.uint8
    assert {name.partition("/")[0] for name in recorded if "/" in name} == {"latent-2", "latent-3", "autoencoder-2"}
    assert "autoencoder-2/history_logvar" not in recorded
    assert "autoencoder-2/history_kl" not in recorded


def test_the_first_step_of_adam_is_the_rate_in_every_number_that_has_a_gradient(recorded):
    """t = 1: m / sqrt(v) = sign(g), so an update's root mean square is the rate times that of [g != 0]."""
    update, gradient = recorded["latent-2/pulse_update"][0], recorded["latent-2/pulse_gradient"][0]
    assert (update[gradient > 0] <= 1.001e-3).all()
    np.testing.assert_allclose(update[-1], 1e-3, rtol=1e-3)  # one number: the variance
    assert (gradient >= 0).all()


def test_units_that_are_zero_for_every_image_are_counted():
    """Two of four units never exceed 0."""
    from vitral.core.parameters import cut
    from vitral.parts.layers import Affine, Chain, ReLU

    network = Chain((Affine(1, 4), ReLU(), Affine(4, 1)))
    theta = np.zeros(13)
    p = cut(theta, network.shapes)
    children = tuple(p)
    children[0].W[...], children[0].b[...] = [[1, -1, 1, 0]], [0, 0, -9, -1]
    assert recording.dead_shares(network, p, np.array([[-2.0], [1.0]])) == [0.5]
    assert recording.dead_shares(ReLU(), p, np.ones((1, 1))) == []


def test_without_data_no_image_is_recorded(tmp_path):
    """Neither images nor their reconstructions; codes and what the decoder makes of the plane are the model's."""
    small = [*CHANGES, "model.latents=[2]", "training.seeds=1", "model.autoencoders=[]"]
    found = arrays_of(run(tmp_path / "run", small, show_data=False))
    assert not {"images", "train_images", "train_labels", "latent-2/history_reconstructions"} & set(found)
    assert {"images_labels", "latent-2/history_codes", "latent-2/history_grid"} <= set(found)


def test_a_training_that_patience_ends_has_its_last_moment_recorded(tmp_path):
    """Epoch 2 was not among the moments of a thousand epochs that a generous plan would have had."""
    patient = ["training.epochs=1000", "training.patience=1", "training.rate=0.3", "model.latents=[2]",
               "training.seeds=1", "model.autoencoders=[]"]  # fmt: skip
    path = run(tmp_path / "run", [*CHANGES, *patient])
    found, last = arrays_of(path), vitral.load(path).metrics["models"]["latent-2"]["epochs"]
    for kind in ("history", "pulse"):
        epochs = found[f"latent-2/{kind}_epochs"]
        assert epochs[-1] == last < 1000
        assert (np.diff(epochs) > 0).all()


def test_rows_that_are_no_images_are_not_recorded(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((60, 5)))
    other = [f"data.name='{tmp_path / 'rows.npy'}'", "model.latents=[2]", "training.seeds=1"]
    assert arrays_of(run(tmp_path / "run", [*CHANGES, *other])) == {}


def test_large_images_are_fewer():
    rows = load_data("digits", split="random").train
    assert len(recording.first_images(rows)) == 1000
    wide = vitral.load("tiny").contract.rows(np.zeros((5, 784), np.float32))
    assert len(recording.first_images(wide)) == 5
