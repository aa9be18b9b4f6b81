"""vitral check: the certificate."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitral.cli import options

if TYPE_CHECKING:
    from vitral.api import TrainedModel
    from vitral.checks.check import Check
    from vitral.data import Data, Rows
    from vitral.specs import Spec

LABELLED = 500


@options.command(
    "check", ("vitral check", ""), ("vitral check runs/short --model latent-10 --json", "a model of a run"),
    ("vitral check runs/short --model latent-2 -o certificate.html", "a page to hand in, in two languages"),
)  # fmt: skip
@options.model_argument
@options.model_name
@options.data_option
@click.option(
    "--rows", type=click.IntRange(8, 10_000), default=64, show_default=True, help="Test rows to check on."
)
@options.seed
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A page of its own (.html), for paper too.")
@options.words
@options.force
@options.as_json
@options.quiet
@click.pass_context
def command(
    context: click.Context, model: str, name: str | None, data_name: str | None, rows: int, seed: int,
    out: Path | None, language: str, force: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """The certificate of a model: each check, its measured error and its bound. Exit code 1 if one fails.

    The gradient is compared with finite differences in float64; that proves backward against forward only,
    so the identities beside it (sampler, KL, normalisation, bounds) are checked too.
    """
    from vitral.api import load_one
    from vitral.checks.check import tally
    from vitral.cli.progress import stages
    from vitral.report.certificate import lines, page

    target = None if out is None else options.writable(out, (".html",), force=force)
    trained = load_one(model, name)
    data, some = _rows(trained, data_name, rows, quiet=quiet)
    with stages(1, quiet=quiet) as announce:
        announce("checking")
        items = [*_of_model(trained, some, seed), *_of_data(trained, data, some, seed)]
    passed, total = tally(items)
    facts = _facts(trained, model, name, data_name, some, seed)
    facts["command"] = shlex.join(["vitral", *options.session_of(context).words])
    document = {"passed": passed, "total": total, "checks": [asdict(item) for item in items], "facts": facts}
    options.hand_over(context, document, target, lines, page, language, as_json=as_json, quiet=quiet)
    sys.exit(1 if passed < total else 0)


def _rows(
    trained: TrainedModel, data_name: str | None, count: int, *, quiet: bool
) -> tuple[Data | None, Rows]:
    """The data in their parts where they have some, and the first test rows, or those of a file."""
    from vitral.cli.inputs import model_data, rows_to_use
    from vitral.data.files import is_own

    if data_name is not None and is_own(data_name):
        return None, rows_to_use(trained, data_name, quiet=quiet).select(slice(0, count))
    data = model_data(trained, data_name, quiet=quiet)
    return data, data.test.select(slice(0, count))


def _of_model(trained: TrainedModel, some: Rows, seed: int) -> list[Check]:
    from vitral.checks.certificate import certify
    from vitral.checks.tables import whole_rows
    from vitral.cli.inputs import final_objective, final_optimiser
    from vitral.study.measure import final_beta

    whole, x = whole_rows(trained.model, some)
    objective = final_objective(trained)
    return certify(
        whole, trained.theta.astype("float64"), x, seed, beta=final_beta(objective), own=objective,
        context=some.batch(slice(None), "float64").context, optimiser=final_optimiser(trained),
    )  # fmt: skip


def _of_data(trained: TrainedModel, data: Data | None, some: Rows, seed: int) -> list[Check]:
    """The split and the labels, where the data are at hand in their parts."""
    from vitral.checks import data as laws
    from vitral.checks.check import not_applicable
    from vitral.core.randomness import stream
    from vitral.evaluation.latent import codes

    if data is None:
        split = not_applicable("Z13", laws.SPLIT, "rows of a file have no training part")
    else:
        split = laws.splits_are_disjoint(data.train, data.test)
    if trained.contract.context is not None:
        told = "a model that is told the labels need not keep them in its codes"
        return [split, not_applicable("Z12", laws.LABELS, told)]
    labelled = some if data is None else data.test.select(slice(0, LABELLED))
    found = codes(trained.model, trained.theta, labelled)[0].astype("float64")
    return [split, laws.labels_informed(found, labelled.labels, stream(seed, "check labels"))]


def _facts(
    trained: TrainedModel, path: str, name: str | None, data_name: str | None, some: Rows, seed: int
) -> dict[str, Any]:
    """Which model, which data, which machine: what a teacher needs to repeat it."""
    from datetime import datetime

    from vitral.environment import show_versions
    from vitral.persistence.models import weights_digest

    own, versions, spec = trained.facts.get("data") or {}, show_versions(), trained.spec
    blas = versions.pop("blas") or {}
    keys = ("platform", "machine", "cpu")
    return {
        "model": path if name is None else f"{path} {name}",
        "digest": weights_digest(spec, trained.theta),
        "architecture": _architecture(spec),
        "objective": dict(trained.facts.get("objective", {"kind": "elbo"})),
        "data": data_name or f"{own.get('name', '')} {own.get('split', '')}".strip(),
        "rows": len(some),
        "seed": seed,
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": {key: versions[key] for key in ("vitral", "python", "numpy", "scipy")},
        "machine": {key: versions[key] for key in keys} | {"BLAS": blas.get("name")},
    }


def _architecture(spec: Spec) -> str:
    """784, mlp 128, 2, mlp 128, bernoulli: what stands between the data and back."""

    def network(entry: Mapping[str, Any]) -> str:
        widths = [*entry.get("channels", ()), *entry.get("hidden", ())]
        return " ".join([str(entry["kind"]), *map(str, widths)])

    parts = [str(spec.features), network(spec.encoder), f"{spec.latent} ({spec.posterior['kind']})"]
    return " → ".join([*parts, network(spec.decoder), str(spec.likelihood["kind"])])
