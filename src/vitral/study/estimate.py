"""How long a study will take: a few steps of each model are timed on this machine, and multiplied."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import pairwise
from statistics import median

from vitral.data import Data
from vitral.data.batches import steps_per_epoch
from vitral.errors import TrainingDiverged
from vitral.study.jobs import Job
from vitral.training.loop import Step, start, train

TIMED = 8  # steps; the first two warm up and are not counted
EVALUATION = 1.5  # the cost of all evaluation and figures, in epochs of training of each model


def seconds_left(jobs: list[Job], data: Data) -> float:
    """Seconds for these trainings and what follows them. Good to about a third."""
    return sum(_seconds_an_epoch(job, data) * (job.plan.epochs + EVALUATION) for job in jobs)


def _seconds_an_epoch(job: Job, data: Data) -> float:
    model = job.spec.build()
    few = data.select(slice(0, TIMED * job.plan.batch))
    state = start(model, model.init(job.seed, job.plan.dtype), job.plan)
    times = [time.perf_counter()]
    with suppress(TrainingDiverged):  # the training itself will say so, at its own step, with its checkpoints kept
        for event, _ in train(model, few, job.plan, state, seed=job.seed):
            if isinstance(event, Step):
                times.append(time.perf_counter())
            if len(times) > TIMED:
                break
    if len(times) == 1:
        return 0.0
    step = median(later - earlier for earlier, later in pairwise(times[min(2, len(times) - 2) :]))
    measured = min(job.plan.monitor_rows, len(data.train)) + 2 * len(data.validation)
    forward = 0.4 * measured / len(data.train)  # of an epoch: a forward pass costs about that share of a step
    return step * steps_per_epoch(len(data.train), job.plan.batch) * (1.0 + forward)
