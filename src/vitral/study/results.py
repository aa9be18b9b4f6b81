"""metrics.json and arrays.npz of a study, part by part. Schema: docs/run_folder.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from vitral import __version__
from vitral.data import Data
from vitral.evaluation.baselines import fit_baselines
from vitral.evaluation.latent import ACTIVE
from vitral.parts.objectives import ELBO
from vitral.specs import LIKELIHOODS, OPTIMISERS, described, described_objective
from vitral.study import measure, pictures
from vitral.study.jobs import Trained
from vitral.study.recipes import Recipe

SCHEMA = 1
PUBLISHED = {  # the notebook's own printed numbers: loss at z = mu after its last epoch, and its first epoch
    "latent-2": {"loss_at_mean": 46.7090, "train_running": 76.3850, "validation_at_mean": 54.8919},
    "latent-10": {"loss_at_mean": 37.9164},
    "latent-20": {"loss_at_mean": 37.8154},
}
SPREAD = ("loss", "elbo", "sse", "kl", "sse_at_mean", "log_px_hat", "knn_accuracy")

Metrics = dict[str, Any]
Collect = Callable[[Metrics, pictures.Arrays], None]


def parts(
    recipe: Recipe, data: Data, trained: list[Trained], *, show_data: bool
) -> Iterator[tuple[str, Collect]]:
    """What is left to do once training has ended: names, and functions that fill metrics and arrays."""
    yield (
        "data and baselines",
        lambda metrics, arrays: _data(recipe, data, trained, show_data, metrics, arrays),
    )
    for one in trained:
        yield (
            f"evaluation of {one.job.name}",
            lambda metrics, arrays, one=one: _model(recipe, data, one, metrics, arrays),
        )
    if recipe.training.replay:
        yield "the notebook's numbers", lambda metrics, arrays: _notebook(trained, metrics)


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
    entries = measure.baseline_entries(baselines, data, sizes)
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


def _model(recipe: Recipe, data: Data, one: Trained, metrics: Metrics, arrays: pictures.Arrays) -> None:
    """The entry of one model; other seeds of the same size become its ``seeds`` and ``_sd``."""
    entry = _entry(recipe, data, one)
    name = f"{'latent' if one.job.kind == 'vae' else one.job.kind}-{one.job.spec.latent}"
    if not one.job.main:
        _add_seed(metrics["models"][name], one.job.seed, entry)
        return
    entry["checks"] = measure.checks(one.model, one.theta, data, seed=one.job.seed, beta=_beta(one))
    entry["seeds"] = [_of_seed(one.job.seed, entry)]
    metrics["models"][name] = entry
    drawn = pictures.of_model(
        one.model, one.theta, data, seed=one.job.seed, tsne_rows=recipe.evaluation.tsne_rows
    )
    if one.strip is not None:
        drawn |= {"history_epochs": one.strip[0], "history_reconstructions": one.strip[1]}
    arrays |= {f"{name}/{key}": array for key, array in drawn.items()}


def _entry(recipe: Recipe, data: Data, one: Trained) -> Metrics:
    job, model, theta = one.job, one.model, one.theta
    objective = job.plan.objective.at(one.records[-1]["step"])
    options = {
        "seed": job.seed,
        "draws": recipe.evaluation.draws,
        "loss_only": measure.loss_only(model, data),
    }
    splits = {
        split: measure.of_split(model, theta, rows, objective, split=split, **options)
        for split, rows in data.parts().items()
    }
    test = splits["test"]
    test |= measure.importance(model, theta, data, recipe.evaluation, objective, seed=job.seed)
    test |= measure.of_latent(model, theta, data, recipe.evaluation, _beta(one))
    test["mu_shortcut_measured"] = test["loss"] - test["loss_at_mean"] if job.kind == "vae" else None
    return {
        "kind": job.kind,
        "latent": job.spec.latent,
        "parameters": model.parameters,
        "epochs": one.records[-1]["epoch"],
        "seed": job.seed,
        "hidden": list(job.spec.to_dict()["encoder"]["hidden"]),
        "likelihood": described(LIKELIHOODS, model.likelihood),
        "objective": described_objective(job.plan.objective),
        "loss_constant": model.likelihood.constant(model.features),
        "loss_is_likelihood": not options["loss_only"],
        **measure.variance_entries(model, theta, splits["train"]["sse"], objective),
        **splits,
        "slope_at_stop": _slope(one.records),
    }


def _beta(one: Trained) -> float:
    """The weight of the KL at the end of training; a plain autoencoder has none."""
    objective = one.job.plan.objective.at(one.records[-1]["step"])
    return objective.beta if isinstance(objective, ELBO) else 0.0


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
