"""What the explorer shows of a training and of its images: recorded while the study runs, kept in explorer.npz.

Nothing here changes a number of the training: parameters are read, noise comes from streams of its own, and a step of
the optimiser is tried on copies. The moments are many while much changes, and few in all, however long the training is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from vitral.core.arrays import joined
from vitral.core.parameters import Views, named
from vitral.core.randomness import draw, stream
from vitral.data import Contract, Data, Rows
from vitral.data.batches import steps_per_epoch
from vitral.model import Batch, Model
from vitral.parts.layers import Chain, ReLU
from vitral.parts.optimisers import clip
from vitral.parts.schedules import value_at
from vitral.study import pictures
from vitral.study.jobs import Job, Trained
from vitral.training.loop import Epoch, Plan, Step, TrainState

IMAGES, NUMBERS = 1000, 2**20  # the first images of a split, and at most so many numbers of them
EARLY = (1 / 16, 1 / 4)  # of the first epoch
SCENES, PULSES = 8, 40  # epochs at most at which the two kinds of recording are made
LEVELS = 255  # of a recorded picture

Arrays = dict[str, np.ndarray]


def spaced(epochs: int, count: int) -> list[int]:
    """At most ``count`` epochs from 1 to the last, dense at first: the spacing grows by a constant factor."""
    return np.unique(np.rint(np.geomspace(1, max(epochs, 1), count)).astype(int))[: max(epochs, 0)].tolist()


def shows_pictures(contract: Contract) -> bool:
    """Whether rows are images with values between 0 and 1: what the explorer is about."""
    return contract.image_shape is not None and contract.low >= 0.0 and contract.high <= 1.0


def first_images(rows: Rows) -> Rows:
    """The images of a split that are shown: a thousand, or fewer where they are large."""
    return rows.select(slice(0, max(1, min(IMAGES, NUMBERS // rows.stored.shape[1]))))


def of_images(data: Data, contract: Contract, *, show_data: bool) -> Arrays:
    """The fixed images and their labels; without ``show_data`` the labels of the test images alone.

    ``contract`` is that of the model that is shown: data of other files need not know that their rows are images.
    """
    arrays: Arrays = {}
    for name, rows in (("images", data.test), ("train_images", data.train)) if shows_pictures(contract) else ():
        some = first_images(rows)
        if show_data:
            arrays[name] = some.take(slice(None))
        if some.labels is not None and (show_data or name == "images"):
            arrays["images_labels" if name == "images" else "train_labels"] = np.asarray(some.labels, np.int64)
    return arrays


def collected(data: Data, trained: Iterable[Trained], *, show_data: bool) -> Arrays:
    """All arrays of explorer.npz: the images, and what was recorded of every model of the first seed."""
    arrays = of_images(data, data.contract, show_data=show_data)
    for one in trained:
        recorded = {name: array for name, array in one.recorded.items() if name != "frames"}
        if not show_data:
            recorded.pop("history_reconstructions", None)
        arrays |= {f"{one.job.name}/{name}": array for name, array in recorded.items()}
    return dict(sorted(arrays.items()))  # a checkpoint keeps no order


@dataclass(frozen=True)
class Recorder:
    """Looks at one training after certain steps.

    A ``scene`` is heavy (codes, reconstructions, the plane), a ``pulse`` light (KL, norms, dead units).
    """

    model: Model
    data: Data
    plan: Plan
    seed: int
    scenes: frozenset[int]
    pulses: frozenset[int]
    per_epoch: int

    @classmethod
    def of(cls, job: Job, model: Model, data: Data) -> Recorder | None:
        """The recorder of a job; None where it is not of the first seed, or not of images."""
        if not job.main or not shows_pictures(data.contract):
            return None
        size = steps_per_epoch(len(data.train), job.plan.batch)
        early = {0, *(max(1, round(share * size)) for share in EARLY)}
        moments = [{size * epoch for epoch in spaced(job.plan.epochs, count)} for count in (SCENES, PULSES)]
        scenes, pulses = (frozenset(early | steps) for steps in moments)
        return cls(model, data, job.plan, job.seed, scenes, pulses, size)

    def look(self, event: Step | Epoch, state: TrainState) -> Arrays:
        """What is to be kept of this moment: after most steps nothing, after the last one everything."""
        after_steps = isinstance(event, Epoch) and state.step > 0
        scene, pulse = (
            event.last and state.step not in steps if after_steps else state.step in steps
            for steps in (self.scenes, self.pulses)
        )
        found: Arrays = {}
        if scene or pulse:
            # One thread: see training/parallel.py. A training that diverges says so itself.
            with threadpool_limits(1, "blas"), np.errstate(over="ignore", invalid="ignore"):
                shown = first_images(self.data.test).batch(slice(None), state.theta.dtype.name)
                codes = self._codes(self.model.views(state.measured), shown)
                found |= _prefixed("history", self._scene(state, codes)) if scene else {}
                found |= _prefixed("pulse", self._pulse(state, shown, codes)) if pulse else {}
        return found

    def _scene(self, state: TrainState, codes: Arrays) -> Arrays:
        arrays = {"epochs": np.float32(state.step / self.per_epoch), **codes}
        arrays["reconstructions"] = levels(pictures.reconstructions(self.model, state.measured, self.data))
        if self.model.posterior.latent == 2 and self.data.contract.context is None:
            axis = pictures.latent_axis("quantile")
            grid = pictures.latent_grid(self.model, state.measured, axis)
            arrays["grid"] = levels(grid.reshape(len(axis) ** 2, -1))
        return arrays

    def _codes(self, p: Views, batch: Batch) -> Arrays:
        """mu and logvar (n, L) of the fixed images, and the mean of their KL in each dimension."""
        h = self.model.encoder_output(p, batch.inputs, batch.context)
        mu, logvar = self.model.posterior.parameters(p.posterior, h)
        kl, _ = self.model.closed_kl(p, h, batch.context)
        found = {"codes": mu, "logvar": logvar, "kl": None if kl is None else kl.astype(np.float64).mean(axis=0)}
        return {name: array.astype(np.float32) for name, array in found.items() if array is not None}

    def _pulse(self, state: TrainState, shown: Batch, codes: Arrays) -> Arrays:
        p = self.model.views(state.measured)
        arrays = {"epochs": np.float32(state.step / self.per_epoch), **self._norms(state)}
        arrays |= {"kl": codes["kl"]} if "kl" in codes else {}
        mu = joined(codes["codes"].astype(state.theta.dtype), shown.context)
        dead = dead_shares(self.model.encoder, p.encoder, joined(shown.inputs, shown.context))
        dead += dead_shares(self.model.decoder, p.decoder, mu)
        return {**arrays, "dead": np.array(dead, np.float32)}

    def _norms(self, state: TrainState) -> Arrays:
        """Root mean squares of every tensor: its weights, its gradient on the first training rows, the step of that."""
        theta, plan = state.theta, self.plan
        batch = self.data.train.batch(slice(0, plan.batch), theta.dtype.name)
        shapes = self.model.posterior.noise_shapes(plan.objective.samples, len(batch.inputs))
        noise = draw(shapes, stream(self.seed, "recorded gradient"), theta.dtype.name)
        p, gradient, objective = self.model.views(theta), np.zeros_like(theta), plan.objective.at(state.step)
        _, backward = self.model.loss(p, batch, noise, objective, len(batch.inputs))
        backward(self.model.views(gradient))
        moved = self._moved(state, gradient)
        return {
            name: self._by_tensor(vector)
            for name, vector in (("weight", theta), ("gradient", gradient), ("update", moved - theta))
        }

    def _moved(self, state: TrainState, gradient: np.ndarray) -> np.ndarray:
        """Where the next step of the optimiser would go with this gradient."""
        theta, g = state.theta.copy(), gradient.copy()
        if self.plan.clip > 0.0:
            clip(g, self.plan.clip)
        rate = state.slowing * value_at(self.plan.rate, state.step)
        slots = {name: slot.copy() for name, slot in state.slots.items()}
        self.plan.optimiser.step(theta, g, slots, t=state.step + 1, rate=rate)
        return theta

    def _by_tensor(self, vector: np.ndarray) -> np.ndarray:
        places = [place for place, _ in named(self.model.shapes).values()]
        squares = [np.square(vector[place], dtype=np.float64) for place in places]
        return np.array([np.sqrt(some.mean()) if some.size else 0.0 for some in squares], np.float32)


def _prefixed(kind: str, arrays: Arrays) -> Arrays:
    return {f"{kind}_{name}": array for name, array in arrays.items()}


def dead_shares(network: Any, p: Views, x: np.ndarray) -> list[float]:
    """The share of units of every ReLU of a chain that is 0 for every row x; [] for other networks."""
    shares: list[float] = []
    for layer, views in zip(network.layers, p, strict=True) if isinstance(network, Chain) else ():
        x, _ = layer.forward(views, x)
        if isinstance(layer, ReLU):
            shares.append(float((x <= 0.0).all(axis=0).mean()))
    return shares


def levels(pictures_: np.ndarray) -> np.ndarray:
    """Pictures as bytes, in steps of 1/255 from black to white."""
    return np.rint(np.clip(pictures_, 0.0, 1.0) * LEVELS).astype(np.uint8)
