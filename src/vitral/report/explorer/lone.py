"""Models as the explorer shows them without their run: a model file, another data set, or a run from before recordings.

What a run folder would hold is put together from the model's own facts and from what is computed of images at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vitral.api import TrainedModel
from vitral.data import Contract, Data
from vitral.errors import UsageError
from vitral.evaluation.latent import codes
from vitral.parts.likelihoods import GaussianFixed, GaussianLearned
from vitral.report.explorer.subjects import Subject
from vitral.report.run_folder import RunFolder
from vitral.specs import GIVEN, LIKELIHOODS, described
from vitral.study.recording import first_images, of_images

Record = dict[str, Any]
OF_IMAGES = ("codes", "logvar", "reconstructions")  # recordings that belong to the images of the training's own data


def refuse_other_rows(trained: TrainedModel, name: str) -> None:
    """Raise UsageError for a model whose rows are no images."""
    contract = trained.contract
    if contract.columns is not None or contract.image_shape is None:
        rows = "a table" if contract.columns is not None else "plain rows"
        raise UsageError(f"{name} was trained on {rows}, and the explorer shows images: give a model of images")


def lone_run(name: str, trained: TrainedModel, data: Data | None, *, show_data: bool) -> RunFolder:
    """A model file as a run of one model; without ``data`` nothing is known of any image."""
    facts = trained.facts
    metrics = {
        "recipe": facts.get("recipe"),
        "seed": facts.get("seed"),
        "data": _data_entry(trained, data, show_data=show_data),
        "models": {name: _entry(trained)},
    }
    run = RunFolder(Path(), metrics, {}, "", {}, {}, {})
    subjects = [Subject(name, trained.model, trained.theta)]
    return run if data is None else with_images(run, subjects, data, trained.contract, show_data=show_data)


def with_images(
    run: RunFolder, subjects: Sequence[Subject], data: Data, contract: Contract, *, show_data: bool
) -> RunFolder:
    """The same run with the images of these data in place of its own, and their codes."""
    some = first_images(data.test)
    found: dict[str, np.ndarray] = {}
    for one in subjects:
        mu, logvar = codes(one.model, one.theta, some)
        found |= {f"{one.name}/codes": mu} | ({} if logvar is None else {f"{one.name}/codes_logvar": logvar})
    kept = {key: array for key, array in run.explorer.items() if not key.endswith(_endings())}
    recorded = {key: array for key, array in kept.items() if "/" in key}
    shows = {"shows_data": show_data}
    return replace(
        run,
        metrics={**run.metrics, "data": {**run.data, **shows, "name": data.name, "classes": data.classes}},
        arrays=found,
        explorer={**recorded, **of_images(data, contract, show_data=show_data)},
    )


def _endings() -> tuple[str, ...]:
    return tuple(f"/history_{name}" for name in OF_IMAGES)


def _data_entry(trained: TrainedModel, data: Data | None, *, show_data: bool) -> Record:
    contract, own = trained.contract, trained.facts.get("data") or {}
    rows = {} if data is None else {name: len(part) for name, part in data.parts().items()}
    return {
        "name": own.get("name") if data is None else data.name,
        "split": own.get("split") if data is None else data.split,
        **rows,
        "features": contract.features,
        "image_shape": None if contract.image_shape is None else list(contract.image_shape),
        "classes": None if data is None else data.classes,
        "unit": contract.unit,
        "binarisation": contract.bits.rule if contract.bits else "none",
        "context": contract.context.kind if contract.context else "none",
        "shows_data": show_data,
    }


def _entry(trained: TrainedModel) -> Record:
    """What metrics.json would say of the model, as far as its file knows."""
    model, facts = trained.model, trained.facts
    measured: Mapping[str, Any] = trained.metrics
    gaussian = isinstance(model.likelihood, GaussianFixed | GaussianLearned)
    views = model.views(trained.theta)
    return {
        "kind": facts.get("kind", "vae"),
        "latent": trained.spec.latent,
        "parameters": model.parameters,
        "hidden": list(trained.spec.to_dict()["encoder"].get("hidden", [])),
        "epochs": facts.get("epochs"),
        "seed": facts.get("seed"),
        "objective": facts.get("objective"),
        "likelihood": described(LIKELIHOODS, model.likelihood, *GIVEN),
        "loss_constant": model.likelihood.constant(model.features),
        "variance": model.likelihood.noise_variance(views.likelihood) if gaussian else None,
        **{split: measured[split] for split in ("train", "validation", "test") if split in measured},
    }
