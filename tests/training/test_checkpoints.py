"""Checkpoints: two in turns, of which one whole one is always there, whatever happens to a file."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_loop import PLAN, fresh, small_data
from vitral.errors import FileError, ResourceError
from vitral.training import checkpoints
from vitral.training.checkpoints import Checkpoints, Saved, differences, load_checkpoint, save_checkpoint
from vitral.training.loop import Epoch, train


@pytest.fixture
def saved():
    """A state after two epochs, with something beside it."""
    model, state = fresh(replace(PLAN, average=0.9))
    events = train(model, small_data(), replace(PLAN, average=0.9), state, seed=5)
    for event, _ in events:
        if isinstance(event, Epoch) and event.record["epoch"] == 2:
            break
    events.close()
    return Saved(state, {"recipe": {"rate": 1.0}}, {"frames": np.arange(6.0).reshape(2, 3)}, {"seconds": [0.5, 1.25]})


def at(saved, step):
    """The same at another step."""
    return replace(saved, state=replace(saved.state, step=step, theta=saved.state.theta + np.float32(step)))


def test_everything_comes_back(saved, tmp_path):
    save_checkpoint(tmp_path / "c.safetensors", saved)
    again = load_checkpoint(tmp_path / "c.safetensors")
    assert again.state.facts() == saved.state.facts()
    before, after = (one.state.arrays() | {"best": one.state.best} | one.beside for one in (saved, again))
    assert set(before) == set(after)
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert (again.asked, again.notes) == (saved.asked, saved.notes)
    assert again.made_on["dtype"] == "float32"
    assert again.made_on["numpy"] == np.__version__


def test_a_history_of_ten_thousand_epochs_is_read_again(saved, tmp_path):
    """It is larger than any header of a file may be."""
    saved.state.history *= 3334
    save_checkpoint(tmp_path / "c.safetensors", saved)
    assert len(load_checkpoint(tmp_path / "c.safetensors").state.history) > 10_000


def test_the_last_two_states_are_kept_and_the_later_one_is_loaded(saved, tmp_path):
    kept = Checkpoints(tmp_path / "latent-2")
    assert not kept.exist()
    assert kept.load() == (None, [])
    for step in (8, 9, 10):
        kept.save(at(saved, step))
        assert kept.exist()
    assert sorted(load_checkpoint(file).state.step for file in tmp_path.iterdir()) == [9, 10]
    found, problems = Checkpoints(tmp_path / "latent-2").load()
    assert (found.state.step, problems) == (10, [])


def test_whoever_goes_on_overwrites_the_older_one(saved, tmp_path):
    """Also when it is another process, and also when the later file is the first of the two."""
    for step in (8, 9, 10, 11):
        kept = Checkpoints(tmp_path / "latent-2")
        kept.load()
        kept.save(at(saved, step))
        assert step in {load_checkpoint(file).state.step for file in tmp_path.iterdir()}
    assert sorted(load_checkpoint(file).state.step for file in tmp_path.iterdir()) == [10, 11]


def test_the_same_state_twice_leaves_the_one_before_it(saved, tmp_path):
    kept = Checkpoints(tmp_path / "latent-2")
    for step in (8, 9, 9):
        kept.save(at(saved, step))
    assert sorted(load_checkpoint(file).state.step for file in tmp_path.iterdir()) == [8, 9]


@pytest.mark.parametrize("newest", [9, 10])
@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"",
                                    lambda content: content[:-100] + b"?" + content[-99:]],
                         ids=["cut", "empty", "flipped"])  # fmt: skip
def test_a_damaged_newest_file_falls_back_to_the_one_before_it(saved, tmp_path, damage, newest):
    kept = Checkpoints(tmp_path / "latent-2")
    for step in range(8, newest + 1):
        kept.save(at(saved, step))
    (hurt,) = (file for file in tmp_path.iterdir() if load_checkpoint(file).state.step == newest)
    hurt.write_bytes(damage(hurt.read_bytes()))
    again = Checkpoints(tmp_path / "latent-2")
    found, (problem,) = again.load()
    assert found.state.step == newest - 1
    assert hurt.name in problem
    again.save(at(saved, 20))  # in the place of the damaged one
    assert load_checkpoint(hurt).state.step == 20


def test_where_none_can_be_read_nothing_is_begun_anew(saved, tmp_path):
    kept = Checkpoints(tmp_path / "latent-2")
    for step in (8, 9):
        kept.save(at(saved, step))
    for file in kept.files:
        file.write_bytes(b"nonsense")
    with pytest.raises(FileError, match=r"no checkpoint of latent-2 can be read: .*a\.safetensors.*b\.safetensors"):
        Checkpoints(tmp_path / "latent-2").load()


@pytest.mark.parametrize("where", ["theta", "average"])
def test_parameters_that_are_not_finite_are_not_kept(saved, tmp_path, where):
    """What is good stays."""
    kept = Checkpoints(tmp_path / "latent-2")
    kept.save(saved)
    bad = at(saved, 99)
    setattr(bad.state, where, np.full_like(saved.state.theta, np.inf))
    kept.save(bad)
    assert Checkpoints(tmp_path / "latent-2").load()[0].place == saved.place


def test_a_failed_write_leaves_both_files_alone(saved, tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path / "latent-2")
    for step in (8, 9):
        kept.save(at(saved, step))
    before = {file: file.read_bytes() for file in kept.files}

    def full(*_):
        raise ResourceError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_tensors", full)
        with pytest.raises(ResourceError):
            kept.save(at(saved, 10))
    assert {file: file.read_bytes() for file in kept.files} == before
    kept.save(at(saved, 11))
    assert sorted(load_checkpoint(file).state.step for file in kept.files) == [9, 11]


def test_differences_are_named_key_by_key():
    before = {"recipe": {"training": {"rate": 0.1, "epochs": 3}, "name": "x"}, "data": {"rows": 5}}
    now = {"recipe": {"training": {"rate": 0.2, "epochs": 3}, "name": "x", "extra": True}, "data": {"rows": 5}}
    assert list(differences(before, now)) == [
        "recipe.training.rate was 0.1 and is 0.2", "recipe.extra was null and is true",
    ]  # fmt: skip
    assert list(differences(before, before)) == []
