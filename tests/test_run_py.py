"""run.py: what it decides. tests/house/test_fresh_copy.py starts it for real."""

import ast
import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "run.py").read_text(encoding="utf-8")


class Installer:
    """Stands in for the commands that install: remembers them, and leaves a python behind as venv does."""

    def __init__(self, run):
        self.run, self.commands, self.how, self.code = run, [], [], 0

    def __call__(self, words, **how):
        self.commands.append(words)
        self.how.append(how)
        self.run.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        self.run.PYTHON.touch()
        return self.code

    def kinds(self):
        """What was done since the last look: venv, pip or both."""
        kinds = ["pip" if "pip" in words else "venv" for words in self.commands]
        self.commands.clear()
        return kinds


def load(folder):
    """run.py of a folder as a module."""
    spec = importlib.util.spec_from_file_location("run_py_under_test", folder / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path):
    """What run.py needs beside itself, in a folder with a space and letters beyond ASCII."""
    path = tmp_path / "uma visão"
    path.mkdir()
    for name in ("run.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, path)
    return path


@pytest.fixture
def run(folder):
    return load(folder)


@pytest.fixture
def installer(run, monkeypatch):
    stand_in = Installer(run)
    monkeypatch.setattr(run.subprocess, "call", stand_in)
    return stand_in


def test_it_stays_under_150_lines():
    assert len(TEXT.splitlines()) < 150


def test_its_grammar_is_old_enough_to_refuse_in():
    """A Python that cannot parse the file shows a SyntaxError in place of the sentence."""
    ast.parse(TEXT, feature_version=(3, 6))
    with pytest.raises(SyntaxError):
        ast.parse(TEXT + "\nif (a := 1):\n    pass\n", feature_version=(3, 6))


def test_it_imports_the_standard_library_only_and_nothing_that_windows_lacks():
    tree = ast.parse(TEXT)
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    at_load = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names
    assert {"fcntl", "msvcrt"} <= named - at_load


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 10, 13)])
def test_an_old_python_is_refused_in_one_sentence(run, version):
    found = f"{version[0]}.{version[1]}"
    assert run.refusal(version) == f"Vitral needs Python 3.11 or later; this is Python {found}."


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2), (4, 0, 0)])
def test_a_new_python_is_not_refused(run, version):
    assert run.refusal(version) is None


