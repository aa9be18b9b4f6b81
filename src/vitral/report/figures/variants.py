"""Models beside one another: differences to the first one, paired by image, and the plane of rate and distortion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vitral.report.estimates import LIMIT
from vitral.report.figures.style import (
    FAINT,
    MARKERS,
    RULE,
    SERIES,
    WIDTH,
    headline,
    new_figure,
    number_ticks,
    speaks,
    styled,
)
from vitral.report.language import Language

LOOKS = {"log_px_hat": {"fill": True, "shift": -0.16}, "elbo": {"fill": False, "shift": 0.16}}


@dataclass(frozen=True)
class Row:
    """One model: differences to the first one in nats, each with its standard error; (None, None) for the first."""

    label: str
    log_px_hat: tuple[float | None, float | None] = (None, None)
    elbo: tuple[float | None, float | None] = (None, None)
    first: bool = False


@dataclass(frozen=True)
class Spot:
    """One model in the plane: its rate and its distortion, in nats per image."""

    label: str
    rate: float
    distortion: float


def variants_figure(
    panels: Sequence[tuple[str, Sequence[Row]]],
    *,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """One panel for every scale of likelihoods, one row a model: its difference to the first, ± 2 standard errors."""
    words = speaks(language)
    with styled():
        counts = [len(rows) for _, rows in panels]
        figure = new_figure(WIDTH, sum(0.34 * count + 0.75 for count in counts) + 0.75)
        headline(figure, title if title is not None else words.text("variants.title"))
        heights = [count + 2 for count in counts]
        frames = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (heading, rows) in zip(frames, panels, strict=True):
            _differences(axes, rows, words)
            if len(panels) > 1:
                axes.set_title(heading)
        handles, labels = frames[0].get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=2)
    return figure


def _differences(axes: Axes, rows: Sequence[Row], words: Language) -> None:
    axes.axvline(0.0, color=FAINT, linewidth=1.1)
    for place, row in enumerate(rows):
        axes.axhline(place, color=RULE, linewidth=0.8, zorder=0)
        for key, look in LOOKS.items():
            value, error = (0.0, None) if row.first else getattr(row, key)
            if value is not None:
                _mark(axes, place, value, error, key, look, words)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.16)
    axes.set_xlabel(words.text("axis.difference", first=next((row.label for row in rows if row.first), "")))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, min_n_ticks=2))
    number_ticks(axes.xaxis, words)


def _mark(
    axes: Axes, place: int, value: float, error: float | None, key: str, look: dict[str, Any], words: Language
) -> None:
    """A dot with a bar of two standard errors; filled for log p(x), open for the ELBO."""
    colour = SERIES[0] if look["fill"] else SERIES[1]
    axes.errorbar(
        value, place + look["shift"], xerr=None if error is None else LIMIT * error, fmt="o", color=colour,
        mfc=colour if look["fill"] else "white", mec=colour, capsize=3, elinewidth=1.2, markersize=5.5,
        label=words.text(f"variants.{key}"),
    )  # fmt: skip


def rate_distortion_figure(
    spots: Sequence[Spot],
    *,
    joined: bool = False,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """Rate to the right, distortion upwards; on a dotted line the ELBO is the same. ``joined`` draws the curve."""
    words = speaks(language)
    rates, distortions = (np.array([getattr(spot, key) for spot in spots]) for key in ("rate", "distortion"))
    with styled():
        figure = new_figure(WIDTH, 4.3)
        axes = figure.subplots()
        axes.set_title(title if title is not None else words.text("rate_distortion.title"))
        if joined:
            order = np.argsort(rates)
            axes.plot(rates[order], distortions[order], color=FAINT, linewidth=1.1, zorder=1)
        for index, spot in enumerate(spots):
            colour, turn = SERIES[index % len(SERIES)], index // len(SERIES)
            marker = MARKERS[(index + turn) % len(MARKERS)]  # the same colour comes back with another glyph
            axes.plot(spot.rate, spot.distortion, marker, color=colour, markersize=7, label=spot.label)
        axes.margins(x=0.2, y=0.12)
        _lines_of_equal_elbo(axes, words)
        axes.set_xlabel(words.text("axis.rate"))
        axes.set_ylabel(words.text("axis.distortion"))
        for axis in (axes.xaxis, axes.yaxis):
            number_ticks(axis, words)
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def _lines_of_equal_elbo(axes: Axes, words: Language) -> None:
    """A few dotted lines rate + distortion = -ELBO across the plane, with the ELBO beside an end of each."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    axes.set_autoscale_on(False)
    for level in MaxNLocator(nbins=6).tick_values(left + low, right + high):
        ends = [(x, level - x) for x in (left, right) if low <= level - x <= high]
        ends += [(level - y, y) for y in (low, high) if left < level - y < right]
        if len(ends) < 2:
            continue
        (x0, y0), (x1, y1) = sorted(ends)[0], sorted(ends)[-1]
        axes.plot([x0, x1], [y0, y1], color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
        point, look = _beside_the_line((x0, y0), (x1, y1), left, right)
        text = words.text("rate_distortion.elbo", value=words.number(-level, 0))
        axes.annotate(text, point, textcoords="offset points", fontsize=8, color=FAINT, clip_on=True, **look)


def _beside_the_line(
    start: tuple[float, float], end: tuple[float, float], left: float, right: float
) -> tuple[tuple[float, float], dict[str, Any]]:
    """Where a falling line leaves room for its label: under its right end, over its left end, or right of its top."""
    if end[0] == right:
        return end, {"xytext": (-3, -4), "ha": "right", "va": "top"}
    if start[0] == left:
        return start, {"xytext": (4, 2), "ha": "left", "va": "bottom"}
    return start, {"xytext": (6, -3), "ha": "left", "va": "top"}
