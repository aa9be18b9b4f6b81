"""vitral grid: the latent plane as images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.errors import UsageError


@options.command(
    "grid",
    ("vitral grid -o grid.png", ""),
    ("vitral grid --spacing linear --size 20 -o plane.png", ""),
    ("vitral train digits --conditional --epochs 5 --out runs/plane", ""),
    ("vitral grid runs/plane --label 3 -o plane-of-3.png", "the plane of one class"),
    ("vitral grid runs/plane -o classes.png", "every class, for the same z"),
)
@options.model_argument
@options.model_name
@click.option(
    "--spacing",
    type=click.Choice(["quantile", "linear"]),
    default="quantile",
    show_default=True,
    help="Equal mass of N(0, I) between neighbours, or equal steps on [-3, 3].",
)
@click.option(
    "--size", type=click.IntRange(2, 60), default=15, show_default=True, help="Images along each axis."
)
@options.label
@options.numbers
@options.out("grid.png")
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    spacing: str,
    size: int,
    label: str | None,
    numbers: str | None,
    out: Path,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """The latent plane of a 2-D model as a grid of decoder means: z1 grows to the right, z2 upwards.

    A conditional model of any size shows a row for each of its classes instead, and in every column one draw of z
    from the prior, by the same random numbers in every row, unless --label chooses the class whose plane is drawn.
    With .npy the grid is written as (size, size, features), first row at the top, or (classes, size, features).
    """
    from vitral.api import load_one
    from vitral.cli.inputs import every_class, labelled
    from vitral.cli.pictures import image_shape, target, write

    path = target(out, force=force)
    trained = load_one(model, name)
    shape = image_shape(trained) if path.suffix != ".npy" else None
    chosen = labelled(trained, label, numbers)
    if trained.contract.context is not None and chosen is None:
        made = _classes(trained, every_class(trained), size, seed, shape, language)
    else:
        made = _plane(trained, chosen, spacing, size, shape, language)
    if shape is None:
        made = trained.outside(made)
    write(path, made, as_json=as_json, quiet=quiet)


def _plane(trained: Any, chosen: Any, spacing: str, size: int, shape: tuple[int, ...] | None, language: str) -> Any:
    """The plane of a model with two latent dimensions, as an array or, where a shape is given, a figure."""
    from vitral.study.pictures import latent_axis, latent_grid

    if trained.spec.latent != 2:
        raise UsageError(
            f"a grid needs a model with 2 latent dimensions, this one has {trained.spec.latent}: choose another --model"
        )
    axis = latent_axis(spacing, size)
    made = latent_grid(trained.model, trained.theta, axis, chosen)
    if shape is None:
        return made
    from vitral.report.figures.grid import latent_grid_figure

    return latent_grid_figure(made, axis, shape, spacing=spacing, language=language)


def _classes(
    trained: Any, contexts: dict[int, Any], size: int, seed: int, shape: tuple[int, ...] | None, language: str
) -> Any:
    """Every class for the same draws of z, as an array or, where a shape is given, a figure."""
    import numpy as np

    from vitral.study.pictures import of_classes

    made = of_classes(trained.model, trained.theta, np.stack(list(contexts.values())), size, seed)
    if shape is None:
        return made
    from vitral.report.figures.images import class_title, reconstruction_figure
    from vitral.report.language import language as words_of

    words, classes = words_of(language), trained.contract.called(list(contexts))
    rows = {class_title(label, words): row for label, row in zip(classes, made, strict=True)}
    return reconstruction_figure(rows, shape, title=words.text("grid.classes.title"), language=language)
