"""Equation cards: one TOML file an equation in docs/equations/.

A card ties a formula to its derivation, to the shipped lines that compute it, to the checks and tests that prove it and
to the mistakes that it invites. One that points nowhere stops the build.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
EXPLORER = ROOT / "src/vitral/report/explorer"
ID = r"[EFG]\d{2}[a-z]?"
CITATION = re.compile(rf"(?:# |\()({ID}(?:, {ID})*)\b")
HEADING = re.compile(rf"^### ({ID}) .+$", re.M)
PLACE = re.compile(rf"^\[({ID})\]\([^)]*\) <!-- card -->$", re.M)
EVERY = "<!-- every card -->"

WORDS = {
    "en": {
        "symbols": "Symbols and assumptions",
        "head": "| symbol | in the code | shape | unit | meaning |",
        "code": "The lines that compute it",
        "proof": "What proves it",
        "checks": "Checks",
        "tests": "Tests",
        "mistakes": "Mistakes it invites",
        "derivation": "Derivation",
        "widgets": "In the explorer",
        "whole": "Code, checks and mistakes of {id}",
    },
    "pt": {
        "symbols": "Símbolos e hipóteses",
        "head": "| símbolo | no código | forma | unidade | significado |",
        "code": "As linhas que a calculam",
        "proof": "O que a prova",
        "checks": "Verificações",
        "tests": "Testes",
        "mistakes": "Erros que ela convida a cometer",
        "derivation": "Derivação",
        "widgets": "No explorador",
        "whole": "Código, verificações e erros de {id}",
    },
}


@dataclass(frozen=True)
class Region:
    """Lines of a file, with their true numbers."""

    path: str
    first: int
    lines: str


@cache
def cards() -> dict[str, dict[str, Any]]:
    """Every card by its id."""
    found = {}
    for path in sorted((DOCS / "equations").glob("*.toml")):
        found[path.stem] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def region(reference: str) -> Region:
    """The definition that `path::name` names; KeyError where there is none."""
    path, _, name = reference.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else ""
    body: list[ast.stmt] = ast.parse(source).body
    node: ast.stmt | None = None
    for part in name.split("."):
        node = next((each for each in body if part in _names(each)), None)
        if node is None:
            raise KeyError(reference)
        body = getattr(node, "body", [])
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    return Region(path, first, textwrap.dedent("\n".join(source.splitlines()[first - 1 : node.end_lineno])))


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


@cache
def cited() -> dict[str, set[str]]:
    """Equation ids that the source cites, `# E08` or `(E08)`, and the files that do."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for group in CITATION.findall(path.read_text(encoding="utf-8")):
            for equation in group.split(", "):
                found.setdefault(equation, set()).add(path.relative_to(ROOT).as_posix())
    return found


@cache
def derived() -> dict[str, str]:
    """Equation ids that head a section, and the heading."""
    found = {}
    for path in sorted((DOCS / "derivations").glob("*.md")):
        for heading in HEADING.finditer(path.read_text(encoding="utf-8")):
            found[heading[1]] = f"{path.relative_to(DOCS).as_posix()}#{_anchor(heading[0].lstrip('# '))}"
    return found


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")


def problems() -> list[str]:
    """What is wrong with the cards, a sentence each; empty when the build may go on."""
    from vitral.checks.bugs import ZOO

    bugs = {bug.id for bug in ZOO}
    wanted = cited().keys() | derived().keys()
    missing = sorted(wanted - cards().keys())
    found = [f"{id}: cited or derived, but docs/equations/{id}.toml is missing" for id in missing]
    for id, card in cards().items():
        found += [f"{id}: {fault}" for fault in _faults(id, card, bugs)]
    return found


def _faults(id: str, card: dict[str, Any], bugs: set[str]) -> list[str]:
    found = [] if card["id"] == id else [f"the card calls itself {card['id']}"]
    for reference in [*card["code"], *card["checks"], *card["tests"]]:
        try:
            region(reference)
        except KeyError:
            found.append(f"{reference} is not there")
    if not card["tests"] or not all(re.match(r"tests/.+::test_", test) for test in card["tests"]):
        found.append("a card names at least one test, as tests/file.py::test_name")
    if not card["code"]:
        found.append("a card names the code that computes it")
    if derived().get(id, "").partition("#")[0] != card["derivation"]:
        found.append(f"{card['derivation']} has no section {id}")
    citing = cited().get(id)
    if citing and not citing & {reference.partition("::")[0] for reference in card["code"]}:
        found.append(f"none of its code is in a file that cites it ({', '.join(sorted(citing))})")
    found += [f"{name} is no widget: W and a number" for name in card["widgets"] if not re.match(r"W\d+$", name)]
    return found + [f"no bug of the zoo is called {bug}" for bug in card["mistakes"] if bug not in bugs]


