"""A disk that fails at any moment: nothing that was good is lost, and whoever goes on ends with the same bytes."""

import errno
import hashlib
import shutil

import pytest

from tests.cli.conftest import call
from tests.faults import Faults
from vitral.study import folder as folders
from vitral.study.folder import RunFolder

TRAIN = (
    "train", "digits", "--hidden", "4", "--epochs", "1", "--batch", "20", "--set", "data.limit=40",
    "--set", "training.shards=1", "--set", "training.monitor_rows=10", "--quiet", "--out",
)  # fmt: skip
NAME = "latent-2"


@pytest.fixture
def train(folder, capsys, monkeypatch):
    """train(fault) into run/, with that fault; the answer and what was done to files."""
    monkeypatch.setenv("VITRAL_FAST", "off")

    def go(*words, **fault):
        with Faults(folder / "run", **fault) as faults:
            answer = call(capsys, words or (*TRAIN, "run"))
        return answer, faults

    return go


def digest(run):
    return hashlib.sha256(run.model(NAME).read_bytes()).hexdigest()


def gone_on(train, path):
    """The line that a user would type next."""
    if (path / folders.RECIPE).exists() and not (path / folders.MARK).exists():
        return None  # all is there; only the last steps of leaving failed
    resumable = (path / folders.RECIPE).exists()
    answer, _ = train("train", "--resume", "run", "--quiet") if resumable else train()
    return answer


def held_to_the_promise(train, folder, wanted, number, lasting):
    """One training with one fault, and what follows; False where the training ended before its turn."""
    answer, faults = train(fail_at=number, lasting=lasting, error=(errno.ENOSPC, errno.EIO)[number % 2])
    what = f"operation {number}, {faults.calls[number - 1] if faults.hit else None}: {answer.err}"
    run = RunFolder(folder / "run")
    assert answer.code in (0, 5), what
    assert "Traceback" not in answer.err, what
    assert "defect" not in answer.err, what
    if answer.code == 5:
        assert [line.startswith("vitral: error: ") for line in answer.err.splitlines()].count(True) == 1, what
    _, problems = run.checkpoints(NAME).load()
    assert not problems, what
    assert (answer.code != 0) or digest(run) == wanted, what
    after = gone_on(train, run.path)
    assert after is None or after.code == 0, f"{what}; then {after.err}"
    assert digest(run) == wanted, what
    shutil.rmtree(run.path)
    return faults.hit


@pytest.fixture
def wanted(train, folder):
    """The digest of the model, and how many operations it takes, without a fault."""
    answer, faults = train()
    assert (answer.code, answer.err) == (0, "")
    found = digest(RunFolder(folder / "run")), len(faults.calls)
    shutil.rmtree(folder / "run")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_disk_that_fails_at_any_operation_loses_nothing(train, folder, wanted, lasting):
    """Every operation in turn, until a training has no more of them."""
    number = 1
    while held_to_the_promise(train, folder, wanted[0], number, lasting):
        number += 1
    assert number > wanted[1] > 60


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_disk_that_fails_at_some_operations_loses_nothing(train, folder, wanted, lasting):
    """Every eleventh: the slow tests take them all."""
    for number in range(3, wanted[1], 11):
        assert held_to_the_promise(train, folder, wanted[0], number, lasting)


def test_every_file_is_on_the_disk_before_its_name_is_and_its_folder_after(train, wanted):
    """open, write, fsync, replace, and then the folder: the order that survives a loss of power."""
    _, faults = train()
    replaced = [place for place, (what, _) in enumerate(faults.calls) if what == "replace"]
    assert len(replaced) >= 6
    for place in replaced:
        name = faults.calls[place][1]
        before = [what for what, of in faults.calls[place - 4 : place] if f".{name}." in of]
        assert before == ["open", "write", "flush", "fsync"], name
        assert [what for what, _ in faults.calls[place + 1 : place + 3]] == ["open", "fsync"], name
        assert faults.calls[place + 1][1] in ("run", "progress", "models", "checkpoints")
