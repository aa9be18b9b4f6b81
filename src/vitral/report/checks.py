"""Checks in either language: their names, units, verdicts, and what they noted beside their numbers.

A check is plain data, as ``metrics.json`` and ``vitral check --json`` hold it, with its note in English. A note is
said in another language by the template that it was made from: the strings ``note.*`` and ``reason.*`` are the same
sentences in both languages, so that the English one finds the values and the other one takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from string import Formatter
from typing import Any

from vitral.report.language import Language, language

Item = Mapping[str, Any]

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_SWAP = str.maketrans({",": ".", ".": ","})


def check_name(item: Item, words: Language) -> str:
    """The name in the language where the strings know the check, else as the check says it."""
    return words.strings.get(f"check_name.{item.get('name')}", str(item.get("name") or ""))


def unit_name(item: Item, words: Language) -> str:
    return words.strings.get(f"unit.{item.get('unit')}", str(item.get("unit") or ""))


def result(item: Item, words: Language) -> str:
    """Passed or failed; where nothing can fail, whether the check informs or does not apply."""
    if item.get("passed") is None:
        return words.text("check.not_applicable" if item.get("measured") is None else "check.information")
    return words.text("check.passed" if item["passed"] else "check.failed")


def note(item: Item, words: Language) -> str:
    """What a check noted, in the language; as it stands where no template fits."""
    return said(str(item.get("note") or ""), words)


def said(text: str, words: Language) -> str:
    """A word, a number, a sum of named numbers or a sentence with values in it, in the language."""
    if words.code == "en" or not text:
        return text
    if f"word.{text}" in words.strings:
        return words.strings[f"word.{text}"]
    for key, pattern in _templates():
        found = pattern.fullmatch(text)
        if found:
            values = {name: said(value, words) for name, value in found.groupdict().items()}
            return words.strings[key].format_map(values)
    if " + " in text:
        return " + ".join(_named_number(part, words) for part in text.split(" + "))
    return _numbers(text)


def _named_number(part: str, words: Language) -> str:
    """`weighted KL 10.5` in the language."""
    name, _, number = part.rpartition(" ")
    return f"{said(name, words)} {_numbers(number)}"


def _numbers(text: str) -> str:
    """Every number of a text with a decimal comma; a list of such numbers parted by semicolons."""
    parts = [_NUMBER.sub(lambda found: found[0].translate(_SWAP), part) for part in text.split(", ")]
    return ("; " if any("," in part for part in parts) else ", ").join(parts)


@cache
def _templates() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The English sentences as patterns, those with the most words of their own first."""
    strings = language("en").strings
    keys = [key for key in strings if key.startswith(("note.", "reason."))]
    keys.sort(key=lambda key: -sum(len(piece) for piece, _ in _pieces(strings[key])))
    return tuple((key, re.compile("".join(_patterns(strings[key])), re.DOTALL)) for key in keys)


def _pieces(template: str) -> Iterator[tuple[str, str | None]]:
    return ((literal, name) for literal, name, _, _ in Formatter().parse(template))


def _patterns(template: str) -> Iterator[str]:
    for literal, name in _pieces(template):
        yield re.escape(literal)
        if name is not None:
            yield f"(?P<{name}>.+?)"
