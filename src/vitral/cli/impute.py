"""vitral impute: what is missing, filled in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vitral.cli import options
from vitral.errors import UsageError

if TYPE_CHECKING:
    from vitral.applications.imputation.training import Settings

REGIONS = ("top", "bottom", "left", "right", "centre")


@options.command(
    "impute",
    ("vitral impute table.csv -o whole.csv", "a model is trained on the table itself"),
    ("vitral impute runs/table table.csv --draws 5 -o whole.csv", "one that is there; whole.csv, whole-1.csv, ..."),
    ("vitral impute tiny mnist --hide bottom --draws 3 -o halves.png", "images, half of each hidden"),
)
@click.argument("first", metavar="[MODEL]")
@click.argument("second", required=False, metavar="DATA")
@options.model_name
@click.option("--draws", type=click.IntRange(0, 1000), default=0, show_default=True,
              help="So many more completions, drawn: for multiple imputation.")  # fmt: skip
@click.option("--samples", type=click.IntRange(2, 1_000_000), default=1000, show_default=True,
              help="Draws of z behind every row.")  # fmt: skip
@click.option("--hide", type=click.Choice(REGIONS), help="A half of every image, or the middle, to be filled in.")
@click.option("--mask", type=click.Path(path_type=Path), metavar="FILE",
              help="What is to be filled in: .npy, true or 1 there, of the shape of the rows or of one.")  # fmt: skip
@click.option("--rows", "count", type=click.IntRange(1), help="How many rows, at most  [default: all; 10 in a picture]")
@click.option("--columns", metavar="NAME[,...]", help="Without MODEL: columns and kinds, as of vitral train.")
@click.option("--latent", type=click.IntRange(1), help="Without MODEL: latent dimensions  [default: 10]")
@click.option("--hidden", metavar="N[,N...]", help="Without MODEL: widths of the hidden layers  [default: 128]")
@click.option("--epochs", type=click.IntRange(1), help="Without MODEL  [default: 30 to 300, about 5,000 steps]")
@click.option("--keep", type=click.Path(path_type=Path), metavar="FILE",
              help="Without MODEL: where the model that was trained is kept (.safetensors).")  # fmt: skip
@options.label
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE",
              help="A table like DATA, an array (.npy), a picture (.png, .svg), or of a folder a folder  "
                   "[default: DATA-imputed]")  # fmt: skip
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context,
    first: str,
    second: str | None,
    name: str | None,
    draws: int,
    samples: int,
    hide: str | None,
    mask: Path | None,
    count: int | None,
    columns: str | None,
    latent: int | None,
    hidden: str | None,
    epochs: int | None,
    keep: Path | None,
    label: str | None,
    out: Path | None,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """What is missing in a table, an array (NaN) or images, filled in: the mean given the rest of the row.

    DATA is a table (.csv, .parquet), a .npy, .npz or IDX file, a folder of PNG files, or with a MODEL also mnist or
    digits (test rows).
    Without a MODEL one is trained on all rows of DATA. Of a column of classes the most probable one is taken. What was
    observed stays as it is, and so does everything in a table that the model does not know.
    """
    from vitral.cli import imputing
    from vitral.cli.progress import stages

    data = first if second is None else second
    if second is None and name is not None:
        raise UsageError("--model chooses a model of a run folder: name the folder before DATA, or leave it out")
    if second is not None:
        _refuse(context, "columns", "latent", "hidden", "epochs", "keep")
    elif label is not None:
        raise UsageError("--label is for conditional models: name one before DATA, or leave it out")
    wishes = imputing.Wishes(hide, mask, draws, samples, seed, language)
    given = imputing.given_data(data, wishes, named=second is not None)
    paths = given.targets(out, draws, force=force)
    picture = paths[0].suffix in imputing.PICTURES
    given = given.first(count, picture=picture)
    if keep is not None:
        options.writable(keep, (".safetensors",), force=force)
    if second is None:
        settings = _settings(latent, hidden, epochs)
        trained, rows = imputing.trained_on(given, _columns(columns), settings, wishes, quiet=quiet)
    else:
        trained, rows = imputing.trained_for(given, first, name, label, picture=picture)
    with stages(1, quiet=quiet) as announce:
        announce(f"filling in {given.name}")
        made = trained.imputed(rows, draws=draws, samples=samples, seed=seed)
    imputing.write_completed(given, paths, trained, rows, made, language)
    if keep is not None:
        trained.save(keep)
    imputing.report(paths, rows, made, as_json=as_json, quiet=quiet)


def _refuse(context: click.Context, *names: str) -> None:
    """Options of a training beside a model that is trained already."""
    for option in names:
        if options.asked(context, option):
            raise UsageError(f"the model is trained already: leave --{option} out, or leave the model out")


def _columns(text: str | None) -> list[str]:
    return [wish.strip() for wish in (text or "").split(",") if wish.strip()]


def _settings(latent: int | None, hidden: str | None, epochs: int | None) -> Settings:
    from vitral.applications.imputation.training import HIDDEN, LATENT, Settings

    try:
        widths = HIDDEN if hidden is None else tuple(int(width) for width in hidden.split(","))
    except ValueError as error:
        raise UsageError(f"--hidden needs whole numbers such as 128 or 128,64, got {hidden!r}: correct it") from error
    if any(width < 1 for width in widths):
        raise UsageError(f"--hidden needs widths of at least 1, got {hidden!r}: correct it")
    return Settings(latent or LATENT, widths, epochs or 0)
