"""The second stage: a prior fitted afterwards to the codes of a trained model, which stays as it is.

With encoder and decoder frozen, what is left of the ELBO is the mean of log p(z) over codes z ~ q(z given x):
maximum likelihood of the codes (ex-post density estimation, Ghosh et al. 2020; compare Dai and Wipf
2019). A deterministic autoencoder can be sampled from only after this stage. Derivation: docs/derivations/priors.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from vitral.core.arrays import Array
from vitral.core.parameters import Views, named
from vitral.core.randomness import draw, stream
from vitral.data import Data, Rows
from vitral.data.contract import drawn_bits
from vitral.errors import DataError, TrainingDiverged, UsageError
from vitral.model import Model
from vitral.parts.optimisers import Adam
from vitral.parts.priors import Mixture, TwoLayerPrior, VampPrior
from vitral.specs import Spec

BLOCK = 1000  # rows encoded together; noise belongs to the block, so never change it for speed
CLUSTERED = 10_000  # codes that k-means looks at


class Fitted(NamedTuple):
    """The model with its new prior, and mean log p(z) of the validation codes, in nats a row.

    ``before`` is that of the prior that the model had; ``history`` that of the new one before the first epoch and
    after each; ``after`` the best of them, whose numbers ``theta`` holds.
    """

    spec: Spec
    theta: Array
    before: float
    after: float
    history: tuple[float, ...]


class Drawn(NamedTuple):
    """Codes z (n, L) and the context (n, C) of their rows, if they have one."""

    z: Array
    context: Array | None

    def select(self, index: Array | slice) -> Drawn:
        return Drawn(self.z[index], None if self.context is None else self.context[index])


class Codes:
    """z ~ q(z given x): of the training rows anew in every epoch, of the validation rows once."""

    def __init__(self, model: Model, p: Views, data: Data, seed: int, dtype: str) -> None:
        self.model, self.p, self.data, self.seed, self.dtype = model, p, data, seed, dtype
        self.validation = self._drawn("validation", 0, *self._encoded(data.validation))
        self._kept = None if data.grey is not None else self._encoded(data.train)

    def training(self, epoch: int) -> Drawn:
        """The codes of an epoch; where bits are drawn dynamically, of new bits."""
        if self._kept is not None:
            return self._drawn("training", epoch, *self._kept)
        rows = drawn_bits(self.data.grey, stream(self.seed, "second stage bits", epoch))
        return self._drawn("training", epoch, *self._encoded(rows))

    def _encoded(self, rows: Rows) -> tuple[list[Array], Array | None]:
        blocks = []
        for first in range(0, len(rows), BLOCK):
            batch = rows.batch(slice(first, first + BLOCK), self.dtype)
            blocks.append(self.model.encoder_output(self.p, batch.inputs, batch.context))
        context = None if rows.context is None else rows.context.astype(self.dtype)
        return blocks, context

    def _drawn(self, purpose: str, epoch: int, blocks: list[Array], context: Array | None) -> Drawn:
        z = []
        for number, h in enumerate(blocks):
            rng = stream(self.seed, f"second stage {purpose}", epoch, number)
            noise = draw(self.model.posterior.noise_shapes(1, len(h)), rng, self.dtype)
            q, _ = self.model.posterior.sample(self.p.posterior, h, noise)
            z.append(q.z[0])
        return Drawn(np.concatenate(z), context)


def fit_prior(
    spec: Spec,
    theta: Array,
    data: Data,
    prior: str | Mapping[str, Any],
    *,
    seed: int,
    epochs: int = 30,
    batch: int = 200,
    rate: float = 2e-3,
) -> Fitted:
    """Fit a prior to the codes of the training rows, by maximum likelihood with Adam.

    ``prior`` is an entry of a spec. Codes are drawn anew in every epoch; ``rate`` falls linearly to 0. A mixture
    starts at the clusters of k-means. The epoch with the most likely validation codes is kept. Every other number
    of the model comes back bit for bit, and equal seeds give equal results.

    Raises UsageError for a prior that cannot be fitted by itself, TrainingDiverged where log p(z) is not finite.

    >>> from vitral.data import load_data
    >>> spec = Spec(64, 2, {"hidden": [8]}, {"hidden": [8]}, likelihood="bernoulli")
    >>> prior = {"kind": "mixture", "components": 3}
    >>> fitted = fit_prior(spec, spec.build().init(0), load_data("digits"), prior, seed=0, epochs=1)
    >>> fitted.after > fitted.before
    True
    """
    old, new_spec = spec.build(), replace(spec, prior=prior)
    new = new_spec.build()
    check_fit(new.prior, epochs, batch, rate)
    codes = Codes(old, old.views(theta), data, seed, theta.dtype.name)
    before = mean_log_prob(old, old.views(theta), codes.validation)
    moving = transplanted(old, theta, new)
    best, history = moving, list[float]()
    for epoch in _epochs(new, moving, codes, epochs, batch, rate):
        history.append(mean_log_prob(new, new.views(moving), codes.validation))
        if not math.isfinite(history[-1]):
            raise TrainingDiverged(epoch, "log_pz of the validation codes")
        if history[-1] == max(history):
            best = moving.copy()
    return Fitted(new_spec, best, before, max(history), tuple(history))


def mean_log_prob(model: Model, p: Views, codes: Drawn) -> float:
    """The mean of log p(z) over codes, in nats."""
    total = 0.0
    for first in range(0, len(codes.z), BLOCK):
        z, context = codes.select(slice(first, first + BLOCK))
        log_pz, _ = model.prior.log_prob(p, z[None], context)
        total += float(log_pz.astype("float64").sum())
    return total / len(codes.z)


def transplanted(old: Model, theta: Array, new: Model) -> Array:
    """A theta of the new model with every number of the old one but its prior's."""
    places, result = named(old.shapes), np.zeros(new.parameters, theta.dtype)
    for name, (place, _) in named(new.shapes).items():
        if not name.startswith("prior."):
            result[place] = theta[places[name][0]]
    return result


