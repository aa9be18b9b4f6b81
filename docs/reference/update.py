"""Write the reference pages from what the code says of itself.

    python docs/reference/update.py

docs/reference/python.md holds every public name with its signature and docstring, docs/reference/commands.md the
help of every command. Nothing there is written by hand: the tests run this again and compare.
"""

from __future__ import annotations

import inspect
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import vitral
from vitral import errors
from vitral.cli import COMMANDS, group

HERE = Path(__file__).resolve().parent
COLUMNS = 100  # of the help texts
DOCTEST = re.compile(r"(?:^>>> .*\n?(?:^(?!>>> ).+\n?)*)+", re.MULTILINE)


def python_page() -> str:
    """Every public name, in the order of the alphabet, and the tree of errors."""
    pieces = [
        "# Python reference\n",
        "Every public name of `vitral`, written from its docstring by `docs/reference/update.py`. Names load on first "
        "use; `import vitral` alone imports nothing but the standard library.\n",
        _contents(),
    ]
    for name in dir(vitral):
        pieces += _entry(name, getattr(vitral, name))
    pieces += ["## Errors\n", _fenced(inspect.cleandoc(errors.__doc__ or ""))]
    return "\n".join(pieces)


def _contents() -> str:
    names = [name for name in dir(vitral) if not name.startswith("_")]
    return ", ".join(f"[{name}](#vitral{name.lower()})" for name in names) + ", [errors](#errors)\n"


def _entry(name: str, thing: Any) -> Iterator[str]:
    if not callable(thing):
        return
    yield f"## vitral.{name}\n"
    raised = inspect.isclass(thing) and issubclass(thing, Exception)
    yield _fenced(f"{name}{'' if raised else _signature(thing)}", "python")
    yield _text(thing)
    if inspect.isclass(thing):
        for member, found in _members(thing):
            yield from _member(name, member, found)


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that Vitral itself defines, in the order of the file, base classes last."""
    seen: set[str] = set()
    for cls in owner.__mro__:
        if not cls.__module__.startswith("vitral"):
            continue
        for name, found in vars(cls).items():
            plain = found.__func__ if isinstance(found, classmethod | staticmethod) else found
            described = inspect.isfunction(plain) or isinstance(plain, property) or hasattr(plain, "func")
            if name not in seen and not name.startswith("_") and described and inspect.getdoc(plain):
                seen.add(name)
                yield name, plain


def _member(owner: str, name: str, found: Any) -> Iterator[str]:
    shown = f"{name}{_signature(found)}" if inspect.isfunction(found) else name
    yield f"### {owner}.{name}\n"
    yield _fenced(shown, "python")
    yield _text(found)


class _Bare(str):
    """An annotation that is shown without the quotes of a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _signature(thing: Any) -> str:
    """As it is called; defaults that are made anew for every object are shown as `...`."""
    found = inspect.signature(thing)
    shown = [
        one.replace(annotation=_bare(one.annotation)) for one in found.parameters.values() if one.name != "self"
    ]
    result = inspect.Signature.empty if inspect.isclass(thing) else _bare(found.return_annotation)
    text = str(found.replace(parameters=shown, return_annotation=result))
    return _plain(text if len(text) < COLUMNS else _on_lines(shown, text[text.rindex(")") :]))


def _plain(text: str) -> str:
    return re.sub(r"<factory>|<[\w.]+ object at 0x[0-9a-f]+>", "...", text)


def _bare(annotation: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return annotation
    return _Bare(getattr(annotation, "__forward_arg__", annotation))


def _on_lines(parameters: list[inspect.Parameter], end: str) -> str:
    """The same with every parameter on a line of its own."""
    lines = [str(one) for one in parameters]
    keywords = [n for n, one in enumerate(parameters) if one.kind is one.KEYWORD_ONLY]
    if keywords and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        lines.insert(keywords[0], "*")
    return "(\n" + "".join(f"    {line},\n" for line in lines) + end


def _text(thing: Any) -> str:
    """A docstring as Markdown: its examples and what is indented in it become blocks of code."""
    text = inspect.getdoc(thing) or ""
    pieces, end = [], 0
    for match in DOCTEST.finditer(text):
        pieces += [_blocks(text[end : match.start()]), _fenced(match.group().rstrip(), "python")]
        end = match.end()
    return "\n".join(piece for piece in [*pieces, _blocks(text[end:])] if piece.strip())


def _blocks(text: str) -> str:
    """Paragraphs, of which the indented ones are code; names between double backticks are code too."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        lines = paragraph.splitlines()
        indented = bool(lines) and all(line.startswith("    ") for line in lines if line)
        paragraphs.append(_fenced(textwrap.dedent(paragraph)).rstrip() if indented else paragraph.replace("``", "`"))
    return "\n\n".join(paragraphs) + "\n"


def _fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```\n"


def commands_page() -> str:
    """The help of the program and of every command."""
    pieces = [
        "# Commands\n",
        "What `vitral --help` and `vitral COMMAND --help` print, written by `docs/reference/update.py`. Every option "
        "can also be set in the environment: `--latent` of `vitral train` is `VITRAL_TRAIN_LATENT`.\n",
        "## vitral\n",
        _fenced(_help(group, "vitral")),
    ]
    for name in COMMANDS:
        pieces += [f"## vitral {name}\n", _fenced(_help(group.get_command(None, name), f"vitral {name}"))]
    return "\n".join(pieces)


def _help(command: Any, path: str) -> str:
    settings = {**(command.context_settings or {}), "terminal_width": COLUMNS, "max_content_width": COLUMNS}
    with click.Context(command, info_name=path, **settings) as context:
        return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


PAGES = {"python.md": python_page, "commands.md": commands_page}


def main() -> None:
    os.environ["NO_COLOR"] = "1"
    for name, write in PAGES.items():
        (HERE / name).write_text(write(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
