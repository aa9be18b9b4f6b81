"""HTML in small pieces: every value is escaped here, so that no caller has to remember to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape, unescape
from typing import Any


class Html(str):
    """Text that is HTML already; a plain `str` given to a function of this module is escaped."""

    __slots__ = ()


def piece(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value))


def join(parts: Iterable[object]) -> Html:
    return Html("\n".join(piece(part) for part in parts))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """`tag("p", "a < b", class_="lead")`; a trailing underscore keeps Python's keywords out of the way."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>{''.join(piece(child) for child in children)}</{name}>")


def paragraph(text: object, class_: str | None = None) -> Html:
    return tag("p", text, class_=class_)


def bullets(items: Iterable[object], class_: str | None = None) -> Html:
    return tag("ul", *(tag("li", item) for item in items), class_=class_)


def definitions(pairs: Iterable[tuple[object, object]], class_: str) -> Html:
    return tag("dl", *(tag("div", tag("dt", term), tag("dd", text)) for term, text in pairs), class_=class_)


def table(
    caption: object, headers: Sequence[object], rows: Iterable[Sequence[object]], *, class_: str | None = None
) -> Html:
    """A table whose first column heads its rows; it scrolls sideways inside its own frame when narrow.

    Every cell carries the name of its column, so that a narrow screen can show rows as blocks.
    """
    head = tag("thead", tag("tr", *(tag("th", header, scope="col") for header in headers)))
    names = [plain(header) for header in headers]
    lines = (
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, data_label=name) for name, cell in zip(names[1:], row[1:], strict=True)),
        )
        for row in rows
    )
    whole = tag("table", tag("caption", tag("span", caption)), head, tag("tbody", *lines), class_=class_)
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=plain(caption))


def details(summary: object, *children: object) -> Html:
    return tag("details", tag("summary", summary), *children)


def plain(text: object) -> str:
    """The words of a caption without its elements, for an attribute."""
    return unescape(re.sub(r"<[^>]+>", "", text)) if isinstance(text, Html) else str(text)


def embedded_json(value: Any) -> Html:
    """JSON for a script element: no `<`, `>` or `&` is left that could end it, and no line separator."""
    written = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return Html(written)
