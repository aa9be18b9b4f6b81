"""vitral check: the certificate."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from vitral.cli import options


@options.command(
    "check", ("vitral check", ""), ("vitral check runs/short --model latent-10 --json", "a model of a run")
)
@options.model_argument
@options.model_name
@options.data_option
@click.option(
    "--rows", type=click.IntRange(8, 10_000), default=64, show_default=True, help="Test rows to check on."
)
@options.seed
@options.as_json
@options.quiet
def command(
    model: str, name: str | None, data_name: str | None, rows: int, seed: int, as_json: bool, quiet: bool
) -> None:
    """The certificate of a model: each check, its measured error and its bound. Exit code 1 if one fails.

    The gradient is compared with finite differences in float64; that proves backward against forward only,
    so the identities beside it (sampler, KL, normalisation, bounds) are checked too.
    """
    from vitral.api import load_one
    from vitral.checks.certificate import certify
    from vitral.checks.tables import whole_rows
    from vitral.cli.inputs import final_objective, rows_to_use
    from vitral.cli.progress import stages
    from vitral.study.measure import final_beta

    trained = load_one(model, name)
    some = rows_to_use(trained, data_name, quiet=quiet).select(slice(0, rows))
    whole, x = whole_rows(trained.model, some)
    with stages(1, quiet=quiet) as announce:
        announce("checking")
        items = certify(
            whole,
            trained.theta.astype("float64"),
            x,
            seed,
            beta=final_beta(final_objective(trained)),
            context=some.batch(slice(None), "float64").context,
        )
    applied = [item for item in items if item.passed is not None]
    failed = [item for item in applied if not item.passed]
    if as_json:
        options.print_json({"passed": len(applied) - len(failed), "total": len(applied),
                            "checks": [asdict(item) for item in items]})  # fmt: skip
    elif not quiet:
        for item in items:
            click.echo(_line(item))
        click.echo(f"\n{len(applied) - len(failed)} of {len(applied)} checks passed.")
    sys.exit(1 if failed else 0)


def _line(item: Any) -> str:
    verdict = {True: "ok  ", False: "FAIL", None: "-   "}[item.passed]
    measured = "" if item.measured is None else f"{item.measured:.3g}"
    bound = "" if item.bound is None else f"(bound {item.bound:.3g} {item.unit})"
    note = f"\n{'':>13}{item.note}" if item.note else ""
    return f"{verdict} {item.id:<7} {item.name}: {measured} {bound}".rstrip() + note
