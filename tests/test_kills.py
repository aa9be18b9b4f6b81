"""The kill test, in small: 30 kills of the 300 whose counts are in benchmarks/results/kills.json."""

import os

import pytest

from vitral.training import checkpoints

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


@needs_fork
@pytest.mark.slow
def test_a_training_killed_at_any_moment_has_a_good_checkpoint_and_ends_with_the_same_bytes(benchmark, tmp_path):
    found = benchmark("kills").kill_often(30, tmp_path, seed=1)
    assert found["kills"] == 30
    assert found["trainings_ended"] >= 1
    assert found["different_steps_gone_on_from"] > 5


@needs_fork
@pytest.mark.slow
def test_the_kill_test_notices_files_that_are_written_in_place(benchmark, tmp_path, monkeypatch):
    """Half a file where a whole one was: what it is there to find."""

    def in_place(path, tensors, metadata):
        whole(path, tensors, metadata)
        content = path.read_bytes()
        with path.open("wb") as file:
            for start in range(0, len(content), 64):
                file.write(content[start : start + 64])
                file.flush()

    whole = checkpoints.save_tensors
    monkeypatch.setattr(checkpoints, "save_tensors", in_place)
    with pytest.raises(AssertionError, match=r"is damaged|is gone|was saved"):
        benchmark("kills").kill_often(60, tmp_path)
