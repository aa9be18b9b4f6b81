"""vitral encode: codes of images or rows."""

from __future__ import annotations

import io
from pathlib import Path

import click
import numpy as np

from vitral.cli import options

EXAMPLES = """\b
Examples:
  vitral encode tiny mnist -o codes.npy
  vitral encode runs/short my_images.npy --model latent-10 -o codes.csv
"""


@click.command("encode", epilog=EXAMPLES, context_settings=options.HELP)
@options.model_argument
@click.argument("data", default="", metavar="[DATA]")
@options.model_name
@options.out("codes.npy")
@options.force()
@options.quiet
def command(model: str, data: str, name: str | None, out: Path, force: bool, quiet: bool) -> None:
    """Codes of images or rows: the mean of q(z given x), (rows, latent), as .npy or .csv.

    DATA is a .npy or .npz file (all rows), or mnist or digits (the test rows); default: the model's own
    test rows.
    """
    from vitral.api import load_one
    from vitral.cli.inputs import test_rows
    from vitral.cli.pictures import write
    from vitral.evaluation.latent import codes
    from vitral.persistence import write_atomically

    target = options.writable(out, (".npy", ".csv"), force=force)
    trained = load_one(model, name)
    mu, _ = codes(trained.model, trained.theta, test_rows(trained, data or None))
    if target.suffix == ".npy":
        write(target, mu, quiet=quiet)
        return
    content = io.StringIO()
    header = ",".join(f"z{index + 1}" for index in range(mu.shape[1]))
    np.savetxt(content, mu, delimiter=",", header=header, comments="", fmt="%.9g")
    write_atomically(target, content.getvalue().encode())
    if not quiet:
        click.echo(str(target))
