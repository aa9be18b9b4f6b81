"""Which trainings a recipe asks for, and what is known of each when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vitral.data import Data, binarised, conditioned, load_data
from vitral.data.support import check_support
from vitral.errors import UsageError
from vitral.model import Model
from vitral.specs import Spec
from vitral.study.recipes import Recipe
from vitral.training.loop import Plan


@dataclass(frozen=True)
class Job:
    """One training: its name in the run folder, what is trained, how, and from which seed.

    ``main`` says that this is the first seed, whose figures and numbers are shown; ``variant`` which variant of
    the recipe this is, where it has some, and ``second_stage`` what is fitted to its codes afterwards.
    """

    name: str
    kind: str
    index: int
    spec: Spec
    plan: Plan
    seed: int
    main: bool = True
    variant: str | None = None
    second_stage: Mapping[str, Any] = field(default_factory=dict)

    def base(self, todo: list[Job]) -> Job | None:
        """The first earlier job that trains the very model whose codes the second stage of this one fits."""
        own = (self.kind, self.index, self.spec, self.plan, self.seed, self.main)
        for job in todo[: todo.index(self)] if self.second_stage else []:
            if own == (job.kind, job.index, job.spec, job.plan, job.seed, job.main):
                return job
        return None


@dataclass(frozen=True)
class Trained:
    """A job that is done: its model, its parameters, its progress, and what was recorded while it trained.

    ``recorded`` holds ``frames``, the film strip with one row of images an epoch, and what recording.py looked at.
    """

    job: Job
    model: Model
    theta: np.ndarray
    records: list[dict[str, Any]]
    recorded: Mapping[str, np.ndarray] = field(default_factory=dict)


def jobs(recipe: Recipe, data: Data) -> list[Job]:
    """Every training of a recipe: all variants and latent sizes of one seed, the next seed, then autoencoders."""
    first = recipe.training.seed
    sizes = _sizes(data)
    made = []
    for seed in range(first, first + recipe.training.seeds):
        for variant, own in recipe.each():
            for index, latent in enumerate(own.model.latents):
                spec = own.spec(latent, **sizes)
                name = model_name(latent, variant) + ("" if seed == first else f"-seed{seed}")
                plan = own.plan(index, rows=len(data.train))
                after = own.training.second_stage
                made.append(Job(name, "vae", index, spec, plan, seed, seed == first, variant, after))
    for latent in recipe.model.autoencoders:
        spec = recipe.spec(latent, **sizes, autoencoder=True)
        made.append(
            Job(f"autoencoder-{latent}", "autoencoder", 0, spec, recipe.plan(0, autoencoder=True), first)
        )
    return made


def model_name(latent: int, variant: str | None) -> str:
    """The name of a VAE in the run folder, without its seed."""
    return f"latent-{latent}" + ("" if variant is None else f"-{variant}")


def _sizes(data: Data) -> dict[str, Any]:
    """What a spec has to know of the data: the numbers of a row, their shape, the context, what an encoder sees."""
    contract = data.contract
    width = 0 if contract.context is None else contract.context.width
    seen = {"context": width, "inputs": contract.inputs, "columns": contract.columns}
    return {"features": contract.features, "image_shape": contract.image_shape, **seen}


def open_data(recipe: Recipe) -> Data:
    """The data of a recipe as its models are given them, their values checked against the likelihood."""
    d, seed = recipe.data, recipe.training.seed
    data = load_data(d.name, split=d.split, seed=seed, limit=d.limit or None, **d.options())
    data = binarised(data, d.binarise, seed=seed)
    contexts = {own.model.context for _, own in recipe.each()}
    if len(contexts) > 1:
        raise UsageError(
            f"the variants differ in model.context ({', '.join(sorted(contexts))}): all are given the same data, "
            "so choose one for all"
        )
    data = conditioned(data, contexts.pop())
    for _, own in recipe.each():
        check_support(data, own.spec(own.model.latents[0], **_sizes(data)).build().likelihood)
    return data
