"""vitral evaluate: what a model is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitral.cli import options
from vitral.errors import UsageError

ENCODED = 100  # images whose best q is sought beside the encoder's
ROWS = (
    ("loss", "loss"),
    ("elbo", "ELBO"),
    ("kl", "rate (KL)"),
    ("distortion", "distortion"),
    ("sse", "squared error"),
)


@options.command(
    "evaluate",
    ("vitral evaluate", "the small model inside the package"),
    ("vitral evaluate runs/short --model latent-10 --samples 1000 --json", "a model of a run"),
)
@options.model_argument
@options.model_name
@options.data_option
@click.option(
    "--split",
    type=click.Choice(["auto", "official", "notebook", "random"]),
    help="How to split --data  [default: auto]",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Importance samples an image.",
)
@click.option(
    "--images", type=click.IntRange(min=1), default=1000, show_default=True, help="Test images for log p(x)."
)
@click.option(
    "--draws", type=click.IntRange(min=1), default=1, show_default=True, help="Draws of z an image."
)
@click.option(
    "--quality",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Also judge N new images, and measure what the encoder loses on 100 (a minute on MNIST).",
)
@options.seed
@options.as_json
@options.quiet
def command(
    model: str,
    name: str | None,
    data_name: str | None,
    split: str | None,
    samples: int,
    images: int,
    draws: int,
    quality: int,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """ELBO, importance-sampled log-likelihood, reconstruction, KL per dimension, active units, baselines.

    MODEL is a model file, a run folder, or tiny (the default: the small model inside the package). Numbers
    are means over images with their standard error; z is sampled unless a line says otherwise.
    """
    from vitral.api import load_one
    from vitral.cli.existing import records_beside
    from vitral.cli.inputs import model_data
    from vitral.study.recipes import EvaluationPart

    if split is not None and data_name is None:
        raise UsageError("--split says how to split --data: name the data too, or leave --split out")
    trained = load_one(model, name)
    data = model_data(trained, data_name, split or "auto", quiet=quiet)
    asked = EvaluationPart(
        draws=draws,
        importance_samples=samples,
        importance_images=images,
        sample_images=quality,
        amortisation_images=ENCODED if quality else 0,
    )
    records = records_beside(Path(model), name)
    numbers = _measured(trained, data, asked, seed, records, quiet)
    if as_json:
        options.print_json(numbers)
    elif not quiet:
        click.echo(_text(numbers, trained.spec.latent))


def _measured(
    trained: Any, data: Any, asked: Any, seed: int, records: list[dict[str, Any]], quiet: bool
) -> dict[str, Any]:
    """The numbers of the three splits, the latent space, the baselines, and what is wrong with the model."""
    from dataclasses import asdict

    from vitral.cli.inputs import final_objective
    from vitral.cli.progress import stages
    from vitral.evaluation.baselines import fit_baselines
    from vitral.evaluation.diagnosis import diagnose
    from vitral.study import measure
    from vitral.study.jobs import Job, Trained
    from vitral.study.results import entry_of
    from vitral.training.loop import Plan

    kind, epochs = trained.facts.get("kind", "vae"), trained.facts.get("epochs")
    job = Job(kind, kind, 0, trained.spec, Plan(objective=final_objective(trained)), seed)
    one = Trained(job, trained.model, trained.theta, [{"step": 10**9, "epoch": epochs}])
    with stages(6, quiet=quiet) as announce:
        entry, _ = entry_of(asked, data, one, announce=announce)
        announce("baselines")
        numeric = trained.model.likelihood.numeric
        sizes = [trained.spec.latent]
        baselines = measure.baseline_entries(fit_baselines(data.train), data, sizes, numeric=numeric)
    numbers = {part: entry[part] for part in (*data.parts(), *measure.BLOCKS) if part in entry}
    seen = diagnose(entry, records, pca=baselines["pca"].get(str(trained.spec.latent)))
    findings = [{**asdict(found), "says": found.says(), "advice": found.advice()} for found in seen]
    about = {"name": data.name, "split": data.split, "unit": data.contract.unit}
    about |= {} if entry["loss_is_likelihood"] else {"note": "a Bernoulli loss on grey levels is no likelihood"}
    return {**numbers, "baselines": baselines, "findings": findings, "data": about}


def _text(numbers: dict[str, Any], latent: int) -> str:
    lines = [*_splits(numbers), "", *_errors(numbers, latent), *_latent(numbers, latent)]
    lines.append(f"Densities are per unit of x: {numbers['data']['unit']}.")
    return "\n".join([*lines, *_findings(numbers["findings"])])


def _findings(found: list[dict[str, Any]]) -> list[str]:
    """What the numbers say is wrong, and what to try."""
    if not found:
        return ["", "Diagnosis: nothing that these numbers would show is wrong."]
    told = [f"- {one['severity']}: {one['says']} Try: {one['advice']}" for one in found]
    return ["", "Diagnosis:", *told]


def _splits(numbers: dict[str, Any]) -> list[str]:
    lines = [f"{'nats per image, z sampled':<28}{'train':>18}{'validation':>18}{'test':>18}"]
    for key, label in ROWS:
        cells = [_cell(numbers[part], key) for part in ("train", "validation", "test")]
        lines.append(f"{label:<28}" + "".join(f"{cell:>18}" for cell in cells))
    return lines


def _errors(numbers: dict[str, Any], latent: int) -> list[str]:
    base = numbers["baselines"]
    pca = f"{base['pca'][str(latent)]['sse']:.3f}" if base["pca"] else "-"
    if base["mean_image"]["sse"] is None:
        return ["squared errors have no meaning here: the values are names of categories"]
    return [
        f"squared error at z = mu (test)      {numbers['test']['sse_at_mean']:.3f}",
        f"mean image, PCA-{latent} (test)           {base['mean_image']['sse']:.3f}, {pca}",
    ]


def _latent(numbers: dict[str, Any], latent: int) -> list[str]:
    test, lines = numbers["test"], []
    if test["log_px_hat"] is not None:
        lines.append(
            f"log p(x), {test['importance_samples']} samples, {test['importance_images']} images: "
            f"{test['log_px_hat']:.2f} ± {test['log_px_hat_se']:.2f} nats "
            f"(ELBO of the same images {test['elbo_same_images']:.2f}), "
            f"{test['bits_per_dimension']:.4f} bits per dimension"
        )
    if test.get("log_px_hat_of_data") is not None:
        lines.append(f"the same in the units of the columns: {test['log_px_hat_of_data']:.2f} nats")
    if test["kl_per_dimension"] is not None:
        per_dimension = ", ".join(f"{value:.2f}" for value in sorted(test["kl_per_dimension"], reverse=True))
        lines.append(
            f"KL per dimension: {per_dimension} nats; active units {test['active_units']} of {latent}"
        )
    else:
        lines.append(f"active units {test['active_units']} of {latent}; this KL has no parts by dimension")
    seen = numbers.get("information")
    if seen is not None:
        lines.append(
            f"codes of {seen['images']} images: mutual information {seen['mutual_information']:.2f} to "
            f"{seen['mutual_information_upper']:.2f} nats (at most {seen['log_images']:.2f} can be seen), "
            f"KL(q(z), p(z)) {seen['marginal_kl_lower']:.2f} to {seen['marginal_kl']:.2f}"
        )
    if test["knn_accuracy"] is not None:
        lines.append(f"kNN accuracy of the codes: {test['knn_accuracy']:.4f}")
    return [*lines, *_quality(numbers)]


def _quality(numbers: dict[str, Any]) -> list[str]:
    """What the encoder loses, and what new images are like; nothing where it was not asked for."""
    lines, gap, seen = [], numbers.get("amortisation"), numbers.get("samples")
    if gap is not None:
        lines.append(
            f"amortisation gap, {gap['images']} images: {gap['amortisation_gap']:.2f} ± "
            f"{gap['amortisation_gap_se']:.2f} nats; "
            f"approximation gap {gap['approximation_gap']:.2f} ± {gap['approximation_gap_se']:.2f}"
        )
    if seen is not None:
        lines.append(
            f"{seen['samples']} new images ({seen['judged']}) on {seen['features']} features: precision "
            f"{seen['precision']:.3f}, recall {seen['recall']:.3f}, density {seen['density']:.3f}, coverage "
            f"{seen['coverage']:.3f}, kernel distance {seen['mmd2']:.4f} ± {seen['mmd2_se']:.4f}"
        )
        lines.append(
            f"nearest of training and test images is a training image for {seen['nearest_is_train']:.3f} of them; "
            f"{seen['nearest_is_train_expected']:.3f} would be by chance"
        )
    return lines


def _cell(part: dict[str, Any], key: str) -> str:
    if part[key] is None:
        return "-"
    return f"{part[key]:.3f} ± {part[f'{key}_se']:.3f}"
