"""Where a run lies: locks of processes that are gone, folders that cannot be written, odd names, another machine."""

import errno
import os
import subprocess
import sys

import pytest

from tests.cli.conftest import call, ended, environment
from tests.cli.test_stopping import pasted, wait_for
from tests.faults import Faults
from vitral.cli import runs
from vitral.study import folder as folders

SMALL = ("train", "digits", "--hidden", "4", "--epochs", "1", "--set", "data.limit=40", "--set", "training.shards=1")
posix = pytest.mark.skipif(os.name == "nt", reason="folders of POSIX")


def test_the_lock_of_a_process_that_was_killed_is_no_lock(start, run, folder):
    """Its file is still there; the system has let go of it."""
    first = start("train", "digits", "--epochs", "100000", "--hidden", "8", "--out", "run")
    wait_for(first, "epoch 1:")
    first.kill()
    ended(first)
    assert (folder / "run" / runs.LOCK).exists()
    (folder / "run" / folders.RECIPE).write_text(
        (folder / "run" / folders.RECIPE).read_text(encoding="utf-8").replace("epochs = 100000", "epochs = 3"),
        encoding="utf-8",
    )
    answer = run("train", "--resume", "run")  # it gets past the lock, as far as the changed recipe
    assert answer.code == 2
    assert "recipe.training.epochs was 100000 and is 3" in answer.err


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(folder, capsys, monkeypatch, error):
    def never(*_):
        raise AssertionError("trained")

    monkeypatch.setattr("vitral.study.run.train", never)
    with Faults(folder / "out", 1, lasting=True, error=error):
        answer = call(capsys, [*SMALL, "--out", "out/run"])
    assert answer.code == 5
    assert answer.err == (
        f"vitral: error: cannot write the run folder {os.path.join('out', 'run')}: {os.strerror(error)}; "  # noqa: PTH118
        "choose another with --out\n"
    )


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES])
def test_a_run_that_cannot_be_written_any_more_is_not_resumed(folder, capsys, error):
    assert call(capsys, [*SMALL, "--quiet", "--out", "run"]).code == 0
    (folder / "run" / folders.MARK).write_text("To go on:\n\n    vitral train --resume run\n", encoding="utf-8")
    (folder / "run" / ".stray.1.tmp").touch()
    with Faults(folder / "run", 1, lasting=True, error=error):
        answer = call(capsys, ["train", "--resume", "run"])
    assert answer.code == 5
    assert "cannot write the run folder run" in answer.err
    assert len(answer.err.splitlines()) == 1


@posix
@pytest.mark.parametrize(
    "name", ["spaces  and 'quotes'", "Übung 数字 \N{PARTY POPPER}", "-dashes", "a\nb", "/".join(["long" * 25] * 5)],
    ids=["spaces", "unicode", "dash", "line", "500 characters"],
)  # fmt: skip
def test_odd_folders_work(folder, capsys, name):
    """Trained there, and the model read again."""
    assert call(capsys, [*SMALL, "--quiet", f"--out={name}"]).code == 0
    assert call(capsys, ["encode", f"./{name}", "-o", "codes.npy", "--quiet"]).code == 0


@posix
def test_a_name_that_the_file_system_does_not_take_is_refused_in_one_sentence(folder, capsys):
    answer = call(capsys, [*SMALL, "--quiet", "--out", "x" * 300])
    assert answer.code == 5
    assert "name too long" in answer.err
    assert len(answer.err.splitlines()) == 1


@posix
def test_a_resume_by_the_printed_line_works_from_an_odd_folder(start, folder):
    process = start("train", "digits", "--epochs", "12", "--hidden", "4", "--out", "it's 数字")
    wait_for(process, "epoch 1:")
    (folder / "it's 数字" / folders.STOP).touch()
    answer = ended(process)
    assert answer.code == 0
    if "To go on" in answer.err:
        done = pasted(answer, folder)
        assert done.returncode == 0, done.stderr
    assert (folder / "it's 数字" / "models" / "latent-2.safetensors").exists()


BEGUN = """
from itertools import islice
from pathlib import Path
from vitral.study.folder import create
from vitral.study.jobs import open_data
from vitral.study.recipes import load_recipe, to_toml
from vitral.study.run import train_all

recipe = load_recipe("train", ["data.name=digits", "data.limit=40", "training.shards=1", "training.epochs=1"])
folder = create(Path("run"), to_toml(recipe), "vitral train --resume run", force=False)
list(islice(train_all(recipe, open_data(recipe), folder), 4))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "darwin", reason="no choice of a BLAS kernel")
def test_another_kernel_of_the_blas_is_noticed(folder):
    """In processes of their own: begun with one, gone on with another."""
    ours = {"OPENBLAS_CORETYPE": "Haswell"}
    subprocess.run([sys.executable, "-c", BEGUN], check=True, env=environment(**ours))
    words = [sys.executable, "-m", "vitral", "train", "--resume", "run", "--quiet"]
    theirs = environment(OPENBLAS_CORETYPE="Prescott")
    strict = subprocess.run([*words, "--strict"], env=theirs, capture_output=True, text=True)
    if "kernel" not in strict.stderr:
        pytest.skip("this BLAS has one kernel")
    assert strict.returncode == 2
    assert "trained in another environment: kernel was " in strict.stderr  # and nothing but the kernel
    same = subprocess.run([*words, "--strict"], env=environment(**ours), capture_output=True, text=True)
    assert (same.returncode, same.stderr) == (0, "")
