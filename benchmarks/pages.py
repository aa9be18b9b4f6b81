"""Tables that benchmarks write into the documentation, between two marks: no number there is typed by hand."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def with_table(page: str, name: str, table: str) -> str:
    """The page with a table between the marks ``<!-- NAME results -->`` and ``<!-- end of NAME results -->``."""
    begin, end = f"<!-- {name} results -->\n", f"<!-- end of {name} results -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page has no marks for {name!r}: write {begin.strip()} and {end}")
    return before + begin + table + end + after


def write(file: Path, name: str, table: str) -> None:
    """Put a table into a page."""
    file.write_text(with_table(file.read_text(encoding="utf-8"), name, table), encoding="utf-8")


def markdown(columns: tuple[str, ...], rows: list[list[str]], note: str) -> str:
    """A Markdown table and the note under it; minus signs are typographic."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join([*("| " + " | ".join(line) + " |" for line in lines), "", note, ""])


def measured(value: float | None, error: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """mean ± standard error, or a dash where there is none."""
    if value is None or error is None:
        return "–"
    return f"{value:{'+' if signed else ''}.{digits}f} ± {error:.{digits}f}".replace("-", "−")
