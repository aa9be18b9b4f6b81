"""metrics.json and arrays.npz of a study, part by part. Schema: docs/run_folder.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np

from vitral import __version__
from vitral.data import Data
from vitral.evaluation.baselines import fit_baselines
from vitral.evaluation.diagnosis import diagnose
from vitral.evaluation.latent import ACTIVE
from vitral.parts.objectives import ELBO
from vitral.specs import GIVEN, LIKELIHOODS, OPTIMISERS, described, described_objective
from vitral.study import comparison, measure, pictures, traversals
from vitral.study.jobs import Job, Trained
from vitral.study.recipes import EvaluationPart, Recipe
from vitral.study.variants import reduced

SCHEMA = 1
PUBLISHED = {  # the notebook's own printed numbers: loss at z = mu after its last epoch, and its first epoch
    "latent-2": {"loss_at_mean": 46.7090, "train_running": 76.3850, "validation_at_mean": 54.8919},
    "latent-10": {"loss_at_mean": 37.9164},
    "latent-20": {"loss_at_mean": 37.8154},
}
SPREAD = ("loss", "elbo", "sse", "kl", "sse_at_mean", "log_px_hat", "knn_accuracy")
PARTS = ("encoder", "decoder", "posterior", "prior")

Metrics = dict[str, Any]
Collect = Callable[[Metrics, pictures.Arrays], None]


def parts(
    recipe: Recipe, data: Data, trained: list[Trained], *, show_data: bool
) -> Iterator[tuple[str, Collect]]:
    """What is left to do once training has ended: names, and functions that fill metrics and arrays."""
    scored: dict[str, comparison.Scored] = {}
    yield (
        "data and baselines",
        lambda metrics, arrays: _data(recipe, data, trained, show_data, metrics, arrays),
    )
    for one in trained:
        yield (
            f"evaluation of {one.job.name}",
            lambda metrics, arrays, one=one: _model(recipe, data, one, metrics, arrays, scored),
        )
    if recipe.variants:
        yield "comparison", lambda metrics, arrays: _comparison(recipe, trained, scored, metrics)
    if recipe.training.replay:
        yield "the notebook's numbers", lambda metrics, arrays: _notebook(trained, metrics)
    yield "diagnosis", lambda metrics, arrays: _diagnosis(trained, metrics)


def _data(
    recipe: Recipe,
    data: Data,
    trained: list[Trained],
    show_data: bool,
    metrics: Metrics,
    arrays: pictures.Arrays,
) -> None:
    sizes = sorted({one.job.spec.latent for one in trained})
    baselines = fit_baselines(data.train)
    numeric = all(one.model.likelihood.numeric for one in trained)
    entries = measure.baseline_entries(baselines, data, sizes, numeric=numeric)
    shape = data.contract.image_shape
    metrics |= {
        "schema": SCHEMA,
        "recipe": recipe.name,
        "vitral": __version__,
        "seed": recipe.training.seed,
        "data": {
            "name": data.name,
            "split": data.split,
            **{name: len(rows) for name, rows in data.parts().items()},
            "features": data.contract.features,
            "image_shape": None if shape is None else list(shape),
            "classes": data.classes,
            "unit": data.contract.unit,
            "binarisation": data.contract.bits.rule if data.contract.bits else "none",
            "context": data.contract.context.kind if data.contract.context else "none",
            "shows_data": show_data,
        },
        "protocol": _protocol(recipe, data),
        "baselines": entries,
        "models": {},
        "notebook": None,
    }
    arrays |= pictures.of_data(data, show_data=show_data)
    arrays |= pictures.of_baselines(baselines, data, [int(size) for size in entries["pca"]])


def _protocol(recipe: Recipe, data: Data) -> dict[str, Any]:
    plan = recipe.plan(0)
    evaluation = asdict(recipe.evaluation)
    evaluation["neighbour_rows"] = min(recipe.evaluation.neighbour_rows, len(data.train))
    evaluation["importance_images"] = min(recipe.evaluation.importance_images, len(data.test))
    evaluation["information_images"] = min(recipe.evaluation.information_images, len(data.test))
    evaluation["amortisation_images"] = min(recipe.evaluation.amortisation_images, len(data.test))
    evaluation["tsne_rows"] = min(recipe.evaluation.tsne_rows, len(data.test))
    return {
        "batch": plan.batch,
        "optimiser": described(OPTIMISERS, plan.optimiser),
        "rate": recipe.training.rate,
        "dtype": plan.dtype,
        "objective": described_objective(plan.objective),
        "keep": plan.keep,
        "patience": plan.patience,
        "seeds": recipe.training.seeds,
        **evaluation,
        "monitor_rows": min(plan.monitor_rows, len(data.train)),
        "active_threshold": ACTIVE,
    }


def _model(
    recipe: Recipe,
    data: Data,
    one: Trained,
    metrics: Metrics,
    arrays: pictures.Arrays,
    scored: dict[str, comparison.Scored],
) -> None:
    """The entry of one model; other seeds of the same size become its ``seeds`` and ``_sd``."""
    if not one.job.main:
        entry, images = entry_of(recipe.evaluation, data, one)
        _add_seed(metrics["models"][main_name(one.job)], one.job.seed, entry)
        scored[main_name(one.job)].seeds.append(images)
        return
    seed, rows = one.job.seed, recipe.evaluation.tsne_rows
    with ThreadPoolExecutor(1) as beside:  # t-SNE, most of the pictures' time, works on one core
        drawn = beside.submit(pictures.of_model, one.model, one.theta, data, seed=seed, tsne_rows=rows)
        entry = _main_entry(recipe, data, one, metrics, scored)
    found = drawn.result()
    if "frames" in one.recorded:
        frames = one.recorded["frames"]
        found |= {"history_epochs": np.arange(len(frames)), "history_reconstructions": frames}
    if one.job.kind == "vae" and data.contract.image_shape is not None:
        found |= traversals.of_model(one.model, one.theta, data, entry["test"]["kl_per_dimension"])
    arrays |= {f"{one.job.name}/{key}": array for key, array in found.items()}


def _main_entry(
    recipe: Recipe, data: Data, one: Trained, metrics: Metrics, scored: dict[str, comparison.Scored]
) -> Metrics:
    """The entry of a model of the first seed, written into the metrics."""
    entry, images = entry_of(recipe.evaluation, data, one)
    how = {"own": _final_objective(one), "optimiser": one.job.plan.optimiser}
    entry["checks"] = measure.checks(one.model, one.theta, data, seed=one.job.seed, **how)
    entry["seeds"] = [_of_seed(one.job.seed, entry)]
    metrics["models"][one.job.name] = entry
    scored[one.job.name] = comparison.Scored(one.job.name, comparison.scale_of(one.model, data), [images])
    return entry


def _diagnosis(trained: list[Trained], metrics: Metrics) -> None:
    """What the numbers say is wrong with each model, once all its seeds are measured."""
    pca = metrics["baselines"]["pca"]
    for one in trained:
        if one.job.main:
            entry = metrics["models"][one.job.name]
            found = diagnose(entry, one.records, keep=one.job.plan.keep, pca=pca.get(str(entry["latent"])))
            entry["findings"] = [asdict(finding) for finding in found]


def numbers(metrics: Metrics, job: Job) -> Metrics:
    """What a model was measured at, by split: its single numbers, for its own file."""
    entry = metrics["models"][main_name(job)]
    if not job.main:
        entry = next(other for other in entry["seeds"] if other["seed"] == job.seed)
    found = {split: entry.get(split) or {} for split in ("train", "validation", "test")}
    return {
        split: {key: value for key, value in of_split.items() if isinstance(value, int | float) and key[-3:] != "_sd"}
        for split, of_split in found.items()
    }


def main_name(job: Job) -> str:
    """The name of a model, whichever of its seeds this is."""
    return job.name if job.main else job.name.removesuffix(f"-seed{job.seed}")


def entry_of(
    evaluation: EvaluationPart, data: Data, one: Trained, *, announce: Callable[[str], None] = lambda part: None
) -> tuple[Metrics, dict[str, np.ndarray]]:
    """What metrics.json says about one trained model, and the bounds of every test image.

    ``announce`` is called with the name of each part that begins.
    """
    job, model, theta = one.job, one.model, one.theta
    objective, bare = _final_objective(one), measure.loss_only(model, data)
    options = {"seed": job.seed, "draws": evaluation.draws, "loss_only": bare}
    values = {}
    for split, rows in data.parts().items():
        announce(f"{data.name}, {split}")
        values[split] = measure.images_of_split(model, theta, rows, objective, split=split, **options)
    splits = {split: measure.of_split(found) for split, found in values.items()}
    announce("log-likelihood")
    estimates = measure.estimates(model, theta, data, evaluation, seed=job.seed)
    test, elbo = splits["test"], values["test"]["elbo"]
    test |= measure.importance(estimates, elbo, data.test.observed(), evaluation.importance_samples)
    test |= measure.importance_of_data(estimates, data)
    announce("latent space")
    test |= measure.of_latent(model, theta, data, evaluation, objective)
    shortcut = test["loss"] - test["loss_at_mean"] if isinstance(objective, ELBO) else None
    test["mu_shortcut_measured"] = shortcut if job.kind == "vae" else None
    images = {} if test["elbo"] is None else {"elbo": elbo}
    images |= {} if estimates is None else {"log_px_hat": estimates}
    return {**_facts(one), "loss_is_likelihood": not bare,
            **measure.variance_entries(model, theta, splits["train"]["sse"], objective, data.train.observed()),
            **splits, **_blocks(evaluation, data, one), "slope_at_stop": _slope(one.records)}, images  # fmt: skip


def _blocks(evaluation: EvaluationPart, data: Data, one: Trained) -> Metrics:
    """What is measured beside the splits, where it is asked for and exists."""
    blocks: Metrics = {}
    for measured in (measure.information_of, measure.amortisation_of, measure.samples_of):
        blocks |= measured(one.model, one.theta, data, evaluation, seed=one.job.seed)
    return blocks


def _facts(one: Trained) -> Metrics:
    """What a model is, and how it was trained."""
    job, spec = one.job, one.job.spec.to_dict()
    return {
        "kind": job.kind,
        **({} if job.variant is None else {"variant": job.variant}),
        "latent": job.spec.latent,
        "parameters": one.model.parameters,
        "epochs": one.records[-1]["epoch"],
        "seed": job.seed,
        "hidden": list(spec["encoder"].get("hidden", [])),
        **{part: spec[part] for part in PARTS},
        "likelihood": described(LIKELIHOODS, one.model.likelihood, *GIVEN),
        "objective": described_objective(job.plan.objective),
        "loss_constant": one.model.likelihood.constant(one.model.features),
    }


def _final_objective(one: Trained) -> Any:
    """What the model was trained with, as it stood at its last step."""
    return one.job.plan.objective.at(one.records[-1]["step"])


def _comparison(
    recipe: Recipe, trained: list[Trained], scored: dict[str, comparison.Scored], metrics: Metrics
) -> None:
    """The variants beside one another: what each changes, and tables of those that share a scale."""
    whole = recipe.to_dict()
    names = [main_name(one.job) for one in trained if one.job.main and one.job.variant is not None]
    metrics["variants"] = {name: reduced(changes, whole) for name, changes in whole["variants"].items()}
    metrics["comparison"] = comparison.tables([scored[name] for name in names])


def _slope(records: list[dict[str, Any]]) -> float | None:
    """How fast the validation loss still moved, in nats an epoch over the last quarter of the epochs."""
    back = max(len(records) // 4, 1)
    if len(records) <= back:
        return None
    return (records[-1]["validation"]["loss"] - records[-1 - back]["validation"]["loss"]) / back


def _of_seed(seed: int, entry: Metrics) -> Metrics:
    return {
        "seed": seed,
        **{
            split: {key: value for key, value in entry[split].items() if not isinstance(value, list)}
            for split in ("train", "validation", "test")
        },
    }


def _add_seed(entry: Metrics, seed: int, other: Metrics) -> None:
    """One more seed, and the spread between all seeds so far (ddof 1)."""
    entry["seeds"].append(_of_seed(seed, other))
    for split in ("train", "validation", "test"):
        for key in SPREAD:
            values = [of_seed[split].get(key) for of_seed in entry["seeds"]]
            if None not in values:
                entry[split][f"{key}_sd"] = float(np.std(values, ddof=1))
                entry[split][f"{key}_mean"] = float(np.mean(values))


def _notebook(trained: list[Trained], metrics: Metrics) -> None:
    """Our replay beside the numbers that the notebook printed; losses are SSE + KL."""
    metrics["notebook"] = {}
    for one in trained:
        published, records = PUBLISHED.get(one.job.name), one.records
        if published is None:
            continue
        entry: Metrics = {
            "published_loss_at_mean": published["loss_at_mean"],
            "loss_at_mean": records[-1]["validation"]["loss_at_mean_by_batch"],
        }
        if "train_running" in published:
            entry["first_epoch"] = {
                "train_running": records[1]["running"]["loss"],
                "validation_at_mean": records[1]["validation"]["loss_at_mean_by_batch"],
                "published_train_running": published["train_running"],
                "published_validation_at_mean": published["validation_at_mean"],
            }
        metrics["notebook"][one.job.name] = entry
