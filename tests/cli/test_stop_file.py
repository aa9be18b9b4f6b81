"""A file called STOP in the run folder."""

from tests.cli.conftest import ended
from tests.cli.test_stopping import wait_for
from vitral.cli import stopping
from vitral.cli.stopping import Stop
from vitral.study import folder as folders


def test_a_stop_file_ends_a_training_with_exit_code_0_and_the_line_to_go_on(start, folder):
    process = start("train", "digits", "--epochs", "100000", "--hidden", "8", "--out", "run")
    wait_for(process, "epoch 1:")
    (folder / "run" / folders.STOP).touch()
    answer = ended(process)
    assert answer.code == 0
    assert "everything so far is saved. To go on:" in answer.err
    assert answer.err.strip().endswith("train --resume run")
    assert not (folder / "run" / folders.STOP).exists()
    assert (folder / "run" / folders.MARK).exists()


def test_the_file_is_looked_for_now_and_then_and_taken_away(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(stopping.time, "monotonic", lambda: clock[0])
    stop = Stop(tmp_path / "STOP")
    assert not stop()
    (tmp_path / "STOP").touch()
    clock[0] += 0.9 * stopping.LOOKS
    assert not stop()
    clock[0] += 0.2 * stopping.LOOKS
    assert stop()
    assert stop()
    assert not (tmp_path / "STOP").exists()
    assert stop.exit_code == 0


def test_a_stop_file_that_nobody_saw_does_not_stop_the_next_start(tmp_path):
    folder = folders.create(tmp_path / "run", "name = 'x'", "again", force=False)
    (folder.path / folders.STOP).touch()
    folders.reopen(folder.path)
    assert not (folder.path / folders.STOP).exists()


def test_a_signal_beside_the_file_keeps_its_exit_code(tmp_path):
    import signal

    stop = Stop(tmp_path / "STOP")
    (tmp_path / "STOP").touch()
    stop.patient = True
    stop.asked(signal.SIGTERM, None)
    assert stop.exit_code == 143
