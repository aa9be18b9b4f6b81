"""Models leave and come back: pickled, copied, as a file, from the command line and to it."""

import copy
import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.base import clone

import vitral
from vitral import VAE, ConditionalVAE
from vitral.errors import FileError, UsageError

SMALL = {"hidden": (8,), "max_iter": 3, "random_state": 0}


def table(rows=100, features=4, seed=0):
    rng = np.random.default_rng(seed)
    return 5.0 * rng.standard_normal((rows, 2)) @ rng.standard_normal((2, features)) + 10.0


@pytest.fixture(scope="module")
def fitted():
    return VAE(spec={"draws": 20}, **SMALL).fit(table())


def by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def by_file(model, folder):
    model.save(folder / "model.safetensors")
    return type(model).load(folder / "model.safetensors")


WAYS = {
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model, folder: pickle.loads(pytest.importorskip("cloudpickle").dumps(model)),
    "joblib": by_joblib,
    "copy": lambda model, folder: copy.copy(model),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "file": by_file,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_model_comes_back_the_same(fitted, tmp_path, way):
    """Every method gives the same bits, and the parameters are those it was made with."""
    back, X = WAYS[way](fitted, tmp_path), table(30, seed=1)
    assert back.get_params() == fitted.get_params()
    assert np.array_equal(back.transform(X), fitted.transform(X))
    assert np.array_equal(back.score_samples(X), fitted.score_samples(X))
    assert np.array_equal(back.predict(X), fitted.predict(X))
    assert np.array_equal(back.sample(4), fitted.sample(4))
    assert back.loss_curve_ == fitted.loss_curve_


@pytest.mark.parametrize("labels", [np.arange(100) % 3, np.array(["b", "a"] * 50), np.linspace(0.0, 500.0, 100)])
def test_a_conditional_model_comes_back_with_its_classes_or_scales(tmp_path, labels):
    X = table()
    model = ConditionalVAE(**SMALL).fit(X, labels)
    back = by_file(model, tmp_path)
    assert np.array_equal(back.transform(X, labels), model.transform(X, labels))
    rows, y = back.sample(3, y=labels[:3])
    assert np.array_equal(rows, model.sample(3, y=labels[:3])[0])
    assert np.array_equal(y, labels[:3])


def test_another_version_is_remarked_on(fitted):
    """scikit-learn remarks on its own classes only."""
    state = fitted.__getstate__() | {"_vitral_version": "0.0.9"}
    with pytest.warns(UserWarning, match=r"pickled by Vitral 0\.0\.9"):
        VAE().__setstate__(state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.loads(pickle.dumps(fitted))


def test_a_pass_goes_on_where_a_pickle_was_left(fitted):
    """The optimiser travels along: the same bits as without the journey."""
    here, there = copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(here.partial_fit(table()).theta_, there.partial_fit(table()).theta_)


def test_a_loaded_model_goes_on_training(fitted, tmp_path):
    """A file has no optimiser: a pass begins one."""
    back = by_file(fitted, tmp_path)
    before = back.theta_.copy()
    assert not np.array_equal(back.partial_fit(table()).theta_, before)
    assert clone(back).fit(table()).n_iter_ == 3


def test_a_file_opens_without_vitral(fitted, tmp_path):
    """Plain safetensors: named tensors, nothing that runs."""
    fitted.save(str(tmp_path / "model.safetensors"))
    tensors = load_file(tmp_path / "model.safetensors")
    assert tensors["encoder.0.W"].shape == (4, 8)
    assert sum(tensor.size for tensor in tensors.values()) == fitted.theta_.size


def test_the_command_line_draws_rows_in_the_units_of_the_data(fitted, tmp_path):
    """vitral sample on a saved estimator; about 10, as the table is."""
    fitted.save(tmp_path / "model.safetensors")
    called = ["-m", "vitral", "sample", "model.safetensors", "-n", "200", "-o", "rows.npy"]
    done = subprocess.run([sys.executable, *called], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = np.load(tmp_path / "rows.npy")
    assert rows.shape == (200, 4)
    assert rows.mean(axis=0) == pytest.approx(table().mean(axis=0), abs=2.5)


@pytest.mark.parametrize("likelihood", ["gaussian_pixel", "discretised_logistic"])
def test_the_library_gives_the_scores_of_the_estimator(tmp_path, likelihood):
    """vitral.load(...).score of the same file: other draws, the same units; masses of levels have none."""
    rows = np.random.default_rng(0).integers(60, 90, (50, 3)).astype(np.uint8)
    vae = VAE(1, likelihood=likelihood, **SMALL).fit(rows)
    vae.save(tmp_path / "model.safetensors")
    scores = vitral.load(tmp_path / "model.safetensors").score(rows)
    assert scores.mean() == pytest.approx(vae.score(rows), abs=0.3)


def test_a_model_of_the_package_is_an_estimator():
    """One that a study trained: codes, means and scores; a threshold it lacks, and it says so."""
    path = Path(vitral.__file__).parent / "models" / "tiny.safetensors"
    vae, images = VAE.load(path), vitral.load_data("mnist").test.take(slice(0, 20))
    assert np.allclose(vae.transform(images), vitral.load("tiny").encode(images), atol=1e-4)
    assert np.isfinite(vae.score(images))
    assert vae.reconstruct(images).shape == (20, 784)
    with pytest.raises(UsageError, match="no threshold"):
        vae.predict(images)


def test_a_file_of_the_other_kind_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    with pytest.raises(FileError, match=r"vitral\.VAE\.load"):
        ConditionalVAE.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("lie", [{"parameters": {"hidden": 3}}, {"learned": 7}, {"class": None}, "text"])
def test_a_file_that_says_nonsense_of_its_estimator_is_refused(fitted, tmp_path, lie, monkeypatch):
    """One sentence, and the model itself is still read by vitral.load."""
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    whole = vitral.api.load_file(path)
    said = lie if isinstance(lie, str) else {**whole.facts["estimator"], **lie}
    facts = {**whole.facts, "estimator": said}
    vitral.persistence.save_model(path, whole.spec, whole.theta, whole.contract.to_dict(), facts, "0.1.0")
    json.dumps(said)
    if lie == {"class": None}:
        assert VAE.load(path).n_components == 2
        return
    with pytest.raises(FileError, match="what this Vitral does not know"):
        VAE.load(path)


def test_a_folder_with_a_card_gives_the_estimator_back(fitted, tmp_path):
    """``save_pretrained`` keeps what ``save`` keeps; ``vitral.load`` reads the model of it."""
    written = fitted.save_pretrained(tmp_path / "folder")
    assert sorted(path.name for path in written) == ["README.md", "config.json", "model.safetensors"]
    again = type(fitted).load(tmp_path / "folder")
    np.testing.assert_array_equal(again.theta_, fitted.theta_)
    assert again.get_params() == fitted.get_params()
    assert vitral.load(tmp_path / "folder").spec.latent == fitted.n_components


def test_an_estimator_is_exported_to_onnx(fitted, tmp_path):
    """By the same method as a trained model."""
    pytest.importorskip("onnx")
    fitted.export_onnx(tmp_path / "encoder.onnx", part="encoder")
    assert (tmp_path / "encoder.onnx").stat().st_size > 100
