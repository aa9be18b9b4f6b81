"""vitral compare: several models, one table."""

from __future__ import annotations

from pathlib import Path

import click

from vitral.cli import options
from vitral.errors import UsageError

PICTURES = (".png", ".svg")


@options.command(
    "compare",
    ("vitral compare --recipe priors", "several models trained with equal budgets"),
    ("vitral compare --recipe collapse --out runs/collapse", "what helps a model that ignores its code"),
    ("vitral train digits --latent 5 --epochs 5 --out runs/five", ""),
    ("vitral train digits --latent 2 --epochs 5 --out runs/two", ""),
    ("vitral compare runs/five runs/two -o compared.png", "models that exist already"),
)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--recipe", metavar="NAME|FILE.toml",
              help="priors, beta, objectives, collapse, or your own with variants.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of the recipe.")
@click.option("--seeds", type=click.IntRange(min=1), help="Train every variant with so many seeds.")
@click.option("-o", "--out", type=click.Path(path_type=Path),
              help="Run folder of a recipe [default: runs/<recipe>-<time>], or picture of MODELs.")  # fmt: skip
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run that was stopped.")
@options.data_option
@click.option("--samples", type=click.IntRange(min=1), default=100, show_default=True,
              help="Importance samples an image, for MODELs.")  # fmt: skip
@click.option("--images", type=click.IntRange(min=1), default=1000, show_default=True,
              help="Test images for log p(x), for MODELs.")  # fmt: skip
@click.option("--no-data", is_flag=True, help="Keep training rows out of report and arrays.")
@click.option("--seed", type=click.IntRange(0, options.LARGEST_SEED), help="Seed of training, or of the evaluation.")
@options.language
@options.going_on
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context,
    models: tuple[str, ...],
    recipe: str | None,
    changes: tuple[str, ...],
    seeds: int | None,
    out: Path | None,
    resume: Path | None,
    data_name: str | None,
    samples: int,
    images: int,
    no_data: bool,
    seed: int | None,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Several models beside one another: ELBO, log p(x), rate, distortion, active units, and what differs.

    Either the variants of a recipe, trained with equal budgets and seeds into a run folder with a report, or MODELs
    that exist already (model files, run folders, tiny), all measured with one seed on their test rows. Differences
    are paired by image. Likelihoods of other data, of another binarisation, or of another kind do not compare: such
    models get tables of their own.
    """
    if sum(given is not None for given in (recipe, resume, models or None)) != 1:
        raise UsageError(
            "compare needs a recipe with variants, or models that exist: give --recipe priors, or two or more MODELs"
        )
    if models:
        _refuse(context, ("changes", "seeds", "no_data"), "MODELs, which are trained already")
        _existing(models, data_name, samples, images, seed or 0, out, language, force, as_json, quiet)
        return
    _refuse(context, ("data_name", "samples", "images", "language"), "a recipe, which says so itself: use --set")
    _recipe(context, recipe, changes, seed, seeds, out, resume, no_data, force, as_json, quiet)


def _refuse(context: click.Context, names: tuple[str, ...], beside: str) -> None:
    """Options that would be ignored are refused."""
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") == click.core.ParameterSource.COMMANDLINE
        if given and option.name in names:
            raise UsageError(f"{max(option.opts, key=len)} means nothing beside {beside}: leave it out")


def _recipe(
    context: click.Context,
    recipe: str | None,
    changes: tuple[str, ...],
    seed: int | None,
    seeds: int | None,
    out: Path | None,
    resume: Path | None,
    no_data: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the variants of a recipe, or go on with them."""
    from vitral.cli.study import asked_recipe, carry_out

    asked = None if resume is not None else asked_recipe(str(recipe), changes, seed, seeds)
    if asked is not None and not asked.variants:
        raise UsageError(
            f"recipe {asked.name!r} has no variants to compare: add [variants.NAME] tables, or use vitral study"
        )
    carry_out(context, asked, out, resume, no_data=no_data, force=force, as_json=as_json, quiet=quiet)


def _existing(
    models: tuple[str, ...],
    data_name: str | None,
    samples: int,
    images: int,
    seed: int,
    out: Path | None,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure models that exist, and set them beside one another."""
    from vitral.cli.existing import measure_all, picture
    from vitral.cli.progress import stages
    from vitral.cli.tables import compared
    from vitral.study.recipes import EvaluationPart

    path = None if out is None else options.writable(out, PICTURES, force=force)
    asked = EvaluationPart(importance_samples=samples, importance_images=images)
    with stages(len(models), quiet=quiet) as announce:
        tables, entries, seconds = measure_all(models, data_name, asked, seed, announce, quiet=quiet)
    if path is not None:
        picture(path, tables, language)
    if as_json:
        document = {"comparison": tables, "models": entries, "seconds": seconds}
        options.print_json(document if path is None else {"file": str(path), **document})
    elif not quiet:
        click.echo(compared(tables, entries, seconds))
        if path is not None:
            click.echo(str(path))
