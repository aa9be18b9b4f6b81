"""The reference pages are what the code says of itself today."""

import importlib.util

import pytest

import vitral
from tests.docs.pages import DOCS
from vitral.cli import COMMANDS

FOLDER = DOCS / "reference"


@pytest.fixture(scope="module")
def update():
    spec = importlib.util.spec_from_file_location("reference_update", FOLDER / "update.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["python.md", "commands.md"])
def test_a_page_is_what_its_command_writes(update, name):
    """`python docs/reference/update.py` writes it anew."""
    pytest.importorskip("imblearn")  # the page of names has those that need an extra
    assert (FOLDER / name).read_text(encoding="utf-8") == update.PAGES[name]()


def test_every_name_and_every_command_has_its_place(update):
    pytest.importorskip("imblearn")
    python, commands = update.python_page(), update.commands_page()
    names = [name for name in dir(vitral) if not name.startswith("_")]
    assert all(f"\n## vitral.{name}\n" in python for name in names)
    assert all(f"\n## vitral {name}\n" in commands for name in COMMANDS)


def test_signatures_read_as_they_are_written(update):
    def measured(rows: "list[int]", *, name: "str" = "all", least: "float" = 0.5) -> "int | None": ...

    shown = "(rows: list[int], *, name: str = 'all', least: float = 0.5) -> int | None"
    assert update._signature(measured) == shown


def test_a_long_signature_has_a_line_for_every_parameter(update):
    def long(
        a: "int", b: "int" = 2, *, another_rather_long_name: "str" = "x", the_longest_name_of_them_all: "str" = "y"
    ):
        pass

    assert update._signature(long).splitlines() == [
        "(", "    a: int,", "    b: int = 2,", "    *,", "    another_rather_long_name: str = 'x',",
        "    the_longest_name_of_them_all: str = 'y',", ")",
    ]  # fmt: skip


def test_a_docstring_becomes_markdown(update):
    def sums():
        """The sum of ``x``.

            y = x + x

        >>> 1 + 1
        2

        After it.
        """

    assert update._text(sums) == (
        "The sum of `x`.\n\n```text\ny = x + x\n```\n\n```python\n>>> 1 + 1\n2\n```\n\nAfter it.\n"
    )
