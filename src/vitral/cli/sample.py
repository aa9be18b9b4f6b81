"""vitral sample: new rows from the prior."""

from __future__ import annotations

from pathlib import Path

import click

from vitral.cli import options
from vitral.errors import UsageError

MOST_IN_A_PICTURE = 400


@options.command(
    "sample",
    ("vitral sample -o samples.png", ""),
    ("vitral sample runs/short --model latent-10 -n 1000 --draws -o samples.npy", "a model of a run"),
)
@options.model_argument
@options.model_name
@click.option(
    "-n", "count", type=click.IntRange(1, 1_000_000), default=40, show_default=True, help="How many."
)
@click.option("--draws", is_flag=True, help="True draws of x from p(x given z), instead of decoder means.")
@options.out("samples.png")
@options.seed
@options.language
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    count: int,
    draws: bool,
    out: Path,
    seed: int,
    language: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """New images from the prior: decoder means for z ~ p(z), or true draws with --draws.

    A mean is smooth; a draw carries the noise of the likelihood too. Both start from the same z.
    """
    from vitral.api import load_one
    from vitral.cli.pictures import image_shape, target, write

    path = target(out, force=force)
    if path.suffix != ".npy" and count > MOST_IN_A_PICTURE:
        raise UsageError(
            f"a picture shows at most {MOST_IN_A_PICTURE} images, got -n {count}: write an array with -o name.npy"
        )
    trained = load_one(model, name)
    shape = image_shape(trained) if path.suffix != ".npy" else None
    made = trained.sample(count, seed=seed) if draws else trained.prior_means(count, seed=seed)
    if shape is not None:
        from vitral.report.figures.images import image_gallery
        from vitral.report.language import language as words_of

        title = words_of(language).text("gallery.draws" if draws else "gallery.means")
        made = image_gallery(made, shape, columns=10, title=title, language=language)
    write(path, made, as_json=as_json, quiet=quiet)
