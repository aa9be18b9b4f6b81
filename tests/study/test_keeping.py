"""What a study keeps while it trains: often enough, in spite of full disks, for the same run only."""

import json

import pytest

from vitral.errors import FileError, ResourceError, UsageError
from vitral.persistence import load_model
from vitral.study import folder as folders
from vitral.study import keeping
from vitral.study.jobs import open_data
from vitral.study.recipes import load_recipe, to_toml
from vitral.study.run import Interrupted, Manner, Notice, train_all
from vitral.training import checkpoints
from vitral.training.loop import Step

CHANGES = [
    "data.name=digits", "data.limit=60", "model.encoder.hidden=[4]", "model.decoder.hidden=[4]", "training.epochs=3",
    "training.batch=20", "training.shards=1", "training.monitor_rows=20",
]  # fmt: skip
NAME = "latent-2"


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("train", CHANGES)


@pytest.fixture
def folder(recipe, tmp_path):
    return folders.create(tmp_path / "run", to_toml(recipe), "again", force=True)


def events_of(recipe, folder, **manner):
    return train_all(recipe, open_data(recipe), folder, Manner(**manner))


def stopped(recipe, folder, step):
    """A run that was asked to stop after this step."""
    count = iter(range(1, 100))
    with pytest.raises(Interrupted):
        list(events_of(recipe, folder, stop=lambda: next(count) >= step))
    return folders.reopen(folder.path)


def notices(events):
    return [event.sentence for event in events if isinstance(event, Notice)]


@pytest.fixture(scope="module")
def weights(recipe, tmp_path_factory):
    """The model file of a run that was left alone."""
    folder = folders.create(tmp_path_factory.mktemp("whole") / "run", to_toml(recipe), "again", force=True)
    assert notices(events_of(recipe, folder)) == []
    return folder.model(NAME).read_bytes()


def failing(monkeypatch, when):
    """Checkpoints of these writes, counted from 1, find a full disk; the steps of those that do not."""
    save, count, written = checkpoints.save_checkpoint, iter(range(1, 100)), []

    def sometimes(path, saved):
        if when(next(count)):
            raise ResourceError("cannot write it: no space left on device; free space")
        written.append(saved.state.step)
        save(path, saved)

    monkeypatch.setattr(checkpoints, "save_checkpoint", sometimes)
    return written


def test_a_disk_that_is_full_for_a_while_stops_no_training(recipe, folder, weights, monkeypatch):
    """One warning when it begins, none while it lasts, one at the end; and the weights are the same."""
    written = failing(monkeypatch, lambda number: number in (1, 2, 3))
    first, last = notices(events_of(recipe, folder))
    assert "the checkpoint of latent-2 at step 0 was not written: cannot write it: no space left" in first
    assert "The training goes on" in first
    assert last == "3 checkpoints of latent-2 were not written; its last one was"
    assert written == [9]
    assert folder.model(NAME).read_bytes() == weights


def test_the_last_state_has_to_be_written(recipe, folder, weights, monkeypatch):
    """Earlier states are kept, and from them it goes on."""
    with monkeypatch.context() as patch:
        failing(patch, lambda number: number > 2)
        with pytest.raises(ResourceError, match="no space left"):
            list(events_of(recipe, folder))
    assert not folder.model(NAME).exists()
    again = folders.reopen(folder.path)
    assert notices(events_of(recipe, again)) == []
    assert folder.model(NAME).read_bytes() == weights


def test_whoever_stops_a_run_is_told_when_its_state_was_not_saved(recipe, folder, weights, monkeypatch):
    with monkeypatch.context() as patch:
        failing(patch, lambda number: number > 1)
        count = iter(range(1, 100))
        with pytest.raises(ResourceError, match="stopped at step 5 of latent-2, which was not saved: cannot write it"):
            list(events_of(recipe, folder, stop=lambda: next(count) >= 5))
    list(events_of(recipe, folders.reopen(folder.path)))
    assert folder.model(NAME).read_bytes() == weights


def test_states_are_kept_within_an_epoch_and_change_nothing(recipe, folder, weights, monkeypatch):
    """Without an interval after every step; with one that has not passed, after epochs alone."""
    written = failing(monkeypatch, lambda number: False)
    list(events_of(recipe, folder, every=0.0))
    assert sorted(set(written)) == list(range(10))
    assert folder.model(NAME).read_bytes() == weights
    del written[:]
    list(events_of(recipe, folders.create(folder.path, to_toml(recipe), "again", force=True)))
    assert written == [0, 3, 6, 9]


