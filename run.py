"""The one command of a fresh machine: makes .venv beside itself, installs Vitral there, and runs it.

    python run.py study               the main job, `vitral study`; every other word goes to Vitral as well
    python run.py test [--all] ...    the tests; --all adds the slow ones, other words go to pytest
    python run.py bench [--peers]     the speed benchmark; --peers installs PyTorch and JAX aside and asks them as well
    python run.py --offline DIR ...   installs from a folder of wheels (CONTRIBUTING.md says how to fill it)
"""
import sys


def refusal(version):
    """The sentence for a Python that is too old, which must be able to read this file to say it."""
    old = tuple(version[:2]) < (3, 11)
    return "Vitral needs Python 3.11 or later; this is Python {}.{}.".format(*version[:2]) if old else None


if refusal(sys.version_info):
    sys.exit(refusal(sys.version_info))

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MARK = ENVIRONMENT / "vitral-stamp"
OURS = "{}\n".format(ROOT)  # what the stamp holds from an installation's first moment; its end adds the hash


def refuse(sentence, code=2):
    print(sentence, file=sys.stderr)
    sys.exit(code)


def parse(words):
    """The folder of wheels, if one is named, and the words of the command."""
    if words[:1] != ["--offline"]:
        return None, words or refuse(__doc__.strip())
    if not words[1:] or not Path(words[1]).is_dir():
        refuse("--offline needs a folder of wheels after it, not {}.".format((words[1:] or ["nothing"])[0]))
    return str(Path(words[1]).resolve()), words[2:] or refuse(__doc__.strip())


def command(words):
    """What runs inside the environment; -P keeps the caller's folder off the import path."""
    starts = {"test": ["-m", "pytest"], "bench": [str(ROOT / "benchmarks" / "speed.py")]}
    slow = ["-m", "slow or not slow"] if words[0] == "test" and "--all" in words else []
    rest = [word for word in words[1:] if not (slow and word == "--all")]
    return [str(PYTHON), *starts.get(words[0], ["-P", "-m", "vitral", words[0]]), *slow, *rest]


def read(path):
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def stamp():
    """Where the environment was made and a hash of what was asked for: written last, when all is there."""
    return OURS + hashlib.sha256((read(ROOT / "pyproject.toml") + read(ROOT / "constraints.txt")).encode()).hexdigest()


def call(words):
    """One step of the installation. What it prints is no result of the command, so it goes to stderr."""
    print("+ " + subprocess.list2cmdline(words), file=sys.stderr, flush=True)
    code = subprocess.call(words, cwd=ROOT, stdout=2, close_fds=os.name == "nt")
    if code:
        refuse("Installing stopped with exit code {}; the reason is above. Start again when it is mended; "
               "CONTRIBUTING.md says how --offline does without a network.".format(code), code)


@contextlib.contextmanager
def alone():
    """Hold a lock that the system releases when this process, and on POSIX its installer, has ended."""
    with (ROOT / ".venv.lock").open("a", encoding="utf-8") as file:
        if os.name != "nt":
            import fcntl
            os.set_inheritable(file.fileno(), True)
            fcntl.flock(file, fcntl.LOCK_EX)
        while os.name == "nt":
            import msvcrt
            with contextlib.suppress(OSError):  # each try gives up after ten seconds
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                break
        yield


def install(offline):
    """Make the environment unless it is there, and put Vitral and what its tests need into it."""
    own = importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")
    uv = None if own else shutil.which("uv") or refuse(
        "This Python lacks venv or ensurepip: install them (Debian, Ubuntu: python3-venv), or install uv.", 1)
    venv = [uv, "venv", "--allow-existing", "-p", sys.executable] if uv else [sys.executable, "-m", "venv"]
    if not PYTHON.exists():
        call([*venv, str(ENVIRONMENT)])
    call([*([uv, "pip", "install", "--python", str(PYTHON)] if uv else [str(PYTHON), "-m", "pip", "install"]),
          *(["--no-index", "--find-links", offline] if offline else []),
          "--constraint", "constraints.txt", "--editable", ".[dev]"])


def make_ready(offline):
    """Have an environment with everything in it: at once if the stamp says so, else by installing."""
    wanted = stamp()
    if PYTHON.exists() and read(MARK) == wanted:
        return
    print("Installing into {}: the first time takes minutes".format(ENVIRONMENT), file=sys.stderr, flush=True)
    with alone():
        found = read(MARK)
        if PYTHON.exists() and found == wanted:  # by another start, while this one waited
            return
        works = PYTHON.exists() and found.startswith(OURS) and found != OURS
        if found and not works:  # half made, moved, or its Python is gone; what others made has no stamp
            shutil.rmtree(ENVIRONMENT.rename("{}.{}".format(ENVIRONMENT, os.getpid())))
        if not ENVIRONMENT.exists():
            ENVIRONMENT.mkdir()
            MARK.write_text(OURS, encoding="utf-8")
        install(offline)
        MARK.write_text(wanted, encoding="utf-8")


def start(words):
    """Become the command where the system can, so that signals and exit code are its own."""
    print("+ " + subprocess.list2cmdline(words), file=sys.stderr, flush=True)
    if os.name != "nt":
        os.execv(words[0], words)
    for name in (signal.SIGINT, signal.SIGBREAK):  # the console sends both to the command as well
        signal.signal(name, lambda *_: None)
    return subprocess.call(words)


def main(words):
    offline, words = parse(words)
    try:
        make_ready(offline)
        if words[0] == "test":
            os.chdir(ROOT)
        return start(command(words))
    except OSError as error:
        refuse("run.py could not make or start {}: {}".format(ENVIRONMENT, error), 5)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
