"""A page of its own beside the report: one file, both languages, the report's template, style, script and CSP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from string import Template
from typing import Any

from vitral.report.explorer.assemble import POLICY
from vitral.report.language import Language, languages
from vitral.report.markup import Html, embedded_json, join, tag

Write = Callable[[Language], Html]


def single_page(
    name: str,
    *,
    values: Mapping[str, object],
    sections: Mapping[str, Write],
    version: object,
    document: Mapping[str, Any],
    below_heading: Write | None = None,
    opens: Language | None = None,
) -> str:
    """The whole page, which ``opens`` in the language that was asked for, or else in the browser's.

    ``name`` begins its strings: title, heading, lead, footer, and one for each section.

    ``document`` lies in the page as JSON, for whoever wants its numbers.
    """
    template = Template(source("template.html"))
    first = "en" if opens is None else opens.tag
    titles = {words.tag: words.text(f"{name}.title", **values) for words in languages()}
    return template.substitute(
        lang=first,
        asked="" if opens is None else " data-asked",
        policy=POLICY,
        title=tag("title", titles[first]),
        titles=embedded_json(titles),
        style=source("style.css") + source(f"{name}.css"),
        script=source("script.js"),
        header=in_each_language(lambda words: _header(name, words, values, below_heading)),
        contents="",
        sections=join(_section(name, anchor, write) for anchor, write in sections.items()),
        footer=in_each_language(lambda words: tag("p", html(words, f"{name}.footer", version=version))),
        metrics=embedded_json(document),
    )


def in_each_language(write: Write) -> Html:
    """The same piece in every language, each in a block of its own that carries its `lang`."""
    return join(tag("div", write(words), lang=words.tag, class_="language") for words in languages())


def html(words: Language, key: str, **values: object) -> Html:
    """A string of the language with its emphasis, every value escaped."""
    return Html(words.markup(key, **values))


def source(name: str) -> str:
    """A file of the folder page/."""
    return resources.files("vitral.report").joinpath("page", name).read_text(encoding="utf-8")


def _header(name: str, words: Language, values: Mapping[str, object], below: Write | None) -> Html:
    parts = [
        tag("h1", html(words, f"{name}.heading", **values)),
        tag("p", html(words, f"{name}.lead", **values), class_="lead"),
    ]
    return join([*parts, *([] if below is None else [below(words)])])


def _section(name: str, anchor: str, write: Write) -> Html:
    def written(words: Language) -> Html:
        return join([tag("h2", html(words, f"{name}.{anchor}")), write(words)])

    return tag("section", in_each_language(written), id=anchor)
