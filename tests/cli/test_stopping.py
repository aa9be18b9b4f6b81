"""Ctrl-C and termination: saved, said, resumed with the printed line, the right exit code."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import SMALL_STUDY, ended, environment
from vitral.cli.console import say
from vitral.cli.progress import duration, show
from vitral.cli.stopping import Stop, stoppable
from vitral.study.run import Estimate, Interrupted, Stage

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
TRAIN = ("train", "digits", "--epochs", "15", "--hidden", "8")


def wait_for(process, words):
    """Read progress until these words come."""
    line = ""
    while words not in line:
        line = process.stderr.readline()
        assert line, f"ended before {words!r}"


def pasted(answer, folder, **variables):
    """Run the last printed line, as a shell would."""
    line = answer.err.strip().splitlines()[-1].strip()
    return subprocess.run(line, shell=True, cwd=folder, env=environment(**variables), capture_output=True, text=True)


def test_the_first_signal_waits_for_the_step_and_the_second_does_not():
    stop = Stop()
    stop.patient = True
    stop.asked(signal.SIGTERM, None)
    assert stop()
    with pytest.raises(KeyboardInterrupt):
        stop.asked(signal.SIGINT, None)
    assert stop.exit_code == 143


def test_where_nobody_looks_the_first_signal_ends_the_work():
    with pytest.raises(KeyboardInterrupt):
        Stop().asked(signal.SIGINT, None)


def test_a_signal_that_came_at_the_end_of_training_is_not_forgotten_while_measuring():
    stop = Stop()

    def events():
        yield Stage("latent-2", 10)
        stop.asked(signal.SIGINT, None)
        yield Stage("evaluation")
        raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt):
        show(events(), stop, quiet=True)
    assert stop.exit_code == 130


@pytest.mark.parametrize("error", [Interrupted("stopped at step 7 of latent-2"), KeyboardInterrupt()])
def test_leaving_prints_how_to_go_on_and_puts_the_handlers_back(capsys, error):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as leaving, stoppable("vitral study --resume x"):
        raise error
    assert leaving.value.code == 130
    assert capsys.readouterr().err.endswith("To go on:\n\n    vitral study --resume x\n")
    assert signal.getsignal(signal.SIGINT) is before


@posix
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_training_goes_on_with_the_printed_line(start, run, folder, number, code):
    process = start(*TRAIN, "--out", "é 1")
    wait_for(process, "epoch 2:")
    process.send_signal(number)
    answer = ended(process)
    assert answer.code == code
    assert "everything so far is saved" in answer.err
    assert "Traceback" not in answer.err
    assert not (folder / "é 1" / "models" / "latent-2.safetensors").exists()
    assert "--resume 'é 1'" in (folder / "é 1" / "INCOMPLETE.txt").read_text(encoding="utf-8")
    if number == signal.SIGTERM:
        assert run("train", "--resume", "é 1", "--quiet").code == 0
    else:
        done = pasted(answer, folder)
        assert done.returncode == 0, done.stderr
        assert "epoch 2:" not in done.stderr  # it went on, it did not begin again
    assert (folder / "é 1" / "models" / "latent-2.safetensors").exists()


@posix
@pytest.mark.slow
@pytest.mark.parametrize("moment", ["epoch 0", "epoch 1", "evaluation of", "figures and"])
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_study_stopped_in_any_part_goes_on_with_the_printed_line(
    start, folder, moment, number, code, without_figures
):
    """Figures are drawn only where it is their drawing that is stopped."""
    drawn = {} if moment == "figures and" else without_figures
    process = start(*SMALL_STUDY, "--set", "data.limit=400", "--out", "run", **drawn)
    wait_for(process, moment)
    process.send_signal(number)
    answer = ended(process)
    assert answer.code == code
    assert "Traceback" not in answer.err
    done = pasted(answer, folder, **without_figures)
    assert done.returncode == 0, done.stderr
    assert (folder / "run" / "report.html").exists()
    assert not (folder / "run" / "INCOMPLETE.txt").exists()


@posix
@pytest.mark.slow
def test_a_second_ctrl_c_quits_at_once_and_the_run_still_goes_on(start, folder):
    process = start(*TRAIN, "--batch", "1439", "--set", "model.encoder.hidden=[2000,2000]", "--out", "run")
    wait_for(process, "epoch 1:")
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    answer = ended(process)
    assert answer.code == 130
    assert "Traceback" not in answer.err
    assert "--resume run" in answer.err


@posix
def test_ctrl_c_in_any_other_command_is_one_line(start, trained):
    process = start("evaluate", str(trained), "--samples", "100000")
    wait_for(process, "log-likelihood")
    process.send_signal(signal.SIGINT)
    answer = ended(process)
    assert answer.code == 130
    assert answer.err == "vitral: interrupted\n"


def test_a_private_run_stays_private_when_resumed_without_the_word(run, folder, monkeypatch):
    """The folder remembers --no-data."""
    import numpy as np

    monkeypatch.setattr("vitral.report.page.plotting_problem", lambda: "switched off")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vitral.report.build_report", interrupted, raising=False)
        answer = run(*SMALL_STUDY, "--out", "run", "--no-data")
    assert answer.code == 130
    assert answer.err.strip().endswith("--resume run --no-data")
    assert run("study", "--resume", "run").code == 0
    with np.load(folder / "run" / "arrays.npz", allow_pickle=False) as arrays:
        assert "originals" in arrays.files
        assert "data_samples" not in arrays.files


@pytest.mark.parametrize(
    "seconds, words",
    [
        (3, "5 seconds"),
        (42, "40 seconds"),
        (100, "1.7 minutes"),
        (3000, "50 minutes"),
        (9000, "2.5 hours"),
        (1e6, "12 days"),
    ],
)
def test_a_duration_is_said_in_words_that_suit_it(seconds, words):
    assert duration(seconds) == words


def test_what_follows_the_training_belongs_to_the_estimate(capsys):
    show([Estimate(25.0)], Stop(), quiet=False, afterwards=20.0)
    assert capsys.readouterr().err == "This will take about 45 seconds.\n"
    show([Estimate(10.0)], Stop(), quiet=False)
    assert capsys.readouterr().err == ""


def test_a_message_to_nobody_is_no_error(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        flush = write
        encoding = "utf-8"

    monkeypatch.setattr(sys, "stderr", Gone())
    say("anybody?")
