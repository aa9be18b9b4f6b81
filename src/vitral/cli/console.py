"""What is said on stderr, and what happens when a console cannot show or take it."""

from __future__ import annotations

import codecs
import os
import sys
from typing import Any

import click

PLAIN = {"±": "+-", "−": "-", "×": "x", "–": "-", "…": "..."}


def say(text: str, *, quiet: bool = False) -> None:
    """One message on stderr. Nobody there to read it is no reason to stop a training."""
    if quiet:
        return
    try:
        click.echo(text, err=True)
    except OSError:
        _to_nowhere(sys.stderr)


def make_lenient() -> None:
    """A console without a character shows a plain one instead of raising."""
    codecs.register_error("vitral", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="vitral")


def mute() -> None:
    """After a failed write: drop what is still buffered, which would fail again at exit."""
    for stream in (sys.stdout, sys.stderr):
        _to_nowhere(stream)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


def _to_nowhere(stream: Any) -> None:
    try:
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
    except (AttributeError, OSError, ValueError):
        return  # closed, or no descriptor behind it: nothing will be written at exit either
