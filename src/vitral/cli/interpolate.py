"""vitral interpolate: from one image to another."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from vitral.cli import options

EXAMPLES = """\b
Examples:
  vitral interpolate --from 0 --to 1 -o path.png
  vitral interpolate --from 3 --to 18 --frames 20 -o path.npy
"""


@click.command("interpolate", epilog=EXAMPLES, context_settings=options.HELP)
@options.model_argument
@options.model_name
@options.data_option
@click.option("--from", "start", type=int, default=0, show_default=True, help="Test row to start from.")
@click.option("--to", "end", type=int, default=1, show_default=True, help="Test row to end at.")
@click.option("--frames", type=click.IntRange(2, 100), default=12, show_default=True)
@options.out("interpolation.png")
@options.language
@options.force()
@options.quiet
def command(
    model: str, name: str | None, data_name: str | None, start: int, end: int, frames: int, out: Path, language: str,
    force: bool, quiet: bool,
) -> None:
    """From one image to another on a straight line between their codes, beside the plain pixel blend.

    With .npy the decoded frames are written, (frames, features).
    """
    from vitral.api import load_one
    from vitral.cli.inputs import row, test_rows
    from vitral.cli.pictures import image_shape, write
    from vitral.study.pictures import straight_path

    target = options.writable(out, (".png", ".svg", ".npy"), force=force)
    trained = load_one(model, name)
    rows = test_rows(trained, data_name)
    ends = [row(rows, index) for index in (start, end)]
    x = np.concatenate([one.take(slice(None), trained.theta.dtype.name) for one in ends])
    mu, _ = trained.model.encode(trained.model.views(trained.theta), x)
    made = trained.decode(straight_path(*mu, frames=frames))
    if target.suffix != ".npy":
        from vitral.report.figures.interpolation import interpolation_figure
        from vitral.report.language import language as words_of

        words = words_of(language)
        ways = {words.text("row.blend"): straight_path(*x, frames=frames), words.text("row.latent"): made}
        labels = None if rows.labels is None else [(ends[0].labels[0], ends[1].labels[0])]
        made = interpolation_figure([ways], image_shape(trained), ends=labels, language=language)
    write(target, made, quiet=quiet)
