"""vitral traverse: what each latent dimension does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from vitral.cli import options


@options.command(
    "traverse",
    ("vitral traverse -o traversals.png", ""),
    ("vitral traverse runs/short --model latent-10 --row 3 -o traversals.svg", "a model of a run"),
    ("vitral train digits --conditional --latent 5 --epochs 5 --out runs/ten", ""),
    ("vitral traverse runs/ten --row 3 --label 8 -o eights.png", "decoded as one class"),
)
@options.model_argument
@options.model_name
@options.data_option
@click.option("--row", type=int, default=0, show_default=True, help="Test row whose code is moved.")
@options.label
@options.out("traversals.png")
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    data_name: str | None,
    row: int,
    label: str | None,
    out: Path,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """One latent dimension at a time: a test image decoded while that dimension runs over the range of the codes.

    Dimensions stand under one another, those with the largest KL first, at most ten; the others keep the code of the
    image. A row in which nothing changes is a dimension that the decoder ignores. A conditional model decodes with the
    class of the image, or with that of --label. With .npy the frames are written, (dimensions, 11, features).
    """
    import numpy as np

    from vitral.api import load_one
    from vitral.cli.inputs import labelled, model_data, place
    from vitral.cli.pictures import image_shape, target, write
    from vitral.study import traversals
    from vitral.study.measure import closed_kl_per_dimension

    path = target(out, force=force)
    trained = load_one(model, name)
    shape = image_shape(trained) if path.suffix != ".npy" else None
    context = labelled(trained, label, None)
    data = model_data(trained, data_name, quiet=quiet)
    chosen = place(data.test, row)
    order = np.concatenate([[chosen], np.delete(np.arange(len(data.test)), chosen)])
    data = replace(data, test=data.test.select(order))
    kl = closed_kl_per_dimension(trained.model, trained.theta, data.test)
    found = traversals.of_model(trained.model, trained.theta, data, kl, context=context)
    made: Any = found["traversals"]
    if shape is not None:
        made = _figure(made, found["traversal_dimensions"], kl, shape, language)
    else:
        made = trained.outside(made)
    write(path, made, as_json=as_json, quiet=quiet)


def _figure(frames: Any, dimensions: Any, kl: list[float] | None, shape: tuple[int, ...], language: str) -> Any:
    from vitral.report.figures.images import reconstruction_figure
    from vitral.report.language import language as words_of

    words, rows = words_of(language), {}
    for dimension, row in zip(dimensions.tolist(), frames, strict=True):
        value = {} if kl is None else {"kl": words.number(kl[dimension])}
        rows[words.text("row.traversal" if kl is None else "row.traversal_kl", index=dimension + 1, **value)] = row
    return reconstruction_figure(rows, shape, title=words.text("traversals.title"), language=words)
