"""Figures of the lessons, in both languages: ``python -m docs.website.figures RUN``, of a run of the default recipe."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
FOLDER = DOCS / "figures" / "lessons"


def named() -> set[str]:
    """The figures that the pages show, as `language/name.svg`."""
    return {
        name
        for path in sorted(DOCS.rglob("*.md"))
        for name in re.findall(r"\(\S*figures/lessons/(\S+?)\)", path.read_text(encoding="utf-8"))
    }


def take(run: Path) -> None:
    """Copies the figures that the pages show, and no other."""
    for name in sorted(named()):
        place = FOLDER / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / "figures" / name, place)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
