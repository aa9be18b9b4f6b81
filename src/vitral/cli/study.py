"""vitral study: from data to report."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import click

from vitral.cli import options
from vitral.errors import UsageError

EXAMPLES = """\b
Examples:
  vitral study --recipe quick
  vitral study --set training.epochs=5 --out runs/short
  vitral study --resume runs/short
"""


@click.command("study", epilog=EXAMPLES, context_settings=options.HELP)
@click.option("--recipe", default="mnist", show_default=True, metavar="NAME|FILE.toml",
              help="notebook, mnist, quick, digits, or the path of your own.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of the recipe.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the first model.")
@click.option("--seeds", type=click.IntRange(min=1), help="Train every VAE with so many seeds.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/<recipe>-<date>-<time>]")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with an incomplete run.")
@click.option("--no-data", is_flag=True, help="Keep training rows out of report and arrays.")
@options.force()
@options.as_json
@options.quiet
def command(
    recipe: str, changes: tuple[str, ...], seed: int | None, seeds: int | None, out: Path | None, resume: Path | None,
    no_data: bool, force: bool, as_json: bool, quiet: bool,
) -> None:
    """From data to report: train, evaluate, draw and explain.

    Trains the latent sizes of a recipe with equal budgets, measures them alike, and writes a run folder
    with models, figures, metrics.json and one self-contained report.html.
    """
    from vitral.cli.progress import show, stopping
    from vitral.study import folder as folders
    from vitral.study.recipes import load_recipe, to_toml, with_seeds
    from vitral.study.run import Interrupted, study

    if resume is not None:
        if changes or seed is not None or seeds or out or force:
            raise UsageError("--resume goes on with the recipe of the run: give it alone, or start a new run")
        run, asked = folders.reopen(resume), load_recipe(str(resume / folders.RECIPE))
    else:
        if seed is not None:
            changes = (*changes, f"training.seed={seed}")
        asked = load_recipe(recipe, changes)
        asked = asked if seeds is None else with_seeds(asked, seeds)
        path = out or Path("runs") / f"{asked.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        run = folders.create(path, to_toml(asked), _resume_line(path, no_data), force=force)
    line = shlex.join(["vitral", *sys.argv[1:]])
    with stopping() as stop:
        try:
            show(study(asked, run, command=line, show_data=not no_data, stop=stop), quiet=quiet)
        except Interrupted as interrupted:
            click.echo(f"{interrupted}. To go on:\n\n    {_resume_line(run.path, no_data)}", err=True)
            sys.exit(stop.exit_code)
    _report(run, as_json=as_json, quiet=quiet)


def _resume_line(path: Path, no_data: bool) -> str:
    return shlex.join(["vitral", "study", "--resume", str(path), *(["--no-data"] if no_data else [])])


def _report(run, *, as_json: bool, quiet: bool) -> None:
    """Figures and page, then the few numbers that one wants to see first."""
    from vitral import load
    from vitral.report import build_report

    if not quiet and not as_json:
        click.echo("figures and report ...", err=True)
    page = build_report(run.path)
    run.finish()
    metrics = load(run.path).metrics
    if as_json:
        options.print_json({"run": str(run.path), "report": str(page), "models": metrics["models"]})
    elif not quiet:
        click.echo(_table(metrics))
        click.echo(f"\nReport: {page.resolve()}")


def _table(metrics: dict) -> str:
    """One line a model: test numbers, z sampled."""
    lines = [f"{'test set, z sampled':<22}{'-ELBO, nats':>16}{'squared error':>15}{'PCA':>8}{'KL, nats':>10}{'kNN':>8}"]
    for name, model in metrics["models"].items():
        test, pca = model["test"], metrics["baselines"]["pca"].get(str(model["latent"]))
        bound = f"{-test['elbo']:.1f} ± {test['elbo_se']:.1f}" if test["elbo"] is not None else "-"
        kl = f"{test['kl']:.2f}" if test["kl"] is not None else "-"
        knn = f"{test['knn_accuracy']:.3f}" if test["knn_accuracy"] is not None else "-"
        linear = f"{pca['sse']:.2f}" if pca else "-"
        lines.append(f"{name:<22}{bound:>16}{test['sse']:>15.2f}{linear:>8}{kl:>10}{knn:>8}")
    return "\n".join(lines)
