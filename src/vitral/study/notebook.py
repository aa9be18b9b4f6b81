"""The notebook's own random numbers, drawn again in the notebook's order.

It seeds NumPy's legacy generator with 42 once and then draws, cell by cell: the weights of the 2-D model;
in every epoch one shuffle of the training rows and one noise array a batch; after the 2-D model twenty
codes for a figure; then the 10-D and the 20-D model the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitral.core.arrays import Array
from vitral.data.batches import steps_per_epoch
from vitral.model import Model

SEED = 42
FIGURE_CODES = 20  # "n_samples = 20" between the first model and the others


@dataclass(frozen=True)
class Sequence:
    """What the notebook trains, in order: latent sizes with their epochs, on so many rows and widths."""

    latents: tuple[int, ...]
    epochs: tuple[int, ...]
    rows: int
    batch: int
    features: int
    hidden: int


class NotebookReplay:
    """The draws of one model of the sequence, after everything that the notebook drew before it.

    A sequential generator cannot jump: to start or resume anywhere, what lies before is drawn and dropped.
    """

    def __init__(self, sequence: Sequence, index: int) -> None:
        self.sequence = sequence
        self.latent = sequence.latents[index]
        self._legacy = np.random.RandomState(
            SEED
        )  # an object of our own; NumPy's global state is not touched
        self._epoch = 0  # epochs whose shuffle has been drawn
        self._position = 0  # batches of the running epoch whose noise has been drawn
        for earlier in range(index):
            self._skip_model(earlier)

    def weights(self) -> dict[str, Array]:
        """The initial weights: He's standard deviation everywhere, biases zero."""
        return self._draw_weights(self.latent)

    def order(self, epoch: int, rows: int) -> Array:
        """The shuffled rows of an epoch."""
        while self._epoch < epoch:
            self._skip_epoch(self.latent)
            self._epoch += 1
        order = np.arange(rows)
        self._legacy.shuffle(order)
        self._epoch, self._position = epoch + 1, 0
        return order

    def noise(self, step: int, shapes: dict[str, tuple[int, ...]], dtype: str) -> dict[str, Array]:
        """The noise of the batch of this step, (1, N, L)."""
        position = step % steps_per_epoch(self.sequence.rows, self.sequence.batch)
        self._legacy.standard_normal((position - self._position) * self.sequence.batch * self.latent)
        self._position = position + 1
        return {name: self._legacy.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}

    def _draw_weights(self, latent: int) -> dict[str, Array]:
        s = self.sequence
        sizes = {
            "W1": (s.features, s.hidden),
            "W_mu": (s.hidden, latent),
            "W_logvar": (s.hidden, latent),
            "W3": (latent, s.hidden),
            "W4": (s.hidden, s.features),
        }
        return {
            name: self._legacy.standard_normal(size) * np.sqrt(2.0 / size[0]) for name, size in sizes.items()
        }

    def _skip_epoch(self, latent: int) -> None:
        self._legacy.shuffle(np.arange(self.sequence.rows))
        self._legacy.standard_normal(self.sequence.rows * latent)

    def _skip_model(self, index: int) -> None:
        self._draw_weights(self.sequence.latents[index])
        for _ in range(self.sequence.epochs[index]):
            self._skip_epoch(self.sequence.latents[index])
        if index == 0:
            self._legacy.standard_normal(FIGURE_CODES * self.sequence.latents[0])


def fill(model: Model, theta: Array, weights: dict[str, Array], latent: int) -> None:
    """Put the notebook's weights into theta: its two heads are the two halves of our one."""
    p = model.views(theta)
    first, _, heads = p.encoder
    third, _, fourth = p.decoder
    first.W[...], third.W[...], fourth.W[...] = weights["W1"], weights["W3"], weights["W4"]
    heads.W[:, :latent], heads.W[:, latent:] = weights["W_mu"], weights["W_logvar"]
