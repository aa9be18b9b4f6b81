"""Whatever goes wrong: an exit code, one line, and a traceback only where --debug asks for it."""

import errno
import sys

import pytest

from tests.cli.conftest import ended, environment
from vitral.cli import console


@pytest.fixture
def failing(run, monkeypatch):
    """run(...) of a command whose work raises this error."""

    def go(error, *words):
        def broken():
            raise error

        monkeypatch.setattr("vitral.environment.show_versions", broken)
        return run(*(words or ("info",)))

    return go


@pytest.mark.parametrize(
    "error, code, said",
    [
        (MemoryError(), 5, "out of memory; use a smaller batch"),
        (OSError(errno.ENOSPC, "No space left on device", "x.bin"), 5, "No space left on device (x.bin)"),
        (PermissionError(errno.EACCES, "Permission denied", "x.bin"), 5, "Permission denied (x.bin)"),
        (ImportError("DLL load failed", name="scipy.linalg"), 1, "does not load (DLL load failed)"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_the_machine_refuses_is_one_line(failing, error, code, said):
    answer = failing(error)
    assert answer.code == code
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("words", [("--debug", "info"), ("info", "--debug")])
def test_debug_shows_the_error_itself(failing, words):
    with pytest.raises(MemoryError):
        failing(MemoryError(), *words)


DEFECT = """
import vitral.environment, vitral.cli
vitral.environment.show_versions = lambda: {{}}[{key!r}]
vitral.cli.main({words})
"""


@pytest.mark.parametrize("words, shown", [(["info"], False), (["info", "--debug"], True)])
def test_a_defect_says_that_it_is_one_and_names_debug(folder, words, shown):
    import subprocess

    code = DEFECT.format(key="gone", words=words)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) is shown
    if not shown:
        assert done.stderr == (
            "vitral: defect: KeyError: 'gone'; this is an error in Vitral: report it with what --debug shows\n"
        )


def test_a_missing_module_of_our_own_is_a_defect_and_no_missing_package(failing):
    with pytest.raises(ImportError):
        failing(ImportError("cannot import name 'x'", name="vitral.report"))


def test_without_matplotlib_pictures_are_refused_and_arrays_are_written(run, folder, monkeypatch):
    """Before the work, with the reason, and with what still works."""
    monkeypatch.setattr(
        "vitral.report.page.plotting_problem", lambda: "OSError: [WinError 126] no such module"
    )
    answer = run("sample", "-o", "s.png")
    assert answer.code == 1
    assert "matplotlib cannot be used (OSError: [WinError 126] no such module)" in answer.err
    assert "-o s.npy" in answer.err
    assert run("sample", "-o", "s.npy").code == 0


def test_an_error_of_a_command_has_no_traceback_in_a_process_of_its_own(start):
    answer = ended(start("sample", "missing.safetensors"))
    assert answer.code == 4
    assert len(answer.err.splitlines()) == 1
    assert "Traceback" in ended(start("sample", "missing.safetensors", "--debug")).err


def test_a_character_without_a_plain_form_becomes_a_question_mark():
    console.make_lenient()
    assert "5 ± 1 → 窓".encode("ascii", errors="vitral") == b"5 +- 1 ? ?"
