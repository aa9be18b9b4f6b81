"""vitral encode: codes of images or rows."""

from __future__ import annotations

from pathlib import Path

import click

from vitral.cli import options


@options.command(
    "encode",
    ("vitral encode tiny mnist -o codes.npy", ""),
    ("vitral sample -n 100 -o rows.npy", "or any array of your own"),
    ("vitral encode tiny rows.npy -o rows.csv", ""),
    ("vitral encode runs/short --model latent-10 -o codes.csv", "a model of a run"),
)
@options.model_argument
@click.argument("data", default="", metavar="[DATA]")
@options.model_name
@options.label
@options.out("codes.npy", "Array (.npy) or table (.csv, .parquet).")
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    data: str,
    name: str | None,
    label: str | None,
    out: Path,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Codes of images or rows: the mean of q(z given x), (rows, latent), as .npy, .csv or .parquet.

    DATA is a .npy, .npz or IDX file or a table (all rows), or mnist or digits (the test rows); default: the model's own
    test rows. A conditional model reads the labels of the data, or is given one for all with --label.
    """
    from vitral.api import load_one
    from vitral.cli.inputs import rows_to_use
    from vitral.cli.pictures import write
    from vitral.data.tables import named_codes
    from vitral.evaluation.latent import codes

    path = options.writable(out, (".npy", ".csv", ".parquet"), force=force)
    trained = load_one(model, name)
    rows = rows_to_use(trained, data or None, label=label, quiet=quiet)
    mu, _ = codes(trained.model, trained.theta, rows)
    write(path, mu if path.suffix == ".npy" else named_codes(mu), as_json=as_json, quiet=quiet)
