"""Help: at once, with examples that run, and legible on a narrow screen."""

import re
import shlex
import subprocess
import sys

import pytest

from tests.cli.conftest import environment
from vitral import __version__
from vitral.cli import COMMANDS, EXAMPLES, group


def examples_of(command):
    return [example for example, _ in group.get_command(None, command).examples]


@pytest.mark.parametrize("words", [["--help"], ["-h"], []])
def test_the_help_lists_every_command_and_the_exit_codes(run, words):
    answer = run(*words)
    assert answer.code == 0
    assert all(f"\n  {name} " in answer.out for name in COMMANDS)
    assert "130 Ctrl-C" in answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_s_help_shows_an_example_before_its_options(run, command):
    answer = run(command, "--help")
    assert answer.code == 0
    examples = examples_of(command)
    assert any(example.startswith(f"vitral {command}") for example in examples)
    for example in examples:
        assert answer.out.index(example) < answer.out.index("Options:")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_imports_neither_numpy_nor_matplotlib(command):
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['vitral', {command!r}, '--help']\n"
        "try:\n    runpy.run_module('vitral', run_name='__main__')\n"
        "except SystemExit:\n    assert not {'numpy', 'matplotlib', 'tqdm'} & set(sys.modules), set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr


def test_the_help_takes_less_than_three_tenths_of_a_second_of_processor_time():
    """The best of five starts, interpreter included; what else the machine does is not the help's fault."""
    code = (
        "import runpy, sys, time\n"
        "sys.argv = ['vitral', '--help']\n"
        "try:\n    runpy.run_module('vitral', run_name='__main__')\n"
        "finally:\n    print(time.process_time(), file=sys.stderr)"
    )
    seconds = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
        assert done.returncode == 0, done.stderr
        seconds.append(float(done.stderr.split()[-1]))
    assert min(seconds) < 0.3


def test_the_version_is_one_line(run):
    assert run("--version").out == f"vitral {__version__}\n"


def test_the_help_on_forty_columns_leaves_no_line_without_its_start(run, monkeypatch):
    """Text is wrapped at click's narrowest; examples stay whole, since they are to be pasted."""
    monkeypatch.setenv("COLUMNS", "40")
    for line in run("evaluate", "--help").out.splitlines():
        assert len(line) <= 50 or line.strip().startswith("vitral ")


# What makes the long examples short; the examples themselves are run as they are written.
SMALL = (
    "training.epochs=1 data.limit=200 evaluation.importance_samples=5 evaluation.importance_images=10 "
    "evaluation.tsne_rows=40"
)
SHORTER = {"VITRAL_STUDY_SET": SMALL, "VITRAL_COMPARE_SET": SMALL, "VITRAL_TRAIN_EPOCHS": "1"}
DRAWN = "vitral study --recipe quick"  # of the studies, the one whose figures are drawn


# The file that examples of tables name: a number with holes, a category, and the labels.
TABLE = "length,colour,species\n" + "".join(
    f"{'' if row % 7 == 3 else row % 5 + 0.5},{('red', 'blue')[row % 2]},{('a', 'b')[row % 3 > 0]}\n"
    for row in range(60)
)


@pytest.mark.slow
def test_every_example_of_the_help_runs_when_pasted_in_order(folder, run, monkeypatch):
    """In this process, which need not be started a hundred times; one study with its figures, the others without."""
    everything = [example for command in COMMANDS for example in examples_of(command)]
    everything = list(dict.fromkeys([*everything, *(example for example, _ in EXAMPLES)]))
    assert DRAWN in everything
    assert len(everything) > 2 * len(COMMANDS)
    (folder / "table.csv").write_text(TABLE, encoding="utf-8")
    for name, value in SHORTER.items():
        monkeypatch.setenv(name, value)
    written = set()
    for example in everything:
        place = re.findall(r"-o (\S+)", example)
        again = ["--force"] if set(place) & written else []  # two commands' examples may name the same file
        written.update(place)
        with monkeypatch.context() as without_figures:
            if example != DRAWN and re.match(r"vitral (study|compare --recipe)", example):
                without_figures.setattr("vitral.report.page.plotting_problem", lambda: "switched off")
            answer = run(*shlex.split(example)[1:], *again)
        assert answer.code == 0, f"{example}: {answer.err[-500:]}"
        assert all((folder / name).stat().st_size > 0 for name in place), example
