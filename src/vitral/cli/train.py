"""vitral train: one model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.errors import UsageError


@options.command(
    "train",
    ("vitral train digits --latent 5 --hidden 64,32", ""),
    ("vitral sample -n 500 -o rows.npy", "or any array of your own"),
    ("vitral train rows.npy --epochs 5 --out runs/mine", ""),
    ("vitral train mnist --latent 10 --set training.patience=2", ""),
)
@click.argument("data", default="mnist", metavar="[DATA]")
@click.option("--latent", type=int, default=2, show_default=True, help="Latent dimensions.")
@click.option(
    "--hidden", default="400", show_default=True, metavar="N[,N...]", help="Widths of the hidden layers."
)
@click.option(
    "--likelihood",
    default="gaussian_learned",
    show_default=True,
    help="gaussian_learned, gaussian_fixed or bernoulli.",
)
@click.option("--epochs", type=int, default=10, show_default=True)
@click.option("--batch", type=int, default=128, show_default=True)
@click.option("--rate", type=float, default=1e-3, show_default=True, help="Learning rate of Adam.")
@click.option("--beta", type=float, default=1.0, show_default=True, help="Weight of the KL.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other value of a recipe.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/train-<date>-<time>]"
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run that was stopped."
)
@options.seed
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context,
    data: str,
    latent: int,
    hidden: str,
    likelihood: str,
    epochs: int,
    batch: int,
    rate: float,
    beta: float,
    changes: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    seed: int,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train one model on MNIST or your own data.

    DATA is mnist, digits, or a .npy or .npz file of rows (N, D) or images (N, H, W). Writes a run folder with
    the model file, its progress and its checkpoints.
    """
    from vitral.cli import runs
    from vitral.cli.progress import show
    from vitral.cli.stopping import stoppable
    from vitral.study import folder as folders
    from vitral.study.jobs import open_data
    from vitral.study.recipes import load_recipe
    from vitral.study.run import train_all

    if resume is not None:
        runs.refuse_beside_resume(context)
        run = runs.again(resume, "train")
        recipe = load_recipe(str(resume / folders.RECIPE))
        rows = open_data(recipe)
    else:
        asked = [
            f"data.name={json.dumps(data)}",
            f"model.latents=[{latent}]",
            f"model.likelihood.kind={likelihood}",
            f"training.epochs={epochs}",
            f"training.batch={batch}",
            f"training.rate={rate}",
            f"training.objective.beta={beta}",
            f"training.seed={seed}",
            *_networks(hidden),
        ]
        recipe = load_recipe("train", [*asked, *changes])
        rows = open_data(recipe)  # refused, if it must be, before a folder is made
        run = runs.begin(recipe, out, _resume_line, force=force)
    with stoppable(_resume_line(run.path)) as stop, runs.alone(run.path):
        show(train_all(recipe, rows, run, stop=stop), stop, quiet=quiet)
        run.finish()
    _tell(run, as_json=as_json, quiet=quiet)


def _networks(hidden: str) -> list[str]:
    try:
        widths = [int(width) for width in hidden.split(",")]
    except ValueError as error:
        raise UsageError(
            f"--hidden needs whole numbers such as 400 or 400,200, got {hidden!r}: correct it"
        ) from error
    return [f"model.{part}.hidden={widths}" for part in ("encoder", "decoder")]


def _resume_line(path: Path) -> str:
    from vitral.cli.runs import command_line

    return command_line("train", "--resume", str(path))


def _tell(run: Any, *, as_json: bool, quiet: bool) -> None:
    """Where the model is, and its last validation numbers."""
    files = sorted((run.path / "models").glob("*.safetensors"))
    records = {file.stem: run.records(file.stem)[-1] for file in files}
    if as_json:
        options.print_json({"run": str(run.path), "models": records})
    elif not quiet:
        for file in files:
            validation = records[file.stem]["validation"]
            click.echo(
                f"validation loss {validation['loss']:.2f} nats, squared error {validation['sse']:.2f} (z sampled)"
            )
            click.echo(f"Model: {file.resolve()}")
