"""The shards of a batch on several cores: the same numbers whoever computes them, and however many they are.

A batch is cut into a fixed number of shards; each has a gradient vector of its own, and they are added in the order of
the shards. The members of a team (training/team.py) only map onto shards, so their number never changes a bit. Each
makes the batch of a step by itself: a batch is a function of the step's number.

The BLAS itself works on one thread here. Its own threads wait for each other by spinning: when anything else
runs on the machine, that costs more than ten times what it gains (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from vitral import fast, kernel
from vitral.core import arrays
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.environment import cores
from vitral.model import Batch, Model
from vitral.parts.objectives import Terms
from vitral.parts.optimisers import blend, clip
from vitral.training.team import team_of


class Work(NamedTuple):
    """What one step is computed from: how many rows, the batch of a part of them, the noise of all, the objective."""

    rows: int
    batch: Callable[[slice], Batch]
    noise: dict[str, Array]
    objective: Any


class Source(Protocol):
    """Where the steps' work comes from, and what is done with their gradients: a plan and its data."""

    plan: Any

    def work(self, step: int) -> Work: ...


class Workers:
    """The gradients and the steps of one training, as a context: at most one member a shard, and a core.

    While it is open, the arrays of ``state`` lie where every member sees them; afterwards their numbers are in the
    arrays that were there before.
    """

    def __init__(self, model: Model, source: Source, state: Any) -> None:
        self.model, self.source, self.state = model, source, state
        self.shards = source.plan.shards
        self.members = min(self.shards, cores())

    def __enter__(self) -> Workers:
        kernel.hint()
        self._limits = threadpool_limits(1, "blas")
        self._own = self.state.arrays()
        theta = self._own["theta"]
        on_processor = isinstance(theta, np.ndarray)
        self._compiled = on_processor and fast.ready(self.source.plan.optimiser, theta.dtype.name)
        self._team = team_of(self.members if on_processor else 1)
        self.state.hold({name: self._team.share(array) for name, array in self._own.items()})
        self._gradients = self._team.share(arrays.zeros((self.shards, theta.size), like=theta))
        self._sums = self._team.share(np.zeros((self.shards, 2)))  # loss and KL of every shard
        self._p = self.model.views(self.state.theta)
        self._g = [self.model.views(gradient) for gradient in self._gradients]
        self._latest: tuple[int, Work] | None = None
        self._team.start({"gradients": self._find_gradients, "add up": self._add_up, "step": self._take_step})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._team.__exit__(kind, error, trace)
        for name, array in self.state.arrays().items():
            if array is not self._own[name]:
                self._own[name][...] = array
        self.state.hold(self._own)
        self._limits.restore_original_limits()

    def gradients(self, step: int) -> tuple[float, float]:
        """Loss and mean KL of the batch of a step, whose gradients wait for ``step``.

        Raises FloatingPointError where a number overflows or is no number.
        """
        if not self._team.apart:
            self.work(step)
        self._team.call("gradients", step)
        loss, kl = (sum(column.tolist()) for column in self._sums[: len(self._parts(step))].T)
        return loss, kl

    def step(self, t: int, rate: float) -> None:
        """The optimiser's step number t with the sum of the shards' gradients, and the running average's."""
        if self.source.plan.clip > 0.0:
            self._team.call("add up", t)
            clip(self._gradients[0], self.source.plan.clip)
        self._team.call("step", t, rate)

    def work(self, step: int) -> Work:
        """The work of a step, made once by every member that has a memory of its own."""
        if self._latest is None or self._latest[0] != step:
            self._latest = step, self.source.work(step)
        return self._latest[1]

    def _parts(self, step: int) -> list[slice]:
        """The rows of every shard."""
        work = self.work(step)
        size = work.rows if work.objective.whole_batch else -(-work.rows // self.shards)
        return [slice(first, first + size) for first in range(0, work.rows, size)]

    def _slice(self, rank: int) -> slice:
        """The parameters of one member."""
        size = -(-self.state.theta.size // self.members)
        return slice(rank * size, (rank + 1) * size)

    def _find_gradients(self, rank: int, step: float) -> None:
        """A member's share of the shards."""
        work = self.work(int(step))
        for shard, part in list(enumerate(self._parts(int(step))))[rank :: self.members]:
            self._sums[shard] = gradient_of(self.model, self._p, work, part, self._gradients[shard], self._g[shard])

    def _add_up(self, rank: int, t: float) -> Array:
        """A member's slice of the gradient of step t, in the place of the first shard's."""
        mine = self._gradients[: len(self._parts(int(t) - 1)), self._slice(rank)]
        for gradient in mine[1:]:
            mine[0] += gradient
        return mine[0]

    def _take_step(self, rank: int, t: float, rate: float) -> None:
        """A member's slice of the step."""
        state, plan, mine = self.state, self.source.plan, self._slice(rank)
        slots = {name: slot[mine] for name, slot in state.slots.items()}
        if self._compiled:
            shards = 1 if plan.clip > 0.0 else len(self._parts(int(t) - 1))
            gradients = self._gradients[:shards, mine]
            fast.step(plan.optimiser, state.theta[mine], gradients, slots, t=int(t), rate=rate)
        else:
            gradient = self._gradients[0, mine] if plan.clip > 0.0 else self._add_up(rank, t)
            plan.optimiser.step(state.theta[mine], gradient, slots, t=int(t), rate=rate)
        if state.average is not None:
            blend(state.average[mine], state.theta[mine], int(t), plan.average)


def gradient_of(
    model: Model, p: Views, work: Work, part: slice, gradient: Array, g: Views
) -> tuple[float, float]:
    """Loss, KL and gradient of one shard: sums over its rows, divided by the size of the whole batch."""
    noise = {name: eps[:, part] for name, eps in work.noise.items()}
    with np.errstate(over="raise", invalid="raise", divide="raise"):  # the setting belongs to the thread
        terms, _, backward = model.run(p, work.batch(part), noise)
        loss, seeds = work.objective(terms, work.rows)
        backward(seeds, g.clear())
        g.fill()
        if not np.isfinite(gradient @ gradient):
            raise FloatingPointError("the gradient is not finite")
    return float(loss), _sum_of_kl(terms) / work.rows


def _sum_of_kl(terms: Terms) -> float:
    """The KL of these rows, in closed form where there is one; 0 for a plain autoencoder."""
    if terms.kl is not None:
        return float(terms.kl.sum())
    return 0.0 if terms.log_qz is None else float((terms.log_qz - terms.log_pz).mean(axis=0).sum())
