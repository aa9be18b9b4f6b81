"""Measured numbers of several models on one axis, with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vitral.report.figures.style import (
    FAINT,
    INK,
    MARKERS,
    SERIES,
    WIDTH,
    headline,
    new_figure,
    number_ticks,
    speaks,
    styled,
)
from vitral.report.language import Language


@dataclass(frozen=True)
class Point:
    """One row: its label, value, error (standard error), values of the single seeds, and kind of look."""

    label: str
    value: float
    error: float | None = None
    seeds: Sequence[float] = field(default_factory=tuple)
    look: int | None = None  # None for a baseline


def scores_figure(
    panels: Sequence[tuple[str, str, Sequence[Point]]],
    *,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """Panels under one another: (title, axis label, points). One row a point, its value written beside it."""
    words = speaks(language)
    rows = [len(points) for *_, points in panels]
    with styled():
        figure = new_figure(WIDTH, sum(0.29 * count + 0.85 for count in rows) + 0.3)
        headline(figure, title if title is not None else words.text("scores.title"))
        frames = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[count + 2 for count in rows])[
            :, 0
        ]
        for axes, (heading, unit, points) in zip(frames, panels, strict=True):
            for place, point in enumerate(points):
                _row(axes, place, point, words)
            axes.set_yticks(range(len(points)), [point.label for point in points])
            axes.set_ylim(len(points) - 0.4, -0.6)
            axes.grid(visible=False, axis="y")
            _leave_room(axes, points)
            axes.set_title(heading)
            axes.set_xlabel(unit)
            number_ticks(axes.xaxis, words)
    return figure


def _row(axes: Axes, place: int, point: Point, words: Language) -> None:
    colour = FAINT if point.look is None else SERIES[point.look % len(SERIES)]
    marker = "|" if point.look is None else MARKERS[point.look % len(MARKERS)]
    axes.axhline(place, color="#eceff3", linewidth=0.8, zorder=0)
    if point.seeds:
        axes.plot(
            point.seeds,
            [place] * len(point.seeds),
            "o",
            mfc="none",
            mec=colour,
            markersize=8,
            mew=0.8,
            alpha=0.8,
        )
    axes.errorbar(
        point.value, place, xerr=point.error, fmt=marker, color=colour, capsize=3, elinewidth=1.2,
        markersize=11 if point.look is None else 5.5, mew=2.2 if point.look is None else 1.0,
    )  # fmt: skip
    axes.annotate(
        words.measured(point.value, point.error), (_right_end(point), place), xytext=(9, 0),
        textcoords="offset points", va="center", fontsize=8.5, color=INK,
    )  # fmt: skip


def _right_end(point: Point) -> float:
    return max(point.value + (point.error or 0.0), *point.seeds, point.value)


def _leave_room(axes: Axes, points: Sequence[Point]) -> None:
    """Limits that hold every mark, and the written value of the rightmost one."""
    right = max(_right_end(point) for point in points)
    left = min(min(point.value - (point.error or 0.0), *point.seeds, point.value) for point in points)
    span = (right - left) or abs(right) or 1.0
    axes.set_xlim(left - 0.06 * span, right + 0.26 * span)
