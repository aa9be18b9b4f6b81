"""The direction of imports: the house's table, and functions that hold a source tree to it.

Every function takes parsed modules and returns sentences, one a violation, so that the tests can
show on planted trees that each rule bites.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "vitral"

# A module belongs to the longest name here that it starts with, and imports only from lower levels
# or from its own line of the table. Below zero: may be imported from everywhere, imports nothing.
# Level 3 is a row: specs, then the files that hold them, then the data that are cached in such files.
LEVELS = {
    "vitral.errors": -1,
    "vitral.core": 0,
    "vitral.parts": 1,
    "vitral.model": 2,
    "vitral.networks": 2,
    "vitral.specs": 3,
    "vitral.persistence": 3.1,
    "vitral.data": 3.2,
    "vitral.evaluation": 4,
    "vitral.fast": 4,
    "vitral.checks": 4,
    "vitral.training": 5,
    "vitral.export": 5,
    "vitral.allocator": 3,
    "vitral.kernel": 3.1,
    "vitral.environment": 3,
    "vitral.applications": 5.1,
    "vitral.study": 6,
    "vitral.api": 6,
    "vitral.report": 7,
    "vitral.estimator": 7,
    "vitral.cli": 8,
    "vitral.__main__": 9,
}
LEAVES = {"vitral.estimator", "vitral.cli"}  # nobody imports them but __main__
TOP = "vitral.cli"  # stands where a user stands, so it may use the public names

# Inside parts/: layers <- flows <- posteriors <- priors, and whom else each family may use.
PARTS = {
    "layers": set(),
    "convolution": {"layers"},
    "blocks": {"layers", "convolution"},
    "flows": {"layers", "blocks"},
    "heads": {"layers", "blocks"},
    "posteriors": {"layers", "heads", "flows"},
    "priors": {"layers", "heads", "flows", "posteriors"},
    "divergences": {"posteriors", "priors"},
    "likelihoods": set(),
    "objectives": set(),
    "optimisers": set(),
    "schedules": set(),
}

# Levels 0 to 2 are functions of their arguments: no files, clock, environment, logs or chance of their own.
IMPURE = set(
    "asyncio concurrent datetime fileinput ftplib getpass glob http importlib io locale logging mmap "
    "multiprocessing os pathlib pickle platform random sched secrets select selectors shelve shutil signal "
    "socket sqlite3 ssl subprocess sys tempfile threading time urllib uuid".split()
)
POSIX_ONLY = set("crypt curses fcntl grp nis posix pty pwd readline resource spwd syslog termios tty".split())

# What the core dependencies bring (PIL comes with matplotlib). Everything else is optional: imported in
# one module, inside a function.
PROVIDED = sys.stdlib_module_names | set(
    "numpy scipy sklearn joblib threadpoolctl matplotlib PIL click tqdm safetensors".split()
)
ONLY_IN = {
    "matplotlib": "vitral.report",
    "sklearn.base": "vitral.estimator",
    "click": "vitral.cli",
    "tqdm": "vitral.cli",
}
INSIDE_ARRAYS = {"scipy", "cupy"}


@dataclass(frozen=True)
class Import:
    """One name that a module imports: ``name`` is dotted, ``where`` is load, function or typing."""

    module: str
    name: str
    line: int
    where: str

    def says(self, rule: str) -> str:
        return f"{self.module}, line {self.line}: imports {self.name}; {rule}"


def modules(source: Path) -> dict[str, Path]:
    """Dotted names of all modules of the package under ``source``."""
    found = {}
    for path in sorted((source / PACKAGE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(source: Path) -> list[Import]:
    """Every import of every module, functions included."""
    found = modules(source)
    return [one for module, path in found.items() for one in _imports_of(module, path, set(found))]


def _imports_of(module: str, path: Path, known: set[str]) -> Iterator[Import]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node, where in _walk(ast.parse(path.read_text(encoding="utf-8")), "load"):
        for name in _names(node, package, known):
            yield Import(module, name, node.lineno, where)


def _walk(tree: ast.AST, where: str) -> Iterator[tuple[ast.Import | ast.ImportFrom | ast.Call, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.body:
                yield from _walk(ast.Module([child], []), "typing")
            for child in node.orelse:
                yield from _walk(ast.Module([child], []), where)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            yield node, where
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _walk(node, "function" if inside else where)


def _names(node: ast.Import | ast.ImportFrom | ast.Call, package: str, known: set[str]) -> list[str]:
    if isinstance(node, ast.Call):
        return _imported_by_call(node)
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, *([base] if base else [])])
    # In `from a import b`, b may be a module or a name: of the package's own the tree tells which.
    names = [f"{base}.{alias.name}" for alias in node.names]
    return list(dict.fromkeys(_module_of(base, name, known) for name in names))


def _module_of(base: str, name: str, known: set[str]) -> str:
    if not _own(base) or name in known:
        return name
    return f"{PACKAGE}:{name.rpartition('.')[2]}" if base == PACKAGE else base


def _imported_by_call(node: ast.Call) -> list[str]:
    """``import_module("a.b")`` with the name written out is an import as well."""
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if called not in {"import_module", "__import__"} or not node.args:
        return []
    name = node.args[0]
    return [name.value] if isinstance(name, ast.Constant) and isinstance(name.value, str) else []


def _own(name: str) -> bool:
    return name == PACKAGE or name.startswith((PACKAGE + ".", PACKAGE + ":"))


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def unit(module: str) -> str | None:
    """The line of the table that a module belongs to."""
    names = [name for name in LEVELS if _within(module, name)]
    return max(names, key=len) if names else None


def homeless(found: Iterable[str]) -> list[str]:
    """Modules that the table does not know."""
    return [
        f"{module}: has no level in the table" for module in found if module != PACKAGE and not unit(module)
    ]


def wrong_direction(found: Iterable[Import]) -> list[str]:
    """Imports that go up or sideways."""
    return [one.says(rule) for one in found if _own(one.name) for rule in [_direction(one)] if rule]


def _direction(one: Import) -> str | None:
    if one.module == PACKAGE:
        return None  # `import vitral` loads names on first use; `loaded_by_root` watches over it
    if one.name == f"{PACKAGE}:__version__" or (
        one.name.startswith(PACKAGE + ":") and unit(one.module) == TOP
    ):
        return None
    if one.name == PACKAGE or one.name.startswith(PACKAGE + ":"):
        return "inside the house names come from the module that defines them"
    here, there = unit(one.module), unit(one.name)
    if here is None or there is None:
        return f"{one.name if there is None else one.module} has no level in the table"
    if here == there:
        return None
    if there in LEAVES and here != "vitral.__main__":
        return f"{there} is a leaf"
    if LEVELS[there] >= LEVELS[here]:
        return f"level {LEVELS[here]} imports only from lower levels, and {there} is level {LEVELS[there]}"
    return None


def cycles(found: Iterable[Import]) -> list[str]:
    """Circles among modules, imports inside functions included."""
    graph: dict[str, set[str]] = {}
    for one in found:
        if _own(one.name) and one.module != PACKAGE and ":" not in one.name and one.name != one.module:
            graph.setdefault(one.module, set()).add(one.name)
    circles = {tuple(sorted(circle)) for start in graph if (circle := _circle(graph, start))}
    return [f"{' <-> '.join(circle)}: import each other in a circle" for circle in sorted(circles)]


def _circle(graph: dict[str, set[str]], start: str) -> list[str] | None:
    reached = _reached(graph, start)
    if start not in reached:
        return None
    return [module for module in reached if start in _reached(graph, module)]


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = list(graph.get(start, ()))
    while ahead:
        module = ahead.pop()
        if module not in reached:
            reached.add(module)
            ahead.extend(graph.get(module, ()))
    return reached


def broken_chain(found: Iterable[Import]) -> list[str]:
    """Imports between families of parts that the chain does not allow."""
    return [one.says(rule) for one in found for rule in [_chain(one)] if rule]


def _chain(one: Import) -> str | None:
    if not (one.module.startswith("vitral.parts.") and one.name.startswith("vitral.parts.")):
        return None
    here, there = one.module.split(".")[2], one.name.split(".")[2]
    if here not in PARTS or there not in PARTS:
        return f"the family {here if here not in PARTS else there} is not in the table of parts"
    if here == there or there in PARTS[here]:
        return None
    return f"{here} may use {', '.join(sorted(PARTS[here])) or 'no other part'}"


def _top(one: Import) -> str:
    return one.name.partition(".")[0]


def impure(found: Iterable[Import]) -> list[str]:
    """Levels 0 to 2 import the standard library's pure side and NumPy."""
    return [
        one.says("levels 0 to 2 import NumPy and the pure side of the standard library only")
        for one in found
        if 0 <= LEVELS.get(unit(one.module) or "", 9) <= 2 and not _own(one.name) and not _pure(one)
    ]


