"""The certificate as text and as a page to hand in, in both languages, from what the checks computed.

A document is what ``vitral check --json`` prints: the checks, and on which model, data, seed and versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vitral.report import checks
from vitral.report.language import Language
from vitral.report.markup import Html, definitions, details, join, table, tag
from vitral.report.single import html, single_page

Document = Mapping[str, Any]

FACTS = ("model", "digest", "architecture", "objective", "data", "rows", "seed", "date", "versions", "machine")
LIMITS = range(1, 6)


def lines(document: Document, words: Language) -> Iterator[str]:
    """The certificate as text, a check a line with its note beneath."""
    for item in document["checks"]:
        key = {True: "passed", False: "failed", None: "none"}[item["passed"]]
        measured = "" if item["measured"] is None else words.plain(item["measured"], 3)
        bound = ""
        if item["bound"] is not None:
            unit = checks.unit_name(item, words)
            bound = f"({words.text('certificate.bound', bound=words.plain(item['bound'], 3), unit=unit)})"
        verdict = words.text(f"certificate.verdict.{key}")
        yield f"{verdict:<5}{item['id']:<7} {checks.check_name(item, words)}: {measured} {bound}".rstrip()
        if item["note"]:
            yield f"{'':>13}{checks.note(item, words)}"
    yield ""
    yield words.text("certificate.summary", passed=document["passed"], total=document["total"])


def page(document: Document, opens: Language | None = None) -> str:
    """The certificate as one HTML file in both languages; ``opens`` is the one that it shows first."""
    return single_page(
        "certificate",
        values={"model": document["facts"]["model"], "passed": document["passed"], "total": document["total"]},
        sections={
            "what": lambda words: _facts(document, words),
            "checks": lambda words: _checks(document, words),
            "limits": lambda words: _limits(document, words),
            "repeat": lambda words: _repeat(document, words),
        },
        below_heading=_by_hand,
        version=document["facts"]["versions"]["vitral"],
        document=dict(document),
        opens=opens,
    )


def _by_hand(words: Language) -> Html:
    """Lines to fill in by hand on paper."""
    fields = (tag("div", html(words, f"certificate.{key}")) for key in ("name", "class", "signature"))
    return tag("div", *fields, class_="hand")


def _facts(document: Document, words: Language) -> Html:
    facts = document["facts"]

    def told(key: str) -> str:
        value = facts[key]
        if isinstance(value, Mapping):
            return ", ".join(f"{name} {entry}" for name, entry in value.items() if entry is not None)
        return words.integer(value) if isinstance(value, int) and key == "rows" else str(value)

    return definitions(((html(words, f"certificate.fact.{key}"), told(key)) for key in FACTS), "strip facts")


def _checks(document: Document, words: Language) -> Html:
    headers = [words.text(f"column.{key}") for key in ("check", "measured", "bound", "unit", "result")]
    rows = [
        (
            _name(item, words),
            words.plain(item["measured"], 3),
            words.plain(item["bound"], 3),
            checks.unit_name(item, words) or words.text("number.none"),
            _verdict(item, words),
        )
        for item in document["checks"]
    ]
    caption = html(words, "certificate.summary", passed=document["passed"], total=document["total"])
    return table(caption, headers, rows, class_="prose")


def _name(item: checks.Item, words: Language) -> Html:
    """Id and name of a check, how it was done, and what it noted."""
    how = words.strings.get(f"check_how.{item['name']}", "")
    beneath = [tag("span", text, class_="said") for text in (how, checks.note(item, words)) if text]
    return Html("".join([tag("span", f"{item['id']} · {checks.check_name(item, words)}"), *beneath]))


def _verdict(item: checks.Item, words: Language) -> Html:
    kind = "verdict failed" if item["passed"] is False else "verdict"
    return tag("span", checks.result(item, words), class_=kind)


def _limits(document: Document, words: Language) -> Html:
    general = tag("ul", *(tag("li", html(words, f"certificate.limits.{number}")) for number in LIMITS))
    known = [
        item
        for item in document["checks"]
        if item["measured"] is not None and f"check_open.{item['name']}" in words.strings
    ]
    each = definitions(
        ((checks.check_name(item, words), words.strings[f"check_open.{item['name']}"]) for item in known), "glossary"
    )
    return join([general, details(html(words, "certificate.limits.each"), each)])


def _repeat(document: Document, words: Language) -> Html:
    command = tag("pre", tag("code", document["facts"]["command"]), tabindex="0")
    return join([command, tag("p", html(words, "certificate.repeat.text"))])
