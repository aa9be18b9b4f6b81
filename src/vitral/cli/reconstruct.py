"""vitral reconstruct: images through a model and back."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from vitral.cli import options

EXAMPLES = """\b
Examples:
  vitral reconstruct -o reconstructions.png
  vitral reconstruct runs/short --model latent-10 --rows 20 -o reconstructions.npy
"""


@click.command("reconstruct", epilog=EXAMPLES, context_settings=options.HELP)
@options.model_argument
@options.model_name
@options.data_option
@click.option("--rows", "count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many test rows.")
@click.option("--draws", type=click.IntRange(0, 10), default=2, show_default=True, help="Rows decoded from sampled z.")
@options.out("reconstructions.png")
@options.seed
@options.language
@options.force()
@options.quiet
def command(
    model: str, name: str | None, data_name: str | None, count: int, draws: int, out: Path, seed: int, language: str,
    force: bool, quiet: bool,
) -> None:
    """Images through a model and back: at the mean of q(z given x), and at a few sampled z.

    With .npy the decoder means at mu are written, (rows, features).
    """
    from vitral.api import load_one
    from vitral.cli.inputs import test_rows
    from vitral.cli.pictures import image_shape, write
    from vitral.core.randomness import draw, stream

    target = options.writable(out, (".png", ".svg", ".npy"), force=force)
    trained = load_one(model, name)
    rows = test_rows(trained, data_name).select(slice(0, count))
    x = rows.take(slice(None), trained.theta.dtype.name)
    at_mean = trained.decode(trained.model.encode(trained.model.views(trained.theta), x)[0])
    if target.suffix == ".npy":
        write(target, at_mean, quiet=quiet)
        return
    from vitral.report.figures.images import reconstruction_figure
    from vitral.report.language import language as words_of

    words = words_of(language)
    shown = {words.text("row.original"): x, words.text("row.at_mean"): at_mean}
    if draws and trained.model.posterior.has_density:
        noise = draw(trained.model.posterior.noise_shapes(draws, len(x)), stream(seed, "reconstruct"), x.dtype.name)
        p = trained.model.views(trained.theta)
        h, _ = trained.model.encoder.forward(p.encoder, x)
        q, _ = trained.model.posterior.sample(p.posterior, h, noise)
        shown |= {words.text("row.draw", index=i + 1): trained.decode(z) for i, z in enumerate(np.asarray(q.z))}
    write(target, reconstruction_figure(shown, image_shape(trained), labels=rows.labels, language=language), quiet=quiet)
