"""vitral reconstruct: images through a model and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.errors import UsageError


@options.command(
    "reconstruct",
    ("vitral reconstruct -o reconstructions.png", ""),
    ("vitral reconstruct runs/table table.csv -o means.csv", "a model of a table"),
    ("vitral reconstruct runs/short --model latent-10 --rows 20 -o some.npy", "a model of a run"),
)
@options.model_argument
@click.argument("data", default="", metavar="[DATA]")
@options.model_name
@options.data_option
@click.option(
    "--rows", "count", type=click.IntRange(1), help="How many rows, at most  [default: 10; all of a table written]"
)
@click.option(
    "--draws", type=click.IntRange(0, 10), default=2, show_default=True, help="Rows decoded from sampled z."
)
@options.label
@options.out("reconstructions.png", "Picture (.png, .svg), array (.npy) or table (.csv, .parquet).")
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    data: str,
    name: str | None,
    data_name: str | None,
    count: int | None,
    draws: int,
    label: str | None,
    out: Path,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Images or rows through a model and back: at the mean of q(z given x), and at a few sampled z.

    A conditional model reads the labels of the data, or is given one for all with --label. With .npy the decoder
    means at mu are written, (rows, features), with .csv or .parquet the columns of a table in their types and classes.
    DATA, or --data, is a file of rows or a named set; default: the model's own test rows.
    """
    from vitral.api import load_one
    from vitral.cli.inputs import rows_to_use
    from vitral.cli.pictures import PICTURES, columns_of, image_shape, target, write
    from vitral.data.tables import decoded as decoded_table
    from vitral.evaluation.latent import codes, decoded

    if data and data_name:
        raise UsageError(f"the data are named twice, {data} and {data_name}: leave one out")
    path = target(out, force=force, tables=True)
    trained = load_one(model, name)
    table = columns_of(trained, path)
    shape = image_shape(trained) if path.suffix in PICTURES else None
    rows = rows_to_use(trained, data or data_name, label=label, quiet=quiet)
    rows = rows.select(slice(0, count or (len(rows) if table else 10)))
    made = decoded(trained.model, trained.theta, codes(trained.model, trained.theta, rows)[0], rows.context)
    if shape is None and not table:
        made = trained.outside(made)
    if table:
        made = decoded_table(trained.contract, made)
    if shape is not None:
        from vitral.report.figures.images import reconstruction_figure

        batch = rows.batch(slice(None), trained.theta.dtype.name)
        shown = _shown(trained, batch, made, draws, seed, language)
        made = reconstruction_figure(shown, shape, labels=trained.contract.called(rows.labels), language=language)
    write(path, made, as_json=as_json, quiet=quiet)


def _shown(trained: Any, batch: Any, at_mean: Any, draws: int, seed: int, language: str) -> dict[str, Any]:
    """The rows of the picture with their names: originals, at the mean, at sampled z."""
    from vitral.report.language import language as words_of
    from vitral.study.pictures import drawn_reconstructions

    words = words_of(language)
    shown = {words.text("row.original"): batch.target, words.text("row.at_mean"): at_mean}
    if draws and trained.model.posterior.has_density:
        drawn = drawn_reconstructions(trained.model, trained.theta, batch, draws, seed)
        shown |= {words.text("row.draw", index=index + 1): row for index, row in enumerate(drawn)}
    return shown
