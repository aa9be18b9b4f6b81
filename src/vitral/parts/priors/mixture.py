"""A mixture of diagonal Gaussians as the prior. Derivation: docs/derivations/priors.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitral.core import arrays
from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError


def log_mixture(
    z: Array, mean: Array, logvar: Array, log_weight: Array
) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array, Array]]]:
    """log Σ_c w_c N(z; m_c, diag(v_c)) of z (..., L), with m and log v (C, L) and log w (C,).     # E18

    a_c = log w_c + z·(m_c / v_c) - z²·(1 / 2v_c) - Σ_l (m² / v + log v + log 2π) / 2        two matrix products
    r_c = exp(a_c) / Σ_j exp(a_j)                                  the responsibility of component c for z

    dz = Σ_c d r_c (m_c - z) / v_c              dm_c = Σ_n d r_c (z - m_c) / v_c
    dlogvar_c = Σ_n d r_c ((z - m_c)² / v_c - 1) / 2        dlog_w_c = Σ_n d r_c        with d = dlog_p

    The square is multiplied out, so z and m are taken from the middle of the means, where least cancels.
    """
    middle = mean.mean(axis=0)
    x, m = z.reshape(-1, z.shape[-1]) - middle, mean - middle
    precision = np.exp(-logvar)
    pull = m * precision
    a = x @ pull.T
    a -= (x * x) @ (0.5 * precision).T
    a += log_weight - 0.5 * (m * pull + logvar + LOG_TWO_PI).sum(axis=-1)
    top = a.max(axis=-1, keepdims=True)
    a -= top  # the largest term is 1 from here on: nothing overflows
    np.exp(a, out=a)
    total = a.sum(axis=-1, keepdims=True)

    def backward(dlog_p: Array) -> tuple[Array, Array, Array, Array]:
        d = a * (dlog_p.reshape(-1, 1) / total)
        mass, first, second = d.sum(axis=0), d.T @ x, d.T @ (x * x)
        dz = d @ pull - x * (d @ precision)
        dmean = (first - m * mass[:, None]) * precision
        dlogvar = 0.5 * ((second - m * (2.0 * first - m * mass[:, None])) * precision - mass[:, None])
        return dz.reshape(z.shape), dmean, dlogvar, mass

    return (top + np.log(total)).reshape(z.shape[:-1]), backward


def log_softmax(logits: Array) -> tuple[Array, Callable[[Array], Array]]:
    """log w_c = logits_c - log Σ_j exp(logits_j)

    dlogits_c = dlog_w_c - w_c Σ_j dlog_w_j
    """
    log_weight = logits - arrays.logsumexp(logits, axis=0)

    def backward(dlog_weight: Array) -> Array:
        return dlog_weight - np.exp(log_weight) * dlog_weight.sum()

    return log_weight, backward


def drawn_components(log_weight: Array, n: int, rng: np.random.Generator) -> Array:
    """n numbers of components, (n,), drawn with their weights."""
    weight = np.exp(log_weight.astype("float64"))
    return rng.choice(len(weight), n, p=weight / weight.sum())


@dataclass(frozen=True)
class Mixture:
    """p(z) = Σ_c w_c N(z; m_c, diag(v_c)),  w = softmax(logits),  v = floor + exp(raw).           # E18

    draw = dlogvar (v - floor) / v; the rest is in ``log_mixture``

    The ``floor`` keeps a component from shrinking onto a single code, where its density would have no bound.
    It starts with the first two moments of N(0, I): means from N(0, spread²), variances 1 - spread².
    """

    latent: int
    components: int = 500
    spread: float = 0.5
    floor: float = 1e-4

    def __post_init__(self) -> None:
        if not 0.0 < self.floor < 1.0 - self.spread**2:
            raise UsageError(
                f"prior 'mixture' starts with variances 1 - spread² above its floor, got spread = {self.spread} "
                f"and floor = {self.floor}: choose a spread such as 0.5 and a floor such as 1e-4"
            )

    @property
    def shapes(self) -> Shapes:
        cells = (self.components, self.latent)
        return {"logits": (self.components,), "mean": cells, "raw": cells}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        p.logits[...] = 0.0
        p.mean[...] = self.spread * rng.standard_normal(p.mean.shape)
        p.raw[...] = math.log(1.0 - self.spread**2 - self.floor)

    def parameters(self, p: Views) -> tuple[Array, Array, Array]:
        """log w (C,), m and log v (C, L); p is the prior's own."""
        return log_softmax(p.logits)[0], p.mean, np.log(self.floor + np.exp(p.raw))

    def log_prob(
        self, p: Views, z: Array, context: Array | None = None
    ) -> tuple[Array, Callable[..., Array]]:
        log_weight, softmax_backward = log_softmax(p.prior.logits)
        spread = np.exp(p.prior.raw)
        variance = self.floor + spread
        log_pz, mixture_backward = log_mixture(z, p.prior.mean, np.log(variance), log_weight)

        def backward(dlog_pz: Array, g: Views) -> Array:
            dz, dmean, dlogvar, dlog_weight = mixture_backward(dlog_pz)
            g.prior.mean += dmean
            g.prior.raw += dlogvar * (spread / variance)
            g.prior.logits += softmax_backward(dlog_weight)
            return dz

        return log_pz, backward

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: Array | None = None) -> Array:
        """n draws, (n, L): a component by its weight, then its Gaussian."""
        log_weight, mean, logvar = self.parameters(p.prior)
        chosen = drawn_components(log_weight, n, rng)
        return mean[chosen] + np.exp(0.5 * logvar[chosen]) * rng.standard_normal((n, self.latent))
