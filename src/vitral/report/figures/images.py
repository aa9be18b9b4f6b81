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
from matplotlib.textpath import TextPath

from vitral.errors import DataError
from vitral.report.figures.style import FONT_SIZE, WIDTH, headline, plain_figure, quiet_frame, speaks, styled
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
    canvas = np.ones(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles.shape[4:]), np.float32
    )
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


def label_columns(axes: Axes, labels: Sequence[str], *, top: bool = True, size: float = FONT_SIZE) -> None:
    """Labels above or below the columns, cut short where a column is too narrow for one."""
    space = axes.get_position().width * axes.figure.get_size_inches()[0] / len(labels)
    axes.set_xticks(axes.get_xticks(), [shortened(label, 0.92 * space, size) for label in labels])
    if top:
        axes.xaxis.tick_top()
        axes.tick_params(length=0)


def class_title(label: object, words: Language) -> str:
    """A class by its name, or as "class 3"."""
    return label if isinstance(label, str) else words.text("gallery.label", label=label)


def shortened(label: str, inches: float, size: float = FONT_SIZE) -> str:
    """The label, or as much of its beginning as the space holds with an ellipsis behind it."""
    length = len(label)
    while length > 1 and label_inches([label[:length] + "…" * (length < len(label))], size) > inches:
        length -= 1
    return label if length == len(label) else label[:length] + "…"


def label_inches(labels: Sequence[str], size: float = FONT_SIZE) -> float:
    """The width of the widest label."""
    return (
        max((TextPath((0, 0), label, size=size).get_extents().width for label in labels if label), default=0)
        / 72
    )


def mosaic_stack(
    blocks: Sequence[np.ndarray],
    labels: Sequence[str],
    *,
    top: float,
    above: float,
    below: float,
    bottom: float = 0.1,
) -> tuple[Figure, list[Axes]]:
    """A figure with mosaics under one another, each drawn on axes that fit it exactly; measures in inches.

    blocks are (R, C, H, W[, 3]) tiles. Row labels take what the widest of `labels` needs; `above` and `below`
    are kept free at every block, `top` and `bottom` once.
    """
    left = 0.14 + (label_inches(labels) + 0.12 if labels else 0.0)
    inner = WIDTH - left - 0.14
    heights = [inner * shape[0] / shape[1] for shape in (mosaic(block).shape for block in blocks)]
    total = top + bottom + sum(heights) + len(blocks) * (above + below)
    figure = plain_figure(WIDTH, total)
    ceiling, frames = total - top, []
    for block, height in zip(blocks, heights, strict=True):
        floor = ceiling - above - height
        axes = figure.add_axes((left / WIDTH, floor / total, inner / WIDTH, height / total))
        draw_mosaic(axes, block)
        frames.append(axes)
        ceiling = floor - below
    return figure, frames


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
    blocks = list(tiles.reshape(rows, 1, columns, *images.shape[1:]))
    with styled():
        below = 0.07 if labels is None else 0.3
        figure, frames = mosaic_stack(blocks, (), top=0.42, above=0.0, below=below, bottom=0.06)
        headline(figure, title if title is not None else words.text("gallery.title"))
        for row, axes in enumerate(frames if labels is not None else ()):
            texts = [class_title(label, words) for label in labels[row * columns :][:columns]]
            label_columns(axes, texts + [""] * (columns - len(texts)), top=False)
    return figure


def reconstruction_figure(
    rows: Mapping[str, np.ndarray],
    image_shape: Sequence[int],
    *,
    labels: Sequence[object] | None = None,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """Rows of images under one another, each named at its left: originals, then what is compared.

    `labels` are the classes of the columns, written over them.
    """
    words = speaks(language)
    tiles = np.stack([shaped(images, image_shape) for images in rows.values()])
    with styled():
        figure, (axes,) = mosaic_stack(
            [tiles], list(rows), top=0.4, above=0.0 if labels is None else 0.42, below=0.0
        )
        headline(figure, title if title is not None else words.text("reconstruction.title"))
        label_rows(axes, list(rows))
        if labels is not None:
            label_columns(axes, [str(label) for label in labels])
            axes.xaxis.set_label_position("top")
            axes.set_xlabel(words.text("axis.class_of_column"))
    return figure
