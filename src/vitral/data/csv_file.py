"""Tables in text files: separator, header, decimal comma and types of columns are detected, or refused with the line.

The file is read twice, block by block: first to see what every column holds, then to take it. The rules are in
docs/tables.md.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vitral.data.tables import Table
from vitral.data.values import Values
from vitral.errors import DataError

ENDINGS = (".csv", ".tsv", ".txt")
SEPARATORS = ("\t", ";", ",")
MISSING = frozenset(("", "na", "n/a", "#n/a", "nan", "null"))  # in any case, with spaces around
WRITTEN_MISSING = frozenset(  # every way to write them in capitals and small letters
    "".join(letters) for word in MISSING for letters in product(*({one, one.upper()} for one in word))
)
FLAGS = {"true": 1.0, "false": 0.0}
LONGEST_LINE = 1 << 20  # bytes
MOST_COLUMNS = 20_000
MOST_TEXTS = 10_000  # different ones of a column; with more it cannot be used
ROWS, CELLS = 4096, 1 << 18  # of a block, at most

_PLAIN = re.compile(r"[-+0-9.eE \n]*")
_PADDED = re.compile(r"(?:^|\n) *[-+]?0[0-9]")
_FORMS = (
    ("whole", re.compile(r" *[-+]?(?:0|[1-9][0-9]*) *")),
    ("point", re.compile(r" *[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)? *")),
    ("comma", re.compile(r" *[-+]?(?:0?|[1-9][0-9]*),[0-9]+(?:[eE][-+]?[0-9]+)? *")),
)
NUMBERS = ("whole", "point", "comma")


@dataclass
class Seen:
    """What a column holds: the first row and cell of every form, and its different texts."""

    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    texts: dict[str, None] = field(default_factory=dict)

    def note(self, form: str, row: int, cell: str) -> None:
        self.first.setdefault(form, (row, cell))

    def numbers(self) -> list[tuple[int, str]]:
        return sorted(self.first[form] for form in NUMBERS if form in self.first)

    def words(self) -> list[tuple[int, str]]:
        return sorted(self.first[form] for form in ("text", "flag") if form in self.first)


@dataclass(frozen=True)
class Layout:
    """How a file is written: its separator, the names of its columns, and whether its first line holds them."""

    path: Path
    separator: str
    names: tuple[str, ...]
    header: bool

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The last line and the cells of every row of data."""
        return islice(_records(self.path, self.separator), int(self.header), None)

    def line(self, row: int) -> int:
        """The line on which a row of data ends."""
        return next(line for line, _ in islice(self.records(), row, None))

    def blocks(self) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
        """Columns of cells, a block of rows at a time, with the number of the first row."""
        records, start = self.records(), 0
        rows = max(1, min(ROWS, CELLS // len(self.names)))
        while block := list(islice(records, rows)):
            if {len(cells) for _, cells in block} != {len(self.names)}:
                self._refuse_ragged(block)
            yield start, list(zip(*(cells for _, cells in block), strict=True))
            start += len(block)

    def _refuse_ragged(self, block: list[tuple[int, list[str]]]) -> None:
        line, cells = next((line, cells) for line, cells in block if len(cells) != len(self.names))
        raise DataError(
            f"{self.path}, line {line}: {len(cells)} values, and the table has {len(self.names)} columns "
            f"({_name(self.separator)} between them): correct the line, or put quotes around a value that holds one"
        )


def read_csv(path: Path, as_text: Iterable[str] = ()) -> Table:
    """The table in a text file; the columns ``as_text`` are taken as they are written, also where they are numbers."""
    if not path.exists():
        raise DataError(f"no such file: {path}; check the path")
    layout = _layout(path)
    texts = set(as_text)
    seen = [Seen() for _ in layout.names]
    rows = 0
    for start, columns in layout.blocks():
        rows = start + len(columns[0])
        for name, cells, one in zip(layout.names, columns, seen, strict=True):
            _look(one, cells, start, as_text=name in texts)
    comma = _decimal_comma(layout, seen)
    kinds = [_column(layout, name, one, rows) for name, one in zip(layout.names, seen, strict=True)]
    places = [{label: float(place) for place, label in enumerate(values.labels or ())} for values in kinds]
    for start, columns in layout.blocks():
        for values, cells, known in zip(kinds, columns, places, strict=True):
            if values.problem is None:
                values.numbers[start : start + len(cells)] = _taken(values, cells, known, comma=comma)
    return Table(str(path), tuple(kinds), lambda row: f"line {layout.line(row)}")


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    """Decoded lines; refuses what no text table holds, with its line."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DataError(f"{path} is UTF-16: save it as CSV in UTF-8")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if b"\0" in raw:
            raise DataError(f"{path}, line {number} holds a NUL byte, which no text does: save it again in UTF-8")
        if len(raw) > LONGEST_LINE:
            raise DataError(f"{path}, line {number} is longer than {LONGEST_LINE:,} bytes: check that this is a table")
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}, line {number} is not UTF-8: save the table again as CSV in UTF-8") from error


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The last line and the cells of every record; blank lines may stand at the end only."""
    blank = 0
    try:
        with path.open("rb") as file:
            reader = csv.reader(_lines(path, file), delimiter=separator, strict=True)
            for cells in reader:
                if not cells:
                    blank = blank or reader.line_num
                    continue
                if blank:
                    raise DataError(f"{path}, line {blank} is empty: remove it, or write NA where a value is missing")
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; check the quotes there") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the path") from error


def _layout(path: Path) -> Layout:
    """The separator of the first line, and the names in it unless it holds a number."""
    with path.open("rb") as file:
        first = next(_lines(path, file), "")
    separator = next((one for one in SEPARATORS if one in _unquoted(first)), ",")
    _, cells = next(_records(path, separator), (0, []))
    if not cells:
        raise DataError(f"{path} is empty: give a table with a line of names and a line for every row")
    if len(cells) > MOST_COLUMNS:
        raise DataError(f"{path} has {len(cells):,} columns, at most {MOST_COLUMNS:,} are read: give an .npy file")
    header = not any(_form(cell) in NUMBERS for cell in cells)
    if not header:
        return Layout(path, separator, tuple(f"column{number + 1}" for number in range(len(cells))), header)
    nameless = next((number for number, cell in enumerate(cells) if not cell.strip()), None)
    if nameless is not None:
        raise DataError(
            f"{path}, line 1: column {nameless + 1} has no name: name it (a column of row numbers can be left out then)"
        )
    return Layout(path, separator, tuple(cell.strip() for cell in cells), header)


def _unquoted(line: str) -> str:
    return "".join(line.split('"')[::2])


def _name(separator: str) -> str:
    return {"\t": "tabs", ";": "semicolons", ",": "commas"}[separator]


def _form(cell: str) -> str:
    """What a cell holds: missing, whole, point, comma, flag or text."""
    folded = cell.strip().casefold()
    if folded in MISSING:
        return "missing"
    if folded in FLAGS:
        return "flag"
    return next((form for form, pattern in _FORMS if pattern.fullmatch(cell)), "text")


def _look(seen: Seen, cells: tuple[str, ...], start: int, *, as_text: bool) -> None:
    """Note what a block of a column holds; plain numbers in one look, other cells once for each that differs."""
    different = dict.fromkeys(cells)
    if not as_text:
        holes = WRITTEN_MISSING & different.keys()
        numbers = [cell for cell in cells if cell not in holes] if holes else cells
        if numbers and (form := _plain(numbers)) is not None:
            for found, cell in ((form, numbers[0]), *(("missing", cell) for cell in holes)):
                if found not in seen.first:
                    seen.note(found, start + cells.index(cell), cell)
            return
    for cell in different:
        form = _form(cell)
        if as_text and form != "missing":
            form = "text"
        if form not in seen.first:
            seen.note(form, start + cells.index(cell), cell)
        if form in ("text", "flag") and len(seen.texts) <= MOST_TEXTS:
            seen.texts.setdefault(cell)


def _plain(cells: Sequence[str]) -> str | None:
    """"whole" or "point" where all cells are numbers, else None."""
    joined = "\n".join(cells)
    if not _PLAIN.fullmatch(joined) or _PADDED.search(joined):
        return None
    try:
        np.fromiter(map(float, cells), float, len(cells))
    except ValueError:
        return None
    return "point" if any(mark in joined for mark in ".eE") else "whole"


def _decimal_comma(layout: Layout, seen: list[Seen]) -> bool:
    """Whether 1,5 is a number in this file; refuses one that writes 1.5 too."""
    if layout.separator == ",":
        for one in seen:  # in quotes, where the comma separates nothing: text
            if "comma" in one.first:
                row, cell = one.first.pop("comma")
                one.note("text", row, cell)
                one.texts.setdefault(cell)
        return False
    commas = [one.first["comma"] for one in seen if "comma" in one.first]
    points = [one.first["point"] for one in seen if "point" in one.first]
    if commas and points:
        (row, comma), (other, point) = min(commas), min(points)
        raise DataError(
            f"{layout.path} writes {comma!r} on line {layout.line(row)} and {point!r} on line {layout.line(other)}: "
            "use one decimal mark throughout"
        )
    return bool(commas)


def _column(layout: Layout, name: str, seen: Seen, rows: int) -> Values:
    """A column by what it holds, without its numbers yet."""
    numbers, words = seen.numbers(), seen.words()
    if numbers and words:
        (number_row, number), (row, word) = numbers[0], words[0]
        problem = (
            f"column {name!r} holds {number!r} on line {layout.line(number_row)} and {word!r} on line "
            f"{layout.line(row)}: write NA where a number is missing, or take all as classes with {name}:category"
        )
        return Values(name, "string", np.full(rows, np.nan), problem=problem)
    if numbers or not words:
        dtype = "int64" if set(seen.first) <= {"whole", "missing"} and numbers else "float64"
        return Values(name, dtype, np.full(rows, np.nan))
    if "text" not in seen.first:
        return Values(name, "bool", np.full(rows, np.nan))
    if len(seen.texts) > MOST_TEXTS:
        problem = f"column {name!r} holds more than {MOST_TEXTS:,} different texts: leave it out (--columns=-{name})"
        return Values(name, "string", np.full(rows, np.nan), problem=problem)
    return Values(name, "string", np.full(rows, np.nan), tuple(sorted(seen.texts)))


def _taken(values: Values, cells: tuple[str, ...], places: dict[str, float], *, comma: bool) -> np.ndarray:
    """The numbers of a block of a column; ``places`` are those of its labels."""
    if values.labels is None and values.dtype != "bool":
        holes = WRITTEN_MISSING & set(cells)
        written = ["nan" if cell in holes else cell for cell in cells] if holes else cells
        try:
            return np.fromiter(map(float, written), float, len(cells))
        except ValueError:  # a decimal comma, or spaces alone
            pass
    known = {cell: np.nan if _form(cell) == "missing" else _number(values, cell, places, comma) for cell in set(cells)}
    return np.fromiter(map(known.__getitem__, cells), float, len(cells))


def _number(values: Values, cell: str, places: dict[str, float], comma: bool) -> float:
    if values.labels is not None:
        return places[cell]
    if values.dtype == "bool":
        return FLAGS[cell.strip().casefold()]
    return float(cell.replace(",", ".") if comma else cell)


def csv_bytes(columns: dict[str, np.ndarray]) -> bytes:
    """Columns of values as CSV: a line of names, commas, UTF-8; the shortest digits that keep every number."""
    text, made = io.StringIO(), [_cells(name, values) for name, values in columns.items()]
    returns = any("\r" in str(cell) for cells in (list(columns), *made) for cell in set(cells))
    writer = csv.writer(text, lineterminator="\n")
    if returns:  # which minimal quoting leaves bare
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(zip(*made, strict=True))
    return text.getvalue().encode()


def _cells(name: str, values: np.ndarray) -> list[Any]:
    """What is written for each value: nothing where there is none. A class that would be read as nothing is refused."""
    if values.dtype.kind == "f":
        return ["" if value != value else str(value) for value in values]
    cells, flags = values.tolist(), {True: "true", False: "false"}
    for value in set(cells):
        if isinstance(value, str) and _form(value) == "missing":
            raise DataError(
                f"column {name!r} has a class {value!r}, which CSV files write where nothing is: write .parquet"
            )
    return [flags[value] if isinstance(value, bool) else value for value in cells]


def filled_csv(path: Path, columns: dict[str, np.ndarray]) -> bytes:
    """A CSV file with the empty cells of some columns filled: every other cell as it is written there, UTF-8."""
    layout = _layout(path)
    point = _mark(path, layout)
    made: dict[int, list[Any]] = {}
    for name, values in columns.items():
        cells = _cells(name, values)
        if values.dtype.kind == "f":
            cells = [str(cell).replace(".", point) for cell in cells]
        made[layout.names.index(name)] = cells
    text = io.StringIO()
    writer = csv.writer(text, delimiter=layout.separator, lineterminator="\n")
    for row, (_, written) in enumerate(_records(path, layout.separator), start=-int(layout.header)):
        own = list(written)
        for place, fillings in made.items() if row >= 0 else ():
            if _form(own[place]) == "missing":
                own[place] = fillings[row]
        writer.writerow(own)
    return text.getvalue().encode()


def _mark(path: Path, layout: Layout) -> str:
    """The decimal mark of a file."""
    if layout.separator == ",":
        return "."
    commas = (_form(cell) == "comma" for _, cells in _records(path, layout.separator) for cell in cells if "," in cell)
    return "," if any(commas) else "."
