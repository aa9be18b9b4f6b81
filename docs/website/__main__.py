"""Builds the site: ``python -m docs.website`` writes both languages into site/, to be opened without a server."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from docs.website import cards, staging


def build(output: Path) -> None:
    """Strict: a dead link, a page that no one can reach or a card that points nowhere ends it with exit code 1."""
    if wrong := cards.problems():
        raise SystemExit("\n".join(["The cards of the equations point nowhere:", *wrong]))
    with tempfile.TemporaryDirectory() as work:
        settings = {language: staging.stage(language, Path(work) / language) for language in staging.LANGUAGES}
        _generate(list(settings.values()))
        shutil.rmtree(output, ignore_errors=True)
        for language, path in settings.items():
            shutil.copytree(path.parent / "site", output if language == "en" else output / language)


def _generate(settings: list[Path]) -> None:
    """The generator is a program of its own; any other that reads mkdocs.yml could stand here."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file"]

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, str(path)], capture_output=True, text=True, encoding="utf-8", check=False)

    with ThreadPoolExecutor() as side_by_side:
        for done in side_by_side.map(run, settings):
            if done.returncode:
                raise SystemExit(f"{done.stdout}{done.stderr}\nThe site was not built.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.website", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("site"), help="folder to write (default: site)")
    output = parser.parse_args().output
    build(output)
    print(output / "index.html")


if __name__ == "__main__":
    main()
