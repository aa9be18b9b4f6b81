"""The decoder over a square of a two-dimensional latent space, with the values of its axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from vitral.report.figures.images import draw_mosaic, gutter_of, label_columns, label_rows, shaped
from vitral.report.figures.style import plain_figure, speaks, styled
from vitral.report.geometry import RADII, prior_mass_within
from vitral.report.language import Language

TICKS = 7.5  # points, the size of the numbers at rows and columns


def latent_grid_figure(
    grid: np.ndarray,
    axis: np.ndarray,
    image_shape: Sequence[int],
    *,
    spacing: str = "linear",
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """Decoder means over a grid of z: (n, n, D), row 0 at the largest z2, column 0 at the smallest z1.

    `axis` holds the n values of either latent dimension, ascending. `spacing` is "linear" (circles at 1, 2
    and 3 standard deviations of the prior are drawn in) or "quantile" (equal prior mass between neighbours).
    """
    words = speaks(language)
    axis = np.asarray(axis, float)
    tiles = shaped(grid, image_shape)
    with styled():
        figure = plain_figure(7.0, 6.9)
        axes = figure.add_axes((0.115, 0.075, 0.875, 0.875))
        draw_mosaic(axes, tiles)
        label_columns(axes, [words.number(value, 2) for value in axis], top=False, size=TICKS)
        label_rows(axes, [words.number(value, 2) for value in axis[::-1]])
        axes.tick_params(labelsize=TICKS)
        axes.set_xlabel(words.text("axis.latent_arrow", index=1))
        axes.set_ylabel(words.text("axis.latent_arrow", index=2))
        if spacing == "linear":
            _prior_circles(axes, axis, tiles.shape[2:4], words)
        axes.set_title(title if title is not None else words.text(f"grid.{spacing}.title"))
    return figure


def _prior_circles(axes: Axes, axis: np.ndarray, tile: tuple[int, ...], words: Language) -> None:
    """Contours of the prior on the picture, whose pixels are proportional to z on a linear grid."""
    steps = np.array(tile) + gutter_of(tile[0])
    centre = (len(axis) - 1) / 2 * steps + (np.array(tile) - 1) / 2
    per_unit = steps / (axis[1] - axis[0])
    for radius in RADII:
        down, across = radius * per_unit
        if radius > axis[-1] + (axis[1] - axis[0]) / 2:
            continue
        for colour, line in (("white", 2.6), ("#d55e00", 1.3)):
            axes.add_patch(
                Ellipse(
                    centre[::-1],
                    2 * across,
                    2 * down,
                    fill=False,
                    color=colour,
                    linewidth=line,
                    clip_on=False,
                )
            )
        mass = words.percent(prior_mass_within(radius))
        axes.text(
            centre[1], centre[0] - down, words.text("grid.circle", radius=radius, mass=mass), fontsize=8,
            color="white", ha="center", va="center",
            bbox={"facecolor": "#a84400", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
