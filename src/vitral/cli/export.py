"""vitral export: a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vitral.cli import options
from vitral.errors import UsageError

if TYPE_CHECKING:
    from vitral.api import TrainedModel


@options.command(
    "export",
    ("vitral export tiny --to pretrained -o tiny-model", "three files: weights, configuration, card"),
    ("vitral sample tiny-model -o samples-again.png", "what was exported is a model as any other"),
)
@options.model_argument
@options.model_name
@click.option("--to", type=click.Choice(["onnx", "pretrained"]), help="[default: onnx where --out ends so]")
@click.option("--part", type=click.Choice(["decoder", "encoder", "score"]), default="decoder", show_default=True,
              help="Which part becomes an ONNX file.")  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="An .onnx file, or a folder."
)
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context,
    model: str,
    name: str | None,
    to: str | None,
    part: str,
    out: Path,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """A model for other programs.

    --to pretrained writes a folder: model.safetensors, config.json, and README.md, a card filled from the run, in
    which the licence is left to you. --to onnx writes one part of the model as a graph that ONNX runtimes
    compute without Python: the decoder (z to x), the encoder (x to mean and logvar) or the score (x to the ELBO).
    It needs the extra onnx (pip install 'vitral[onnx]'): vitral export tiny --part encoder -o encoder.onnx
    """
    from vitral.api import load_one

    to = to or ("onnx" if out.suffix == ".onnx" else None)
    if to is None:
        raise UsageError(f"{out} is no .onnx file: say what to write, with --to pretrained for a folder")
    if to == "pretrained" and options.asked(context, "part"):
        raise UsageError(
            "--part means nothing with --to pretrained, which writes the whole model: leave it out"
        )
    path = options.writable(out, (".onnx",), force=force) if to == "onnx" else out
    files = _written(load_one(model, name), to, part, path, force)
    if as_json:
        options.print_json({"files": [str(file) for file in files]})
    elif not quiet:
        for file in files:
            click.echo(str(file))


def _written(trained: TrainedModel, to: str, part: str, path: Path, force: bool) -> list[Path]:
    """The files that were written."""
    if to == "onnx":
        trained.export_onnx(path, part=part)
        return [path]
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: choose a folder with --out")
    return trained.save_pretrained(path, overwrite=force)
