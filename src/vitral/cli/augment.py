"""vitral augment: new rows or images with their classes, to train something else on, and what they are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vitral.cli import options
from vitral.errors import DataError, FileError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from vitral.api import TrainedModel
    from vitral.data import Data

EACH = 10  # rows of every class, where nobody says how many
ENDINGS = (".npy", ".npz", ".csv", ".parquet", ".png", ".svg")


@options.command(
    "augment",
    ("vitral train digits --conditional --latent 5 --epochs 5 --out runs/conditional", ""),
    ("vitral augment runs/conditional --per-class 100 -o more.npz", "x and y, to train something else on"),
    ("vitral augment runs/conditional --label 3 -n 20 -o threes", "a folder of images for each class"),
    ("vitral augment runs/conditional --start rows -o look.png", "around training rows, as a picture"),
    ("vitral augment runs/table -n 500 -o rows.csv", "a model of a table"),
)
@options.model_argument
@options.model_name
@click.option("-n", "count", type=click.IntRange(1, 1_000_000), help="How many, evenly over the classes  [default: 40]")
@click.option("--per-class", "each", type=click.IntRange(1, 1_000_000),
              help="How many of every class  [default with classes: 10]")  # fmt: skip
@options.label
@options.numbers
@click.option("--start", type=click.Choice(["prior", "rows"]), default="prior", show_default=True,
              help="From the prior, or around training rows of the class.")  # fmt: skip
@click.option("--draws", is_flag=True, help="True draws of x from p(x given z), instead of decoder means.")
@click.option("--data", "data_name",
              help="Data to start from and to compare with, in three parts  [default: the model's own]")  # fmt: skip
@click.option("--no-check", is_flag=True, help="Leave out the comparison with training and held-out rows.")
@options.out("augmented.npz", "Arrays (.npz, .npy), table (.csv, .parquet), picture (.png, .svg) or a new folder.")
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    count: int | None,
    each: int | None,
    label: str | None,
    numbers: str | None,
    start: str,
    draws: bool,
    data_name: str | None,
    no_check: bool,
    out: Path,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """New rows or images with their classes, and whether they are copies of training rows.

    A conditional model makes rows of the classes that are asked for; around training rows (--start rows) any model
    does whose data have labels. What is made is compared with the training rows, and with rows that the model has
    not been trained on: copies, distances, how like real rows they are, and whether they are of their class. A table
    (.csv, .parquet) is one of true draws.
    """
    from vitral.api import load_one
    from vitral.cli.made import Making, check_form, report, write_made
    from vitral.cli.progress import stages

    path = _target(out, force=force)
    if count and each:
        raise UsageError("give -n or --per-class, not both: how many in all, or of every class")
    trained = load_one(model, name)
    around = start == "rows"
    data = _data(trained, data_name, needed=around, quiet=quiet) if around or not no_check else None
    labels, context = _wanted(trained, data, start, count, each, label, numbers)
    making = Making(trained, data, labels, context, seed, draws or trained.contract.columns is not None)
    check_form(path, trained, labels, len(making))
    with stages(2 - no_check, quiet=quiet) as announce:
        announce(f"making {len(making)} rows")
        made = making.around() if around else making.from_prior()
        found = None
        if data is not None and not no_check:
            announce("comparing them with training rows and held-out rows")
            found = made.compared(data)
    write_made(path, made, language)
    report(path, made, found, as_json=as_json, quiet=quiet)


def _target(out: Path, *, force: bool) -> Path:
    """Where it goes: a file with a known ending, or a folder that is new or empty."""
    from vitral.cli.pictures import drawable

    if out.suffix:
        return drawable(options.writable(out, ENDINGS, force=force))
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UsageError(f"{out} exists and is no empty folder: choose another --out")
    if not out.parent.is_dir():
        raise UsageError(f"the folder {out.parent} does not exist: make it, or choose another --out")
    return out


def _data(trained: TrainedModel, name: str | None, *, needed: bool, quiet: bool) -> Data:
    """The rows to start from and to compare with; where they are for comparison alone, an error says what helps."""
    from vitral.cli.inputs import model_data

    try:
        return model_data(trained, name, quiet=quiet)
    except (UsageError, DataError, FileError) as error:
        if needed or name is not None:
            raise
        advice = "or name other data with --data, or leave the comparison out with --no-check"
        raise type(error)(f"{error}; {advice}") from error


def _wanted(
    trained: TrainedModel, data: Data | None, start: str, count: int | None, each: int | None,
    label: str | None, numbers: str | None,
) -> tuple[np.ndarray | None, np.ndarray | None]:  # fmt: skip
    """The class of every row that is to be made, (n,), or where there are no classes its context (n, C)."""
    import numpy as np

    from vitral.cli.inputs import labelled

    classes = _classes(trained, data, start)
    if numbers is not None or not classes:
        if label is not None or each is not None:
            raise UsageError(_no_classes(trained, start))
        context = labelled(trained, None, numbers)
        if context is None and trained.contract.context is not None and start == "prior":
            raise UsageError(f"this model is conditional, and no {trained.contract.context.needs}")
        return None, np.tile(np.zeros(0) if context is None else context, (count or 40, 1))
    chosen = classes if label is None else [_known(trained, classes, label)]
    wanted = (each or EACH) * len(chosen) if count is None else count
    return np.asarray(chosen)[np.arange(wanted) * len(chosen) // wanted], None


def _classes(trained: TrainedModel, data: Data | None, start: str) -> list[int]:
    """The classes that rows can be asked of: those of a conditional model, or of the rows to start from."""
    if trained.contract.context is not None:
        return list(trained.classes)
    return (data.classes or []) if start == "rows" and data is not None else []


def _no_classes(trained: TrainedModel, start: str) -> str:
    if trained.contract.context is not None:
        return "this model was conditioned on side information and has no classes: leave --label and --per-class out"
    if start == "rows":
        return "the data have no labels to start from: leave --label and --per-class out"
    return (
        "this model is not conditional and has no classes: train one with --conditional, use --start rows with "
        "labelled data, or leave --label and --per-class out"
    )


def _known(trained: TrainedModel, classes: list[int], label: str) -> int:
    from vitral.cli.inputs import class_number

    number = class_number(trained, label)
    if number not in classes:
        shown = ", ".join(map(str, trained.contract.called(classes) or classes))
        raise UsageError(f"{label} is no class of this model or its data: choose of {shown}")
    return number