def test_an_interval_is_never_shorter_than_twenty_saves(recipe, folder):
    """Whatever a slow disk takes, it takes at most a twentieth of the time."""
    keeper = keeping.Keeper("x", folder, {}, every=1e-9)
    keeper._write = lambda state: None
    keeper.save(None)
    assert keeper.every > 1e-9
    assert keeping.Keeper("x", folder, {}, every=0.0).due


@pytest.mark.parametrize("hurt", ["a", "b"])
def test_a_damaged_checkpoint_is_named_and_the_other_one_is_used(recipe, folder, weights, hurt):
    again = stopped(recipe, folder, 7)
    file = again.path / "checkpoints" / f"{NAME}.{hurt}.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    (notice,) = notices(events_of(recipe, again))
    assert file.name in notice
    assert notice.endswith(("going on from the checkpoint of step 6", "going on from the checkpoint of step 7"))
    assert folder.model(NAME).read_bytes() == weights
    assert [record["epoch"] for record in folder.records(NAME)] == [0, 1, 2, 3]


def test_two_damaged_checkpoints_are_an_error_and_nothing_is_trained_anew(recipe, folder):
    again = stopped(recipe, folder, 7)
    for file in (again.path / "checkpoints").iterdir():
        file.write_bytes(b"")
    with pytest.raises(FileError, match="no checkpoint of latent-2 can be read"):
        list(events_of(recipe, again))


def test_stray_temporary_files_are_gone_after_the_next_start(recipe, folder):
    again = stopped(recipe, folder, 2)
    stray = again.path / "checkpoints" / f".{NAME}.a.safetensors.123.tmp"
    stray.write_bytes(b"half")
    folders.reopen(folder.path)
    assert not stray.exists()


def test_a_changed_recipe_is_refused_with_its_differences(recipe, folder):
    again = stopped(recipe, folder, 5)
    other = load_recipe("train", [*CHANGES, "training.rate=0.5", "training.epochs=4"])
    with pytest.raises(UsageError) as caught:
        list(events_of(other, again))
    assert "recipe.training.epochs was 3 and is 4; recipe.training.rate was 0.001 and is 0.5: put" in str(caught.value)


def test_changed_data_are_refused(recipe, folder):
    """Also where only values changed: the number of rows is the same."""
    again = stopped(recipe, folder, 5)
    data = open_data(recipe)
    data.train.stored[3, 4] += 1
    with pytest.raises(UsageError, match=r"belongs to another run: data\.values was .* and is"):
        list(train_all(recipe, data, again))


def elsewhere(monkeypatch):
    """From here on it is another machine."""
    here = keeping.fingerprint("float32")
    monkeypatch.setattr(keeping, "fingerprint", lambda dtype: here | {"kernel": "Other", "numpy": "0.1"})


def test_another_environment_is_named_once_and_goes_on(recipe, folder, weights, monkeypatch):
    """From its first checkpoint on, the new one is the environment of the run."""
    again = stopped(recipe, folder, 5)
    elsewhere(monkeypatch)
    (notice,) = notices(events_of(recipe, again))
    assert 'numpy was "' in notice
    assert 'and is "0.1"' in notice
    assert 'and is "Other"' in notice
    assert "not to the last bit" in notice
    assert folder.model(NAME).read_bytes() == weights  # here nothing but the names are others


def test_a_strict_resume_refuses_another_environment(recipe, folder, monkeypatch):
    again = stopped(recipe, folder, 5)
    elsewhere(monkeypatch)
    with pytest.raises(UsageError, match=r"trained in another environment: .*numpy was .* leave --strict out"):
        list(events_of(recipe, again, strict=True))


def test_a_strict_resume_goes_on_where_nothing_has_changed(recipe, folder, weights):
    assert notices(events_of(recipe, stopped(recipe, folder, 5), strict=True)) == []
    assert folder.model(NAME).read_bytes() == weights


def test_half_the_rate_is_kept_and_recorded(recipe, folder, weights):
    """The state says so, the model file says so, and a further resume keeps it."""
    again = stopped(recipe, folder, 4)
    events = events_of(recipe, again, slower=True)
    next(event for event in events if isinstance(event, Step))
    events.close()
    list(events_of(recipe, folders.reopen(folder.path)))
    assert folder.model(NAME).read_bytes() != weights
    assert load_model(folder.model(NAME))[3]["slowing"] == 0.5


def test_seconds_and_records_go_on_where_they_were(recipe, folder):
    """Every epoch has its time, also the one that was interrupted."""
    again = stopped(recipe, folder, 5)
    before = again.records(NAME)
    list(events_of(recipe, again))
    after = folder.records(NAME)
    assert after[: len(before)] == before
    assert all(record["seconds"] >= 0.0 for record in after)
    assert json.loads(json.dumps(after)) == after
