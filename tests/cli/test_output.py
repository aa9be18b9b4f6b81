"""What goes where: results on stdout, progress on stderr, and consoles of every kind."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.cli.conftest import SMALL_STUDY, ended, environment

TRAIN = ("train", "digits", "--epochs", "1", "--hidden", "8", "--out", "run")
posix = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system")


def test_results_go_to_stdout_and_progress_to_stderr(run):
    answer = run(*TRAIN)
    assert answer.code == 0
    assert "epoch 1: validation loss" in answer.err
    assert "epoch" not in answer.out
    assert answer.out.splitlines()[-1].startswith("Model: ")


@pytest.mark.parametrize(
    "words",
    [
        TRAIN, ("sample", "-o", "s.npy"), ("grid", "-o", "g.npy"), ("encode", "{model}", "-o", "c.csv"),
        ("interpolate", "{model}", "-o", "i.npy"), ("reconstruct", "{model}", "-o", "r.npy"), ("evaluate", "{model}"),
        ("check", "{model}"), ("info",),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_quiet_prints_nothing_and_json_one_document(run, folder, trained, words):
    """--json alone may show progress on stderr; with --quiet even that is gone."""
    words = [str(trained) if word == "{model}" else word for word in words]
    quiet = run(*words, "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    again = ["--force"] if "-o" in words or "--out" in words else []
    answer = run(*words, *again, "--json", "--quiet")
    assert json.loads(answer.out)["schema"] == 1
    assert answer.out.count("\n}") == 1
    assert answer.err == ""


def test_a_study_prints_nothing_with_quiet_and_one_document_with_json(run, monkeypatch):
    """Without matplotlib, whose figures take their time: the page is written all the same."""
    monkeypatch.setattr("vitral.report.page.plotting_problem", lambda: "switched off")
    quiet = run(*SMALL_STUDY, "--out", "one", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    answer = run(*SMALL_STUDY, "--out", "one", "--force", "--json")
    document = json.loads(answer.out)
    assert document["run"] == "one"
    assert document["models"]["latent-2"]["test"]["sse"] > 0
    assert "epoch 1" in answer.err
    shown = run(*SMALL_STUDY, "--out", "one", "--force")
    assert shown.out.splitlines()[-1].endswith("report.html")
    assert "figures and report ..." in shown.err


@pytest.mark.parametrize("encoding, shown", [("cp1252", "±"), ("iso8859_5", "+-")])
def test_a_console_without_a_character_shows_a_plain_one(start, trained, encoding, shown):
    """± in the table, and letters of a path that the console lacks."""
    process = subprocess.run(
        [sys.executable, "-m", "vitral", "evaluate", str(trained), "--images", "5"],
        capture_output=True, env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert f" {shown} " in process.stdout.decode(encoding)


def test_a_path_that_the_console_cannot_write_is_no_error(run, start):
    answer = ended(start("sample", "-o", "窓.npy", PYTHONIOENCODING="cp1252"))
    assert (answer.code, answer.out.strip()) == (0, "?.npy")
    document = ended(start("sample", "-o", "窓.npy", "--force", "--json", PYTHONIOENCODING="cp1252"))
    assert json.loads(document.out)["file"] == "窓.npy"


@posix
def test_a_closed_pipe_ends_quietly(start):
    reading, writing = os.pipe()
    process = start("info", "--json", stdout=writing)
    os.close(reading)
    os.close(writing)
    answer = ended(process)
    assert (answer.code, answer.err) == (0, "")


@posix
def test_a_closed_stderr_does_not_stop_a_training(start, folder):
    reading, writing = os.pipe()
    process = start(*TRAIN, stderr=writing)
    os.close(reading)
    os.close(writing)
    answer = ended(process)
    assert answer.code == 0
    assert (folder / "run" / "models" / "latent-2.safetensors").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110 (read at import)
def test_a_full_disk_behind_stdout_is_exit_code_5(start):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        answer = ended(start("info", stdout=full))
    assert answer.code == 5
    assert answer.err.startswith("vitral: error: No space left on device")
    assert len(answer.err.splitlines()) == 1


def test_nothing_is_coloured_or_animated_off_a_terminal(run, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    answer = run(*TRAIN)
    assert "\x1b" not in answer.err + answer.out
    assert "\r" not in answer.err


def on_a_terminal(folder, words, columns=80, **variables):
    """What a command writes to a terminal of this width."""
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "vitral", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=child,
        env=environment(**variables),
    ) as process:  # fmt: skip
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 65536):
                shown += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(parent)
    assert process.returncode == 0
    return shown.decode()


@posix
def test_a_terminal_shows_a_bar_without_colour(folder):
    shown = on_a_terminal(folder, TRAIN, TERM="xterm", NO_COLOR="1")
    assert "100%" in shown
    assert "\x1b[3" not in shown
    assert "\r" in shown
    assert "epoch 1: validation loss" in shown


@posix
@pytest.mark.slow
def test_a_narrow_terminal_shows_no_line_that_is_too_long(folder):
    shown = on_a_terminal(folder, TRAIN, columns=40, TERM="xterm")
    pieces = shown.replace("\x1b[A", "").replace("\n", "\r").split("\r")
    assert max(len(piece) for piece in pieces) <= 40


@posix
@pytest.mark.slow
@pytest.mark.parametrize("variables, words", [({"TERM": "dumb"}, ()), ({"TERM": "xterm"}, ("--quiet",))])
def test_a_dumb_terminal_and_quiet_show_no_bar(folder, variables, words):
    shown = on_a_terminal(folder, [*TRAIN, *words], **variables)
    assert "%" not in shown
    assert bool(shown) is not bool(words)


def test_the_script_and_the_module_say_the_same(run):
    import importlib.metadata

    script = importlib.metadata.EntryPoint("vitral", "vitral.cli:main", "console_scripts").load()
    from vitral.cli import main

    assert script is main


def test_an_array_is_the_same_whatever_is_printed(run, folder):
    run("sample", "-n", "5", "-o", "one.npy")
    run("sample", "-n", "5", "-o", "two.npy", "--json", "--quiet")
    assert np.load("one.npy").tobytes() == np.load("two.npy").tobytes()