def _epochs(model: Model, theta: Array, codes: Codes, epochs: int, batch: int, rate: float) -> Iterator[int]:
    """Change theta in place, and give the number of steps taken: before the first epoch and after each."""
    p, grad, optimiser = model.views(theta), np.zeros_like(theta), Adam()
    g, where = model.views(grad), _place_of_prior(model)
    first = codes.training(0)
    start_at(model.prior, p.prior, first.z, codes.seed)
    yield 0
    state, step = optimiser.start(theta[where]), 0
    steps = epochs * -(-len(first.z) // batch)
    for epoch in range(1, epochs + 1):
        drawn = codes.training(epoch)
        order = stream(codes.seed, "second stage order", epoch).permutation(len(drawn.z))
        for begin in range(0, len(order), batch):
            _gradient(model, p, drawn.select(order[begin : begin + batch]), grad, g)
            falling = rate * (1.0 - step / steps)
            step += 1
            optimiser.step(theta[where], grad[where], state, t=step, rate=falling)
        yield step


def _gradient(model: Model, p: Views, drawn: Drawn, grad: Array, g: Views) -> None:
    """The gradient of -(1/n) Σ log p(z_n), written into grad."""
    grad[...] = 0.0
    log_pz, backward = model.prior.log_prob(p, drawn.z[None], drawn.context)
    backward(np.full_like(log_pz, -1.0 / len(drawn.z)), g)


def _place_of_prior(model: Model) -> slice:
    places = [place for name, (place, _) in named(model.shapes).items() if name.startswith("prior.")]
    return slice(places[0].start, places[-1].stop) if places else slice(0, 0)


@singledispatch
def start_at(prior: Any, p: Views, codes: Array, seed: int) -> None:
    """Where the fit begins; p is the prior's own. A prior that can start at the codes registers here."""
    prior.init(p, stream(seed, "second stage start"))


@start_at.register
def _(prior: Mixture, p: Views, codes: Array, seed: int) -> None:
    """The clusters of k-means: their shares, means and variances, these with one more code as wide as them all."""
    from sklearn.cluster import KMeans

    if len(codes) < prior.components:
        raise DataError(
            f"a mixture of {prior.components} components needs as many codes to start at, got {len(codes)} training "
            "rows: choose fewer components"
        )
    some = codes[stream(seed, "second stage start").permutation(len(codes))[:CLUSTERED]].astype("float64")
    with threadpool_limits(1):
        found = KMeans(prior.components, n_init=1, max_iter=30, random_state=seed).fit(some)
    sizes = np.bincount(found.labels_, minlength=prior.components)
    squares = np.zeros(p.mean.shape)
    np.add.at(squares, found.labels_, (some - found.cluster_centers_[found.labels_]) ** 2)
    variance = (squares + some.var(axis=0)) / (sizes + 1.0)[:, None]
    p.logits[...] = np.log((sizes + 1.0) / (len(some) + prior.components))
    p.mean[...] = found.cluster_centers_
    p.raw[...] = np.log(np.maximum(variance - prior.floor, prior.floor))


@start_at.register
def _(prior: TwoLayerPrior, p: Views, codes: Array, seed: int) -> None:
    """The upper prior at the codes of its own layer; what is below it as ever."""
    prior.init(p, stream(seed, "second stage start"))
    start_at(prior.top, p.top, codes[:, prior.posterior.l1 :], seed)


def check_fit(prior: Any, epochs: int, batch: int, rate: float) -> None:
    """Refuse what cannot be fitted, before anything is encoded."""
    if isinstance(prior.top if isinstance(prior, TwoLayerPrior) else prior, VampPrior):
        raise UsageError(
            "prior 'vamp' cannot be fitted afterwards: its components are what the encoder makes of its pseudo-inputs, "
            "and the encoder is frozen: train it jointly, or fit a 'mixture'"
        )
    for name, value, least in (("epochs", epochs, 0), ("batch", batch, 1)):
        if type(value) is not int or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}: correct it")
    if not 0.0 < rate < math.inf:
        raise UsageError(f"rate must be a positive number, got {rate!r}: give for example 2e-3")
