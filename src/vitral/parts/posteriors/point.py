"""The code of a plain autoencoder: a point, without noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.parts.posteriors.sampled import Sampled


@dataclass(frozen=True)
class Point:
    """The plain autoencoder: z = h, without noise and so without a density.

    dh = Σ_k dz + dmu
    """

    latent: int
    shapes: ClassVar[Shapes] = {}
    has_density: ClassVar[bool] = False
    pathwise: ClassVar[bool] = False

    def init(self, p: Views, rng: np.random.Generator, data: Array | None = None) -> None:
        """Nothing to do."""

    def width(self) -> int:
        return self.latent

    def quiet(self) -> int:
        """No output of the encoder is a log-variance."""
        return 0

    def noise_shapes(self, samples: int, rows: int) -> dict[str, tuple[int, ...]]:
        return {}

    def parameters(self, p: Views, h: Array) -> tuple[Array, None]:
        """The code (N, L), and no log-variance."""
        return h, None

    def sample(self, p: Views, h: Array, noise: dict[str, Array]) -> tuple[Sampled, Callable[..., Array]]:
        def backward(
            dz: Array, dlog_qz: None, dmu: Array | float, dlogvar: float, g: Views, path: None = None
        ) -> Array:
            return dz.sum(axis=0) + dmu

        return Sampled(h[None], None, h, None), backward
