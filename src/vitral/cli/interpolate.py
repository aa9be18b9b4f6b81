"""vitral interpolate: from one image to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options


@options.command(
    "interpolate",
    ("vitral interpolate --from 0 --to 1 -o path.png", ""),
    ("vitral interpolate --from 3 --to 18 --frames 20 -o path.npy", ""),
    ("vitral train digits --conditional --latent 5 --epochs 5 --out runs/classes", ""),
    ("vitral interpolate runs/classes --from 3 --to 18 --label 8 -o eights.png", "a path of one class"),
)
@options.model_argument
@options.model_name
@options.data_option
@click.option("--from", "start", type=int, default=0, show_default=True, help="Test row to start from.")
@click.option("--to", "end", type=int, default=1, show_default=True, help="Test row to end at.")
@click.option("--frames", type=click.IntRange(2, 100), default=12, show_default=True)
@options.label
@options.out("interpolation.png")
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    data_name: str | None,
    start: int,
    end: int,
    frames: int,
    label: str | None,
    out: Path,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """From one image to another on a straight line between their codes, beside the plain pixel blend.

    In a conditional model the class goes from the one's to the other's on that line too, unless --label says what
    every frame is to be. With .npy the decoded frames are written, (frames, features).
    """
    import numpy as np

    from vitral.api import load_one
    from vitral.cli.inputs import labelled, place, rows_to_use
    from vitral.cli.pictures import image_shape, target, write
    from vitral.study.pictures import interpolation, straight_path

    path = target(out, force=force)
    trained = load_one(model, name)
    shape = image_shape(trained) if path.suffix != ".npy" else None
    chosen = labelled(trained, label, None)
    rows = rows_to_use(trained, data_name, quiet=quiet)
    pair = rows.select(np.array([place(rows, index) for index in (start, end)]))
    batch = pair.batch(slice(None), trained.theta.dtype.name)
    made = interpolation(trained.model, trained.theta, batch, frames=frames, context=chosen)
    if shape is not None:
        labels = None if pair.labels is None else [tuple(pair.labels)]
        made = _figure(straight_path(*batch.target, frames=frames), made, shape, labels, language)
    else:
        made = trained.outside(made)
    write(path, made, as_json=as_json, quiet=quiet)


def _figure(blend: Any, decoded: Any, shape: tuple[int, ...], labels: Any, language: str) -> Any:
    from vitral.report.figures.interpolation import interpolation_figure
    from vitral.report.language import language as words_of

    words = words_of(language)
    ways = {words.text("row.blend"): blend, words.text("row.latent"): decoded}
    return interpolation_figure([ways], shape, ends=labels, language=language)
