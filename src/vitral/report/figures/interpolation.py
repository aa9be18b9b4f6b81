"""Straight lines in latent space between two images, with the blend of their pixels as the control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from vitral.report.figures.images import label_columns, label_rows, mosaic_stack, shaped
from vitral.report.figures.style import headline, speaks, styled
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
    labels = [name for rows in pairs for name in rows]
    steps = [words.number(fraction, 2) for fraction in np.linspace(0, 1, blocks[0].shape[1])]
    with styled():
        figure, frames = mosaic_stack(blocks, labels, top=0.36, above=0.26, below=0.08, bottom=0.5)
        headline(figure, title if title is not None else words.text("interpolation.title"))
        for position, axes in enumerate(frames):
            label_rows(axes, list(pairs[position]))
            if ends is not None:
                first, last = ends[position]
                axes.set_title(words.text("interpolation.pair", first=first, last=last), fontsize=9.5)
        label_columns(frames[-1], steps, top=False)
        frames[-1].set_xlabel(words.text("axis.interpolation"))
        frames[-1].tick_params(axis="x", labelsize=7.5)
    return figure
