"""The two languages of the report: strings from one file each, and numbers as each language writes them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable

CODES = ("en", "pt")
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
_TAGS = {"en": "en", "pt": "pt-BR"}
_SWAP = str.maketrans({",": ".", ".": ","})
_INLINE = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*(.+?)\*"), r"<em>\1</em>"),
    (re.compile(r"`(.+?)`"), r"<code>\1</code>"),
)


@dataclass(frozen=True)
class Language:
    """One language: its strings, and its way to write numbers.

    `text` gives plain text (figures, alternative texts); `markup` gives HTML in which every value is escaped
    and `*emphasis*`, `**strong**` and `` `code` `` of the strings file become elements.
    """

    code: str
    tag: str
    strings: Mapping[str, str]

    def text(self, key: str, **values: object) -> str:
        return self.strings[key].format_map(values)

    def markup(self, key: str, **values: object) -> str:
        source = escape(self.strings[key], quote=False)
        for pattern, replacement in _INLINE:
            source = pattern.sub(replacement, source)
        return source.format_map({name: escape(str(value)) for name, value in values.items()})

    def number(self, value: float | None, digits: int = 2, *, signed: bool = False) -> str:
        """`1234.5` is 1,234.50 in English, 1.234,50 in Portuguese; a true minus sign; a dash for nothing."""
        if value is None or not math.isfinite(value):
            return self.strings["number.none"]
        written = f"{abs(value):,.{digits}f}"
        if self.code == "pt":
            written = written.translate(_SWAP)
        is_zero = not any(character in "123456789" for character in written)
        sign = MINUS if value < 0 and not is_zero else "+" if signed and not is_zero else ""
        return sign + written

    def integer(self, value: float | None) -> str:
        return self.number(value, 0)

    def percent(self, share: float | None, digits: int = 0) -> str:
        if share is None:
            return self.strings["number.none"]
        return self.number(100 * share, digits) + "%"

    def plain(self, value: float | None, significant: int = 4) -> str:
        """A setting (a rate, a variance) in the fewest digits that say it, never in thousands groups."""
        if value is None:
            return self.strings["number.none"]
        written = f"{abs(value):.{significant}g}"
        written = written.replace(".", ",") if self.code == "pt" else written
        return (MINUS if value < 0 else "") + written.replace("e-0", "e-").replace("e-", f"e{MINUS}")

    def measured(self, value: float | None, error: float | None, *, signed: bool = False) -> str:
        """`value ± error`, with the error in two significant digits and the value in as many decimals."""
        if value is None:
            return self.strings["number.none"]
        if error is None or not math.isfinite(error) or error <= 0:
            return self.number(value, 2, signed=signed)
        digits = min(4, max(0, 1 - math.floor(math.log10(error))))
        return f"{self.number(value, digits, signed=signed)}{NBSP}±{NBSP}{self.number(error, digits)}"

    def duration(self, seconds: float | None) -> str:
        if seconds is None:
            return self.strings["number.none"]
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes else f"{self.number(seconds, 1)} s"

    def listed(self, items: Sequence[str]) -> str:
        """a, b and c"""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self.strings['list.and']} {items[-1]}"


@cache
def language(code: str) -> Language:
    """The language of the code `en` or `pt`."""
    strings: dict[str, str] = {}
    for source in string_files(code):
        strings |= json.loads(source.read_text(encoding="utf-8"))
    return Language(code, _TAGS[code], strings)


def string_files(code: str) -> list[Traversable]:
    """The strings of a language: one file, and further ones in a folder of its name for parts that have many."""
    folder = resources.files("vitral.report").joinpath("strings")
    parts = sorted(folder.joinpath(code).iterdir(), key=lambda file: file.name)
    return [folder.joinpath(f"{code}.json"), *(file for file in parts if file.name.endswith(".json"))]


def languages() -> tuple[Language, ...]:
    return tuple(language(code) for code in CODES)
