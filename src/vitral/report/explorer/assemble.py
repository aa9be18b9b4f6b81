"""The page put together: the template with its styles, scripts, strings and content, all inside one file.

`content` is the object of the page (docs/explorer.md says what it holds). The scripts are classic ones, because a
browser refuses ES modules from a file: the engine and then each folder in the order of its `order.txt`,
what that does not name following by name. `alone` is a whole page; `fragment` is what another page takes in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from string import Template
from typing import Any

from vitral.report.language import CODES, languages
from vitral.report.markup import Html, embedded_json, tag

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:"
)
FOLDERS = ("shell", "widgets")
NAMED = "// ---- "  # before the name of a file
BLOCK_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*$", re.M | re.S)


def alone(content: Mapping[str, Any]) -> str:
    """The explorer as a page of its own."""
    report = resources.files("vitral.report").joinpath("page", "style.css").read_text(encoding="utf-8")
    title = strings()["en"]["page.title"].format(data=content["data"]["name"])
    return Template(_text(_here().joinpath("shell", "template.html"))).substitute(
        policy=POLICY,
        title=tag("title", title),
        style=report + styles(),
        explorer=fragment(content),
    )


def fragment(content: Mapping[str, Any], *, level: int = 2, inside: bool = False) -> Html:
    """The place of the explorer and all it needs but its `styles`, to stand in a page of ours.

    `level` is that of its uppermost headings; `inside` another page it leaves title and language switch to that page.
    """
    return Html(
        Template(_text(_here().joinpath("shell", "fragment.html"))).substitute(
            level=level,
            inside=" data-inside" if inside else "",
            strings=embedded_json(strings()),
            content=embedded_json(content),
            engine=compact(engine_source()),
            script=compact(scripts()),
        )
    )


def styles() -> str:
    """The rules of the explorer, to follow those of the report's page."""
    return "".join(_text(path) for folder in FOLDERS for path in ordered(folder, ".css"))


def scripts() -> str:
    """The scripts of shell and widgets, one after the other, each below a comment with its name."""
    return "".join(
        f"{NAMED}{folder}/{path.name}\n{_text(path)}" for folder in FOLDERS for path in ordered(folder, ".js")
    )


def compact(script: str) -> str:
    """A script without its comments of whole lines and its indentation, which take a quarter of it.

    A page has a size to keep to; who wants to read finds the files in the repository, under the names that stay.
    """
    lines = BLOCK_COMMENT.sub("", script).splitlines()
    kept = (line.strip() for line in lines)
    return "\n".join(line for line in kept if line and (line.startswith(NAMED) or not line.startswith("//"))) + "\n"


def engine_source() -> str:
    """All of the engine as one script: an element of the page, or the Blob of a worker."""
    return "\n".join(_text(path) for path in ordered("engine", ".js"))


def ordered(folder: str, ending: str) -> list[Traversable]:
    """The files of a folder in the order in which the page takes them."""
    place = _here().joinpath(folder)
    if not place.is_dir():
        return []
    listed = place.joinpath("order.txt")
    first = _text(listed).split() if listed.is_file() else []
    names = sorted(path.name for path in place.iterdir())
    whole = [*first, *(name for name in names if name not in first)]
    return [place.joinpath(name) for name in whole if name.endswith(ending)]


def strings() -> dict[str, dict[str, str]]:
    """Every string of the page by language tag and key: the files of `strings/en` and `strings/pt` put together."""
    tags = {words.code: words.tag for words in languages()}
    return {tags[code]: _strings(_here().joinpath("strings", code)) for code in CODES}


def _strings(folder: Traversable) -> dict[str, str]:
    together: dict[str, str] = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        more = json.loads(_text(path))
        twice = together.keys() & more.keys()
        if twice:
            raise ValueError(f"{path}: {', '.join(sorted(twice))} already has a text in another file of {folder}")
        together.update(more)
    return together


def _here() -> Traversable:
    return resources.files("vitral.report.explorer")


def _text(path: Traversable) -> str:
    return path.read_text(encoding="utf-8")