def _pure(one: Import) -> bool:
    top = _top(one)
    if one.module == "vitral.core.arrays" and one.where == "function" and top in INSIDE_ARRAYS:
        return True
    return top == "numpy" or (top in sys.stdlib_module_names and top not in IMPURE)


def misplaced(found: Iterable[Import]) -> list[str]:
    """Packages that one folder alone may import."""
    return [
        one.says(f"only {home} does")
        for one in found
        for package, home in ONLY_IN.items()
        if _within(one.name, package) and not _within(one.module, home)
    ]


def optional_loose(found: Iterable[Import]) -> list[str]:
    """Optional packages are imported in exactly one module, inside a function."""
    outside = [one for one in found if not _own(one.name) and _top(one) not in PROVIDED]
    homes: dict[str, set[str]] = {}
    for one in outside:
        homes.setdefault(_top(one), set()).add(one.module)
    early = [
        one.says("an optional package is imported inside a function")
        for one in outside
        if one.where == "load"
    ]
    spread = [
        f"{package}: imported in {', '.join(sorted(where))}; an optional package has one home"
        for package, where in sorted(homes.items())
        if len(where) > 1
    ]
    return early + spread


def posix_only(found: Iterable[Import]) -> list[str]:
    """Windows has no such module: never at load."""
    return [
        one.says("Windows does not have it, so not while the module loads")
        for one in found
        if one.where == "load" and _top(one) in POSIX_ONLY
    ]


def loaded_by_root(found: Iterable[Import]) -> list[str]:
    """What ``import vitral`` loads: the standard library."""
    return [
        one.says("`import vitral` loads the standard library only")
        for one in found
        if one.module == PACKAGE and one.where == "load" and _top(one) not in sys.stdlib_module_names
    ]


RULES = (wrong_direction, cycles, broken_chain, impure, misplaced, optional_loose, posix_only, loaded_by_root)


def violations(source: Path) -> list[str]:
    """Everything in the tree under ``source`` that the table forbids."""
    found = imports(source)
    return homeless(modules(source)) + [sentence for rule in RULES for sentence in rule(found)]
