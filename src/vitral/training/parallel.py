"""The shards of a batch on threads: the same numbers whoever computes them, and however many they are.

A batch is cut into a fixed number of shards; each has a gradient vector of its own, and they are added in
the order of the shards. Threads only map onto shards, so their number never changes a bit. NumPy releases
the interpreter lock inside its loops and products, so threads of Python are enough.

The BLAS itself works on one thread here. Its own threads wait for each other by spinning: when anything else
runs on the machine, that costs more than ten times what it gains (docs/log.md).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.environment import cores
from vitral.model import Batch, Model
from vitral.parts.objectives import Terms
from vitral.parts.optimisers import blend


class Workers:
    """A pool of threads for one training, as a context: at most one thread a shard, and a core."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self.threads = min(shards, cores())
        self._buffers: Array | None = None

    def __enter__(self) -> Workers:
        self._limits = threadpool_limits(1, "blas")
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._limits.restore_original_limits()

    def gradient(
        self, model: Model, p: Views, batch: Batch, noise: dict[str, Array], objective: Any, grad: Array
    ) -> tuple[float, float]:
        """Loss and mean KL of a batch; its gradient is written into ``grad``.

        Raises FloatingPointError where a number overflows or is no number.
        """
        if self._buffers is None or self._buffers.shape[1] != grad.size:
            self._buffers = np.empty((self.shards - 1, grad.size), grad.dtype)
        targets = [grad, *self._buffers]
        rows = len(batch.target)
        size = rows if objective.whole_batch else -(-rows // self.shards)
        parts = [slice(first, first + size) for first in range(0, rows, size)]
        results = self._map(
            lambda part, target: _shard(model, p, batch, noise, objective, part, target), parts, targets
        )
        for target in targets[1 : len(parts)]:
            grad += target
        return sum(loss for loss, _ in results), sum(kl for _, kl in results)

    def step(
        self,
        optimiser: Any,
        theta: Array,
        grad: Array,
        slots: dict[str, Array],
        *,
        t: int,
        rate: float,
        average: tuple[Array, float] | None = None,
    ) -> None:
        """One optimiser step, and one of the running average with its decay: a slice of each for every thread."""
        size = -(-theta.size // self.threads)
        slices = [slice(first, first + size) for first in range(0, theta.size, size)]

        def on(part: slice) -> None:
            state = {name: slot[part] for name, slot in slots.items()}
            optimiser.step(theta[part], grad[part], state, t=t, rate=rate)
            if average is not None:
                blend(average[0][part], theta[part], t, average[1])

        self._map(on, slices)

    def _map(self, function: Any, *arguments: Any) -> list[Any]:
        """``function`` over the arguments in their order; the shortest ends it."""
        if self._pool is None:
            return [function(*one) for one in zip(*arguments, strict=False)]
        return list(self._pool.map(function, *arguments))


def _shard(
    model: Model, p: Views, batch: Batch, noise: dict[str, Array], objective: Any, part: slice, grad: Array
) -> tuple[float, float]:
    """The share of one shard: the sum over its rows, divided by the size of the whole batch."""
    rows, total = Batch(*(None if array is None else array[part] for array in batch)), len(batch.target)
    grad[...] = 0.0
    with np.errstate(over="raise", invalid="raise", divide="raise"):  # the setting belongs to the thread
        terms, _, backward = model.run(p, rows, {name: eps[:, part] for name, eps in noise.items()})
        loss, seeds = objective(terms, total)
        backward(seeds, model.views(grad))
    return float(loss), _sum_of_kl(terms) / total


def _sum_of_kl(terms: Terms) -> float:
    """The KL of these rows, in closed form where there is one; 0 for a plain autoencoder."""
    if terms.kl is not None:
        return float(terms.kl.sum())
    return 0.0 if terms.log_qz is None else float((terms.log_qz - terms.log_pz).mean(axis=0).sum())
