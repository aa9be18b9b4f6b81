"""What commands share: their class, their options, and how results are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from vitral import allocator, kernel
from vitral.cli import console
from vitral.errors import ResourceError, UsageError

SETTINGS = {"help_option_names": ["-h", "--help"]}
LARGEST_SEED = 2**32 - 1  # what every generator in use takes


@dataclass
class Session:
    """One call of the command line: its words, and whether tracebacks are wanted."""

    words: list[str]
    debug: bool = False
    kernel: str | None = None  # of the BLAS, where the command line has chosen one

    def on_defect(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        """The exception hook: what nobody expected is our defect, and says so in one line."""
        if self.debug:
            sys.__excepthook__(kind, error, trace)
            return
        said = " ".join(f"{kind.__name__}: {error}".split())
        console.say(f"vitral: defect: {said}; this is an error in Vitral: report it with what --debug shows")


class WithExamples(click.Command):
    """A command whose help shows pairs of an example and its caption right after its text."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        for option in self.params:
            if isinstance(option, click.Option) and option.envvar is None:
                option.envvar = _variable(self.name, option)

    def invoke(self, ctx: click.Context) -> Any:
        if not isinstance(self, click.Group):
            allocator.keep_freed_memory()
            if (chosen := session_of(ctx).kernel) is not None:
                kernel.verify(chosen)
        return super().invoke(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        width = max((len(example) for example, caption in self.examples if caption), default=0)
        with formatter.section("Examples"):
            for example, caption in self.examples:
                line = f"{example:<{width}}  # {caption}" if caption else example
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def _variable(command: str | None, option: click.Option) -> str:
    """VITRAL_SAMPLE_MODEL for sample --model, VITRAL_DEBUG for the option before any command."""
    flag = max(option.opts, key=len).lstrip("-")
    return "_".join(["VITRAL", *([command] if command else []), flag]).upper().replace("-", "_")


def session_of(ctx: click.Context) -> Session:
    """The call that a command belongs to."""
    root = ctx.find_root()
    if root.obj is None:
        root.obj = Session([])
    return root.obj


def _set_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        session_of(ctx).debug = True


def _choose_kernel(ctx: click.Context, _: click.Parameter, value: str) -> None:
    if value == "auto" and not ctx.resilient_parsing:
        session_of(ctx).kernel = kernel.choose()


blas = click.option(
    "--kernel", type=click.Choice(["auto", "off"]), default="auto", expose_value=False, callback=_choose_kernel,
    help="off: leave the choice of the BLAS kernel to NumPy.")  # fmt: skip
debug = click.option("--debug", is_flag=True, expose_value=False, callback=_set_debug,
                     help="Show the traceback of an error.")  # fmt: skip


def command(name: str, *examples: tuple[str, str]) -> Callable[[Callable[..., Any]], WithExamples]:
    """A command of Vitral: examples in its help, and --debug."""
    made = click.command(name, cls=WithExamples, examples=examples, context_settings=SETTINGS)
    return lambda function: made(debug(function))


model_argument = click.argument("model", default="tiny", metavar="[MODEL]")
model_name = click.option(
    "--model",
    "name",
    help="Which model of a run folder (as vitral study --out runs/short makes), such as latent-10.",
)
seed = click.option("--seed", default=0, show_default=True, type=click.IntRange(0, LARGEST_SEED),
                    help="Seed of all randomness.")  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what --json asks for.")
language = click.option("--language", type=click.Choice(["en", "pt"]), default="en", show_default=True,
                        help="Language of the figure.")  # fmt: skip
words = click.option("--language", type=click.Choice(["en", "pt"]), default="en", show_default=True,
                     help="Language of what is printed; a page has both.")  # fmt: skip
data_option = click.option(
    "--data", "data_name", help="mnist, digits, or a .npy, .npz or IDX file  [default: the model's own data]"
)
label = click.option("--label", metavar="CLASS",
                     help="One of the classes of a conditional model, by number or name, for every image.")  # fmt: skip
numbers = click.option("--context", "numbers", metavar="X[,X...]",
                       help="What a model that was trained with side information is given.")  # fmt: skip
force = click.option("--force", is_flag=True, help="Overwrite what exists.")


def going_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """How to go on with a run; read with ``runs.manner``."""
    for name, text in (("slower", "go on with half the learning rate"), ("strict", "refuse another environment")):
        function = click.option(
            f"--{name}", is_flag=True, expose_value=False, help=f"With --resume: {text}.",
            callback=lambda ctx, option, value: ctx.meta.update({option.name: value}),
        )(function)  # fmt: skip
    return function


def asked(context: click.Context, option: str) -> bool:
    """Whether an option was given, on the command line or in the environment."""
    return context.get_parameter_source(option) not in (None, ParameterSource.DEFAULT)


def out(default: str, what: str = "Picture (.png, .svg) or array (.npy).") -> Callable[..., Any]:
    """Where the result goes; the ending chooses picture or array."""
    return click.option(
        "-o", "--out", type=click.Path(path_type=Path), default=default, show_default=True, help=what
    )


def writable(path: Path, endings: tuple[str, ...], *, force: bool) -> Path:
    """A path with a known ending, in a folder that exists, that does not overwrite without --force."""
    if path.suffix not in endings:
        raise UsageError(f"cannot write {path.name!r}: its ending must be one of {', '.join(endings)}")
    if not path.parent.is_dir():
        raise UsageError(f"the folder {path.parent} does not exist: make it, or choose another --out")
    if path.is_dir():
        raise UsageError(f"{path} is a folder: choose another --out")
    if path.exists() and not force:
        raise UsageError(f"{path} exists: use --force to overwrite it, or another --out")
    if not os.access(path.parent, os.W_OK):
        raise ResourceError(f"the folder {path.parent} cannot be written: choose another --out")
    return path


def hand_over(
    context: click.Context, document: Any, target: Path | None, lines: Callable[[Any, Any], Iterable[str]],
    page: Callable[[Any, Any], str], language: str, *, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """A finding in the ways that were asked for: its page at ``target``, JSON or lines on stdout."""
    from vitral.persistence import write_atomically
    from vitral.report.language import language as words_of

    words = words_of(language)
    if target is not None:
        opens = words if asked(context, "language") else None  # else in the language of the browser
        write_atomically(target, page(document, opens).encode("utf-8"))
    if as_json:
        print_json(document)
    elif not quiet:
        for line in (*lines(document, words), *([] if target is None else [str(target)])):
            click.echo(line)


def print_json(document: Any) -> None:
    """One JSON document on stdout, in ASCII: whoever reads it may use another encoding than this console."""
    click.echo(json.dumps({"schema": 1, **document}, indent=2, allow_nan=False))
