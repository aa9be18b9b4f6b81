"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vitral.errors import UsageError

HELP = {"help_option_names": ["-h", "--help"]}

model_argument = click.argument("model", default="tiny", metavar="[MODEL]")
model_name = click.option("--model", "name", help="Which model of a run folder, such as latent-10.")
seed = click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of all randomness.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress and no messages.")
language = click.option("--language", type=click.Choice(["en", "pt"]), default="en", show_default=True,
                        help="Language of the figure.")
data_option = click.option("--data", "data_name", help="mnist, digits, or a .npy or .npz file; default: the model's own data.")


def out(default: str) -> Callable[..., Any]:
    """Where the result goes; the ending chooses picture or array."""
    return click.option("-o", "--out", type=click.Path(path_type=Path), default=default, show_default=True,
                        help="Picture (.png, .svg) or array (.npy).")


def force() -> Callable[..., Any]:
    """Permission to overwrite."""
    return click.option("--force", is_flag=True, help="Overwrite what exists.")


def writable(path: Path, endings: tuple[str, ...], *, force: bool) -> Path:
    """A path with a known ending, in a folder that exists, that does not overwrite without --force."""
    if path.suffix not in endings:
        raise UsageError(f"cannot write {path.name!r}: its ending must be one of {', '.join(endings)}")
    if not path.parent.is_dir():
        raise UsageError(f"the folder {path.parent} does not exist: make it, or choose another --out")
    if path.exists() and not force:
        raise UsageError(f"{path} exists: use --force to overwrite it, or another --out")
    return path


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps({"schema": 1, **document}, indent=2, ensure_ascii=False))
