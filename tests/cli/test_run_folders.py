"""Run folders: begun once, resumed by their own command, never overwritten, never shared."""

import shlex

import pytest

from tests.cli.conftest import ended
from vitral.cli import runs
from vitral.errors import UsageError
from vitral.study import folder as folders

TRAIN = ("train", "digits", "--epochs", "1", "--hidden", "8", "--quiet")


def test_an_existing_run_is_overwritten_with_force_only(run, folder):
    assert run(*TRAIN, "--out", "run").code == 0
    model = folder / "run" / "models" / "latent-2.safetensors"
    before = model.stat().st_mtime_ns
    answer = run(*TRAIN, "--out", "run")
    assert answer.code == 2
    assert "--force" in answer.err
    assert model.stat().st_mtime_ns == before
    assert run(*TRAIN, "--out", "run", "--force").code == 0
    assert model.stat().st_mtime_ns > before


def test_without_out_the_folder_carries_recipe_date_and_time(run, folder):
    assert run(*TRAIN).code == 0
    (made,) = (folder / "runs").iterdir()
    assert made.name.startswith("train-20")


def test_runs_of_one_second_take_folders_of_their_own(run, folder, monkeypatch):
    monkeypatch.setattr("vitral.cli.runs.time.strftime", lambda form: "20260102-030405")
    for _ in range(3):
        assert run(*TRAIN).code == 0
    made = sorted(path.name for path in (folder / "runs").iterdir())
    assert made == [f"train-20260102-030405{end}" for end in ("", "-2", "-3")]


def test_a_recipe_s_name_cannot_leave_the_runs_folder(run, folder):
    (folder / "own.toml").write_text('name = "../../up"\n[data]\nname = "digits"\n[training]\nepochs = 1\n')
    (folder / "runs").write_text("a file in the way")
    answer = run("study", "--recipe", "own.toml")
    assert answer.code == 5
    assert "runs/..-..-up" in answer.err.replace("\\", "/")


def test_a_complete_run_is_not_resumed(run):
    run(*TRAIN, "--out", "run")
    answer = run("train", "--resume", "run")
    assert answer.code == 2
    assert "complete" in answer.err


def test_a_run_is_resumed_by_the_command_that_began_it(run, folder):
    run(*TRAIN, "--out", "run")
    (folder / "run" / folders.MARK).write_text("To go on:\n\n    vitral train --resume run\n")
    answer = run("study", "--resume", "run")
    assert answer.code == 2
    assert "vitral train --resume" in answer.err
    assert run("train", "--resume", "run", "--quiet").code == 0
    assert not (folder / "run" / folders.MARK).exists()


@pytest.mark.parametrize(
    "beside", [["digits"], ["--epochs", "3"], ["--out", "x"], ["--force"], ["--set", "a=1"]]
)
def test_wishes_beside_resume_are_refused_and_not_ignored(run, beside):
    answer = run("train", *beside, "--resume", "run")
    assert answer.code == 2
    assert "--resume goes on with the recipe of the run" in answer.err


def test_a_run_that_is_being_written_is_in_use(run, start, folder):
    """A second process is refused with the number of the first, also with --force; when it has ended, none is."""
    first = start("train", "digits", "--epochs", "100000", "--hidden", "8", "--out", "run")
    while "epoch 1:" not in first.stderr.readline():
        assert first.poll() is None
    for words in (("train", "--resume", "run"), (*TRAIN, "--out", "run", "--force")):
        answer = run(*words)
        assert answer.code == 2
        assert f"in use by process {first.pid} on " in answer.err
    first.kill()
    ended(first)
    assert run(*TRAIN, "--out", "run", "--force").code == 0
    assert not (folder / "run" / runs.LOCK).exists()


def test_a_run_killed_before_it_had_a_recipe_is_begun_anew(run, folder):
    """Nothing is lost there; anything else in such a folder still is not touched."""
    (folder / "run" / "models").mkdir(parents=True)
    (folder / "run" / folders.MARK).write_text("This run is not complete.")
    assert run(*TRAIN, "--out", "run").code == 0
    (folder / "other" / "models").mkdir(parents=True)
    (folder / "other" / "models" / "thesis.txt").write_text("years of work")
    assert run(*TRAIN, "--out", "other").code == 2


def test_data_that_are_refused_leave_no_run_folder(run, folder):
    assert run("train", "missing.npy", "--out", "run").code == 3
    assert run("study", "--recipe", "digits", "--set", "data.name=missing.npy", "--out", "run").code == 3
    assert list(folder.iterdir()) == []


def test_a_line_to_go_on_with_survives_a_shell():
    words = ["vitral", "study", "--resume", "it's a b é"]
    assert shlex.split(runs.joined(words, windows=False)) == words
    assert runs.joined(words, windows=True) == 'vitral study --resume "it\'s a b é"'


def test_a_line_to_go_on_with_starts_the_program_as_it_was_started(monkeypatch):
    monkeypatch.setattr(runs.shutil, "which", lambda name: None)
    monkeypatch.setattr("sys.executable", "/env/bin/python")
    monkeypatch.setattr("sys.argv", ["/env/lib/vitral/__main__.py"])
    assert runs.command_line("x") == "/env/bin/python -m vitral x"
    monkeypatch.setattr("sys.argv", ["/env/bin/vitral"])
    assert runs.command_line("x") == "/env/bin/vitral x"


def test_two_holders_of_one_folder_exclude_each_other(tmp_path):
    with runs.alone(tmp_path), pytest.raises(UsageError, match="in use by process"), runs.alone(tmp_path):
        pass
    with runs.alone(tmp_path):
        assert (tmp_path / runs.LOCK).exists()
    assert not (tmp_path / runs.LOCK).exists()
