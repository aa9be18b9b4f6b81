"""Run folders as `study` and `train` begin them, resume them, and keep them to themselves."""

from __future__ import annotations

import itertools
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click
from click.core import ParameterSource

from vitral.errors import ResourceError, UsageError
from vitral.study import folder as folders
from vitral.study.folder import RunFolder
from vitral.study.recipes import Recipe, to_toml
from vitral.study.run import Manner

LOCK = "running.lock"
BESIDE_RESUME = {"resume", "no_data", "as_json", "quiet", "strict", "slower"}


def begin(recipe: Recipe, out: Path | None, resume_line: Callable[[Path], str], *, force: bool) -> RunFolder:
    """A new run folder: where --out says, or runs/<recipe>-<date>-<time>, and -2 after it if that exists."""
    path = out or next(filter(_is_new, _dated(recipe.name)))
    refuse_busy(path)
    return folders.create(path, to_toml(recipe), resume_line(path), force=force)


def _dated(name: str) -> Iterator[Path]:
    name = re.sub(r"[^\w.-]+", "-", name)
    first = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    return (Path("runs") / (first if number == 1 else f"{first}-{number}") for number in itertools.count(1))


def _is_new(path: Path) -> bool:
    return not path.exists()


def again(path: Path, command: str) -> RunFolder:
    """An incomplete run that this command began."""
    refuse_busy(path)
    run = folders.reopen(path)
    text = resume_text(path)
    begun_by = next((name for name in ("train", "compare") if f" {name} --resume " in text), "study")
    if begun_by != command:
        raise UsageError(f"{path} was begun by vitral {begun_by}: resume it with vitral {begun_by} --resume")
    return run


def resume_text(path: Path) -> str:
    """What an incomplete run says about itself."""
    return (path / folders.MARK).read_text(encoding="utf-8")


def refuse_beside_resume(context: click.Context) -> None:
    """--resume goes on with what the run was begun with: other wishes beside it would be ignored."""
    for option in context.command.params:
        given = context.get_parameter_source(option.name) == ParameterSource.COMMANDLINE
        if given and option.name not in BESIDE_RESUME:
            shown = option.opts[0] if isinstance(option, click.Option) else "DATA"
            raise UsageError(
                f"--resume goes on with the recipe of the run, without {shown}: leave it out, or start a new run"
            )


def manner(context: click.Context, *, resumed: bool) -> Manner:
    """How the options of a command want its run to be carried out."""
    wishes = {name: bool(context.meta.get(name)) for name in ("strict", "slower")}
    for name, wish in wishes.items():
        if wish and not resumed:
            raise UsageError(f"--{name} means nothing without --resume: leave it out, or name the run to go on with")
    return Manner(**wishes)


def command_line(*words: str) -> str:
    """These words of Vitral as a line that works when it is pasted where this process was started."""
    return joined([*_program(), *words], windows=os.name == "nt")


def joined(words: list[str], *, windows: bool) -> str:
    """Words as one line for the shells of Windows, or of everything else."""
    return subprocess.list2cmdline(words) if windows else shlex.join(words)


def _program() -> list[str]:
    """`vitral`, or what it takes to start it where that script is not on the path."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        found = shutil.which("python")
        same = found is not None and Path(found).absolute() == Path(sys.executable).absolute()
        return ["python" if same else sys.executable, "-m", "vitral"]
    if started.stem.lower() == "vitral" and shutil.which("vitral") is None:
        return [str(started)]
    return ["vitral"]


def refuse_busy(path: Path) -> None:
    """Refuse a run folder that another process is writing."""
    if (path / LOCK).exists():
        with alone(path):
            return


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a run folder. The system lets go when the process ends, however it ends: no lock is ever stale."""
    file = path / LOCK
    try:
        held = file.open("a+", encoding="utf-8")
    except OSError as error:
        raise ResourceError(
            f"cannot write the run folder {path}: {error.strerror}; choose another with --out"
        ) from error
    with held:
        if not _locked(held):
            held.seek(0)
            raise UsageError(
                f"{path} is in use by {held.read().strip() or 'another process'}: wait for it, or use another --out"
            )
        held.truncate(0)
        held.write(f"process {os.getpid()} on {platform.node()}\n")
        held.flush()
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file
                file.unlink()
    with suppress(OSError):
        file.unlink()


def _locked(held: IO[str]) -> bool:
    """Whether the lock is now ours; a file system without locks locks nothing."""
    try:
        if os.name == "nt":
            import msvcrt

            held.seek(1_000_000)  # beyond the text, which others may read
            msvcrt.locking(held.fileno(), msvcrt.LK_NBLCK, 1)
            held.seek(0)
        else:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
