"""A package that is missing, too old, or whose libraries do not load: only what needs it is off, and says why."""

import subprocess
import sys

import numpy as np
import pytest

from tests.cli.conftest import SMALL_STUDY, environment

BROKEN = """
import sys
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == {package!r} or name.startswith({package!r} + "."):
            raise {error}
        return None
{before}
sys.meta_path.insert(0, Hook())
import vitral.cli
vitral.cli.main(sys.argv[1:])
"""
MISSING = 'ModuleNotFoundError("No module named {0!r}", name={0!r})'
TOO_OLD = 'ImportError("{0} needs NumPy 1.24 or less")'
NO_DLL = 'OSError(22, "[WinError 126] The specified module could not be found")'
TRAIN = ("train", "digits", "--hidden", "4", "--epochs", "1", "--set", "data.limit=60", "--out", "run")


def with_broken(folder, package, error, *words, found=""):
    """A command in a process where importing this package fails so."""
    code = BROKEN.format(package=package, error=error.format(package), before=found)
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=environment(), capture_output=True, text=True
    )


@pytest.mark.parametrize("error", [TOO_OLD, pytest.param(NO_DLL, marks=pytest.mark.slow)], ids=["old", "library"])
def test_without_numba_a_training_takes_longer_and_says_so(folder, error):
    """To the same bits: tests/test_fast.py."""
    done = with_broken(
        folder, "numba", error, *TRAIN, found="from vitral import fast; fast.find_spec = lambda name: name"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("numba is installed but does not load") == 1
    assert "Traceback" not in done.stderr
    assert (folder / "run" / "models" / "latent-2.safetensors").exists()


@pytest.mark.parametrize("package, error", [("matplotlib", MISSING), ("PIL", NO_DLL)])
def test_without_what_draws_arrays_are_written_and_pictures_refused(folder, package, error):
    """Before any work, with the cause and what still works."""
    refused = with_broken(folder, package, error, "sample", "-o", "s.png")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert f"matplotlib cannot be used ({error.partition('(')[0]}" in refused.stderr
    assert "-o s.npy" in refused.stderr
    done = with_broken(folder, package, error, "sample", "-n", "2", "-o", "s.npy")
    assert done.returncode == 0, done.stderr
    assert np.load(folder / "s.npy").shape == (2, 784)


@pytest.mark.slow
def test_without_what_draws_a_study_ends_and_its_report_says_why(folder):
    done = with_broken(folder, "PIL", NO_DLL, *SMALL_STUDY, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "WinError 126" in (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert not (folder / "run" / "INCOMPLETE.txt").exists()
