"""A study that is killed without warning, again and again, ends with the bytes of one that was left alone."""

import hashlib
import random
import signal
import subprocess
import sys
import time
from itertools import count

import pytest

from tests.cli.conftest import WITHOUT_FIGURES, environment

STUDY = (
    "study --recipe digits --set training.epochs=2 --set training.seeds=1 --set model.latents=[2,3] "
    "--set evaluation.importance_samples=10 --set evaluation.tsne_rows=40 --quiet --out run"
).split()
RESUME = ["study", "--resume", "run", "--quiet"]
KILLS = 12


def begin(folder, words):
    return subprocess.Popen(
        [sys.executable, "-c", WITHOUT_FIGURES, *words],
        cwd=folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err


def digests(folder):
    names = [
        "metrics.json",
        "arrays.npz",
        *sorted(file.relative_to(folder).as_posix() for file in folder.glob("models/*")),
    ]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_study_killed_a_dozen_times_ends_with_the_same_bytes(tmp_path):
    """Every kill hits a run that goes on from the one before it; a kill before the recipe starts anew."""
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    alone.mkdir()
    killed.mkdir()
    began = time.monotonic()
    finished(begin(alone, STUDY))
    whole = time.monotonic() - began
    choose, done = random.Random(0), count()
    hits = 0
    words = STUDY
    while hits < KILLS:
        process = begin(killed, words)
        # Late enough to have begun its work, so that the run advances from kill to kill.
        time.sleep(choose.uniform(0.1, 1.1) * whole)
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        if process.returncode == 0:  # it was faster: another run, killed elsewhere
            assert digests(killed / "run") == digests(alone / "run")
            (killed / "run").rename(killed / f"done-{next(done)}")
            words = STUDY
            continue
        assert process.returncode == -signal.SIGKILL, err
        hits += 1
        words = RESUME if (killed / "run" / "recipe.toml").exists() else STUDY
        if (
            words is RESUME and not (killed / "run" / "INCOMPLETE.txt").exists()
        ):  # complete but for its process
            words = STUDY
            (killed / "run").rename(killed / f"done-{next(done)}")
    finished(begin(killed, words))
    assert digests(killed / "run") == digests(alone / "run")
    assert len(digests(alone / "run")) == 5
    left = [path.name for path in (killed / "run").iterdir()]
    assert not {"INCOMPLETE.txt", "checkpoints", "running.lock"} & set(left)
    assert not list((killed / "run").rglob("*.tmp"))
