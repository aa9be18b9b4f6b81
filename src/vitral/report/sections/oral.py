"""Questions of an oral exam: the question in sight, the answer folded, and where to read on."""

from __future__ import annotations

from vitral.report.context import Context
from vitral.report.language import Language
from vitral.report.markup import Html, details, join, paragraph, tag
from vitral.report.oral import Card, cards
from vitral.report.oral.facts import PLACES, examined
from vitral.report.run_folder import RunFolder


def asked(run: RunFolder) -> bool:
    """Whether this run has a model that the questions are about."""
    return examined(run) is not None


def oral_exam(c: Context) -> Html:
    found = cards(c.run)
    text = c.p("oral.text", count=len(found), model=c.label(str(examined(c.run))))
    return join([text, tag("ol", *(tag("li", question(c, card)) for card in found), class_="questions")])


def question(c: Context, card: Card) -> Html:
    """One card: what it asks, and behind a fold what follows and where it is derived."""
    page, code = PLACES[card.equation]
    place = tag("a", c.html(f"section.{card.section}"), href=f"#{card.section}")
    where = join([c.html("oral.where", equation=card.equation, page=page, code=code), place])
    numbers = written(c.words, card)
    answer = c.p(f"oral.{card.key}.answer", **numbers)
    return join([c.p(f"oral.{card.key}.question", **numbers), details(c.html("oral.answer"), answer, paragraph(where))])


def written(words: Language, card: Card) -> dict[str, str]:
    """The numbers of a card as its language writes them."""
    numbers = {**card.given, **card.answer}
    return {name: words.plain(n.value) if n.digits is None else words.number(*n) for name, n in numbers.items()}
