"""vitral grid: the latent plane as images."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from vitral.cli import options
from vitral.errors import UsageError

EXAMPLES = """\b
Examples:
  vitral grid -o grid.png
  vitral grid --spacing linear --size 20 -o plane.png
"""


@click.command("grid", epilog=EXAMPLES, context_settings=options.HELP)
@options.model_argument
@options.model_name
@click.option("--spacing", type=click.Choice(["quantile", "linear"]), default="quantile", show_default=True,
              help="Equal prior mass between neighbours, or equal steps on [-3, 3].")
@click.option("--size", type=click.IntRange(2, 60), default=15, show_default=True, help="Images along each axis.")
@options.out("grid.png")
@options.language
@options.force()
@options.quiet
def command(
    model: str, name: str | None, spacing: str, size: int, out: Path, language: str, force: bool, quiet: bool
) -> None:
    """The latent plane of a 2-D model as a grid of decoder means: z1 grows to the right, z2 upwards.

    With .npy the grid is written as (size, size, features), first row at the top.
    """
    from scipy.special import ndtri

    from vitral.api import load_one
    from vitral.cli.pictures import image_shape, write
    from vitral.study.pictures import latent_grid

    target = options.writable(out, (".png", ".svg", ".npy"), force=force)
    trained = load_one(model, name)
    if trained.spec.latent != 2:
        raise UsageError(f"a grid needs a model with 2 latent dimensions, this one has {trained.spec.latent}: choose another --model")
    axis = np.linspace(-3.0, 3.0, size) if spacing == "linear" else ndtri((np.arange(size) + 0.5) / size)
    made = latent_grid(trained.model, trained.theta, axis)
    if target.suffix != ".npy":
        from vitral.report.figures.grid import latent_grid_figure

        made = latent_grid_figure(made, axis, image_shape(trained), spacing=spacing, language=language)
    write(target, made, quiet=quiet)
