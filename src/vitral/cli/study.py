"""vitral study: from data to report."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.cli.console import say

DRAWING = 20.0  # seconds for the figures in both languages, drawn side by side on two cores


@options.command(
    "study",
    ("vitral study --recipe quick", "under a minute"),
    ("vitral study --recipe digits --set training.epochs=5 --out runs/short", ""),
    ("vitral study --recipe notebook", "the course notebook's own numbers"),
)
@click.option(
    "--recipe",
    default="mnist",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="notebook, mnist, quick, digits, or the path of your own.",
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of the recipe.")
@click.option("--seed", type=click.IntRange(0, options.LARGEST_SEED), help="Seed of the first model.")
@click.option("--seeds", type=click.IntRange(min=1), help="Train every VAE with so many seeds.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/<recipe>-<date>-<time>]"
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run that was stopped."
)
@click.option("--no-data", is_flag=True, help="Keep training rows out of report and arrays.")
@options.going_on
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context,
    recipe: str,
    changes: tuple[str, ...],
    seed: int | None,
    seeds: int | None,
    out: Path | None,
    resume: Path | None,
    no_data: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """From data to report: train, evaluate, draw and explain.

    Trains the latent sizes of a recipe with equal budgets, measures them alike, and writes a run folder
    with models, figures, metrics.json and one self-contained report.html.
    """
    asked = None if resume is not None else asked_recipe(recipe, changes, seed, seeds)
    carry_out(context, asked, out, resume, no_data=no_data, force=force, as_json=as_json, quiet=quiet)


def carry_out(
    context: click.Context,
    asked: Any,
    out: Path | None,
    resume: Path | None,
    *,
    no_data: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run a recipe for a command, into a new folder; or go on with the run to ``resume``, by its own recipe."""
    from vitral.cli import runs
    from vitral.cli.progress import show
    from vitral.cli.stopping import stoppable
    from vitral.study.folder import RECIPE
    from vitral.study.jobs import open_data
    from vitral.study.recipes import load_recipe
    from vitral.study.run import study

    command, run = str(context.command.name), None
    how = runs.manner(context, resumed=resume is not None)
    if resume is not None:
        runs.refuse_beside_resume(context)
        run = runs.again(resume, command)
        asked, no_data = load_recipe(str(resume / RECIPE)), no_data or " --no-data" in runs.resume_text(resume)
    line = shlex.join(["vitral", *options.session_of(context).words])
    data = open_data(asked)  # refused, if it must be, before a folder is made
    if run is None:
        run = runs.begin(asked, out, lambda path: _resume_line(command, path, no_data), force=force)
    with stoppable(_resume_line(command, run.path, no_data), run.path) as stop, runs.alone(run.path):
        events = study(asked, run, command=line, data=data, show_data=not no_data, manner=replace(how, stop=stop))
        show(events, stop, quiet=quiet, afterwards=DRAWING)
        _report(run, as_json=as_json, quiet=quiet)


def asked_recipe(recipe: str, changes: tuple[str, ...], seed: int | None, seeds: int | None) -> Any:
    """A recipe as the options change it."""
    from vitral.study.recipes import load_recipe, with_seeds

    if seed is not None:
        changes = (*changes, f"training.seed={seed}")
    asked = load_recipe(recipe, changes)
    return asked if seeds is None else with_seeds(asked, seeds)


def _resume_line(command: str, path: Path, no_data: bool) -> str:
    from vitral.cli.runs import command_line

    return command_line(command, "--resume", str(path), *(["--no-data"] if no_data else []))


def _report(run: Any, *, as_json: bool, quiet: bool) -> None:
    """Figures and page, then the few numbers that one wants to see first."""
    from vitral.api import load
    from vitral.cli.tables import compared
    from vitral.report import build_report

    say("figures and report ...", quiet=quiet)
    page = build_report(run.path)
    run.finish()
    metrics = load(run.path).metrics
    seconds = {name: run.seconds(name) for name in metrics["models"]}
    if as_json:
        document = {"run": str(run.path), "report": str(page), "models": metrics["models"]}
        beside = {"comparison": metrics["comparison"], "seconds": seconds} if "comparison" in metrics else {}
        options.print_json(document | beside)
    elif not quiet:
        if "comparison" in metrics:
            click.echo(compared(metrics["comparison"], metrics["models"], seconds))
        else:
            click.echo(_table(metrics))
        click.echo(f"\nReport: {page.resolve()}")


def _table(metrics: dict[str, Any]) -> str:
    """One line a model: test numbers, z sampled."""
    titles = f"{'test set, z sampled':<22}{'-ELBO, nats':>18}{'squared error':>15}{'PCA':>8}{'KL, nats':>10}{'kNN':>8}"
    return "\n".join(
        [titles, *(_row(name, model, metrics["baselines"]) for name, model in metrics["models"].items())]
    )


def _row(name: str, model: dict[str, Any], baselines: dict[str, Any]) -> str:
    test, pca = model["test"], baselines["pca"].get(str(model["latent"]))
    bound = f"{-test['elbo']:.1f} ± {test['elbo_se']:.1f}" if test["elbo"] is not None else "-"
    kl = f"{test['kl']:.2f}" if test["kl"] is not None else "-"
    knn = f"{test['knn_accuracy']:.3f}" if test["knn_accuracy"] is not None else "-"
    linear = f"{pca['sse']:.2f}" if pca else "-"
    error = f"{test['sse']:.2f}" if test["sse"] is not None else "-"
    return f"{name:<22}{bound:>18}{error:>15}{linear:>8}{kl:>10}{knn:>8}"
