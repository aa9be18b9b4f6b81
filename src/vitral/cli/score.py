"""vitral score: how odd every row is, which are outliers, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.errors import UsageError

SHOWN = 10  # the oddest rows, in a picture and in --json
KINDS = "auto bound likelihood reconstruction error relative_error rate latent typicality states neighbours".split()


@options.command(
    "score",
    ("vitral score tiny mnist -o scores.csv", "how odd every test image is"),
    ("vitral score tiny mnist --fpr 0.01 --explain odd.png -o outliers.csv", "and which pixels say so"),
    ("vitral score runs/table table.csv --contamination 0.05 --explain why.csv -o odd.csv", "a model of a table"),
)
@options.model_argument
@click.argument("rows", default="", metavar="[DATA]")
@options.model_name
@click.option("--score", "kind", type=click.Choice(KINDS), default="auto", show_default=True,
              help="What makes a row odd; auto: relative_error of images, else bound.")  # fmt: skip
@click.option("--fpr", type=float, metavar="RATE",
              help="Call outliers what at most this share of normal rows would be called.")  # fmt: skip
@click.option("--contamination", type=float, metavar="SHARE", help="Call this share of DATA outliers.")
@click.option("--normal", metavar="FILE",
              help="Rows without outliers, unseen in training  [default: the validation rows]")  # fmt: skip
@click.option("--explain", type=click.Path(path_type=Path), metavar="FILE",
              help="What every entry adds: a picture of the oddest images, or .csv, .parquet, .npy.")  # fmt: skip
@click.option("--draws", type=click.IntRange(1), default=16, show_default=True, help="Draws of z a row.")
@options.data_option
@options.label
@options.out("scores.csv", "Table (.csv, .parquet) or the scores alone (.npy).")
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    rows: str,
    name: str | None,
    kind: str,
    fpr: float | None,
    contamination: float | None,
    normal: str | None,
    explain: Path | None,
    draws: int,
    data_name: str | None,
    label: str | None,
    out: Path,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """How odd every row is, higher being odder; with p-values and outliers where a rate or a share is asked for.

    DATA is a file of rows or a named set (its test rows); default: the model's own test rows. What is usual comes from
    the model's own data, or from what --data names: its training rows for scores that are relative to usual rows and
    for --explain, its validation rows for --fpr, unless --normal names others. A row's score depends on that row alone.
    """
    from vitral.api import load_one
    from vitral.cli.pictures import PICTURES
    from vitral.cli.progress import stages
    from vitral.cli.scoring import Asked, explained, scored, summed_up
    from vitral.persistence import write_atomically

    path = options.writable(out, (".csv", ".parquet", ".npy"), force=force)
    why = None if explain is None else _place_of_why(explain, path, force=force)
    if fpr is not None and contamination is not None:
        raise UsageError("--fpr is a promise and --contamination a quota: choose one")
    trained = load_one(model, name)
    if why is not None and why.suffix in PICTURES and trained.contract.image_shape is None:
        raise UsageError("this model was trained on plain rows, not on images: explain them with --explain why.csv")
    asked = Asked(trained, kind, fpr, contamination, normal, data_name, label, draws, seed, quiet)
    with stages(3, quiet=quiet) as announce:
        given, columns, threshold = scored(asked, rows or None, announce)
        if why is not None:
            announce("explanation")
            write_atomically(why, _content(why.suffix, explained(asked, given, columns["score"], why, language)))
    write_atomically(path, _content(path.suffix, columns["score"] if path.suffix == ".npy" else columns))
    if as_json:
        options.print_json({"file": str(path), **summed_up(asked, columns, threshold, SHOWN)})
    elif not quiet:
        click.echo(_text(path, columns, threshold))


def _place_of_why(explain: Path, out: Path, *, force: bool) -> Path:
    """Where the explanation goes; a picture only where matplotlib loads."""
    from vitral.cli.pictures import target

    if explain == out:
        raise UsageError("--explain and --out name the same file: give each its own")
    return target(explain, force=force, tables=True)


def _content(ending: str, made: Any) -> bytes:
    from vitral.cli.pictures import content

    return content(ending, made)


def _text(path: Path, columns: dict[str, Any], threshold: float | None) -> str:
    if threshold is None:
        return str(path)
    count, rows = int(columns["outlier"].sum()), len(columns["outlier"])
    return f"{path}\n{count} of {rows} rows are outliers: their score is above {threshold:.4g}"
