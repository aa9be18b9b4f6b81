"""Broken objectives, optimisers, models, and what is computed from a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from vitral.checks import bounds
from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.model import Batch, Model
from vitral.parts.layers import Affine, Chain, Tanh
from vitral.parts.likelihoods import Bernoulli
from vitral.parts.objectives import ELBO, Seeds, Terms
from vitral.parts.optimisers import SGD, Adam, Adamax, AdamW, Momentum, State
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal


class BetaOnReconstruction(ELBO):
    """loss = beta reconstruction + KL"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = ELBO(1.0 / float(self.beta), self.kl)(terms, total)
        beta = float(self.beta)
        scaled = (None if seed is None else beta * seed for seed in seeds)
        return beta * loss, Seeds(*scaled)


class ForgetsBeta(ELBO):
    """loss = reconstruction + KL, whatever beta is asked for"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        return ELBO(1.0, self.kl)(terms, total)

    def rows(self, terms: Terms) -> Array:
        return ELBO(1.0, self.kl).rows(terms)


class ForgetsTotal(ELBO):
    """divides by the rows at hand, not by the size of the batch"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        return super().__call__(terms, terms.log_px.shape[1])


class SumsSamples(ELBO):
    """forgets the 1 / K of several samples"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        extra = (len(terms.log_px) - 1) * seeds.log_px
        return loss + (extra * terms.log_px).sum(), seeds._replace(log_px=seeds.log_px + extra)


class ScoreWithoutPrior(ELBO):
    """sampled KL whose gradient leaves out log p(z)"""

    def __call__(self, terms: Terms, total: int) -> tuple[Array, Seeds]:
        loss, seeds = super().__call__(terms, total)
        return loss, seeds._replace(log_pz=np.zeros_like(terms.log_pz))


class NoBiasCorrection(Adam):
    """m and v as they are"""

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        super().step(theta, grad, state, t=10**6, rate=rate)


class DecaysThroughTheAverages(AdamW):
    """the decay is added to the gradient, and then divided by its own size"""

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        plain = Adam(self.b1, self.b2, self.eps)
        plain.step(theta, grad + self.decay * theta, state, t=t, rate=rate)


class UncorrectedAdamax(Adamax):
    """m as it is"""

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        super().step(theta, grad, state, t=10**6, rate=rate)


class CountsItsOwnSteps(Adam):
    """t lives on the optimiser, so a resumed run starts with the wrong one"""

    taken: ClassVar[list[int]] = [0]

    def start(self, theta: Array) -> State:
        self.taken[0] = 0
        return super().start(theta)

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        self.taken[0] += 1
        super().step(theta, grad, state, t=self.taken[0], rate=rate)


class AveragedVelocity(Momentum):
    """v <- rho v + (1 - rho) g"""

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        super().step(theta, (1.0 - self.rho) * grad, state, t=t, rate=rate)


class NormalisesSlices(SGD):
    """each slice's gradient is scaled to length 1 before the step"""

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        super().step(theta, grad / np.linalg.norm(grad), state, t=t, rate=rate)


class Climbs(SGD):
    """theta + rate g"""

    def step(self, theta: Array, grad: Array, state: State, *, t: int, rate: float) -> None:
        super().step(theta, grad, state, t=t, rate=-rate)


class DropsPriorPath(Model):
    """z feeds decoder and prior, but only the decoder's gradient comes back"""

    def run(
        self, p: Views, batch: Batch, noise: dict[str, Array]
    ) -> tuple[Terms, Array, Callable[..., None]]:
        terms, o, backward = super().run(p, batch, noise)
        return terms, o, lambda d, g: backward(d._replace(log_pz=0.0 * d.log_pz), g)


class MeanOfShard(Model):
    """every shard is averaged over its own rows"""

    def loss(
        self, p: Views, batch: Batch, noise: dict[str, Array], objective: Any, total: int
    ) -> tuple[Array, Any]:
        return super().loss(p, batch, noise, objective, len(batch.inputs))


def elbo_at_mean(model: Model, p: Views, x: Array, noise: dict[str, Array]) -> Array:
    """Evaluation at z = mu."""
    return bounds.elbo_rows(model, p, x, {name: np.zeros_like(eps) for name, eps in noise.items()})


def lightly_weighted(model: Model, p: Views, x: Array, noise: dict[str, Array]) -> Array:
    """log p(x given z) - 0.00025 KL, called the ELBO"""
    terms, _, _ = model.run(p, Batch(x, x), noise)
    return terms.log_px - 0.00025 * terms.kl.sum(axis=-1)


def over_the_batches(model: Model, p: Views, x: Array, noise: dict[str, Array]) -> Array:
    """one batch, divided by the number of batches"""
    return bounds.elbo_rows(model, p, x, noise) / 60


def mean_of_logs(log_w: Array) -> Array:
    """(1/K) Σ_k log w_k"""
    return log_w.mean(axis=0)


def averaged_chunks(log_w: Array) -> Array:
    """the bounds of two halves, averaged instead of combined"""
    half = len(log_w) // 2
    if half == 0:
        return bounds.importance_bound(log_w)
    return 0.5 * (bounds.importance_bound(log_w[:half]) + bounds.importance_bound(log_w[half:]))


def largest_weight(log_w: Array) -> Array:
    """log (max_k w_k / K): all weights but the largest are lost"""
    return log_w.max(axis=0) - np.log(len(log_w))


def forgotten_count(log_w: Array) -> Array:
    """log Σ_k w_k, without the 1/K"""
    return arrays.logsumexp(log_w, axis=0)


def small(kind: type[Model]) -> Model:
    """A 3-4-2-4-3 model of this class, without kinks."""
    return kind(
        encoder=Chain((Affine(3, 4), Tanh(), Affine(4, 4))),
        posterior=DiagonalGaussian(2),
        prior=StandardNormal(2),
        decoder=Chain((Affine(2, 4), Tanh(), Affine(4, 3))),
        likelihood=Bernoulli(),
        features=3,
    )
