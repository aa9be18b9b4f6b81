"""The documentation as the tests read it: pages, headings, tables, references to code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DERIVATIONS = DOCS / "derivations"

EQUATION = r"E\d{2}[a-z]?"


def all_pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def ids(paths: list[Path]) -> list[str]:
    return [path.relative_to(DOCS).as_posix() for path in paths]


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def headings(page: str, level: int) -> list[str]:
    """Titles of one level, in order; lines inside code fences do not count."""
    outside = re.sub(r"^```.*?^```", "", page, flags=re.M | re.S)
    return re.findall(rf"^{'#' * level} (.+)$", outside, flags=re.M)


def references(page: str) -> list[tuple[str, str]]:
    """Every `path::name` of a page."""
    return re.findall(r"`([\w./-]+\.py)::([\w.]+)`", page)


def links(page: str) -> list[str]:
    """Targets of Markdown links that are not addresses of the web."""
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", page) if "://" not in target]


def table_after(page: str, marker: str) -> list[list[str]]:
    """The body rows of the first table after ``marker``."""
    lines = page[page.index(marker) :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@cache
def defined_names(path: Path) -> frozenset[str]:
    """Dotted names that a module defines: classes, functions, nested ones, fields and constants."""
    names: set[str] = set()

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names.add(prefix + node.name)
                walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign):
                names.update(prefix + target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(prefix + node.target.id)

    walk(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return frozenset(names)


def cited_in_source() -> dict[str, list[str]]:
    """Equation ids that the source cites, as `# E08` beside a line or `(E08)` in a docstring, and where."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for group in re.findall(rf"(?:# |\()({EQUATION}(?:, {EQUATION})*)\b", source):
            for equation in group.split(", "):
                found.setdefault(equation, []).append(path.relative_to(ROOT).as_posix())
    return found


def derived_on_pages() -> dict[str, list[str]]:
    """Equation ids that head a section of a derivation page, and on which pages."""
    found: dict[str, list[str]] = {}
    for path in sorted(DERIVATIONS.glob("*.md")):
        for level in (2, 3):
            for title in headings(path.read_text(encoding="utf-8"), level):
                if match := re.match(rf"({EQUATION}) ", title):
                    found.setdefault(match[1], []).append(path.name)
    return found
