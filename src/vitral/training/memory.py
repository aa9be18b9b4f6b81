"""Whether a training fits into memory, asked before it begins: a few rows are run and measured, and multiplied."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np

from vitral.core.arrays import Array
from vitral.data import Data
from vitral.environment import free_memory
from vitral.errors import ResourceError
from vitral.model import Model
from vitral.training.loop import Batches, Plan, Streams
from vitral.training.parallel import gradient_of

FEW, MORE = 8, 24  # rows that are run to learn what one of them takes


def check_memory(name: str, model: Model, data: Data, plan: Plan) -> None:
    """Raise ResourceError where a step of this training would need more memory than there is."""
    free = free_memory()
    if free is None or len(data.train) < MORE or tracemalloc.is_tracing():
        return
    fixed, each = needed(model, data, plan)
    rows = min(plan.batch, len(data.train))
    if fixed + rows * each <= free:
        return
    if fixed + each > free:
        advice = "make the networks smaller"
    else:
        advice = f"set training.batch to {int((free - fixed) / each)} or less"
    raise ResourceError(
        f"training {name} in batches of {rows} rows needs about {_size(fixed + rows * each)}, and {_size(free)} are "
        f"free: {advice}, or close other programs"
    )


def needed(model: Model, data: Data, plan: Plan) -> tuple[int, int]:
    """Bytes of a training whatever its batch, and bytes of each row of a batch."""
    theta = model.init(0, plan.dtype)
    vectors = 2 + len(plan.optimiser.start(theta[:1])) + plan.shards + (plan.average > 0.0)  # theta, best, slots ...
    few, more = (_peak(model, data, plan, theta, rows) for rows in (FEW, MORE))
    return vectors * theta.nbytes, max(more - few, 0) // (MORE - FEW)


def _peak(model: Model, data: Data, plan: Plan, theta: Array, rows: int) -> int:
    """The most bytes that are held at once while so many rows go through the model and back."""
    work = Batches(model, data, replace(plan, batch=rows), Streams(0, data.train.block), 0).work(0)
    gradient = np.zeros_like(theta)
    p, g = model.views(theta), model.views(gradient)
    tracemalloc.start()
    try:
        gradient_of(model, p, work, slice(None), gradient, g)
    except FloatingPointError:  # the training will say it at its first step
        return 0
    else:
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
