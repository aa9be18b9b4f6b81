"""The VampPrior: the posterior of inputs that are learned. Derivation: docs/derivations/priors.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError, unknown
from vitral.parts.posteriors import DiagonalGaussian, UpperLayer
from vitral.parts.priors.mixture import drawn_components, log_mixture, log_softmax


class Link(NamedTuple):
    """u = f(a), f'(a) and its inverse, from numbers without bounds into the range of the data."""

    forward: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    inverse: Callable[[Array], Array]


INSIDE = 0.01  # a start at 0 or 1 would lie at infinity under the sigmoid, where no gradient arrives


def _logit(u: Array) -> Array:
    u = np.clip(u, INSIDE, 1.0 - INSIDE)
    return np.log(u / (1.0 - u))


def _sigmoid_slope(a: Array) -> Array:
    u = arrays.sigmoid(a)
    return u * (1.0 - u)


INPUTS = {
    "sigmoid": Link(arrays.sigmoid, _sigmoid_slope, _logit),
    "clip": Link(
        lambda a: np.clip(a, 0.0, 1.0), lambda a: ((a > 0.0) & (a < 1.0)).astype(a.dtype), lambda u: u
    ),
    "identity": Link(lambda a: a, np.ones_like, lambda u: u),
}
STARTS = ("data", "noise")
NOISE_MEAN, NOISE_DEVIATION = 0.05, 0.01  # of pseudo-inputs at the start, as in the authors' code


@dataclass(frozen=True)
class VampPrior:
    """p(z) = Σ_c w_c q(z given u_c): the mixture of the posterior at C pseudo-inputs u = link(inputs).   # E18

    dh_c = the mixture's dm_c and dlogvar_c, by the posterior's way back;  du = the encoder's way back of dh
    dinputs = du link'(inputs)

    Tomczak and Welling 2018; there w_c = 1/C, which ``learned_weights`` frees. The inputs stay in the range
    of the data: "sigmoid" and "clip" for [0, 1] (clip has slope 0 outside it, as the authors' code), "identity"
    for data without bounds. They ``start`` near rows of the data where ``init`` is given them, or at "noise" about
    0.05. The encoder is the model's own: the gradient reaches it.
    """

    latent: int
    features: int
    encoder: Any
    posterior: Any
    context: int = 0
    components: int = 500
    link: str = "sigmoid"
    start: str = "data"
    learned_weights: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (("link", self.link, INPUTS), ("start", self.start, STARTS)):
            if value not in known:
                raise unknown(f"{name} of prior 'vamp':", value, known)
        if not isinstance(self.posterior, DiagonalGaussian | UpperLayer):
            raise UsageError(
                f"prior 'vamp' is a mixture of diagonal Gaussians q(z given u), got a posterior of kind "
                f"{type(self.posterior).__name__}: set posterior to 'diagonal', or prior to 'mixture'"
            )
        if self.context:
            raise UsageError(
                f"prior 'vamp' has no context for its pseudo-inputs, got a model with context = {self.context}: "
                "set prior to 'conditional' or 'flow', or context to 0"
            )

    @property
    def shapes(self) -> Shapes:
        weights = {"logits": (self.components,)} if self.learned_weights else {}
        return {"inputs": (self.components, self.features), **weights}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        centre = NOISE_MEAN
        if self.start == "data" and data is not None:
            self._check(data)
            centre = data[np.resize(rng.permutation(len(data)), self.components)]
        rows = centre + NOISE_DEVIATION * rng.standard_normal(p.inputs.shape)
        p.inputs[...] = INPUTS[self.link].inverse(rows)
        if self.learned_weights:
            p.logits[...] = 0.0

    def _check(self, data: Array) -> None:
        low, high = float(data.min()), float(data.max())
        if self.link != "identity" and not 0.0 <= low <= high <= 1.0:
            raise UsageError(
                f"the pseudo-inputs of prior 'vamp' lie in [0, 1] with link {self.link!r}, got data in "
                f"[{low:g}, {high:g}]: set its link to 'identity', or scale the data"
            )

    def components_of(self, p: Views) -> tuple[Array, Array, Callable[[Array, Array, Views], None]]:
        """m and log v (C, L) of q(z given u_c), and the way back to the encoder, the posterior and the inputs."""
        link = INPUTS[self.link]
        h, encoder_backward = self.encoder.forward(p.encoder, link.forward(p.prior.inputs))
        noise = {
            name: arrays.zeros(shape, like=h)
            for name, shape in self.posterior.noise_shapes(1, self.components).items()
        }
        q, posterior_backward = self.posterior.sample(p.posterior, h, noise)

        def backward(dmean: Array, dlogvar: Array, g: Views) -> None:
            dh = posterior_backward(
                arrays.zeros(q.z.shape, like=h),
                arrays.zeros(q.log_qz.shape, like=h),
                dmean,
                dlogvar,
                g.posterior,
            )
            du = encoder_backward(dh, g.encoder)
            g.prior.inputs += du * link.slope(p.prior.inputs)

        return q.mu, q.logvar, backward

    def log_prob(
        self, p: Views, z: Array, context: Array | None = None
    ) -> tuple[Array, Callable[..., Array]]:
        mean, logvar, components_backward = self.components_of(p)
        log_weight, weights_backward = self._weights(p)
        log_pz, mixture_backward = log_mixture(z, mean, logvar, log_weight)

        def backward(dlog_pz: Array, g: Views) -> Array:
            dz, dmean, dlogvar, dlog_weight = mixture_backward(dlog_pz)
            components_backward(dmean, dlogvar, g)
            weights_backward(dlog_weight, g)
            return dz

        return log_pz, backward

    def _weights(self, p: Views) -> tuple[Array, Callable[[Array, Views], None]]:
        """log w (C,), and its way back where it is learned."""
        if not self.learned_weights:
            equal = arrays.zeros((self.components,), like=p.prior.inputs) - math.log(self.components)
            return equal, lambda dlog_weight, g: None
        log_weight, softmax_backward = log_softmax(p.prior.logits)

        def backward(dlog_weight: Array, g: Views) -> None:
            g.prior.logits += softmax_backward(dlog_weight)

        return log_weight, backward

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: Array | None = None) -> Array:
        """n draws, (n, L): a pseudo-input by its weight, then its posterior."""
        mean, logvar, _ = self.components_of(p)
        chosen = drawn_components(self._weights(p)[0], n, rng)
        return mean[chosen] + np.exp(0.5 * logvar[chosen]) * rng.standard_normal((n, self.latent))
