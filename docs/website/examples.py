"""The Python of the lessons, run: ``python -m docs.website.examples`` writes under every block what it printed."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n(?P<output>.*?)```", re.S)


def lessons() -> list[Path]:
    """The pages whose code is run, in English; each Portuguese twin shows the same code and the same output."""
    return [DOCS / "start.md", *sorted(path for path in (DOCS / "understand").glob("*.md") if ".pt." not in path.name)]


def twin(path: Path) -> Path:
    return path.with_name(path.name.replace(".md", ".pt.md"))


def outputs(text: str, name: str) -> list[str]:
    """What each block of a page prints; later blocks know the names of the earlier ones."""
    known: dict[str, Any] = {}
    printed = []
    for example in EXAMPLE.finditer(text):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(example["code"], name, "exec"), known)
        printed.append(said.getvalue())
    return printed


def with_outputs(text: str, printed: list[str]) -> str:
    """The page with these outputs, in order."""
    rest = iter(printed)
    return EXAMPLE.sub(lambda example: f"```python\n{example['code']}```\n\n```text\n{next(rest)}```", text)


def main() -> None:
    for path in lessons():
        printed = outputs(path.read_text(encoding="utf-8"), path.name)
        for page in (path, twin(path)):
            page.write_text(with_outputs(page.read_text(encoding="utf-8"), printed), encoding="utf-8")


if __name__ == "__main__":
    main()
