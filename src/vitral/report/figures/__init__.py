"""Figures of a run folder: `write_figures` writes every figure of the catalogue in both languages."""

from __future__ import annotations

from pathlib import Path

from vitral.report.catalogue import Planned, plan
from vitral.report.figures.draw import draw
from vitral.report.figures.export import save
from vitral.report.language import languages
from vitral.report.run_folder import RunFolder, read_run

__all__ = ["write_figures"]


def write_figures(run_folder: str | Path | RunFolder) -> list[Path]:
    """Write `figures/en/*` and `figures/pt/*` (SVG and PNG); without the figures whose arrays are missing."""
    run = run_folder if isinstance(run_folder, RunFolder) else read_run(run_folder)
    return [path for planned in plan(run) if not planned.missing for path in _write(run, planned)]


def _write(run: RunFolder, planned: Planned) -> list[Path]:
    paths: list[Path] = []
    for words in languages():
        paths += save(draw(run, planned, words), run.path / "figures" / words.code / planned.stem)
    return paths
