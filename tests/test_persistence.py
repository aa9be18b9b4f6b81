"""Files: whole or not at all, checked when read, refused when damaged, hostile or newer."""

import os
import pathlib

import numpy as np
import pytest
from safetensors.numpy import load, save

import vitral
from vitral import Spec
from vitral.errors import FileError, ResourceError
from vitral.persistence import (
    FORMAT_VERSION,
    add_metrics,
    load_model,
    save_model,
    save_tensors,
    write_atomically,
)

SPEC = Spec(features=6, latent=2, encoder={"hidden": [5]}, decoder={"hidden": [4]})
CONTRACT = {"features": 6}


@pytest.fixture
def model_file(tmp_path):
    """A small model file and its parameters."""
    theta = SPEC.build().init(3)
    path = tmp_path / "model.safetensors"
    save_model(path, SPEC, theta, CONTRACT, {"note": "café"}, "0.1.0")
    return path, theta


def test_a_model_comes_back_bit_for_bit(model_file):
    """Spec, parameters, contract and facts."""
    path, theta = model_file
    file = load_model(path)
    assert file.spec.to_dict() == SPEC.to_dict()
    np.testing.assert_array_equal(theta, file.theta)
    assert (file.contract, file.facts, file.vitral) == (CONTRACT, {"note": "café"}, "0.1.0")


def test_other_tools_read_the_tensors_by_name(model_file):
    """The plain safetensors library sees W and b of every layer."""
    tensors = load(model_file[0].read_bytes())
    assert tensors["encoder.0.W"].shape == (6, 5)
    assert tensors["likelihood.raw"].shape == (1,)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    """NaN loads without complaint in safetensors; here it does not."""
    theta = SPEC.build().init(0)
    theta[3] = np.nan
    save_model(tmp_path / "nan.safetensors", SPEC, theta, CONTRACT, {}, "0")
    with pytest.raises(FileError, match=r"tensor 'encoder\.0\.W' holds NaN"):
        load_model(tmp_path / "nan.safetensors")
    again = load_model(tmp_path / "nan.safetensors", allow_nonfinite=True)
    np.testing.assert_array_equal(again.theta, theta)


def test_tensors_that_do_not_fit_the_spec_are_refused(tmp_path):
    """Another model's tensors under this model's spec."""
    other = Spec(features=6, latent=3, encoder={"hidden": [5]}, decoder={"hidden": [4]}).build()
    tensors = {"encoder.0.W": np.zeros((6, 5), np.float32)}
    facts = {"kind": "model", "spec": SPEC.to_dict(), "contract": {}, "facts": {}}
    save_tensors(tmp_path / "odd.safetensors", tensors, facts)
    with pytest.raises(FileError, match="does not fit its own spec"):
        load_model(tmp_path / "odd.safetensors")
    assert other.parameters != SPEC.build().parameters


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """Whatever call fails, the old content is whole and no temporary file stays."""
    path = tmp_path / "file"
    write_atomically(path, b"old")
    for where, name in ((os, "fsync"), (pathlib.Path, "replace")):
        with monkeypatch.context() as broken:
            broken.setattr(
                where, name, lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
            )
            with pytest.raises(ResourceError, match="No space left"):
                write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_target_that_windows_holds_is_tried_again(tmp_path, monkeypatch):
    """Two refusals with winerror 32, then success: antivirus programs let go after a moment."""
    tries, real = [], pathlib.Path.replace

    def held(source, target):
        tries.append(source)
        if len(tries) < 3:
            error = OSError("held")
            error.winerror = 32
            raise error
        real(source, target)

    monkeypatch.setattr(pathlib.Path, "replace", held)
    write_atomically(tmp_path / "file", b"new")
    assert len(tries) == 3
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("number", [5, 32, 33])
def test_a_target_that_windows_does_not_let_go_is_said_after_a_while_and_never_copied_over(
    tmp_path, monkeypatch, number
):
    """The old file stays whole. A clock that jumps stands for the two and a half seconds."""
    path, clock = tmp_path / "file", iter(range(100))
    write_atomically(path, b"old")

    def held(source, target):
        error = OSError("held by another program")
        error.winerror = number
        raise error

    monkeypatch.setattr(pathlib.Path, "replace", held)
    monkeypatch.setattr("vitral.persistence.atomic.time.sleep", lambda seconds: None)
    monkeypatch.setattr("vitral.persistence.atomic.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(ResourceError, match="held by another program"):
        write_atomically(path, b"new")
    assert next(clock) == 4  # asked at once, and until the patience of 2.5 seconds is over
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_packaged_model_is_small_and_loads():
    """It needs nothing but the package."""
    model = vitral.load("tiny")
    assert model.spec.latent == 2
    assert model.decode([[0.0, 0.0]]).shape == (1, 784)
    assert float(model.sample(3, seed=1).shape[0]) == 3


def test_save_of_safetensors_is_what_we_think():
    """The plain library keeps a C-ordered array: the ground that save_tensors stands on."""
    array = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(load(save({"a": array}))["a"], array)


FIXTURES = pathlib.Path(__file__).parent / "fixtures"
ENCODED = [[0.04131366, 0.20475185], [0.11204854, 0.41999456]]
DECODED = [0.47908023, 0.4544887, 0.50814104]


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION + 1))
def test_a_file_of_every_format_is_read_for_ever(version):
    """A small file of each version, and the numbers that it gave on the day it was written."""
    model = vitral.load(FIXTURES / f"model-format-{version}.safetensors")
    assert model.facts["note"] == f"written by format version {version}"
    assert model.contract.image_shape == (8, 8)
    rows = vitral.load_data("digits", split="random").test.stored[:2]
    np.testing.assert_allclose(model.encode(rows), ENCODED, atol=1e-5)
    np.testing.assert_allclose(model.decode([[1.0, -1.0]])[0, :3], DECODED, atol=1e-5)


def test_a_file_of_format_2_holds_the_metrics():
    """Those that the fixture was written with; a file of format 1 had its last validation among the facts."""
    assert vitral.load(FIXTURES / "model-format-2.safetensors").metrics == {"test": {"elbo": -2.5, "elbo_se": 0.5}}
    assert vitral.load("tiny").metrics["test"]["elbo_se"] > 0.0


def test_metrics_that_stand_among_the_facts_are_found(tmp_path):
    """Format 1 kept the last validation there."""
    facts = {"validation": {"elbo": -3.0}}
    save_model(tmp_path / "m.safetensors", SPEC, SPEC.build().init(0), CONTRACT, facts, "0")
    assert load_model(tmp_path / "m.safetensors").metrics == facts
    add_metrics(tmp_path / "m.safetensors", {"test": {"elbo": -4.0}})
    assert load_model(tmp_path / "m.safetensors").metrics == {"test": {"elbo": -4.0}}


def test_a_file_that_its_check_refuses_takes_no_place(tmp_path):
    path, seen = tmp_path / "file", []
    path.write_bytes(b"old")

    def check(written):
        seen.append(written.read_bytes())
        raise FileError("no")

    with pytest.raises(FileError, match="no"):
        write_atomically(path, b"new", check)
    assert seen == [b"new"]
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"old")]
    write_atomically(path, b"new", lambda written: None)
    assert path.read_bytes() == b"new"
