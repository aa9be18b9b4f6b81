"""Where the KL goes: every latent dimension of every model, location and width apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vitral.report.figures.style import (
    FAINT,
    LOCATION,
    WIDTH,
    WIDTH_PART,
    headline,
    new_figure,
    number_ticks,
    speaks,
    styled,
)
from vitral.report.language import Language

COLUMNS = 3  # panels in a row


@dataclass(frozen=True)
class Dimensions:
    """KL of every latent dimension of one model, in nats per image.

    location μ²/2 and width (σ² - 1 - log σ²)/2, each a mean over images.
    """

    label: str
    location: Sequence[float]
    width: Sequence[float]
    active: int | None = None


def kl_figure(
    models: Sequence[Dimensions],
    *,
    title: str | None = None,
    language: str | Language = "en",
) -> Figure:
    """One panel a model, dimensions sorted by their KL, all panels on one scale of nats; at most three in a row."""
    words = speaks(language)
    rows, columns = -(-len(models) // COLUMNS), min(len(models), COLUMNS)
    with styled():
        figure = new_figure(WIDTH, 3.4 if rows == 1 else 2.2 * rows + 1.0)
        headline(figure, title if title is not None else words.text("kl.title"))
        widths = [max(3.0, len(model.location) ** 0.8) for model in models] if rows == 1 else None
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False, width_ratios=widths)
        panels = list(grid.flat)
        for axes in panels[len(models) :]:
            axes.remove()
        for axes, model in zip(panels, models, strict=False):
            _bars(axes, model, words)
            axes.set_title(model.label)
            if model.active is not None:
                _count_active(axes, model, words)
        for axes in grid[:, 0]:
            axes.set_ylabel(words.text("axis.nats"))
            number_ticks(axes.yaxis, words)
        panels[0].margins(y=0.22)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _count_active(axes: Axes, model: Dimensions, words: Language) -> None:
    text = words.text("kl.active", active=model.active, total=len(model.location))
    axes.annotate(
        text, (0.98, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize=8.5, color=FAINT
    )


def _bars(axes: Axes, model: Dimensions, words: Language) -> None:
    location, width = np.asarray(model.location, float), np.asarray(model.width, float)
    order = np.argsort(-(location + width), kind="stable")
    places = np.arange(1, len(order) + 1)
    axes.bar(places, location[order], color=LOCATION, label=words.text("kl.location"), width=0.78)
    axes.bar(
        places, width[order], bottom=location[order], color=WIDTH_PART, hatch="////", edgecolor="white",
        linewidth=0, label=words.text("kl.width"), width=0.78,
    )  # fmt: skip
    axes.set_xlabel(words.text("axis.sorted_dimension"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    axes.set_xlim(0.4, max(2, len(order)) + 0.6)
    axes.grid(visible=False, axis="x")
