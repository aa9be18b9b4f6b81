"""The command line as tests call it: in this process where that is enough, else in one of its own."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

import vitral
from vitral.cli import main

SMALL_STUDY = (
    "study --recipe digits --set training.epochs=1 --set training.seeds=1 --set model.latents=[2] "
    "--set model.autoencoders=[] --set evaluation.importance_samples=5"
).split()

# Figures take most of a small study's time; the page is written without them, and the numbers are the same.
WITHOUT_FIGURES = """
import vitral.report.page as page, vitral.cli
page.plotting_problem = lambda: "switched off"
vitral.cli.main()
"""


@pytest.fixture(scope="session")
def without_figures(tmp_path_factory):
    """What an environment needs in which matplotlib does not load: for studies whose figures prove nothing here."""
    package = tmp_path_factory.mktemp("broken") / "matplotlib"
    package.mkdir()
    (package / "__init__.py").write_text('raise ImportError("switched off")', encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(package.parent), environment()["PYTHONPATH"]])}


@dataclass
class Answer:
    code: int
    out: str
    err: str


def call(capsys, words):
    """main() with these words; its exit code and what it printed."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as leaving:
        main(list(words))
    printed = capsys.readouterr()
    return Answer(leaving.value.code or 0, printed.out, printed.err)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with a space and a letter beyond ASCII in its name."""
    path = tmp_path / "a b é"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """run("sample", "-o", "x.npy") in an empty folder of its own."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main replaces it; this puts it back
    return lambda *words: call(capsys, words)


def environment(**changes):
    """The environment of a process that imports the same Vitral."""
    source = os.path.dirname(os.path.dirname(vitral.__file__))  # noqa: PTH120 (a plain string for PYTHONPATH)
    return {**os.environ, "PYTHONPATH": source, "OPENBLAS_NUM_THREADS": "1", **changes}


@pytest.fixture
def start(folder):
    """A process of its own: start("info", TERM="dumb", stdout=...) gives a Popen with pipes."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # tests in the background, whose processes would ignore it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as begun:

        def begin(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **variables):
            process = subprocess.Popen(
                [sys.executable, "-m", "vitral", *words], cwd=folder, env=environment(**variables), stdout=stdout,
                stderr=stderr, text=True, encoding="utf-8", errors="replace",
            )  # fmt: skip
            begun.callback(process.__exit__, None, None, None)
            begun.callback(process.kill)
            return process

        yield begin


def ended(process):
    """Exit code and output of a process, once it is done."""
    out, err = process.communicate(timeout=120)
    return Answer(process.returncode, out or "", err or "")


@pytest.fixture(scope="session")
def quiet_run():
    """A function for session-wide runs: in a folder, in a process of its own, which must succeed."""

    def go(path, *words, **variables):
        subprocess.run(
            [sys.executable, "-c", WITHOUT_FIGURES, *words], cwd=path, check=True, capture_output=True,
            env=environment(**variables),
        )  # fmt: skip

    return go


@pytest.fixture(scope="session")
def trained(tmp_path_factory, quiet_run):
    """The run folder of `vitral train digits`, one epoch."""
    path = tmp_path_factory.mktemp("trained")
    quiet_run(path, "train", "digits", "--epochs", "1", "--hidden", "16", "--out", "run", "--quiet")
    return path / "run"


@pytest.fixture(scope="session")
def studied(tmp_path_factory, quiet_run):
    """The run folder of a very small study."""
    path = tmp_path_factory.mktemp("studied")
    quiet_run(path, *SMALL_STUDY, "--out", "run", "--quiet")
    return path / "run"
