"""The standard normal prior. Derivation: docs/derivations/kl.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core.arrays import LOG_TWO_PI, Array
from vitral.core.parameters import Shapes, Views


@dataclass(frozen=True)
class StandardNormal:
    """p(z) = N(0, I)

    log p = -1/2 Σ_l (z² + log 2π)

    dz = -dlog_p z
    """

    latent: int
    shapes: ClassVar[Shapes] = {}

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def log_prob(
        self, p: Views, z: Array, context: Array | None = None
    ) -> tuple[Array, Callable[..., Array]]:
        log_pz = -0.5 * (z * z + LOG_TWO_PI).sum(axis=-1)

        def backward(dlog_pz: Array, g: Views) -> Array:
            return -dlog_pz[..., None] * z

        return log_pz, backward

    def sample(self, p: Views, n: int, rng: np.random.Generator, context: Array | None = None) -> Array:
        """n draws, (n, L), in float64: the caller chooses a narrower dtype."""
        return rng.standard_normal((n, self.latent))