def test_the_refusal_comes_before_anything_else(folder):
    script = (
        "import runpy, sys\nsys.version_info = (3, 9, 1)\nsys.argv = ['run.py', 'study']\n"
        f"runpy.run_path({str(folder / 'run.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "Vitral needs Python 3.11 or later; this is Python 3.9.\n"
    assert not (folder / ".venv").exists()


def test_no_words_print_the_usage(run, capsys):
    with pytest.raises(SystemExit) as end:
        run.main([])
    assert end.value.code == 2
    assert "python run.py test [--all]" in capsys.readouterr().err


def test_words_are_passed_on(run):
    words = ["study", "--recipe", "quick", "--offline", "x"]
    assert run.parse(words) == (None, words)


def test_a_folder_of_wheels_is_named_before_the_command(run, tmp_path):
    assert run.parse(["--offline", str(tmp_path), "study"]) == (str(tmp_path.resolve()), ["study"])


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--offline"], "--offline needs a folder of wheels after it, not nothing."),
        (["--offline", "no such"], "--offline needs a folder of wheels after it, not no such."),
        (["--offline", "run.py", "study"], "--offline needs a folder of wheels after it, not run.py."),
        (["--offline", "."], "python run.py --offline DIR ..."),
    ],
)
def test_a_wrong_folder_of_wheels_is_refused(run, words, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        run.parse(words)
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_bench_runs_the_benchmark_with_its_own_words(run):
    words = run.command(["bench", "--peers"])
    assert words[1:] == [str(run.ROOT / "benchmarks" / "speed.py"), "--peers"]


def test_a_word_goes_to_the_command_line_of_vitral(run):
    assert run.command(["info", "--json"]) == [str(run.PYTHON), "-P", "-m", "vitral", "info", "--json"]


def test_test_goes_to_pytest(run):
    assert run.command(["test", "-k", "flows"]) == [str(run.PYTHON), "-m", "pytest", "-k", "flows"]


def test_test_all_adds_the_slow_ones(run):
    slow = ["-m", "slow or not slow"]
    assert run.command(["test", "-x", "--all"]) == [str(run.PYTHON), "-m", "pytest", *slow, "-x"]


def test_a_first_start_makes_the_environment_and_a_second_does_nothing(run, installer):
    run.make_ready(None)
    assert installer.commands[0] == [sys.executable, "-m", "venv", str(run.ENVIRONMENT)]
    assert installer.commands[1][1:4] == ["-m", "pip", "install"]
    assert installer.commands[1][-2:] == ["--editable", ".[dev]"]
    assert installer.kinds() == ["venv", "pip"]
    run.make_ready(None)
    assert installer.kinds() == []


def test_what_the_installer_prints_is_no_result(run, installer, capsys):
    """Standard output belongs to the command: `python run.py info --json > file` works the first time."""
    run.make_ready(None)
    assert [how["stdout"] for how in installer.how] == [2, 2]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("+ ") == 2


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_demands_install_again_into_the_same_environment(run, installer, folder, name):
    run.make_ready(None)
    installer.kinds()
    text = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(text + "# another line\n", encoding="utf-8")
    run.make_ready(None)
    assert installer.kinds() == ["pip"]


def test_a_folder_of_wheels_replaces_the_network(run, installer, tmp_path):
    run.make_ready(str(tmp_path))
    pip = installer.commands[1]
    assert pip[pip.index("--no-index") :][:3] == ["--no-index", "--find-links", str(tmp_path)]


def test_a_failed_first_installation_is_said_and_made_anew(run, installer, capsys):
    installer.code = 3
    with pytest.raises(SystemExit) as end:
        run.make_ready(None)
    assert end.value.code == 3
    assert "Installing stopped with exit code 3" in capsys.readouterr().err
    installer.kinds()
    installer.code = 0
    run.make_ready(None)
    assert installer.kinds() == ["venv", "pip"]


def test_an_installation_killed_in_the_middle_is_made_anew(run, installer, monkeypatch):
    def killed(words, **how):
        installer(words, **how)
        if "pip" in words:
            (run.ENVIRONMENT / "half a package").touch()
            raise KeyboardInterrupt

    monkeypatch.setattr(run.subprocess, "call", killed)
    with pytest.raises(KeyboardInterrupt):
        run.make_ready(None)
    installer.kinds()
    monkeypatch.setattr(run.subprocess, "call", installer)
    run.make_ready(None)
    assert installer.kinds() == ["venv", "pip"]
    assert not (run.ENVIRONMENT / "half a package").exists()


def test_a_failed_update_leaves_the_working_environment(run, installer, folder):
    run.make_ready(None)
    (run.ENVIRONMENT / "a package").touch()
    before = (folder / "pyproject.toml").read_bytes()
    (folder / "pyproject.toml").write_bytes(before + b"# asks for more\n")
    installer.code = 1
    with pytest.raises(SystemExit):
        run.make_ready(None)
    (folder / "pyproject.toml").write_bytes(before)
    installer.kinds()
    run.make_ready(None)
    assert installer.kinds() == []
    assert (run.ENVIRONMENT / "a package").exists()


def test_an_environment_without_its_python_is_made_anew(run, installer):
    run.make_ready(None)
    installer.kinds()
    run.PYTHON.unlink()
    run.make_ready(None)
    assert installer.kinds() == ["venv", "pip"]


def test_a_moved_folder_gets_a_new_environment(run, installer, folder, monkeypatch):
    """Scripts and the editable install hold the old path."""
    run.make_ready(None)
    moved = load(folder.rename(folder.parent / "another place"))
    (moved.ENVIRONMENT / "old").touch()
    stand_in = Installer(moved)
    monkeypatch.setattr(moved.subprocess, "call", stand_in)
    moved.make_ready(None)
    assert stand_in.kinds() == ["venv", "pip"]
    assert not (moved.ENVIRONMENT / "old").exists()


def test_an_environment_that_others_made_is_used_and_never_deleted(run, installer):
    run.PYTHON.parent.mkdir(parents=True)
    run.PYTHON.touch()
    (run.ENVIRONMENT / "theirs").touch()
    installer.code = 1
    with pytest.raises(SystemExit):
        run.make_ready(None)
    installer.code = 0
    run.make_ready(None)
    assert installer.kinds() == ["pip", "pip"]
    assert (run.ENVIRONMENT / "theirs").exists()


def test_a_start_that_waited_for_another_installs_nothing(run, installer, monkeypatch):
    alone = run.alone

    def after_another():
        with alone():
            installer(["venv"])
            run.MARK.write_text(run.stamp(), encoding="utf-8")
        installer.kinds()
        return alone()

    monkeypatch.setattr(run, "alone", after_another)
    run.make_ready(None)
    assert installer.kinds() == []


def wait_for(path):
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.01)


