"""vitral sample: new rows from the prior."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.errors import UsageError

MOST_IN_A_PICTURE = 400
MOST_IN_A_ROW = 20


@options.command(
    "sample",
    ("vitral sample -o samples.png", ""),
    ("vitral sample runs/short --model latent-10 -n 1000 --draws -o samples.npy", "a model of a run"),
    ("vitral sample runs/table -n 500 -o rows.csv", "a model of a table"),
    ("vitral train digits --conditional --latent 5 --epochs 5 --out runs/conditional", ""),
    ("vitral sample runs/conditional -o classes.png", "one row for each class"),
    ("vitral sample runs/conditional --label 3 -o threes.png", ""),
)
@options.model_argument
@options.model_name
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 1_000_000),
    help="How many  [default: 40, or 10 of each class of a conditional model]",
)
@options.label
@options.numbers
@click.option("--draws", is_flag=True, help="True draws of x from p(x given z), instead of decoder means.")
@options.out("samples.png", "Picture (.png, .svg), array (.npy) or table (.csv, .parquet).")
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    count: int | None,
    label: str | None,
    numbers: str | None,
    draws: bool,
    out: Path,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """New images or rows from the prior: decoder means for z ~ p(z), or true draws with --draws.

    A mean is smooth; a draw carries the noise of the likelihood too. Both start from the same z. A conditional
    model makes as many of every class, class after class, unless --label says which. A table (.csv, .parquet) is
    one of true draws: a mean of classes is no row.
    """
    from vitral.api import load_one
    from vitral.cli.inputs import every_class, labelled
    from vitral.cli.pictures import PICTURES, columns_of, image_shape, target, write

    path = target(out, force=force, tables=True)
    trained = load_one(model, name)
    chosen = labelled(trained, label, numbers)
    classes = list(every_class(trained)) if trained.contract.context and chosen is None else []
    count = count or (10 * len(classes) if classes else 40)
    table, drawn = columns_of(trained, path), path.suffix in PICTURES
    if drawn and count > MOST_IN_A_PICTURE:
        raise UsageError(
            f"a picture shows at most {MOST_IN_A_PICTURE} images, got {count}: choose fewer with -n, "
            "or write an array with -o name.npy"
        )
    shape = image_shape(trained) if drawn else None
    labels = trained.contract.context.evenly(count) if trained.contract.context and classes else None
    make = trained.sample if draws or table else trained.prior_means
    made = make(count, seed=seed, label=labels, context=chosen, frame=None if table else "array")
    if shape is not None:
        made = picture(made, shape, trained.contract.called(labels), draws, language)
    write(path, made, as_json=as_json, quiet=quiet)


def picture(made: Any, shape: tuple[int, ...], labels: Any, draws: bool, language: str) -> Any:
    """Images in reading order; one row for each class where there are as many of each."""
    from vitral.report.figures.images import class_title, image_gallery, reconstruction_figure
    from vitral.report.language import language as words_of

    words = words_of(language)
    title = words.text("gallery.draws" if draws else "gallery.means")
    classes = [] if labels is None else list(dict.fromkeys(labels))
    each = len(made) // max(len(classes), 1)
    if not classes or each * len(classes) != len(made) or each > MOST_IN_A_ROW:
        return image_gallery(made, shape, columns=10, labels=labels, title=title, language=language)
    rows = zip(classes, made.reshape(len(classes), each, -1), strict=True)
    named = {class_title(label, words): images for label, images in rows}
    return reconstruction_figure(named, shape, title=title, language=language)
