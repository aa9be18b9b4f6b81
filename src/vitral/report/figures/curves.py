"""Curves over the epochs: the terms of the loss of one model, and the models beside one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vitral.report.estimates import reconstruction_term
from vitral.report.figures.style import (
    FAINT,
    MARKERS,
    SERIES,
    WIDTH,
    epoch_axis,
    headline,
    new_figure,
    number_ticks,
    speaks,
    styled,
)
from vitral.report.language import Language

Record = Mapping[str, Any]
Pick = Callable[[Record], float | None]
SPLITS = ("train", "validation")
SPLIT_LOOKS = {
    "train": {"color": SERIES[1], "marker": "s", "ls": "--"},
    "validation": {"color": SERIES[0], "marker": "o"},
}


@dataclass(frozen=True)
class Track:
    """The progress of one model: its label, its records of every epoch, and those of its further seeds."""

    label: str
    records: Sequence[Record]
    loss_constant: float = 0.0
    further_seeds: Sequence[Sequence[Record]] = ()


def loss_figure(
    track: Track,
    *,
    baselines: Mapping[str, float] | None = None,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """Total, reconstruction term, KL and squared error of one model, each on its own axes.

    Training rows and validation rows are measured by the same function after the same epoch. Epoch 0, before
    training, is told as a number: on the axes it would flatten everything else. A model without KL shows
    total and squared error. `baselines` are horizontal lines on the axes of the squared error.
    """
    words = speaks(language)
    panels = _panels(track)
    with styled():
        figure = new_figure(WIDTH, 5.0 if len(panels) > 2 else 2.9)
        headline(figure, title if title is not None else words.text("loss.title", model=track.label))
        grid = figure.subplots(len(panels) // 2, 2, squeeze=False)
        for axes, (key, pick) in zip(grid.flat, panels, strict=True):
            _two_splits(axes, track, pick, words)
            axes.set_title(words.text(f"loss.{key}"))
            axes.set_ylabel(words.text("axis.squared_error" if key == "sse" else "axis.nats"))
        for name, value in (baselines or {}).items():
            _baseline(grid.flat[-1], name, value, under=value == max(baselines.values()))
        grid.flat[0].legend(loc="best")
    return figure


def _panels(track: Track) -> list[tuple[str, Pick]]:
    def reconstruction(terms: Record) -> float | None:
        return reconstruction_term(dict(terms), track.loss_constant)

    last = track.records[-1]["validation"]
    total: list[tuple[str, Pick]] = [("total", lambda terms: terms.get("loss"))]
    if last.get("kl") is not None:
        total += [("reconstruction", reconstruction), ("kl", lambda terms: terms.get("kl"))]
    return [*total, ("sse", lambda terms: terms.get("sse"))]


def _two_splits(axes: Axes, track: Track, pick: Pick, words: Language) -> None:
    for records in track.further_seeds:
        epochs, values = _series(records, "validation", pick)
        axes.plot(epochs, values, color=SERIES[0], alpha=0.35, linewidth=0.9)
    before = []
    for split in SPLITS:
        epochs, values = _series(track.records, split, pick)
        axes.plot(epochs, values, label=words.text(f"split.{split}"), **SPLIT_LOOKS[split])
        before += [
            pick(record[split]) for record in track.records if record["epoch"] == 0 and record.get(split)
        ]
    if before and before[-1] is not None:
        text = words.text("loss.before", value=words.number(before[-1], 1))
        axes.set_title(text, loc="right", fontsize=8.5, weight="normal", color=FAINT)
    epoch_axis(axes, words)
    number_ticks(axes.yaxis, words)


def _series(records: Sequence[Record], split: str, pick: Pick) -> tuple[list[int], list[float]]:
    """Epochs from 1 on and the values there; a record that lacks the value is left out."""
    found = [
        (record["epoch"], pick(record[split])) for record in records if record["epoch"] and record.get(split)
    ]
    found = [(epoch, value) for epoch, value in found if value is not None]
    return [epoch for epoch, _ in found], [value for _, value in found]


def _baseline(axes: Axes, name: str, value: float, *, under: bool = False) -> None:
    """A dashed line with its name above it, or ``under`` it where the top of the panel has its own words."""
    axes.axhline(value, color=FAINT, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.annotate(
        name, (0.99, value), xycoords=("axes fraction", "data"),
        xytext=(0, -2 if under else 2), textcoords="offset points", ha="right",
        va="top" if under else "bottom", fontsize=8.5, color=FAINT,
    )  # fmt: skip


def validation_figure(
    tracks: Sequence[Track],
    *,
    baselines: Mapping[str, float] | None = None,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """The validation curves of several models on one pair of axes: -ELBO, and squared error with baselines.

    -ELBO includes the constant of the likelihood, so that models of one likelihood compare.
    """
    words = speaks(language)
    with styled():
        figure = new_figure(WIDTH, 3.5)
        headline(figure, title if title is not None else words.text("validation.title"))
        left, right = figure.subplots(1, 2)
        for position, track in enumerate(tracks):
            look = {"color": SERIES[position % len(SERIES)], "marker": MARKERS[position % len(MARKERS)]}
            _validation_curve(left, track, _negative_elbo, look)
            _validation_curve(right, track, lambda terms: terms.get("sse"), look)
        for name, value in (baselines or {}).items():
            _baseline(right, name, value)
        for axes, key, unit in ((left, "elbo", "nats"), (right, "sse", "squared_error")):
            axes.set_title(words.text(f"validation.{key}"))
            axes.set_ylabel(words.text(f"axis.{unit}"))
            epoch_axis(axes, words)
            number_ticks(axes.yaxis, words)
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
    return figure


def _negative_elbo(terms: Record) -> float | None:
    return None if terms.get("elbo") is None else -terms["elbo"]


def _validation_curve(axes: Axes, track: Track, pick: Pick, look: Mapping[str, Any]) -> None:
    epochs, values = _series(track.records, "validation", pick)
    if values:
        axes.plot(epochs, values, label=track.label, **look)
    for records in track.further_seeds:
        axes.plot(*_series(records, "validation", pick), color=look["color"], alpha=0.35, linewidth=0.9)
