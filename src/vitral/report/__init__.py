"""From a run folder to figures and one self-contained page: reads a run folder, trains nothing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "build_report": "vitral.report.page",
    "write_figures": "vitral.report.figures",
    "image_gallery": "vitral.report.figures.images",
    "reconstruction_figure": "vitral.report.figures.images",
    "latent_grid_figure": "vitral.report.figures.grid",
    "interpolation_figure": "vitral.report.figures.interpolation",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 (a sorted list of the table's names)


def __getattr__(name: str) -> Any:
    """Load a public name on first use: matplotlib is imported only by what draws."""
    if name not in _HOME:
        raise AttributeError(f"module 'vitral.report' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
