"""Maps of codes: a two-dimensional latent space itself, and flat views of a larger one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from vitral.report.figures.style import (
    CLASS_COLOURS,
    FAINT,
    INK,
    WIDTH,
    headline,
    new_figure,
    number_ticks,
    speaks,
    styled,
)
from vitral.report.geometry import RADII, prior_mass_within
from vitral.report.language import Language

GLYPHS_PER_CLASS = 24
HALO = [patheffects.withStroke(linewidth=2.6, foreground="white")]


def latent_map_figure(
    maps: Sequence[tuple[str, np.ndarray]],
    labels: np.ndarray | None = None,
    *,
    prior: Sequence[bool] | None = None,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """One map of two-dimensional codes, or several side by side, each on axes of equal units.

    maps: (name, (n, 2) codes) each. Where `prior` is true, circles hold 39, 86 and 99 % of a standard normal.
    """
    words = speaks(language)
    single = len(maps) == 1
    with styled():
        figure = new_figure(6.6 if single else WIDTH, 6.9 if single else 4.7)
        if title or not single:
            headline(figure, title if title is not None else words.text("map.beside"))
        for position, axes in enumerate(np.atleast_1d(figure.subplots(1, len(maps)))):
            name, codes = maps[position]
            scatter_codes(axes, codes, labels, size=5 if single else 3)
            shows_prior = prior is None or prior[position]
            _frame(axes, codes, at_least=3.6 if shows_prior else 0.0)
            if shows_prior:
                prior_circles(axes, words)
            axes.set_title(name)
            axes.set_xlabel(words.text("axis.latent", index=1))
            axes.set_ylabel(words.text("axis.latent", index=2))
            number_ticks(axes.xaxis, words)
            number_ticks(axes.yaxis, words)
        class_legend(figure, labels, words)
    return figure


def projection_figure(
    views: Sequence[tuple[str, np.ndarray, np.ndarray | None]],
    *,
    title: str,
    language: str | Language = "en",
) -> Figure:
    """Flat views of codes with more than two dimensions side by side.

    views: ("pca" or "tsne", (n, 2) points, labels or None) each.
    """
    words = speaks(language)
    with styled():
        figure = new_figure(WIDTH, 4.5)
        headline(figure, title)
        for axes, (kind, points, labels) in zip(
            np.atleast_1d(figure.subplots(1, len(views))), views, strict=True
        ):
            scatter_codes(axes, points, labels, size=3 if kind == "pca" else 5)
            _frame(axes, points, at_least=0.0)
            axes.set_title(words.text(f"{kind}.title", count=words.integer(len(points))))
            axes.set_xlabel(words.text(f"{kind}.axis", index=1))
            axes.set_ylabel(words.text(f"{kind}.axis", index=2))
            number_ticks(axes.xaxis, words)
            number_ticks(axes.yaxis, words)
        class_legend(figure, views[0][2], words)
    return figure


def scatter_codes(axes: Axes, codes: np.ndarray, labels: np.ndarray | None, *, size: float) -> None:
    """All codes as faint dots, some of each class as its glyph, a large glyph at the median of each class.

    The dots are drawn in the order of the rows, classes mixed: no class lies on top of the others. They are
    one raster picture in an SVG file.
    """
    codes = np.asarray(codes, float)
    axes.grid(visible=False)
    colours = FAINT if labels is None else to_rgba_array(CLASS_COLOURS)[class_numbers(labels)]
    axes.scatter(*codes.T, s=size, c=colours, alpha=0.4, linewidths=0, rasterized=True)
    if labels is None:
        return
    for label, colour in class_colours(labels):
        members = codes[np.asarray(labels) == label]
        some = members[:: max(1, len(members) // GLYPHS_PER_CLASS)][:GLYPHS_PER_CLASS]
        axes.scatter(*some.T, s=34, marker=glyph(label), c=colour, linewidths=0.3, rasterized=True)
    for label, colour in class_colours(labels):
        middle = np.median(codes[np.asarray(labels) == label], axis=0)
        axes.text(
            *middle, str(label), color=colour, fontsize=15, weight="bold", ha="center",
            va="center", path_effects=HALO, zorder=6,
        )  # fmt: skip


def class_numbers(labels: np.ndarray) -> np.ndarray:
    """The place of each row's class among the colours, (n,)."""
    return np.unique(labels, return_inverse=True)[1].ravel() % len(CLASS_COLOURS)


def class_colours(labels: np.ndarray) -> list[tuple[object, str]]:
    """Every class once, in order, with its colour."""
    return [(label, CLASS_COLOURS[n % len(CLASS_COLOURS)]) for n, label in enumerate(np.unique(labels))]


def glyph(label: object) -> str:
    """The first letter or digit of a label as a marker."""
    return f"$\\mathtt{{{str(label)[:1]}}}$" if str(label)[:1].isalnum() else "o"


def prior_circles(axes: Axes, words: Language) -> None:
    for radius in RADII:
        axes.add_patch(
            Circle((0, 0), radius, fill=False, color=INK, linewidth=1.1, linestyle=(0, (5, 2)), zorder=4)
        )
        text = words.text("map.circle", radius=radius, mass=words.percent(prior_mass_within(radius)))
        axes.text(
            radius * np.sqrt(0.5), -radius * np.sqrt(0.5), text, fontsize=8.5, ha="center", va="center",
            color=INK, zorder=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2},
        )  # fmt: skip


def _frame(axes: Axes, codes: np.ndarray, *, at_least: float) -> None:
    """Equal units on both axes, all codes inside, the circles of the prior too."""
    low, high = np.min(codes, axis=0), np.max(codes, axis=0)
    middle = np.zeros(2) if at_least else (low + high) / 2
    reach = max(at_least, float(np.max(np.abs(np.stack([low, high]) - middle))) * 1.04, 1e-6)
    axes.set_xlim(middle[0] - reach, middle[0] + reach)
    axes.set_ylim(middle[1] - reach, middle[1] + reach)
    axes.set_aspect("equal")


def class_legend(figure: Figure, labels: np.ndarray | None, words: Language) -> None:
    if labels is None:
        return
    handles = [
        Line2D([], [], linestyle="none", marker=glyph(label), color=colour, markersize=8, label=str(label))
        for label, colour in class_colours(labels)
    ]
    figure.legend(
        handles=handles, title=words.text("map.classes"), loc="outside lower center",
        ncols=min(10, len(handles)),
        handletextpad=0.0, columnspacing=1.0,
    )  # fmt: skip
