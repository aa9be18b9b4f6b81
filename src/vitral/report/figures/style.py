"""The look of every figure: sizes, colours that stay apart for colour-blind eyes, numbers per language.

No global state: figures are drawn and saved inside `styled()`, which sets matplotlib's parameters there only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vitral.report.language import MINUS, Language, language

WIDTH = 7.4  # inches; a column of the page
FONT_SIZE = 9.5
INK, FAINT, RULE = "#1d2733", "#5b6675", "#d5dae1"

# Searched for: at least 20 apart in CIELAB, also as protanopes and deuteranopes see them, 2.6:1 on white.
CLASS_COLOURS = (
    "#332288", "#2e9cd7", "#26af9c", "#107519", "#94a55a",
    "#c4961a", "#ec4477", "#5f133e", "#aa429a", "#525f48",
)  # fmt: skip

# Okabe and Ito, without the yellow that white paper swallows.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#9a4d86", "#b07d00", "#3f8fc4")
MARKERS = ("o", "s", "D", "^", "v", "P")
LOCATION, WIDTH_PART = "#0072b2", "#e0a030"

PARAMETERS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "vitral",
    "image.composite_image": False,
}


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's own defaults plus `PARAMETERS`, whatever the caller has set, and only inside the block."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(PARAMETERS)
        yield


def new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.06, hspace=0.04, wspace=0.04)
    return figure


def plain_figure(width: float, height: float) -> Figure:
    """A figure whose axes are placed by hand."""
    return Figure(figsize=(width, height))


def headline(figure: Figure, text: str) -> None:
    """The title of a figure of several axes, at its left edge like the titles of single axes."""
    place: dict[str, Any] = {"x": 0.14 / figure.get_figwidth(), "ha": "left"}
    if figure.get_layout_engine() is None:  # a layout engine makes room only for a title that it may place
        place |= {"y": 1 - 0.09 / figure.get_figheight(), "va": "top"}
    figure.suptitle(text, fontsize=10.5, weight="bold", **place)


def speaks(code: str | Language) -> Language:
    return code if isinstance(code, Language) else language(code)


def number_ticks(axis: Any, words: Language) -> None:
    """Tick labels as the language writes numbers: decimal comma in Portuguese, a true minus in both."""
    plain = ticker.ScalarFormatter(useOffset=False, useMathText=False)
    plain.set_scientific(False)
    axis.set_major_formatter(_Localised(plain, words))


class _Localised(ticker.Formatter):
    def __init__(self, inner: ticker.ScalarFormatter, words: Language) -> None:
        self.inner, self.words = inner, words

    def set_locs(self, locations: Any) -> None:
        self.inner.axis = self.axis
        self.inner.set_locs(locations)

    def __call__(self, value: float, position: int | None = None) -> str:
        written = self.inner(value, position).replace("-", MINUS)
        return written.replace(".", ",") if self.words.code == "pt" else written


def epoch_axis(axes: Axes, words: Language) -> None:
    axes.set_xlabel(words.text("axis.epoch"))
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    number_ticks(axes.xaxis, words)


def quiet_frame(axes: Axes) -> None:
    """No grid, no spines, no tick marks; labels stay."""
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
