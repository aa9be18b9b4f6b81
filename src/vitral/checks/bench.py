"""What a certificate is made on: a trained model in float64, a few rows, and every source of chance by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.core.randomness import draw, stream
from vitral.model import Batch, Model
from vitral.parts.divergences import CLOSED_KL
from vitral.parts.objectives import ELBO, STL, DReG, Reconstruction
from vitral.parts.optimisers import Adam

IMAGES = 4
POINT = "a plain autoencoder has no density q(z given x)"


@dataclass(frozen=True)
class Bench:
    """A model in float64, the images it is checked on with their context, and the weight of its KL."""

    model: Model
    theta: Array
    x: Array
    context: Array | None
    seed: int
    beta: float
    own: Any = None  # the objective that the model was trained with
    optimiser: Any = field(default_factory=Adam)

    @property
    def p(self) -> Views:
        return self.model.views(self.theta)

    @property
    def closed_kl(self) -> Any:
        return CLOSED_KL.get((type(self.model.posterior), type(self.model.prior)))

    @property
    def objective(self) -> Any:
        """The model's own, or what it amounts to; an estimator without score is no derivative of its loss."""
        if not self.model.posterior.has_density:
            return Reconstruction()
        return ELBO(self.beta) if self.own is None or isinstance(self.own, DReG | STL) else self.own

    def rng(self, purpose: str) -> np.random.Generator:
        return stream(self.seed, f"check {purpose}")

    def noise(self, purpose: str, draws: int, rows: int) -> dict[str, Array]:
        return draw(self.model.posterior.noise_shapes(draws, rows), self.rng(purpose), "float64")

    def given(self, rows: int) -> Array | None:
        """The context of the first rows, (rows, C), where the model has one."""
        return None if self.context is None else self.context[:rows]

    def batch(self, rows: int) -> Batch:
        """The first rows, or all where there are fewer."""
        return Batch(self.x[:rows], self.x[:rows], context=self.given(rows))

    def encoded(self, rows: int) -> Array:
        """The encoder output h of the first rows."""
        return self.model.encoder_output(self.p, self.x[:rows], self.given(rows))

    def outputs(self, rows: int) -> Array:
        """The decoder output o at one sampled z of each of the first rows, (rows, M)."""
        batch = self.batch(rows)
        _, o, _ = self.model.run(self.p, batch, self.noise("outputs", 1, len(batch.inputs)))
        return o[0]
