"""vitral zoo: the planted bugs, and which check catches each."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vitral.cli import options


@options.command(
    "zoo", ("vitral zoo", "every bug: half a minute"), ("vitral zoo Z01 Z04 --json", "two of them, as data"),
    ("vitral zoo -o zoo.html", "a page: wrong line beside right line, and what a learner sees"),
)  # fmt: skip
@click.argument("bugs", nargs=-1, metavar="[BUG]...")
@options.seed
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A page of its own (.html), in both languages.")
@options.words
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context, bugs: tuple[str, ...], seed: int, out: Path | None, language: str, force: bool,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """The bug zoo: classic errors planted one at a time, and the checks that catch them. Exit code 1 if one is not.

    Each is examined by every law of its family; what those measured on it stands beside their bounds. It needs no
    model: the checks themselves are what is examined.
    """
    from vitral.checks.bugs.matrix import chosen, matrix
    from vitral.cli.progress import animated, stages
    from vitral.report.zoo import lines, page

    target = None if out is None else options.writable(out, (".html",), force=force)
    wanted = chosen(bugs)
    with stages(len(wanted), quiet=quiet or not animated()) as announce:
        found = matrix(wanted, seed, announce)
    caught = sum(any(check["passed"] is False for check in bug["laws"].values()) for bug in found)
    document = {"caught": caught, "total": len(found), "seed": seed, "bugs": found}
    options.hand_over(context, document, target, lines, page, language, as_json=as_json, quiet=quiet)
    sys.exit(1 if caught < len(found) else 0)
