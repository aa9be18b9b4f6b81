"""Options from the environment, and the completion of a shell."""

import numpy as np

from tests.cli.conftest import ended


def test_an_option_comes_from_the_environment_and_a_flag_beats_it(run, folder, monkeypatch):
    monkeypatch.setenv("VITRAL_SAMPLE_N", "3")
    monkeypatch.setenv("VITRAL_SAMPLE_OUT", "named.npy")
    assert run("sample").code == 0
    assert np.load("named.npy").shape == (3, 784)
    assert run("sample", "-n", "2", "-o", "other.npy").code == 0
    assert np.load("other.npy").shape == (2, 784)


def test_a_bad_value_in_the_environment_names_its_option(run, monkeypatch):
    monkeypatch.setenv("VITRAL_GRID_SIZE", "huge")
    answer = run("grid")
    assert answer.code == 2
    assert "'--size'" in answer.err


def test_several_changes_of_a_recipe_fit_into_one_variable(run, monkeypatch):
    monkeypatch.setenv("VITRAL_TRAIN_SET", "training.epochs=1 model.encoder.activation=rleu")
    assert "did you mean 'relu'" in run("train", "digits").err


def test_options_of_the_environment_do_not_stand_in_the_way_of_resume(run, monkeypatch):
    """Only what was typed beside --resume is refused."""
    monkeypatch.setenv("VITRAL_TRAIN_EPOCHS", "3")
    assert "not a run folder" in run("train", "--resume", "nowhere").err
    assert "--epochs" in run("train", "--resume", "nowhere", "--epochs", "3").err


def test_the_cache_folder_is_no_option_of_any_command(run, monkeypatch, tmp_path):
    monkeypatch.setenv("VITRAL_CACHE", str(tmp_path / "cache"))
    answer = run("info")
    assert answer.code == 0
    assert str(tmp_path / "cache") in answer.out


def test_debug_can_be_switched_on_for_good(start):
    assert "Traceback" in ended(start("sample", "tinny", VITRAL_DEBUG="1")).err


def test_a_shell_can_complete_commands_and_options(start):
    source = ended(start(_VITRAL_COMPLETE="bash_source"))
    assert source.code == 0
    assert "complete" in source.out
    commands = ended(start(_VITRAL_COMPLETE="bash_complete", COMP_WORDS="vitral s", COMP_CWORD="1"))
    assert commands.out.split() == ["plain,study", "plain,sample", "plain,score"]
    options = ended(start(_VITRAL_COMPLETE="bash_complete", COMP_WORDS="vitral study --re", COMP_CWORD="2"))
    assert options.out.split() == ["plain,--recipe", "plain,--resume"]
    unknown = ended(start(_VITRAL_COMPLETE="bash_complete", COMP_WORDS="vitral stdy --", COMP_CWORD="2"))
    assert "Traceback" not in unknown.err
