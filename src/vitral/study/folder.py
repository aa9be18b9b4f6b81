"""The run folder: where a study writes, and what it says while it is unfinished."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitral.errors import ResourceError, UsageError
from vitral.persistence import write_atomically
from vitral.training.checkpoints import Checkpoints

MARK = "INCOMPLETE.txt"
RECIPE = "recipe.toml"
STOP = "STOP"  # a file of this name, made by anybody, asks the run to save and end
ARRAYS, EXPLORER = "arrays.npz", "explorer.npz"
PARTS = ("progress", "models", "checkpoints")


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run, and the few ways to write them."""

    path: Path

    @property
    def incomplete(self) -> bool:
        return (self.path / MARK).exists()

    def model(self, name: str) -> Path:
        return self.path / "models" / f"{name}.safetensors"

    def checkpoints(self, name: str) -> Checkpoints:
        return Checkpoints(self.path / "checkpoints" / name)

    def progress(self, name: str) -> Path:
        return self.path / "progress" / f"{name}.jsonl"

    def records(self, name: str) -> list[dict[str, Any]]:
        """The progress of one model so far."""
        file = self.progress(name)
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []

    def seconds(self, name: str) -> float | None:
        """How long one model trained, its measurements included; None where nothing is known of it."""
        records = self.records(name)
        return sum(record["seconds"] for record in records) if records else None

    def write_records(self, name: str, records: list[dict[str, Any]]) -> None:
        lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
        write_atomically(self.progress(name), "".join(lines).encode())

    def write_arrays(self, arrays: dict[str, np.ndarray], name: str = ARRAYS) -> None:
        """A .npz file: the same arrays give the same bytes, whatever the clock says."""
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, **arrays)
        write_atomically(self.path / name, content.getvalue())

    def finish(self) -> None:
        """Remove what only an unfinished run needs."""
        (self.path / MARK).unlink(missing_ok=True)  # first: a run without checkpoints is not to be resumed
        shutil.rmtree(self.path / "checkpoints", ignore_errors=True)


def create(path: Path, recipe: str, resume_line: str, *, force: bool) -> RunFolder:
    """A new run folder; an existing one is never overwritten without ``force``."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: choose another folder with --out")
    if path.is_dir() and any(path.iterdir()):
        _make_room(path, force=force)
    try:
        for part in PARTS:
            (path / part).mkdir(parents=True, exist_ok=True)
        write_atomically(path / MARK, f"This run is not complete. To go on:\n\n    {resume_line}\n".encode())
        write_atomically(path / RECIPE, recipe.encode())
    except OSError as error:
        raise _unwritable(path, error) from error
    return RunFolder(path)


def _make_room(path: Path, *, force: bool) -> None:
    if not (path / RECIPE).exists() and all(_of_a_start(file.name) for file in path.rglob("*") if file.is_file()):
        return  # a run that ended before it had a recipe
    if not (path / RECIPE).exists():
        raise UsageError(
            f"{path} is not empty and not a run folder, so nothing there is touched: choose another --out"
        )
    if not force:
        how = "--resume to go on, " if (path / MARK).exists() else ""
        raise UsageError(f"{path} already holds a run: use {how}--force to overwrite it, or another --out")
    shutil.rmtree(path)


def _of_a_start(name: str) -> bool:
    """Whether a file is the mark, or the temporary beginning of mark or recipe."""
    return name == MARK or (name.startswith((f".{MARK}.", f".{RECIPE}.")) and name.endswith(".tmp"))


def reopen(path: Path) -> RunFolder:
    """An existing run folder, to resume it."""
    if not (path / RECIPE).exists():
        raise UsageError(
            f"{path} is not a run folder: it has no {RECIPE}; give the folder that a study wrote"
        )
    if not (path / MARK).exists():
        raise UsageError(f"{path} is complete: nothing is left to resume; choose another --out for a new run")
    try:
        for stray in [*path.rglob(".*.tmp"), *path.glob(STOP)]:
            stray.unlink()
        for part in PARTS:
            (path / part).mkdir(exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return RunFolder(path)


def _unwritable(path: Path, error: OSError) -> ResourceError:
    return ResourceError(f"cannot write the run folder {path}: {error.strerror or error}; choose another with --out")
