"""What every section of the page is written from: one run, one language, and the figures as files."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from itertools import accumulate
from urllib.parse import quote

from vitral.report.catalogue import Planned
from vitral.report.descriptions import alternative
from vitral.report.labels import model_label
from vitral.report.language import Language
from vitral.report.markup import Html, details, join, paragraph, plain, tag
from vitral.report.run_folder import RunFolder

_PIECES = re.compile(r"data:image/[^'\"]+|[^>]*?(?=data:image/)|[^>]*>|[^>]+$")  # pictures, and what is around them
UNFOLDED = 2  # figures of one name that are shown at once where there are variants


@dataclass(frozen=True)
class Context:
    """`svg` holds the text of each figure by its stem; `problem` says why there are none.

    `shown` holds those of the language that the page begins with: figures of another one are made from them.
    """

    run: RunFolder
    words: Language
    planned: tuple[Planned, ...]
    svg: Mapping[str, str]
    problem: str | None = None
    shown: Mapping[str, str] | None = None

    def html(self, key: str, **values: object) -> Html:
        return Html(self.words.markup(key, **values))

    def p(self, key: str, **values: object) -> Html:
        return paragraph(self.html(key, **values))

    def label(self, name: str) -> str:
        return model_label(self.run, name, self.words)

    def heading(self, key: str, **values: object) -> Html:
        return tag("h3", self.html(key, **values))

    def notebook(self, *keys: str, **values: object) -> Html:
        """What the notebook got wrong, put right: an aside with its own heading."""
        label = tag("p", self.html("aside.notebook"), class_="aside-label")
        return tag("aside", label, *(self.p(key, **values) for key in keys), class_="notebook")

    def figures(self, name: str) -> Html:
        """Every planned figure of a name, each with its caption; a sentence where one cannot be shown.

        Where variants make them many, all but the first are folded.
        """
        shown = [planned for planned in self.planned if planned.name == name]
        folded = shown[UNFOLDED:] if self.run.variants else []
        parts = [self._figure(planned) for planned in shown[: len(shown) - len(folded)]]
        if folded:
            labels = self.words.listed([self.label(planned.model) for planned in folded if planned.model])
            summary = self.html("figures.more", count=len(folded), models=labels)
            parts.append(details(summary, *(self._figure(planned) for planned in folded)))
        return join(parts)

    def _figure(self, planned: Planned) -> Html:
        model = self.label(planned.model) if planned.model else ""
        caption = self.html(f"figure.{planned.name}.caption", model=model)
        if planned.stem not in self.svg:
            return tag("figure", paragraph(self._absence(planned), "absent"), tag("figcaption", caption))
        text = self.svg[planned.stem]
        width, height = _size(text)
        words = escape(alternative(self.run, planned, self.words))
        source = self._source(planned.stem)
        picture = Html(f'<img {source} alt="{words}" width="{width}" height="{height}">')
        frame = tag("div", picture, class_="picture", tabindex="0", role="group", aria_label=plain(caption))
        return tag("figure", frame, tag("figcaption", caption))

    def _source(self, stem: str) -> str:
        """The attributes with the figure: itself, or how it differs from the one in the page's first language."""
        if self.shown is None or stem not in self.shown:
            return f'data-figure="{stem}" src="{data_uri(self.svg[stem])}"'
        changes = json.dumps(differences(compact(self.shown[stem]), compact(self.svg[stem])), separators=(",", ":"))
        packed = base64.b64encode(zlib.compress(changes.encode("utf-8"), 9)).decode("ascii")
        return f'data-like="{stem}" data-changes="{packed}"'

    def _absence(self, planned: Planned) -> Html:
        if planned.missing:
            return self.html("figure.absent.arrays", names=", ".join(planned.missing))
        return self.html("figure.absent.problem", cause=self.problem or "")


def data_uri(svg: str) -> str:
    """An SVG as a data URI, percent-encoded where it must be: shorter than base64 of base64."""
    return "data:image/svg+xml," + quote(compact(svg), safe=" =:/;,+()!*-._~@?$[]|'")


def compact(svg: str) -> str:
    """The same SVG without idle space, in single quotes where it can be."""
    text = re.sub(r"\s+", " ", svg)
    return text if "'" in text else text.replace('"', "'")


def differences(given: str, wanted: str) -> list[int | str]:
    """How to make one text from another: copies, as two numbers (from where, how many characters), and new pieces.

    Figures in two languages differ in their words and in where these leave room, seldom in the pictures between them.
    """
    old, new = (_PIECES.findall(text) for text in (given, wanted))
    places = [0, *accumulate(map(len, old))]
    steps: list[int | str] = []
    for kind, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            steps += [places[first], places[last] - places[first]]
        elif end > begin:
            steps.append("".join(new[begin:end]))
    return steps


def _size(svg: str) -> tuple[int, int]:
    """Width and height in CSS pixels from the points that matplotlib writes into the root element."""
    root = svg[svg.index("<svg") :][:400]
    width, height = (float(re.search(rf'{side}="([\d.]+)pt"', root)[1]) for side in ("width", "height"))
    return round(width * 4 / 3), round(height * 4 / 3)
