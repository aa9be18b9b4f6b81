"""What a contestant of the speed benchmark is: a program that is asked on its standard input and answers on its output.

One line of JSON is one question, ``{"do": ..., "case": ..., ...}``, and one line the answer. What a contestant offers:

    epoch(case)             trains one epoch and goes on from there when asked again: seconds, mean loss of the epoch
    encode(case, rows)      posterior means of the first rows, from pixels: seconds
    decode(case, rows)      pixels of the first rows' posterior means: seconds
    importance(case, rows, samples)    log p(x) by importance sampling: seconds and the mean estimate

A case is a table: ``network`` ("dense" or "conv"), ``hidden``, ``latent``, ``optimiser`` ("sgd" or "adam"), ``rate``,
``batch`` and ``rows``. The job is the same for all of them, with weights and noise of their own:

    dense   784 - hidden (ReLU) - mu, logvar (latent each) - hidden (ReLU) - 784 (sigmoid)
    conv    4x4 convolutions of stride 2 with 32 and 64 channels (ReLU), mu, logvar, and the way back, transposed
    loss    summed squared error + KL(q, N(0, I)), mean over the batch; an epoch visits all rows in a new order

This file is imported by programs that run in environments of their own, so it needs the standard library alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def key(case: dict[str, Any]) -> str:
    """One text for equal cases, by which a contestant finds the training that it goes on with."""
    return json.dumps(case, sort_keys=True)


def serve(contestant: Any) -> None:
    """Answer questions until the input ends; what goes wrong is an answer as well."""
    for line in sys.stdin:
        question = json.loads(line)
        name = question.pop("do")
        try:
            answer = memory() if name == "memory" else getattr(contestant, name)(**question)
        except (RuntimeError, ValueError, MemoryError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def memory() -> dict[str, float]:
    """The most memory that this process has held; on Linux, what it and its helpers hold now. In MB (10^6 bytes)."""
    if sys.platform == "win32":
        return {}
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"peak_mb": peak * (1.0 if sys.platform == "darwin" else 1024.0) / 1e6}
    if sys.platform == "linux":
        found["together_mb"] = sum(map(_held, [os.getpid(), *_helpers()])) / 1e6
    return found


def _helpers() -> list[int]:
    """The processes that this one has started."""
    return [int(child) for child in Path("/proc/thread-self/children").read_text(encoding="ascii").split()]


def _held(process: int) -> int:
    """Bytes of memory; pages that several processes share are divided among them."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


class Stopwatch:
    """Seconds inside a ``with`` block, as ``.seconds``."""

    def __enter__(self) -> Stopwatch:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start
