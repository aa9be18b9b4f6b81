"""Gaussians whose mean and log-variance a network puts out: what conditional priors and layered codes are made of.

Derivation: docs/derivations/two_layers.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views
from vitral.errors import UsageError, unknown
from vitral.parts.blocks import Gated
from vitral.parts.layers import Affine, Chain, ReLU, Softplus, Tanh

ACTIVATIONS: dict[str, Any] = {"relu": ReLU, "softplus": Softplus, "tanh": Tanh}


def log_normal(
    y: Array, mu: Array, logvar: Array
) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array]]]:
    """log N(y; mu, diag(sigma²)) = -1/2 Σ_l ((y - mu)² / sigma² + logvar + log 2π)

    dmu = dlog_p (y - mu) / sigma²        dlogvar = dlog_p ((y - mu)² / sigma² - 1) / 2        dy = -dmu
    """
    residual = y - mu
    pull = residual * np.exp(-logvar)
    square = residual * pull
    log_p = -0.5 * (square + logvar + LOG_TWO_PI).sum(axis=-1)

    def backward(dlog_p: Array) -> tuple[Array, Array, Array]:
        dmu = dlog_p[..., None] * pull
        return -dmu, dmu, (0.5 * dlog_p)[..., None] * (square - 1.0)

    return log_p, backward


@dataclass(frozen=True)
class GaussianHead:
    """mu, raw = network(x)        logvar = B tanh(raw / B), between -B and B, with slope 1 at 0

    dx = network'(dmu, dlogvar (1 - (logvar / B)²))

    The network is a chain of ``hidden`` widths, each followed by its ``activation`` ("gated": a layer that gates
    itself) and a linear head. The last ``quiet`` outputs start at zero: the log-variances, or all of them.
    """

    n_in: int
    n_out: int
    hidden: tuple[int, ...] = ()
    activation: str = "tanh"
    bound: float = 8.0
    quiet: int = 0

    def __post_init__(self) -> None:
        if self.activation != "gated" and self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, (*ACTIVATIONS, "gated"))
        if not isinstance(self.hidden, tuple | list) or any(
            type(width) is not int or width < 1 for width in self.hidden
        ):
            raise UsageError(
                f"hidden must be a list of positive whole numbers, got {self.hidden!r}: write for example [300]"
            )
        if not self.bound > 0.0:
            raise UsageError(
                f"bound must be above 0, got {self.bound!r}: log-variances stay between -bound and bound"
            )

    @cached_property
    def network(self) -> Chain:
        layers: list[Any] = []
        n_in = self.n_in
        for width in self.hidden:
            if self.activation == "gated":
                layers.append(Gated(n_in, width))
            else:
                layers += [Affine(n_in, width, self._weights), ACTIVATIONS[self.activation]()]
            n_in = width
        return Chain((*layers, Affine(n_in, 2 * self.n_out, "lecun", self.quiet)))

    @property
    def _weights(self) -> str:
        return "he" if self.activation == "relu" else "glorot"

    @property
    def shapes(self) -> Shapes:
        return self.network.shapes

    def init(self, p: Views, rng: np.random.Generator) -> None:
        self.network.init(p, rng)

    def forward(self, p: Views, x: Array) -> tuple[Array, Array, Callable[[Array, Array, Views], Array]]:
        out, network_backward = self.network.forward(p, x)
        mu, squashed = out[..., : self.n_out], np.tanh(out[..., self.n_out :] / self.bound)

        def backward(dmu: Array, dlogvar: Array, g: Views) -> Array:
            draw = dlogvar * (1.0 - squashed * squashed)
            return network_backward(np.concatenate([dmu, draw], axis=-1), g)

        return mu, self.bound * squashed, backward
