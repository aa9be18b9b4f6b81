"""vitral train: one model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.errors import UsageError

WITH_WIDTHS = ("gated", "mlp")  # networks whose hidden layers have widths


@options.command(
    "train",
    ("vitral train digits --latent 5 --hidden 64,32", ""),
    ("vitral sample -n 500 -o rows.npy", "or any array of your own"),
    ("vitral train rows.npy --epochs 5 --out runs/mine", ""),
    ("vitral train table.csv --label-column species --missing model --out runs/table", "a table with holes"),
    ("vitral train mnist --latent 10 --set training.patience=2", ""),
    ("vitral train digits --conditional --latent 5 --prior flow", "a model that makes the class asked for"),
    ("vitral train digits --binarise dynamic --likelihood bernoulli --objective iwae", ""),
)
@click.argument("data", default="mnist", metavar="[DATA]")
@click.option("--latent", type=int, default=2, show_default=True, help="Latent dimensions.")
@click.option(
    "--network",
    default="mlp",
    show_default=True,
    metavar="NAME",
    help="Encoder and decoder: mlp, gated, conv or resnet.",
)
@click.option(
    "--hidden",
    default="400",
    show_default=True,
    metavar="N[,N...]",
    help="Widths of the hidden layers of an mlp or gated network.",
)
@click.option(
    "--likelihood",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="p(x given z); auto is mixed for tables, else the first. One of: gaussian_learned, gaussian_fixed, "
    "gaussian_pixel, gaussian_image, bernoulli, continuous_bernoulli, discretised_logistic, logistic_mixture, "
    "beta_binomial, categorical, poisson or mixed.",
)
@click.option(
    "--prior",
    default="standard_normal",
    show_default=True,
    metavar="NAME",
    help="p(z): standard_normal, mixture, vamp, flow, conditional or two_layer.",
)
@click.option(
    "--posterior",
    default="diagonal",
    show_default=True,
    metavar="NAME",
    help="q(z given x): diagonal, full, flow, two_layer or point.",
)
@click.option(
    "--objective",
    default="elbo",
    show_default=True,
    metavar="NAME",
    help="What is minimised: elbo, free_bits, capacity, beta_tc, mmd, iwae, dreg, stl or reconstruction.",
)
@click.option(
    "--binarise",
    default="none",
    show_default=True,
    metavar="HOW",
    help="Bits of grey levels: static (drawn once), dynamic (anew for every batch) or none.",
)
@click.option("--label-column", "labels", default="", metavar="NAME", help="The column of a table that holds labels.")
@click.option("--columns", default="", metavar="NAME[,...]",
              help="Columns of a table: age, age:count (number, category, boolean, count), -id (leave out), * (all).")
@click.option("--missing", default="refuse", show_default=True, metavar="HOW",
              help="Values that are missing in a table: refuse or model.")  # fmt: skip
@click.option("--labels", "label_file", default="", metavar="FILE",
              help="One label a row: .npy, IDX, .txt or .csv, for data that have none of their own.")  # fmt: skip
@click.option("--image-size", default="", metavar="WxH", help="Scale the images of a folder to this size, as 32x32.")
@click.option("--grey", is_flag=True, help="Make the images of a folder grey.")
@click.option("--on-bad", default="error", show_default=True, metavar="HOW",
              help="Files of a folder that are no usable image: error or skip.")  # fmt: skip
@click.option("--conditional", is_flag=True, help="Give encoder, decoder and prior the labels of the data.")
@click.option("--epochs", type=int, default=10, show_default=True)
@click.option("--batch", type=int, default=128, show_default=True)
@click.option("--rate", type=float, default=1e-3, show_default=True, help="Learning rate of Adam.")
@click.option("--beta", type=float, help="Weight of the KL, where the objective has one  [default: 1]")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other value of a recipe.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/train-<date>-<time>]"
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run that was stopped."
)
@options.seed
@options.going_on
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context,
    data: str,
    latent: int,
    network: str,
    hidden: str,
    likelihood: str,
    prior: str,
    posterior: str,
    objective: str,
    binarise: str,
    labels: str,
    label_file: str,
    image_size: str,
    grey: bool,
    on_bad: str,
    columns: str,
    missing: str,
    conditional: bool,
    epochs: int,
    batch: int,
    rate: float,
    beta: float | None,
    changes: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    seed: int,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train one model on MNIST or your own data.

    DATA is mnist, digits, a .npy, .npz or IDX file of rows (N, D) or images (N, H, W), a folder of images, or a table
    (.csv, .parquet). Writes a run folder with the model file, its progress and its checkpoints. An unknown NAME is
    answered with all that there are; what has no option of its own is set with --set, such as
    --set model.prior.components=50.
    """
    from vitral.cli import runs
    from vitral.cli.console import say
    from vitral.cli.progress import show
    from vitral.cli.stopping import stoppable
    from vitral.study import folder as folders
    from vitral.study.jobs import open_data
    from vitral.study.recipes import load_recipe
    from vitral.study.run import train_all

    how = runs.manner(context, resumed=resume is not None)
    if resume is not None:
        runs.refuse_beside_resume(context)
        run = runs.again(resume, "train")
        recipe = load_recipe(str(resume / folders.RECIPE))
        rows = open_data(recipe)
    else:
        asked = [
            f"data.name={json.dumps(data)}",
            f"data.binarise={json.dumps(binarise)}",
            *_table(labels or label_file, columns, missing),
            *_images(image_size, grey, on_bad),
            f"model.latents=[{latent}]",
            *(["model.context=labels"] if conditional else []),
            *_kinds(likelihood=likelihood, prior=prior, posterior=posterior),
            *_networks(network, hidden, asked=options.asked(context, "hidden")),
            f"training.epochs={epochs}",
            f"training.batch={batch}",
            f"training.rate={rate}",
            f"training.objective.kind={json.dumps(objective)}",
            *([] if beta is None else [f"training.objective.beta={beta}"]),
            f"training.seed={seed}",
        ]
        recipe = load_recipe("train", [*asked, *changes])
        rows = open_data(recipe)  # refused, if it must be, before a folder is made
        for note in rows.notes:
            say(note, quiet=quiet)
        run = runs.begin(recipe, out, _resume_line, force=force)
    with stoppable(_resume_line(run.path), run.path) as stop, runs.alone(run.path):
        show(train_all(recipe, rows, run, replace(how, stop=stop)), stop, quiet=quiet)
        run.finish()
    _tell(run, as_json=as_json, quiet=quiet)


