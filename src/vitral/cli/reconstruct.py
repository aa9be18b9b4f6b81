"""vitral reconstruct: images through a model and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options


@options.command(
    "reconstruct",
    ("vitral reconstruct -o reconstructions.png", ""),
    ("vitral reconstruct runs/short --model latent-10 --rows 20 -o some.npy", "a model of a run"),
)
@options.model_argument
@options.model_name
@options.data_option
@click.option(
    "--rows", "count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many test rows."
)
@click.option(
    "--draws", type=click.IntRange(0, 10), default=2, show_default=True, help="Rows decoded from sampled z."
)
@options.label
@options.out("reconstructions.png")
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    data_name: str | None,
    count: int,
    draws: int,
    label: int | None,
    out: Path,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Images through a model and back: at the mean of q(z given x), and at a few sampled z.

    A conditional model reads the labels of the data, or is given one for all with --label. With .npy the decoder
    means at mu are written, (rows, features).
    """
    from vitral.api import load_one
    from vitral.cli.inputs import rows_to_use
    from vitral.cli.pictures import image_shape, target, write

    path = target(out, force=force)
    trained = load_one(model, name)
    shape = image_shape(trained) if path.suffix != ".npy" else None
    rows = rows_to_use(trained, data_name, label=label, quiet=quiet).select(slice(0, count))
    batch, p = rows.batch(slice(None), trained.theta.dtype.name), trained.model.views(trained.theta)
    mu, _ = trained.model.encode(p, batch.inputs, batch.context)
    made = trained.model.decode(p, mu, batch.context)
    if shape is not None:
        from vitral.report.figures.images import reconstruction_figure

        shown = _shown(trained, batch, made, draws, seed, language)
        made = reconstruction_figure(shown, shape, labels=rows.labels, language=language)
    write(path, made, as_json=as_json, quiet=quiet)


def _shown(trained: Any, batch: Any, at_mean: Any, draws: int, seed: int, language: str) -> dict[str, Any]:
    """The rows of the picture with their names: originals, at the mean, at sampled z."""
    from vitral.report.language import language as words_of
    from vitral.study.pictures import drawn_reconstructions

    words = words_of(language)
    shown = {words.text("row.original"): batch.inputs, words.text("row.at_mean"): at_mean}
    if draws and trained.model.posterior.has_density:
        drawn = drawn_reconstructions(trained.model, trained.theta, batch, draws, seed)
        shown |= {words.text("row.draw", index=index + 1): row for index, row in enumerate(drawn)}
    return shown