def test_two_starts_exclude_each_other_and_a_killed_one_lets_go(folder, tmp_path):
    script = (
        f"import pathlib, sys\nsys.path.insert(0, {str(folder)!r})\nimport run\n"
        "with run.alone():\n    pathlib.Path(sys.argv[1]).touch()\n    sys.stdin.read()\n"
    )

    def start(name):
        return subprocess.Popen([sys.executable, "-B", "-c", script, tmp_path / name], stdin=subprocess.PIPE)

    with start("first") as first:
        wait_for(tmp_path / "first")
        with start("second") as second:
            time.sleep(0.7)
            assert not (tmp_path / "second").exists()
            first.kill()
            wait_for(tmp_path / "second")
            second.kill()


def without_venv(run, monkeypatch):
    """A Python as Debian ships it without its -venv package."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        run.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name)
    )


def test_a_python_without_venv_names_what_to_install(run, installer, monkeypatch, capsys):
    without_venv(run, monkeypatch)
    monkeypatch.setattr(run.shutil, "which", {}.get)
    with pytest.raises(SystemExit) as end:
        run.make_ready(None)
    assert end.value.code == 1
    assert "python3-venv" in capsys.readouterr().err
    assert installer.kinds() == []


def test_a_python_without_venv_uses_uv_where_there_is_one(run, installer, monkeypatch):
    without_venv(run, monkeypatch)
    monkeypatch.setattr(run.shutil, "which", {"uv": "/somewhere/uv"}.get)
    run.make_ready(None)
    venv, pip = installer.commands
    assert venv == ["/somewhere/uv", "venv", "--allow-existing", "-p", sys.executable, str(run.ENVIRONMENT)]
    assert pip[:5] == ["/somewhere/uv", "pip", "install", "--python", str(run.PYTHON)]


def test_a_folder_that_cannot_be_written_is_one_sentence(run, monkeypatch, capsys):
    def refused(offline):
        raise PermissionError(13, "Permission denied", str(run.ENVIRONMENT))

    monkeypatch.setattr(run, "make_ready", refused)
    with pytest.raises(SystemExit) as end:
        run.main(["study"])
    assert end.value.code == 5
    assert "could not make or start" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_and_the_output_are_those_of_the_command(folder, code):
    script = (
        f"import sys\nsys.path.insert(0, {str(folder)!r})\nimport run\n"
        f"run.make_ready = lambda offline: None\n"
        f"run.command = lambda words: [sys.executable, '-c', 'print(42); raise SystemExit({code})']\n"
        "sys.exit(run.main(['study']))"
    )
    done = subprocess.run([sys.executable, "-B", "-c", script], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout == "42\n"
    assert done.stderr.startswith("+ ")


def test_tests_run_in_the_folder_of_run_py_and_commands_in_the_caller_s(folder, tmp_path):
    script = (
        f"import sys\nsys.path.insert(0, {str(folder)!r})\nimport run\n"
        "run.make_ready = lambda offline: None\n"
        "run.command = lambda words: [sys.executable, '-c', 'import os; print(ascii(os.getcwd()))']\n"
        "sys.exit(run.main(sys.argv[1:]))"
    )
    for word, place in [("test", folder), ("study", tmp_path)]:
        words = [sys.executable, "-B", "-c", script, word]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
        assert done.stdout.strip() == ascii(str(place.resolve()))
