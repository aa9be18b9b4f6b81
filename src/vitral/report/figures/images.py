"""Figures made of images: galleries, rows of reconstructions, film strips.

Images of one figure are laid into a single picture with white gutters, drawn once with vmin = 0 and vmax = 1;
rows and columns are labelled by the ticks of that one pair of axes, so that no label can be switched off
together with a frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vitral.errors import DataError
from vitral.report.figures.style import WIDTH, headline, new_figure, quiet_frame, speaks, styled
from vitral.report.language import Language

GUTTER_SHARE = 14  # one pixel of gutter for every 14 of image height


def shaped(images: np.ndarray, image_shape: Sequence[int]) -> np.ndarray:
    """(..., D) rows as (..., H, W) grey or (..., H, W, 3) colour images."""
    shape = tuple(image_shape)
    images = np.asarray(images)
    if images.shape[-1] != int(np.prod(shape)):
        raise DataError(
            f"rows of {images.shape[-1]} values do not fill images of shape {shape}: "
            f"need {int(np.prod(shape))}; set data.image_shape of the recipe"
        )
    images = images.reshape(*images.shape[:-1], *shape)
    return images[..., 0] if len(shape) == 3 and shape[2] == 1 else images


def gutter_of(height: int) -> int:
    return max(1, round(height / GUTTER_SHARE))


def mosaic(tiles: np.ndarray) -> np.ndarray:
    """(R, C, H, W[, 3]) tiles as one picture with white gutters; a tile of NaN stays white."""
    rows, columns, height, width = tiles.shape[:4]
    gap = gutter_of(height)
    canvas = np.ones((rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles.shape[4:]), np.float32)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + gap), column * (width + gap)
            canvas[top : top + height, left : left + width] = tiles[row, column]
    return np.where(np.isnan(canvas), np.float32(1), canvas)


def centres(count: int, size: int, gap: int) -> np.ndarray:
    """Positions of the middles of `count` tiles along one side of a mosaic, in its pixels."""
    return np.arange(count) * (size + gap) + (size - 1) / 2


def draw_mosaic(axes: Axes, tiles: np.ndarray) -> None:
    """Draw (R, C, H, W[, 3]) tiles; row 0 is at the top. Ticks stand at the middles of rows and columns."""
    rows, columns, height, width = tiles.shape[:4]
    gap = gutter_of(height)
    picture = np.clip(mosaic(tiles), 0, 1)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="equal")
    axes.set_yticks(centres(rows, height, gap), [""] * rows)
    axes.set_xticks(centres(columns, width, gap), [""] * columns)
    quiet_frame(axes)


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(axes.get_yticks(), labels)


def label_columns(axes: Axes, labels: Sequence[str], *, top: bool = True) -> None:
    axes.set_xticks(axes.get_xticks(), labels)
    if top:
        axes.xaxis.tick_top()
        axes.tick_params(length=0)


def label_column_axis(axes: Axes, text: str) -> None:
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(text)


def mosaic_figure(tiles: np.ndarray, *, margin: float, heading: float = 0.7, width: float = WIDTH) -> Figure:
    """A figure whose height fits one mosaic of the full width beside `margin` inches of row labels."""
    rows, columns, height, tile_width = tiles.shape[:4]
    inches = (width - margin - 0.2) * (rows * height) / (columns * tile_width)
    return new_figure(width, inches + heading)


def image_gallery(
    images: np.ndarray,
    image_shape: Sequence[int],
    *,
    columns: int = 8,
    labels: Sequence[object] | None = None,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """Images in reading order, `columns` to a row, each with its label under it where labels are given."""
    words = speaks(language)
    images = shaped(images, image_shape)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tiles = np.full((rows * columns, *images.shape[1:]), np.nan, np.float32)
    tiles[: len(images)] = images
    tiles = tiles.reshape(rows, columns, *images.shape[1:])
    with styled():
        figure = mosaic_figure(tiles, margin=0.0, heading=0.45 + (0.28 * rows if labels is not None else 0.0))
        headline(figure, title if title is not None else words.text("gallery.title"))
        if labels is None:
            draw_mosaic(figure.add_subplot(), tiles)
            return figure
        for row, axes in enumerate(np.atleast_1d(figure.subplots(rows, 1))):
            draw_mosaic(axes, tiles[row : row + 1])
            texts = [words.text("gallery.label", label=label) for label in labels[row * columns :][:columns]]
            label_columns(axes, texts + [""] * (columns - len(texts)), top=False)
    return figure


def reconstruction_figure(
    rows: Mapping[str, np.ndarray],
    image_shape: Sequence[int],
    *,
    labels: Sequence[object] | None = None,
    column_labels: Sequence[str] | None = None,
    column_axis: str | None = None,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """Rows of images under one another, each row named at its left: originals, then what is compared.

    `labels` are classes, written over the columns as "class 7"; `column_labels` are written as they are.
    """
    words = speaks(language)
    tiles = np.stack([shaped(images, image_shape) for images in rows.values()])
    if column_labels is None and labels is not None:
        column_labels = [str(label) for label in labels]
        column_axis = column_axis or words.text("axis.class_of_column")
    margin = 0.25 + 0.085 * max(len(name) for name in rows)
    with styled():
        figure = mosaic_figure(tiles, margin=margin, heading=0.85)
        headline(figure, title or words.text("reconstruction.title"))
        axes = figure.add_subplot()
        draw_mosaic(axes, tiles)
        label_rows(axes, list(rows))
        if column_labels is not None:
            label_columns(axes, column_labels)
        if column_axis:
            label_column_axis(axes, column_axis)
    return figure
