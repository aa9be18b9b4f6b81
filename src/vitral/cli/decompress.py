"""vitral decompress: what vitral compress made small, as it was."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitral.cli import options
from vitral.cli.compress import ENDING
from vitral.cli.console import say
from vitral.errors import FileError, UsageError

if TYPE_CHECKING:
    from vitral.applications.compression.integer import IntegerModel
    from vitral.applications.compression.originals import Original
    from vitral.applications.compression.salvage import Saved


@options.command(
    "decompress",
    ("vitral compress runs/bits digits -o whole.vitral --embed", "a file with its model in it"),
    ("vitral decompress whole.vitral", "into whole.npy"),
    ("vitral decompress whole.vitral -o left.npy --salvage", "also from a damaged file: what is whole in it"),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("model", default="", metavar="[MODEL]")
@options.model_name
@click.option(
    "-o", "--out", type=click.Path(path_type=Path),
    help="Where to: a .npy or IDX file, or a folder, as the original was  [default: FILE without .vitral]",
)
@click.option("--salvage", is_flag=True, help="Of a damaged file, recover what is whole and say which rows are lost.")
@options.force
@options.as_json
@options.quiet
def command(
    file: Path,
    model: str,
    name: str | None,
    out: Path | None,
    salvage: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """A file of vitral compress as it was: the same .npy or IDX file, or the same pixels under the same names.

    MODEL is the model that it was compressed with, unless that is in the file. A damaged file is refused, and an
    existing one overwritten only with --force. --salvage writes the rows that can still be read, without those that
    are lost, and names these.
    """
    from vitral.applications.compression.container import either_start, start_of
    from vitral.applications.compression.originals import target, write

    content = _content(file)
    kind = (either_start if salvage else start_of)(file, content)[0].kind
    path = target(out or default_out(file, kind), kind, force=force)
    coder = _coder(model, name)
    began = time.process_time()
    original, saved = _original(file, content, coder, salvage=salvage, quiet=quiet)
    seconds = time.process_time() - began
    write(path, original, file)
    _report(path, original, saved, seconds, as_json=as_json, quiet=quiet)


def default_out(file: Path, kind: str) -> Path:
    """The name without the ending that compress gave it, and with that of its kind."""
    path = file.with_suffix("") if file.suffix == ENDING else file.with_name(f"{file.name}.out")
    return path.with_name(f"{path.name}.npy") if kind == "npy" and path.suffix != ".npy" else path


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise FileError(f"cannot read {file}: it is no file; check the path")
    return file.read_bytes()


def _coder(model: str, name: str | None) -> IntegerModel | None:
    from vitral.api import load_one
    from vitral.applications.compression.archive import integer_model

    if name is not None and not model:
        raise UsageError(f"--model {name} names one model of a run folder: name that folder too, after the file")
    return integer_model(load_one(model, name)) if model else None


def _original(
    file: Path, content: bytes, model: IntegerModel | None, *, salvage: bool, quiet: bool
) -> tuple[Original, Saved | None]:
    """What the file holds, whole, or with what was lost of it."""
    from vitral.applications.compression.archive import decompressed
    from vitral.applications.compression.salvage import salvaged
    from vitral.cli.progress import counted

    with counted(quiet=quiet) as show:
        if salvage:
            saved = salvaged(file, content, model, show)
            return saved.original, saved
        return decompressed(file, content, model, show), None


def _report(
    path: Path, original: Original, saved: Saved | None, seconds: float, *, as_json: bool, quiet: bool
) -> None:
    """Where the rows are now; what is lost is said also where it is quiet."""
    facts: dict[str, Any] = {
        "file": str(path), "kind": original.kind, "shape": list(original.array.shape),
        "dtype": original.array.dtype.str, "lost": [list(lost) for lost in saved.lost] if saved else [],
        "processor_seconds": seconds,
    }  # fmt: skip
    if as_json:
        options.print_json(facts)
    elif not quiet:
        click.echo(str(path))
    for lost in saved.lost if saved else []:
        say(f"vitral: warning: rows {lost.first:,} to {lost.end - 1:,} are lost: {lost.why}")
    for note in saved.notes if saved else []:
        say(f"vitral: warning: {note}")