def with_cards(text: str, language: str, page: str) -> str:
    """Puts in the cards that a page asks for; a derivation gets its own under each heading, folded."""
    up = "../" * page.count("/")
    text = PLACE.sub(lambda place: whole(place[1], language, up), text)
    if page.startswith("derivations/"):
        text = HEADING.sub(lambda head: f"{head[0]}\n\n{folded(head[1], language)}", text)
    every = "\n\n".join(f"## {id} {{ #{id.lower()} }}\n\n{whole(id, language, up)}" for id in cards())
    return text.replace(EVERY, every)


def whole(id: str, language: str, up: str = "") -> str:
    """A card as a reader meets it: the formula and what it says, the rest folded away."""
    card, words = cards()[id], WORDS[language]
    formulas = "\n\n".join(f"$${tex}$$" for tex in card["latex"])
    return _box(
        f'!!! abstract "{id} · {card["title"][language]}"',
        formulas,
        card["meaning"][language],
        _box(f'??? note "{words["symbols"]}"', _symbols(card, language)),
        _box(f'??? example "{words["code"]}"', _code(card)),
        _box(f'??? success "{words["proof"]}"', _proof(card, language)),
        f"[{words['derivation']}]({up}{derived()[id]})" + _widgets(card, language),
    )


def folded(id: str, language: str) -> str:
    """What a derivation does not say itself, in one fold."""
    card = cards()[id]
    return _box(f'??? example "{WORDS[language]["whole"].format(id=id)}"', _code(card), _proof(card, language))


def _bug(id: str, language: str) -> str:
    from vitral.checks.bugs import ZOO

    names = {bug.id: bug.name for bug in ZOO} if language == "en" else {}
    words = ROOT / f"src/vitral/report/strings/{language}/zoo.json"
    translated = json.loads(words.read_text(encoding="utf-8")) if words.is_file() else {}
    name = names.get(id) or translated.get(f"bug.{id}")
    return f"{id}: {name}" if name else id


def _widgets(card: dict[str, Any], language: str) -> str:
    """The figures of the explorer that show it, as far as they are there."""
    found = []
    for widget in card["widgets"]:
        name = f"w{int(widget[1:]):02}"
        strings = EXPLORER / "strings" / language / f"{name}.json"
        if strings.is_file() and any((EXPLORER / "widgets").glob(f"{name}_*.js")):
            found.append(f"{widget} *{json.loads(strings.read_text(encoding='utf-8'))[f'{name}.title']}*")
    return f". {WORDS[language]['widgets']}: {', '.join(found)}" if found else ""


def _box(head: str, *parts: str) -> str:
    return head + "\n\n" + textwrap.indent("\n\n".join(parts), "    ")


def _symbols(card: dict[str, Any], language: str) -> str:
    rows = [
        f"| ${one['tex']}$ | `{one['code']}` | {one['shape']} | {one['unit']} | {one['meaning'][language]} |"
        for one in card["symbol"]
    ]
    return "\n".join([WORDS[language]["head"], "|---|---|---|---|---|", *rows]) + f"\n\n{card['assumptions'][language]}"


def _code(card: dict[str, Any]) -> str:
    shown = [region(reference) for reference in card["code"]]
    fences = [f'```python linenums="{each.first}" title="{each.path}"\n{each.lines}\n```' for each in shown]
    return "\n\n".join(fences)


def _proof(card: dict[str, Any], language: str) -> str:
    words = WORDS[language]
    lists = [
        (words["checks"], [f"`{check}`" for check in card["checks"]]),
        (words["tests"], [f"`{test}`" for test in card["tests"]]),
        (words["mistakes"], [_bug(bug, language) for bug in card["mistakes"]]),
    ]
    shown = [f"{title}:\n\n" + "\n".join(f"- {one}" for one in entries) for title, entries in lists if entries]
    return "\n\n".join(shown)
