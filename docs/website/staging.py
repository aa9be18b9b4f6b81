"""From the pages of docs/ to one folder of plain Markdown a language, ready for a generator.

A reader on a code host sees the pages as they are. The site differs in four things, all done here, so that any
generator of static sites can take over: formulas become MathML, equation cards are put in, links lead to the page of
the reader's language, and a page that exists in English alone says so.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import textwrap
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from docs.website.cards import with_cards
from docs.website.formulas import with_mathml

HERE = Path(__file__).parent
DOCS = HERE.parent
LANGUAGES = {"en": "English", "pt": "Português (Brasil)"}
HOME = "start.md"
ENGLISH_ONLY = (
    "!!! note \"Só em inglês\"\n\n    Esta página técnica existe, por enquanto, só em inglês."
    " As lições, o glossário e a errata estão nas duas línguas.\n\n"
)
LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
ANSWERS = re.compile(r"^## (?P<title>Answers|Respostas)\n\n(?P<text>.*?)(?=^## |\Z)", re.M | re.S)
ZOO, BUG = "bug_zoo.md", re.compile(r"\| ([A-Z]{1,2}\d{2}[a-z]?) \|$", re.M)
CODE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)\s*?$", re.M | re.S)


@dataclass(frozen=True)
class Section:
    titles: dict[str, str]
    pages: list[str]


def pages() -> list[str]:
    """Every page of docs/ by its path; a Portuguese twin is the same page, and the index for code hosts is none."""
    found = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if HERE not in path.parents)
    return [page for page in found if not page.endswith(".pt.md") and page != "README.md"]


def sections() -> list[Section]:
    """The table of contents; a page that it does not name goes to the end of `Use`."""
    listed = tomllib.loads((HERE / "pages.toml").read_text(encoding="utf-8"))["section"]
    for entry in listed:
        entry["pages"] = [page for name in entry["pages"] for page in _meant(name)]
        entry["pages"] = list(dict.fromkeys(entry["pages"]))
    named = {page for entry in listed for page in entry["pages"]}
    return [
        Section(
            {language: entry[language] for language in LANGUAGES},
            entry["pages"] + ([page for page in pages() if page not in named] if entry["en"] == "Use" else []),
        )
        for entry in listed
        if entry["pages"]
    ]


def _meant(name: str) -> list[str]:
    """The page of that name, or all that a name with a star fits."""
    return [page for page in pages() if fnmatchcase(page, name)] if "*" in name else [name]


def source(page: str, language: str) -> Path:
    """The file that a page is made from: its twin in that language, or the English one."""
    twin = DOCS / page.replace(".md", f".{language}.md")
    return twin if twin.is_file() else DOCS / page


def place(page: str) -> str:
    """Where a page lies on the site: the first one is the home."""
    return "index.md" if page in (HOME, "README.md") else page.replace("README.md", "index.md")


def _linked(text: str, path: Path, page: str) -> str:
    """Links to pages lead to their places on the site; a file outside docs/ is named instead."""

    def moved(found: re.Match[str]) -> str:
        file, _, anchor = found["target"].partition("#")
        if "://" in found["target"] or not file:
            return found[0]
        target = (path.parent / file).resolve()
        if not target.is_relative_to(DOCS) or (target.suffix != ".md" and not found["image"]):
            name = target.relative_to(DOCS.parent).as_posix()
            shown = found["text"].strip("`")
            return f"`{name}`" if name.endswith(shown) else f"{found['text']} (`{name}`)"
        inside = target.relative_to(DOCS).as_posix().replace(".pt.md", ".md")
        there = posixpath.relpath(place(inside), posixpath.dirname(place(page)) or ".")
        return f"{found['image']}[{found['text']}]({there}{'#' + anchor if anchor else ''})"

    return LINK.sub(moved, text)


def _folded(answers: re.Match[str]) -> str:
    """Answers wait until they are asked for."""
    return f'??? success "{answers["title"]}"\n\n{textwrap.indent(answers["text"].strip(), "    ")}\n\n'


def staged(page: str, language: str) -> str:
    """One page as the generator gets it."""
    path = source(page, language)
    own = language == "en" or path.name.endswith(f".{language}.md")
    text = with_cards(path.read_text(encoding="utf-8"), language if own else "en", page)
    text = ANSWERS.sub(_folded, text)
    if page.startswith("understand/") and (DOCS / ZOO).is_file():
        text = BUG.sub(rf"| [\1](../{ZOO}#the-matrix) |", text)
    pieces, done = [], 0
    for code in CODE.finditer(text):
        pieces += [_linked(text[done : code.start()], path, page), code[0]]
        done = code.end()
    text = with_mathml("".join([*pieces, _linked(text[done:], path, page)]))
    if not own:
        head, _, rest = text.partition("\n")
        text = f"{head}\n\n{ENGLISH_ONLY}{rest.lstrip()}"
    up, address = "../" * place(page).count("/"), place(page).replace(".md", ".html")
    there = {"en": f"{up}pt/{address}", "pt": f"{up}../{address}"}[language]
    return f"---\nlang: {language if own else 'en'}\nother: {there}\n---\n\n{text}"


def configuration(language: str) -> dict[str, Any]:
    """The generator's settings for one language: the common ones, and what the language changes."""
    settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
    words = settings.pop("words")[language]
    settings["theme"]["language"] = "pt-BR" if language == "pt" else language
    settings["theme"]["custom_dir"] = "theme"
    for palette, name in zip(settings["theme"]["palette"], ("automatic", "light", "dark"), strict=True):
        palette["toggle"]["name"] = words[name]
    settings["extra"]["other"] = words["other"]
    nav = [{section.titles[language]: [place(page) for page in section.pages]} for section in sections()]
    return settings | {
        "site_description": words["description"],
        "docs_dir": "pages",
        "site_dir": "site",
        "nav": nav,
    }


def stage(language: str, folder: Path) -> Path:
    """Writes the pages, figures and settings of one language into ``folder``, and returns the settings' path."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in pages():
        path = folder / "pages" / place(page)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(staged(page, language), encoding="utf-8")
    shutil.copytree(DOCS / "figures", folder / "pages" / "figures")
    shutil.copytree(HERE / "assets", folder / "pages" / "assets")
    shutil.copytree(HERE / "theme", folder / "theme")
    settings = folder / "mkdocs.yml"
    # JSON is YAML as well.
    settings.write_text(json.dumps(configuration(language), indent=2, ensure_ascii=False), encoding="utf-8")
    return settings
