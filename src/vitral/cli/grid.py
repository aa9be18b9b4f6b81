"""vitral grid: the latent plane as images."""

from __future__ import annotations

from pathlib import Path

import click

from vitral.cli import options
from vitral.errors import UsageError


@options.command(
    "grid",
    ("vitral grid -o grid.png", ""),
    ("vitral grid --spacing linear --size 20 -o plane.png", ""),
)
@options.model_argument
@options.model_name
@click.option(
    "--spacing",
    type=click.Choice(["quantile", "linear"]),
    default="quantile",
    show_default=True,
    help="Equal prior mass between neighbours, or equal steps on [-3, 3].",
)
@click.option(
    "--size", type=click.IntRange(2, 60), default=15, show_default=True, help="Images along each axis."
)
@options.out("grid.png")
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    spacing: str,
    size: int,
    out: Path,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """The latent plane of a 2-D model as a grid of decoder means: z1 grows to the right, z2 upwards.

    With .npy the grid is written as (size, size, features), first row at the top.
    """
    from vitral.api import load_one
    from vitral.cli.pictures import image_shape, target, write
    from vitral.study.pictures import latent_axis, latent_grid

    path = target(out, force=force)
    trained = load_one(model, name)
    shape = image_shape(trained) if path.suffix != ".npy" else None
    if trained.spec.latent != 2:
        raise UsageError(
            f"a grid needs a model with 2 latent dimensions, this one has {trained.spec.latent}: choose another --model"
        )
    axis = latent_axis(spacing, size)
    made = latent_grid(trained.model, trained.theta, axis)
    if shape is not None:
        from vitral.report.figures.grid import latent_grid_figure

        made = latent_grid_figure(made, axis, shape, spacing=spacing, language=language)
    write(path, made, as_json=as_json, quiet=quiet)
