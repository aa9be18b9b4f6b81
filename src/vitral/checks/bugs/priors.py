"""Broken mixtures, VampPriors, conditional priors and layered codes.

``BUGS`` lists them as the zoo does: id, name, family, the broken member, the sound one, the laws that go red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from vitral.checks.laws import Closed
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Views, count, cut
from vitral.parts.divergences import Divergence, kl_diagonal_conditional, kl_diagonal_standard
from vitral.parts.heads import GaussianHead
from vitral.parts.layers import Affine, Chain, Tanh
from vitral.parts.posteriors import DiagonalGaussian, TwoLayerPosterior
from vitral.parts.priors import ConditionalGaussian, Mixture, StandardNormal, TwoLayerPrior, VampPrior
from vitral.parts.priors.mixture import log_mixture

LogProb = tuple[Array, Callable[..., Array]]


class WeightsForgotten(Mixture):
    """log Σ_c N(z; m_c, diag(v_c)), without w_c"""

    def log_prob(self, p: Views, z: Array, context: Array | None = None) -> LogProb:
        spread = np.exp(p.prior.raw)
        variance = self.floor + spread
        log_pz, mixture_backward = log_mixture(
            z, p.prior.mean, np.log(variance), np.zeros_like(p.prior.logits)
        )

        def backward(dlog_pz: Array, g: Views) -> Array:
            dz, dmean, dlogvar, _ = mixture_backward(dlog_pz)
            g.prior.mean += dmean
            g.prior.raw += dlogvar * (spread / variance)
            return dz

        return log_pz, backward


class NoShift(Mixture):
    """log Σ exp(a) as it is written, without the largest a taken out"""

    def log_prob(self, p: Views, z: Array, context: Array | None = None) -> LogProb:
        _, backward = super().log_prob(p, z)
        log_weight, mean, logvar = self.parameters(p.prior)
        away = z[..., None, :] - mean
        a = log_weight - 0.5 * (away * away * np.exp(-logvar) + logvar + LOG_TWO_PI).sum(axis=-1)
        with np.errstate(divide="ignore", over="ignore"):
            return np.log(np.exp(a).sum(axis=-1)), backward


class NearestTakesAll(Mixture):
    """dz by the gradient of the heaviest component alone: no responsibilities"""

    def log_prob(self, p: Views, z: Array, context: Array | None = None) -> LogProb:
        log_pz, backward = super().log_prob(p, z)
        log_weight, mean, logvar = self.parameters(p.prior)
        away = mean - z[..., None, :]
        a = log_weight - 0.5 * (away * away * np.exp(-logvar) + logvar).sum(axis=-1)
        nearest = a.argmax(axis=-1)

        def hard(dlog_pz: Array, g: Views) -> Array:
            backward(dlog_pz, g)
            pull = np.take_along_axis(away * np.exp(-logvar), nearest[..., None, None], axis=-2)
            return dlog_pz[..., None] * pull[..., 0, :]

        return log_pz, hard


class StopsAtTheEncoder(VampPrior):
    """The components are taken for constants: neither pseudo-inputs nor encoder hear of log p(z)"""

    def components_of(self, p: Views) -> tuple[Array, Array, Callable[..., None]]:
        mean, logvar, _ = super().components_of(p)
        return mean, logvar, lambda dmean, dlogvar, g: None


class InputsAlone(VampPrior):
    """The pseudo-inputs learn, and the encoder does not hear of it"""

    def components_of(self, p: Views) -> tuple[Array, Array, Callable[..., None]]:
        mean, logvar, backward = super().components_of(p)

        def detached(dmean: Array, dlogvar: Array, g: Views) -> None:
            shapes = self.encoder.shapes
            unheard = cut(np.zeros(count(shapes), dmean.dtype), shapes)
            backward(dmean, dlogvar, Views({"encoder": unheard, "posterior": g.posterior, "prior": g.prior}))

        return mean, logvar, detached


class CountForgotten(VampPrior):
    """log Σ_c q(z given u_c), without 1/C"""

    def _weights(self, p: Views) -> tuple[Array, Callable[..., None]]:
        return np.zeros(self.components, p.prior.inputs.dtype), lambda dlog_weight, g: None


def context_ignored(
    posterior: DiagonalGaussian, prior: ConditionalGaussian, p: Views, h: Array, context: Array | None = None
) -> Divergence:
    """KL to N(0, I), whatever the context."""
    return kl_diagonal_standard(posterior, StandardNormal(prior.latent), p, h)


class LowerLayerStandard(TwoLayerPrior):
    """log p = log N(z1; 0, I) + log p(z2), while z1 is drawn given z2"""

    def log_prob(self, p: Views, z: Array, context: Array | None = None) -> LogProb:
        l1 = self.posterior.l1
        log_p1, backward1 = StandardNormal(l1).log_prob(p, z[..., :l1])
        log_p2, backward2 = self.top.log_prob(p, z[..., l1:])

        def backward(dlog_pz: Array, g: Views) -> Array:
            return np.concatenate([backward1(dlog_pz, g), backward2(dlog_pz, g)], axis=-1)

        return log_p1 + log_p2, backward


@dataclass(frozen=True)
class DeafHead(GaussianHead):
    """Hears of the first inputs and not of the others."""

    heard: int = 0

    def forward(self, p: Views, x: Array) -> tuple[Array, Array, Callable[[Array, Array, Views], Array]]:
        mu, logvar, backward = super().forward(p, x)

        def deaf(dmu: Array, dlogvar: Array, g: Views) -> Array:
            dx = backward(dmu, dlogvar, g)
            dx[..., self.heard :] = 0.0
            return dx

        return mu, logvar, deaf


class UpperLayerDeaf(TwoLayerPosterior):
    """dz2 without what comes back through the parameters of z1"""

    @property
    def head(self) -> GaussianHead:
        sound = super().head
        return DeafHead(**{f.name: getattr(sound, f.name) for f in fields(sound)}, heard=self.summary)


def _vamp(made: type[VampPrior]) -> VampPrior:
    encoder = Chain((Affine(3, 4), Tanh(), Affine(4, 4)))
    return made(2, 3, encoder, DiagonalGaussian(2), components=3)


def _layered(made: type[TwoLayerPrior]) -> TwoLayerPrior:
    posterior = TwoLayerPosterior(2, summary=2, hidden=(3,), bound=1.0)
    encoder = Chain((Affine(3, posterior.width()),))
    return made(2, posterior, encoder, StandardNormal(1), hidden=(3,), bound=1.0)


_DENSITY = ("prior_integrates_to_one", "prior_draws")
_PAIR = (DiagonalGaussian, ConditionalGaussian)

BUGS: tuple[tuple[str, str, str, Any, Any, tuple[str, ...]], ...] = (
    ("P01", "mixture weights forgotten", "prior", WeightsForgotten(2, 3), Mixture(2, 3), _DENSITY),
    ("P02", "logsumexp without its shift", "prior", NoShift(2, 3), Mixture(2, 3), ("finite",)),
    (
        "P03",
        "responsibilities detached",
        "prior",
        NearestTakesAll(2, 3),
        Mixture(2, 3),
        ("gradient", "prior_draws"),
    ),
    (
        "P04",
        "VampPrior whose gradient stops at the components",
        "prior",
        _vamp(StopsAtTheEncoder),
        _vamp(VampPrior),
        ("gradient",),
    ),
    (
        "P05",
        "VampPrior whose gradient passes the encoder by",
        "prior",
        _vamp(InputsAlone),
        _vamp(VampPrior),
        ("gradient",),
    ),
    ("P06", "VampPrior without 1/C", "prior", _vamp(CountForgotten), _vamp(VampPrior), _DENSITY),
    (
        "P07",
        "conditional prior whose KL ignores the context",
        "divergence",
        Closed(context_ignored, *_PAIR),
        Closed(kl_diagonal_conditional, *_PAIR),
        ("kl_by_draws",),
    ),
    (
        "P08",
        "lower layer scored with the standard normal",
        "prior",
        _layered(LowerLayerStandard),
        _layered(TwoLayerPrior),
        ("prior_draws",),
    ),
    (
        "P09",
        "upper layer deaf to the parameters of the lower one",
        "posterior",
        UpperLayerDeaf(3, summary=2, hidden=(4,)),
        TwoLayerPosterior(3, summary=2, hidden=(4,)),
        ("gradient",),
    ),
)
