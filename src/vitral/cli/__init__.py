"""The command line: one module a command; each parses, calls and prints.

Commands are imported when they are named, so that ``vitral --help`` does not wait for NumPy.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from vitral import __version__
from vitral.errors import UsageError, VitralError, unknown

COMMANDS = {
    "study": "From data to report: the main job.",
    "train": "Train one model on MNIST or your own data.",
    "evaluate": "ELBO, log-likelihood, reconstruction, latent space of a model.",
    "reconstruct": "Images through a model and back.",
    "sample": "New images from the prior.",
    "grid": "The latent plane as a grid of images.",
    "interpolate": "From one image to another through the latent space.",
    "encode": "Codes of images or rows, as an array.",
    "check": "The certificate of a model: what is proved, with numbers.",
    "info": "Versions, BLAS and threads.",
}


class Commands(click.Group):
    """A group that knows its commands' names, and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"vitral.cli.{cmd_name}").command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


EXIT_CODES = """\b
Exit codes:
  0 done               3 input data refused     5 disk or memory
  1 failed             4 file damaged           130 Ctrl-C, state saved
  2 usage                                       143 terminated, state saved
"""


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(__version__, message="vitral %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def group(ctx: click.Context, debug: bool) -> None:
    """Vitral: the variational autoencoder without a deep-learning framework.

    \b
    Examples:
      vitral study                     the whole study on MNIST, with a report
      vitral study --recipe quick      the same in half a minute
      vitral sample -o samples.png     pictures from the small model in the package
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line; an error is one sentence on stderr and an exit code."""
    args = sys.argv[1:] if args is None else args
    try:
        code = group.main(args=args, prog_name="vitral", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except (VitralError, MemoryError) as error:
        if "--debug" in args:
            raise
        code = _explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: VitralError | MemoryError) -> int:
    if isinstance(error, MemoryError):
        click.echo("vitral: out of memory; use a smaller batch, fewer importance samples or fewer rows", err=True)
        return 5
    label = "usage" if isinstance(error, UsageError) else "error"
    click.echo(f"vitral: {label}: {error}", err=True)
    return error.exit_code
