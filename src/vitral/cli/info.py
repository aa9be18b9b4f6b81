"""vitral info: what is installed, and on what it runs."""

from __future__ import annotations

import click

from vitral import allocator, kernel
from vitral.cli import options


@options.command("info", ("vitral info", ""), ("vitral info --json", ""))
@options.as_json
@options.quiet
def command(as_json: bool, quiet: bool) -> None:
    """Versions, processor, BLAS kernel and threads, and where decoded data are kept."""
    from vitral.data.mnist import cache_folder
    from vitral.environment import show_versions

    facts = show_versions() | {"cache": str(cache_folder())}
    settings = allocator.line() if allocator.is_glibc() else None
    unused = kernel.lost((facts["blas"] or {}).get("kernel"))
    if as_json:
        options.print_json(facts | {"unused": unused, "allocator": settings})
    elif not quiet:
        for name, value in facts.items():
            if isinstance(value, dict):
                value = ", ".join(f"{key} {entry}" for key, entry in value.items())
            click.echo(f"{name:<14}{'not installed' if value is None else value}")
        if unused is not None:
            click.echo(f"\n{unused}")
        if settings is not None:
            click.echo(f"\nVitral's commands keep freed memory; for a program of your own, before Python:\n{settings}")
