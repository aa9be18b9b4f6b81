"""vitral train: one model."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import click

from vitral.cli import options
from vitral.errors import UsageError

EXAMPLES = """\b
Examples:
  vitral train digits --latent 5 --epochs 20
  vitral train mnist --latent 10 --likelihood bernoulli --set training.patience=5
  vitral train my_images.npy --latent 8 --out runs/mine
"""


@click.command("train", epilog=EXAMPLES, context_settings=options.HELP)
@click.argument("data", default="mnist", metavar="[DATA]")
@click.option("--latent", type=int, default=2, show_default=True, help="Latent dimensions.")
@click.option("--hidden", default="400", show_default=True, metavar="N[,N...]", help="Widths of the hidden layers.")
@click.option("--likelihood", default="gaussian_learned", show_default=True,
              help="gaussian_learned, gaussian_fixed or bernoulli.")
@click.option("--epochs", type=int, default=10, show_default=True)
@click.option("--batch", type=int, default=128, show_default=True)
@click.option("--rate", type=float, default=1e-3, show_default=True, help="Learning rate of Adam.")
@click.option("--beta", type=float, default=1.0, show_default=True, help="Weight of the KL.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other value of a recipe.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/train-<date>-<time>]")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with an incomplete run.")
@options.seed
@options.force()
@options.as_json
@options.quiet
def command(
    data: str, latent: int, hidden: str, likelihood: str, epochs: int, batch: int, rate: float, beta: float,
    changes: tuple[str, ...], out: Path | None, resume: Path | None, seed: int, force: bool, as_json: bool, quiet: bool,
) -> None:
    """Train one model on MNIST or your own data.

    DATA is mnist, digits, or a .npy or .npz file of rows (N, D) or images (N, H, W). Writes a run folder with
    the model file, its progress and its checkpoints.
    """
    from vitral.cli.progress import show, stopping
    from vitral.study import folder as folders
    from vitral.study.jobs import open_data
    from vitral.study.recipes import load_recipe, to_toml
    from vitral.study.run import Interrupted, train_all

    if resume is not None:
        run, recipe = folders.reopen(resume), load_recipe(str(resume / folders.RECIPE))
    else:
        asked = [f"data.name='{data}'", f"model.latents=[{latent}]", f"model.likelihood.kind={likelihood}",
                 f"training.epochs={epochs}", f"training.batch={batch}", f"training.rate={rate}",
                 f"training.objective.beta={beta}", f"training.seed={seed}", *_networks(hidden)]
        recipe = load_recipe("train", [*asked, *changes])
        path = out or Path("runs") / f"train-{time.strftime('%Y%m%d-%H%M%S')}"
        run = folders.create(path, to_toml(recipe), _resume_line(path), force=force)
    with stopping() as stop:
        try:
            show(train_all(recipe, open_data(recipe), run, stop=stop), quiet=quiet)
        except Interrupted as interrupted:
            click.echo(f"{interrupted}. To go on:\n\n    {_resume_line(run.path)}", err=True)
            sys.exit(stop.exit_code)
    run.finish()
    _tell(run, as_json=as_json, quiet=quiet)


def _networks(hidden: str) -> list[str]:
    try:
        widths = [int(width) for width in hidden.split(",") if width.strip()]
    except ValueError as error:
        raise UsageError(f"--hidden needs whole numbers such as 400 or 400,200, got {hidden!r}") from error
    return [f"model.{part}.hidden={widths}" for part in ("encoder", "decoder")]


def _resume_line(path: Path) -> str:
    return shlex.join(["vitral", "train", "--resume", str(path)])


def _tell(run, *, as_json: bool, quiet: bool) -> None:
    """Where the model is, and its last validation numbers."""
    files = sorted((run.path / "models").glob("*.safetensors"))
    records = {file.stem: run.records(file.stem)[-1] for file in files}
    if as_json:
        options.print_json({"run": str(run.path), "models": {name: record for name, record in records.items()}})
    elif not quiet:
        for file in files:
            validation = records[file.stem]["validation"]
            click.echo(f"validation loss {validation['loss']:.2f} nats, squared error {validation['sse']:.2f} (z sampled)")
            click.echo(f"Model: {file.resolve()}")
