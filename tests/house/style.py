"""The habits of the house that a machine can see: lengths, forbidden words and calls, the reading order."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

LONGEST_FILE = 400
MEDIAN_FUNCTION, LONG_FUNCTION = 12, 35
LONGEST_IN_READING_ORDER = 150
READING_ORDER = (
    "README.md",
    "examples/first_vae.py",
    "src/vitral/model.py",
    "src/vitral/parts/objectives/elbo.py",
    "docs/derivations/elbo.md",
    "tests/laws.py",
)

GENERATORS = set(
    "Generator BitGenerator SeedSequence default_rng Philox PCG64 PCG64DXSM SFC64 MT19937".split()
)
# A legacy generator *object*: the notebook's replay draws from one of its own.
ALLOWED_RANDOM = GENERATORS | {"RandomState"}
FILE_FUNCTIONS = set("load save savez savez_compressed memmap fromfile loadtxt savetxt genfromtxt".split())
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def python_files(root: Path) -> list[Path]:
    return sorted((root / "src").rglob("*.py"))


def long_files(root: Path) -> list[str]:
    """Source files of more than 400 lines."""
    lengths = {path: _lines(path) for path in python_files(root)}
    return [
        f"{path.relative_to(root).as_posix()}: {length} lines, at most {LONGEST_FILE}: cut it into a folder"
        for path, length in lengths.items()
        if length > LONGEST_FILE
    ]


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def function_lengths(root: Path) -> dict[str, int]:
    """Lines from `def` to the end, docstring included, of every function, nested ones too."""
    return {
        f"{path.relative_to(root).as_posix()}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in python_files(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def long_functions(root: Path) -> list[str]:
    """Empty while the median is at most 12 lines and nine of ten functions have at most 35."""
    lengths = function_lengths(root)
    sentences = []
    if median(lengths.values()) > MEDIAN_FUNCTION:
        sentences.append(
            f"the median function has {median(lengths.values())} lines, at most {MEDIAN_FUNCTION}"
        )
    long = [name for name, length in lengths.items() if length > LONG_FUNCTION]
    if 10 * len(long) > len(lengths):
        longest = sorted(long, key=lengths.__getitem__)[-5:]
        sentences.append(
            f"more than a tenth of the functions pass {LONG_FUNCTION} lines: {', '.join(longest)}"
        )
    return sentences


def long_reading(root: Path) -> list[str]:
    """Pages of the reading order that no longer fit into one sitting."""
    return [
        f"{name}: {_lines(root / name)} lines, at most {LONGEST_IN_READING_ORDER} in the reading order"
        for name in READING_ORDER
        if (root / name).is_file() and _lines(root / name) > LONGEST_IN_READING_ORDER
    ]


def missing_reading(root: Path) -> list[str]:
    """Pages of the reading order that are not there."""
    return [
        f"{name}: missing from the reading order" for name in READING_ORDER if not (root / name).is_file()
    ]


def unfinished(root: Path) -> list[str]:
    """Marks of work put off, in the source and in run.py."""
    return [
        f"{path.relative_to(root).as_posix()}, line {number}: {line.strip()}"
        for path in [*python_files(root), *root.glob("run.py")]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]


def forbidden(root: Path) -> list[str]:
    """Calls, handlers and attributes that the house does without."""
    return [
        f"{path.relative_to(root).as_posix()}, line {line}: {sentence}"
        for path in python_files(root)
        for line, sentence in _forbidden_in(path)
    ]


def _forbidden_in(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for look in LOOKS:
            sentence = look(node, path)
            if sentence:
                yield node.lineno, sentence


def _printing(node: ast.AST, path: Path) -> str | None:
    calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    return "print( outside the command line" if calls and "cli" not in path.parts else None


def _catching_all(node: ast.AST, path: Path) -> str | None:
    if not isinstance(node, ast.ExceptHandler):
        return None
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    wide = any(kind is None or getattr(kind, "id", "") in {"Exception", "BaseException"} for kind in kinds)
    return "catches everything: name the errors" if wide else None


def _global_random(node: ast.AST, path: Path) -> str | None:
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)):
        return None
    of_numpy = node.value.attr == "random" and getattr(node.value.value, "id", "") in {"np", "numpy"}
    return (
        f"np.random.{node.attr}: the global generator"
        if of_numpy and node.attr not in ALLOWED_RANDOM
        else None
    )


def _pickling(node: ast.AST, path: Path) -> str | None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        found = any(name.split(".")[0] in {"pickle", "cloudpickle", "dill", "shelve"} for name in names)
        return "imports pickle" if found else None
    allows = isinstance(node, ast.keyword) and node.arg == "allow_pickle"
    return "allow_pickle=True" if allows and getattr(node.value, "value", True) is not False else None


def _silencing(node: ast.AST, path: Path) -> str | None:
    called = isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", ""))
    silences = called in {"filterwarnings", "simplefilter"} and node.args
    return "switches warnings off" if silences and getattr(node.args[0], "value", "") == "ignore" else None


def _stub(node: ast.AST, path: Path) -> str | None:
    named = isinstance(node, ast.Name) and node.id == "NotImplementedError"
    return "NotImplementedError: a stub" if named else None


def _reading_files(node: ast.AST, path: Path) -> str | None:
    pure = {"core", "parts"} & set(path.parts) or path.parts[-2:] == ("vitral", "model.py")
    if not (pure and isinstance(node, ast.Call)):
        return None
    opened = getattr(node.func, "id", "") == "open"
    of_numpy = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in {"np", "numpy"}
    found = opened or (of_numpy and node.func.attr in FILE_FUNCTIONS)
    return "levels 0 to 2 touch no files" if found else None


Look = Callable[[ast.AST, Path], str | None]
LOOKS: tuple[Look, ...] = (
    _printing,
    _catching_all,
    _global_random,
    _pickling,
    _silencing,
    _stub,
    _reading_files,
)
LAWS = (long_files, long_functions, long_reading, missing_reading, unfinished, forbidden)