def _table(labels: str, columns: str, missing: str) -> list[str]:
    """What the options of a table set; nothing where they were not given."""
    wishes = [wish.strip() for wish in columns.split(",") if wish.strip()]
    asked = {"labels": labels, "columns": wishes, "missing": "" if missing == "refuse" else missing}
    return [f"data.{key}={json.dumps(value)}" for key, value in asked.items() if value]


def _images(size: str, grey: bool, on_bad: str) -> list[str]:
    """What the options of a folder of images set; nothing where they were not given."""
    asked = {"image_size": size, "grey": grey, "on_bad": "" if on_bad == "error" else on_bad}
    return [f"data.{key}={json.dumps(value)}" for key, value in asked.items() if value]


def _kinds(**named: str) -> list[str]:
    return [f"model.{part}.kind={json.dumps(kind)}" for part, kind in named.items()]


def _networks(network: str, hidden: str, *, asked: bool) -> list[str]:
    """The kind of both networks, and their widths where it has some, or where they were asked for."""
    kinds = _kinds(encoder=network, decoder=network)
    if network not in WITH_WIDTHS and not asked:
        return kinds
    try:
        widths = [int(width) for width in hidden.split(",")]
    except ValueError as error:
        raise UsageError(
            f"--hidden needs whole numbers such as 400 or 400,200, got {hidden!r}: correct it"
        ) from error
    return kinds + [f"model.{part}.hidden={widths}" for part in ("encoder", "decoder")]


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
            error = "" if validation["sse"] is None else f", squared error {validation['sse']:.2f}"
            click.echo(f"validation loss {validation['loss']:.2f} nats{error} (z sampled)")
            click.echo(f"Model: {file.resolve()}")
