"""Figures of a run folder: `write_figures` writes every figure of the catalogue in both languages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vitral.report.catalogue import plan
from vitral.report.figures.draw import draw
from vitral.report.figures.export import save
from vitral.report.language import Language, languages
from vitral.report.run_folder import RunFolder, read_run

__all__ = ["write_figures", "write_language"]


def write_figures(run_folder: str | Path | RunFolder) -> list[Path]:
    """Write `figures/en/*` and `figures/pt/*` (SVG and PNG); without the figures whose arrays are missing.

    Matplotlib draws on one core, so every language but the first is drawn by a process of its own; a process
    that fails is made up for here, where its error can be seen.
    """
    run = run_folder if isinstance(run_folder, RunFolder) else read_run(run_folder)
    here, *others = languages()
    processes = [(words, _start(run, words)) for words in others]
    try:
        written = write_language(run, here)
        for words, process in processes:
            process.communicate()
            written += _paths(run, words) if process.returncode == 0 else write_language(run, words)
    finally:
        for _, process in processes:
            process.kill()  # only where something stopped this one early; a finished process is left as it is
    return written


def write_language(run: RunFolder, words: Language) -> list[Path]:
    """Write the figures of one language."""
    folder = run.path / "figures" / words.code
    planned = [figure for figure in plan(run) if not figure.missing]
    return [path for figure in planned for path in save(draw(run, figure, words), folder / figure.stem)]


def _start(run: RunFolder, words: Language) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vitral.report.figures", str(run.path), words.code]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _paths(run: RunFolder, words: Language) -> list[Path]:
    folder = run.path / "figures" / words.code
    stems = [figure.stem for figure in plan(run) if not figure.missing]
    return [folder / f"{stem}{ending}" for stem in stems for ending in (".svg", ".png")]
