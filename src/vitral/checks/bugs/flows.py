"""Broken flows, and broken posteriors and priors that are made with flows or with a full covariance.

``BUGS`` lists them as the zoo does: id, name, family, the broken member, the sound one, the laws that go red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from vitral.checks.laws import Closed
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Views
from vitral.parts.divergences import Divergence, kl_full_standard
from vitral.parts.flows import AffineCoupling, MaskedAutoregressive, Permutation, Stack, stack
from vitral.parts.flows.flow import Backward
from vitral.parts.layers import Chain
from vitral.parts.posteriors import FlowPosterior, FullGaussian, Sampled
from vitral.parts.priors import FlowPrior, StandardNormal


class WrongSign(AffineCoupling):
    """logdet = -Σ s"""

    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]:
        y, logdet, backward = super().forward(p, z, context)
        return y, -logdet, lambda dy, dlogdet, *rest: backward(dy, -dlogdet, *rest)


class NoLogdetInGradient(AffineCoupling):
    """ds = dy z exp(s), without dlogdet"""

    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]:
        y, logdet, backward = super().forward(p, z, context)
        return y, logdet, lambda dy, dlogdet, *rest: backward(dy, np.zeros_like(dlogdet), *rest)


@dataclass(frozen=True)
class SeesItself(MaskedAutoregressive):
    """The last mask is >= where it should be >: s_i and t_i see z_i."""

    @property
    def network(self) -> Chain:
        *hidden, last = super().network.layers
        return Chain((*hidden, replace(last, strict=False)))


class ForgetsALayer(Stack):
    """logdet = Σ_{i > 1} logdet_i"""

    def forward(self, p: Views, z: Array, context: Array | None = None) -> tuple[Array, Array, Backward]:
        first, rest = self.flows[0], replace(self, flows=self.flows[1:])
        views = tuple(p)
        middle, _, first_backward = first.forward(views[0], z, context)
        y, logdet, rest_backward = Stack.forward(rest, views[1:], middle, context)  # type: ignore[arg-type]

        def backward(dy: Array, dlogdet: Array, g: Views, dcontext: Array | None = None) -> Array:
            rest_g = tuple(g)[1:]
            dmiddle = rest_backward(dy, dlogdet, rest_g, dcontext)
            return first_backward(dmiddle, np.zeros_like(dlogdet), next(iter(g)), dcontext)

        return y, logdet, backward


class ForgetsPermutations(Stack):
    """The inverse runs through the couplings alone."""

    def inverse(self, p: Views, y: Array, context: Array | None = None) -> Array:
        for flow, views in zip(reversed(self.flows), reversed(tuple(p)), strict=True):
            y = y if isinstance(flow, Permutation) else flow.inverse(views, y, context)
        return y


class Unrefined(FlowPosterior):
    """log q of the base, as if the flow changed no volume"""

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        q, backward = super().sample(p, h, noise)
        eps, logvar = noise["eps"], self.base(h)[2]

        def pull(dz: Array, dlog_qz: Array, dmu: Array, dlogvar: Array, g: Views) -> Array:
            dh = backward(dz, np.zeros_like(dlog_qz), dmu, dlogvar, g)
            dh[:, -self.latent :] -= 0.5 * dlog_qz.sum(axis=0)[:, None]
            return dh

        return q._replace(log_qz=-0.5 * (eps * eps + logvar + LOG_TWO_PI).sum(axis=-1)), pull


class UnrefinedThroughout(Unrefined):
    """the same in log_prob: both agree, and both are wrong"""

    def log_prob(self, p: Views, h: Array, z: Array) -> Array:
        mu, summary, logvar = self.base(h)
        draws = self.stack.inverse(p, z, summary)
        return -0.5 * ((draws - mu) ** 2 * np.exp(-logvar) + logvar + LOG_TWO_PI).sum(axis=-1)


class MeanWithoutGradient(FlowPosterior):
    """the gradient of the code mu is dropped"""

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        q, backward = super().sample(p, h, noise)
        return q, lambda dz, dlog_qz, dmu, *rest: backward(dz, dlog_qz, 0.0, *rest)


class DiagonalAsLogVariance(FullGaussian):
    """C_ll = exp(h_l / 2), while log q takes h_l for log C_ll"""

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        diagonal = slice(self.latent, 2 * self.latent)
        halved = np.array(h)
        halved[:, diagonal] *= 0.5
        q, backward = super().sample(p, halved, noise)

        def pull(dz: Array, dlog_qz: Array, dmu: Array, dlogvar: Array, g: Views) -> Array:
            dh = backward(dz, dlog_qz, dmu, dlogvar, g)
            dh[:, diagonal] = 0.5 * (dh[:, diagonal] - dlog_qz.sum(axis=0)[:, None])
            return dh

        return q._replace(log_qz=q.log_qz - halved[:, diagonal].sum(axis=-1)), pull


class Transposed(FullGaussian):
    """z = mu + Cᵀ eps: the entries below the diagonal act above it"""

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        q, backward = super().sample(p, h, noise)
        mu, factor, _ = self.factor(h)
        eps = noise["eps"]

        def pull(dz: Array, dlog_qz: Array, dmu: Array, dlogvar: Array, g: Views) -> Array:
            upper = np.einsum("kni,knj->nij", eps, dz)
            diagonal = np.einsum("nll,nll->nl", upper, factor)
            return backward(np.zeros_like(dz), dlog_qz, dmu, dlogvar, g) + self.unfactor(
                dz.sum(axis=0), upper, diagonal
            )

        return q._replace(z=mu + np.einsum("nij,kni->knj", factor, eps)), pull


def without_correlations(
    posterior: FullGaussian, prior: StandardNormal, p: Views, h: Array, context: None
) -> Divergence:
    """KL of the diagonal of C alone, with the gradient to match"""
    alone = np.array(h)
    alone[:, 2 * posterior.latent :] = 0.0
    return kl_full_standard(posterior, prior, p, alone, context)


class MinusLogdet(FlowPrior):
    """log p(z) = log N(f(z)) - logdet"""

    def log_prob(
        self, p: Views, z: Array, context: Array | None = None
    ) -> tuple[Array, Callable[..., Array]]:
        u, logdet, backward = self.stack.forward(p.prior, z)
        log_pz = -0.5 * (u * u + LOG_TWO_PI).sum(axis=-1) - logdet
        return log_pz, lambda d, g: backward(-d[..., None] * u, -d, g.prior)


class DrawsForwards(FlowPrior):
    """z = f(u) where it should be f⁻¹(u)"""

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: Array | None = None) -> Array:
        return self.stack.forward(p.prior, rng.standard_normal((n, self.latent)))[0]


_INVERSES = ("inverse_of_forward", "forward_of_inverse")
_STACK = stack("coupling", 5, 3, (4,), 1.0)
_PRIOR = FlowPrior(2, layers=2, hidden=(4,), bound=0.5)
_REFINED = FlowPosterior(2, "coupling", 2, (4,), 0.5, summary=2)


def _like(cls: type, sound: Any) -> Any:
    return cls(**{f.name: getattr(sound, f.name) for f in fields(sound)})


def _bug(id: str, name: str, family: str, cls: type, sound: Any, *caught_by: str) -> tuple[Any, ...]:
    return id, name, family, _like(cls, sound), sound, caught_by


BUGS: tuple[tuple[Any, ...], ...] = (
    _bug(
        "ZF01", "logdet with the wrong sign", "flow", WrongSign, AffineCoupling(4, (3,)), "logdet_is_slogdet"
    ),
    _bug("ZF02", "logdet of one layer forgotten", "flow", ForgetsALayer, _STACK, "logdet_is_slogdet"),
    _bug("ZF03", "inverse without the permutations", "flow", ForgetsPermutations, _STACK, *_INVERSES),
    _bug(
        "ZF04",
        "mask that lets a dimension see itself",
        "flow",
        SeesItself,
        MaskedAutoregressive(3, (4,)),
        "looks_back_only",
        "logdet_is_slogdet",
        *_INVERSES,
    ),
    _bug(
        "ZF05",
        "gradient of s without logdet",
        "flow",
        NoLogdetInGradient,
        AffineCoupling(4, (3,)),
        "gradient",
    ),
    _bug("ZF06", "log q of a draw without logdet", "posterior", Unrefined, _REFINED, "density_of_draws"),
    _bug("ZF07", "log q nowhere with logdet", "posterior", UnrefinedThroughout, _REFINED, "sample_moments"),
    _bug("ZF08", "code without its gradient", "posterior", MeanWithoutGradient, _REFINED, "gradient"),
    _bug(
        "ZF09",
        "diagonal of the Cholesky factor used as log-variance",
        "posterior",
        DiagonalAsLogVariance,
        FullGaussian(2),
        "sample_moments",
        "density_of_draws",
        "kl_by_draws",
    ),
    _bug(
        "ZF10",
        "entries below the diagonal transposed",
        "posterior",
        Transposed,
        FullGaussian(2),
        "sample_moments",
        "density_of_draws",
    ),
    (
        "ZF11",
        "KL without correlations",
        "divergence",
        Closed(without_correlations, FullGaussian, StandardNormal),
        Closed(kl_full_standard, FullGaussian, StandardNormal),
        ("kl_by_draws",),
    ),
    _bug(
        "ZF12",
        "log p(z) minus logdet",
        "prior",
        MinusLogdet,
        _PRIOR,
        "prior_integrates_to_one",
        "prior_draws",
    ),
    _bug(
        "ZF13", "prior drawn by the flow's forward direction", "prior", DrawsForwards, _PRIOR, "prior_draws"
    ),
)
