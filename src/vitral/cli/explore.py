"""vitral explore: a model to take hold of, in one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options

ENDINGS = (".html",)


@options.command(
    "explore",
    ("vitral explore -o page.html", "the small model in the package"),
    ("vitral explore runs/short -o short.html", "every model of a run"),
    ("vitral explore runs/short --model latent-10 --no-data -o ten.html", "one of them, without images of the data"),
)
@options.model_argument
@options.model_name
@options.data_option
@click.option("--exact", is_flag=True, help="32-bit weights, whatever the page then weighs.")
@click.option("--no-data", is_flag=True, help="No image of the data in the page.")
@options.out("page.html", "The page (.html).")
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    data_name: str | None,
    exact: bool,
    no_data: bool,
    out: Path,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """A model in one HTML file: drag codes, draw, take training steps; offline, in English and Portuguese.

    The page holds the networks and computes with them. Of a run folder it shows every model and what was recorded
    while they trained; of a model file what the file and its data tell. Weights are rounded to keep the page small, and
    the page states the error; --exact keeps them as they are.
    """
    from vitral.api import Run, load
    from vitral.persistence import write_atomically
    from vitral.report.explorer import build

    path = options.writable(out, ENDINGS, force=force)
    opened = load(model)
    how: dict[str, Any] = {"data_name": data_name, "show_data": not no_data, "quiet": quiet}
    if isinstance(opened, Run):
        run, subjects = _of_run(opened, name, **how)
    else:
        run, subjects = _of_file(opened, Path(model).stem, name, **how)
    text = build.page(run, subjects, exact=exact, show_data=False if no_data else None)
    write_atomically(path, text.encode("utf-8"))
    if as_json:
        options.print_json({"file": str(path), "models": [one.name for one in subjects], "characters": len(text)})
    elif not quiet:
        click.echo(str(path))


def _of_run(opened: Any, name: str | None, *, data_name: str | None, show_data: bool, quiet: bool) -> tuple[Any, Any]:
    """A run with its recordings; images are read again where it has none, or where others are asked for."""
    from vitral.cli.inputs import model_data
    from vitral.report.explorer.lone import refuse_other_rows, with_images
    from vitral.report.explorer.subjects import subjects_of
    from vitral.report.run_folder import read_run

    trained = opened.model(name or opened.names[0])
    refuse_other_rows(trained, name or opened.path.name)
    run = read_run(opened.path)
    subjects = [one for one in subjects_of(run) if name in (None, one.name)]
    recorded = "images" in run.explorer or not show_data or not run.data.get("shows_data", True)
    if data_name is not None or not recorded:
        data = model_data(trained, data_name, quiet=quiet)
        run = with_images(run, subjects, data, trained.contract, show_data=show_data)
    return run, subjects


def _of_file(
    trained: Any, stem: str, name: str | None, *, data_name: str | None, show_data: bool, quiet: bool
) -> tuple[Any, Any]:
    """A model on its own; without images its data need not be at hand."""
    from vitral.cli.inputs import model_data
    from vitral.errors import UsageError
    from vitral.report.explorer.lone import lone_run, refuse_other_rows
    from vitral.report.explorer.subjects import Subject

    if name is not None:
        raise UsageError(f"--model chooses a model of a run folder, and {stem} is one model: leave it out")
    refuse_other_rows(trained, stem)
    known = data_name is not None or trained.facts.get("data") is not None
    data = model_data(trained, data_name, quiet=quiet) if known or show_data else None
    run = lone_run(stem, trained, data, show_data=show_data)
    return run, [Subject(stem, trained.model, trained.theta, run.array(f"{stem}/codes"))]
