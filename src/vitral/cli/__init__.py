"""The command line: one module a command; each parses, calls and prints.

Commands are imported when they are named, so that ``vitral --help`` does not wait for NumPy.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from vitral import __version__
from vitral.cli import console, options
from vitral.errors import UsageError, VitralError, unknown

COMMANDS = {
    "study": "From data to report: the main job.",
    "compare": "Several models beside one another: one table, one figure.",
    "train": "Train one model on MNIST or your own data.",
    "evaluate": "ELBO, log-likelihood, reconstruction, latent space of a model.",
    "reconstruct": "Images through a model and back.",
    "sample": "New images from the prior.",
    "augment": "New rows or images with their classes, checked for copies.",
    "grid": "The latent plane as a grid of images.",
    "traverse": "One latent dimension at a time, the most used first.",
    "interpolate": "From one image to another through the latent space.",
    "impute": "What is missing in tables or images, filled in.",
    "encode": "Codes of images or rows, as an array.",
    "compress": "Images or integers into a small lossless file.",
    "decompress": "Such a file back into what it was.",
    "score": "How odd every row is, which are outliers, and why.",
    "export": "A model for other programs: a folder with a card, or ONNX.",
    "check": "The certificate of a model: what is proved, with numbers.",
    "explore": "A model to take hold of: one page, offline.",
    "zoo": "The bug zoo: planted errors, and the check that catches each.",
    "info": "Versions, BLAS and threads.",
}
EXAMPLES = (
    ("vitral sample -o samples.png", "pictures from the small model in the package"),
    ("vitral study --recipe quick", "a study on a few thousand images: under a minute"),
    ("vitral study", "the whole study on MNIST, with a report"),
)
COMPLETION = "_VITRAL_COMPLETE"  # what click reads to answer a shell that completes a word
NOTES = """\b
Exit codes:
  0 done               3 input data refused     5 disk or memory
  1 failed             4 file damaged           130 Ctrl-C, state saved
  2 usage                                       143 terminated, state saved

\b
Every option can be set in the environment too: VITRAL_STUDY_SEEDS=3.
Completion in bash: eval "$(_VITRAL_COMPLETE=bash_source vitral)"
"""


class Commands(options.WithExamples, click.Group):
    """A group that knows its commands' names, and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"vitral.cli.{cmd_name}").command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=Commands, examples=EXAMPLES, epilog=NOTES,
    context_settings=options.SETTINGS | {"auto_envvar_prefix": "VITRAL"},
)  # fmt: skip
@click.version_option(__version__, message="vitral %(version)s")
@options.blas
@options.debug
def group() -> None:
    """Vitral: the variational autoencoder without a deep-learning framework."""


def main(args: list[str] | None = None) -> None:
    """Run the command line; an error is one sentence on stderr and an exit code."""
    words = sys.argv[1:] if args is None else list(args)
    session = options.Session(words)
    console.make_lenient()
    sys.excepthook = session.on_defect
    if COMPLETION in os.environ:
        group.main(args=words, prog_name="vitral")
    sys.exit(_exit_code(session))


def _exit_code(session: options.Session) -> int:
    """Run, and turn what may happen into an exit code; anything else is a defect and goes to the hook."""
    try:
        with group.make_context("vitral", session.words or ["--help"], obj=session) as context:
            group.invoke(context)
        return 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except BrokenPipeError:
        console.mute()
        return 0
    except KeyboardInterrupt:
        console.say("vitral: interrupted")
        return 130
    except (click.ClickException, VitralError, MemoryError, ImportError, OSError) as error:
        ours = isinstance(error, ImportError) and str(error.name).startswith("vitral")
        if session.debug or ours:
            raise
        console.say(_sentence(error))
        if isinstance(error, OSError):
            console.mute()
        return _code(error)


def _code(error: Exception) -> int:
    if isinstance(error, click.ClickException | VitralError):
        return error.exit_code
    return 5 if isinstance(error, MemoryError | OSError) else 1


def _sentence(error: Exception) -> str:
    """What happened, on one line."""
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        place = context.command_path if context else "vitral"
        said = f"usage: {error.format_message().rstrip('.')}; {place} --help shows what there is"
    elif isinstance(error, VitralError):
        said = f"{'usage' if isinstance(error, UsageError) else 'error'}: {error}"
    elif isinstance(error, MemoryError):
        said = "error: out of memory; use a smaller batch, fewer importance samples or fewer rows"
    elif isinstance(error, ImportError):
        said = f"error: a package is missing or does not load ({error}); install Vitral again"
    else:
        said = f"error: {error.strerror or error}{_of_file(error)}; free space or choose another place"
    return " ".join(f"vitral: {said}".split())


def _of_file(error: OSError) -> str:
    return f" ({error.filename})" if error.filename else ""
