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
)
@options.model_argument
@options.model_name
@options.data_option
@click.option("--from", "start", type=int, default=0, show_default=True, help="Test row to start from.")
@click.option("--to", "end", type=int, default=1, show_default=True, help="Test row to end at.")
@click.option("--frames", type=click.IntRange(2, 100), default=12, show_default=True)
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
    out: Path,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """From one image to another on a straight line between their codes, beside the plain pixel blend.

    With .npy the decoded frames are written, (frames, features).
    """
    import numpy as np

    from vitral.api import load_one
    from vitral.cli.inputs import row, rows_to_use
    from vitral.cli.pictures import image_shape, target, write
    from vitral.study.pictures import straight_path

    path = target(out, force=force)
    trained = load_one(model, name)
    shape = image_shape(trained) if path.suffix != ".npy" else None
    rows = rows_to_use(trained, data_name)
    ends = [row(rows, index) for index in (start, end)]
    x = np.concatenate([one.take(slice(None), trained.theta.dtype.name) for one in ends])
    mu, _ = trained.model.encode(trained.model.views(trained.theta), x)
    made = trained.decode(straight_path(*mu, frames=frames))
    if shape is not None:
        labels = None if rows.labels is None else [(ends[0].labels[0], ends[1].labels[0])]
        made = _figure(straight_path(*x, frames=frames), made, shape, labels, language)
    write(path, made, as_json=as_json, quiet=quiet)


def _figure(blend: Any, decoded: Any, shape: tuple[int, ...], labels: Any, language: str) -> Any:
    from vitral.report.figures.interpolation import interpolation_figure
    from vitral.report.language import language as words_of

    words = words_of(language)
    ways = {words.text("row.blend"): blend, words.text("row.latent"): decoded}
    return interpolation_figure([ways], shape, ends=labels, language=language)
