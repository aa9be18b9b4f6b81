"""Straight lines in latent space between two images, with the blend of their pixels as the control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from vitral.report.figures.images import draw_mosaic, label_columns, label_rows, shaped
from vitral.report.figures.style import WIDTH, headline, new_figure, speaks, styled
from vitral.report.language import Language


def interpolation_figure(
    pairs: Sequence[Mapping[str, np.ndarray]],
    image_shape: Sequence[int],
    *,
    ends: Sequence[tuple[object, object]] | None = None,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """One block a pair of images; in it one named row of (T, D) frames for each way to go between them.

    `ends` are the classes of the first and of the last image of each pair.
    """
    words = speaks(language)
    blocks = [np.stack([shaped(frames, image_shape) for frames in rows.values()]) for rows in pairs]
    frames = blocks[0].shape[1]
    margin = 0.25 + 0.085 * max(len(name) for rows in pairs for name in rows)
    tile = (WIDTH - margin - 0.2) / frames * blocks[0].shape[2] / blocks[0].shape[3]
    height = sum(len(block) * tile * 1.06 + 0.33 for block in blocks) + 0.75
    steps = [words.number(fraction, 2) for fraction in np.linspace(0, 1, frames)]
    with styled():
        figure = new_figure(WIDTH, height)
        headline(figure, title if title is not None else words.text("interpolation.title"))
        ratios = [len(block) for block in blocks]
        for position, axes in enumerate(np.atleast_1d(figure.subplots(len(blocks), 1, height_ratios=ratios))):
            draw_mosaic(axes, blocks[position])
            label_rows(axes, list(pairs[position]))
            if ends is not None:
                first, last = ends[position]
                axes.set_title(words.text("interpolation.pair", first=first, last=last), fontsize=9.5)
            if position == len(blocks) - 1:
                label_columns(axes, steps, top=False)
                axes.set_xlabel(words.text("axis.interpolation"))
                axes.tick_params(axis="x", labelsize=7.5)
    return figure
