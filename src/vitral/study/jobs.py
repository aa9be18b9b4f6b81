"""Which trainings a recipe asks for, and what is known of each when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitral.data import Data, binarised, load_data
from vitral.model import Model
from vitral.specs import Spec
from vitral.study.recipes import Recipe
from vitral.training.loop import Plan


@dataclass(frozen=True)
class Job:
    """One training: its name in the run folder, what is trained, how, and from which seed.

    ``main`` says that this is the first seed, whose figures and numbers are shown.
    """

    name: str
    kind: str
    index: int
    spec: Spec
    plan: Plan
    seed: int
    main: bool = True


@dataclass(frozen=True)
class Trained:
    """A job that is done: its model, its parameters, its progress, and its film strip (epochs, frames)."""

    job: Job
    model: Model
    theta: np.ndarray
    records: list[dict[str, Any]]
    strip: tuple[np.ndarray, np.ndarray] | None


def jobs(recipe: Recipe, data: Data) -> list[Job]:
    """Every training of a recipe: all latent sizes of one seed, then the next seed, then autoencoders."""
    first, shape = recipe.training.seed, data.contract.image_shape
    made = []
    for seed in range(first, first + recipe.training.seeds):
        for index, latent in enumerate(recipe.model.latents):
            spec = recipe.spec(latent, features=data.contract.features, image_shape=shape)
            name = f"latent-{latent}" + ("" if seed == first else f"-seed{seed}")
            made.append(Job(name, "vae", index, spec, recipe.plan(index), seed, main=seed == first))
    for latent in recipe.model.autoencoders:
        spec = recipe.spec(latent, features=data.contract.features, image_shape=shape, autoencoder=True)
        made.append(
            Job(f"autoencoder-{latent}", "autoencoder", 0, spec, recipe.plan(0, autoencoder=True), first)
        )
    return made


def open_data(recipe: Recipe) -> Data:
    """The data of a recipe, its range checked against the likelihood."""
    d = recipe.data
    seed = recipe.training.seed
    data = binarised(
        load_data(d.name, split=d.split, seed=seed, limit=d.limit or None), d.binarise, seed=seed
    )
    low, high = recipe.spec(1, features=data.contract.features).build().likelihood.support
    if data.contract.low < low or data.contract.high > high:
        for name, rows in data.parts().items():
            rows.check(low, high, f"{data.name} ({name})")
    return data
