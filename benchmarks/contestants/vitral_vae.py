"""Vitral's own contestant: ``python vitral_vae.py IMAGES THREADS``, by the functions that ``vitral study`` calls."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from protocol import Stopwatch, key, serve

from vitral import Spec
from vitral.data.contract import Contract, Data, Rows
from vitral.evaluation.likelihood import log_px_hat
from vitral.parts.optimisers import SGD, Adam
from vitral.training.loop import Epoch, Plan, start, train

NETWORKS = {
    "dense": lambda hidden: {"kind": "mlp", "hidden": [hidden]},
    "conv": lambda hidden: {"kind": "conv", "channels": [32, 64], "hidden": []},
}
CONTRACT = Contract(784, (28, 28), "uint8", 255.0, 0.0, 1.0, "intensity")


class Vitral:
    def __init__(self, images: str, threads: int) -> None:
        self.rows, self.threads = Rows(np.load(images), None, 255.0), threads
        self.trainings: dict[str, Any] = {}

    def _training(self, case: dict[str, Any]) -> Any:
        if key(case) not in self.trainings:
            network = NETWORKS[case["network"]](case["hidden"])
            likelihood = {"kind": "gaussian_fixed", "variance": 0.5}
            sides = {"encoder": network, "decoder": network, "image_shape": (28, 28)}
            model = Spec(784, case["latent"], likelihood=likelihood, **sides).build()
            few, rows = self.rows.select(slice(0, 1)), self.rows.select(slice(0, case["rows"]))
            plan = Plan(
                epochs=1_000_000,
                batch=case["batch"],
                rate=case["rate"],
                optimiser={"sgd": SGD, "adam": Adam}[case["optimiser"]](),
                shards=self.threads,
                monitor_rows=1,
            )
            state = start(model, model.init(seed=0), plan)
            data = Data("mnist", "benchmark", rows, few, few, CONTRACT)
            self.trainings[key(case)] = model, state, train(model, data, plan, state, seed=0)
        return self.trainings[key(case)]

    def epoch(self, case: dict[str, Any]) -> dict[str, float]:
        _, state, events = self._training(case)
        with Stopwatch() as watch:
            before = len(state.history)
            while not (isinstance(event := next(events)[0], Epoch) and len(state.history) > max(before, 1)):
                pass
        return {"seconds": watch.seconds, "loss": event.record["running"]["loss"]}

    def encode(self, case: dict[str, Any], rows: int) -> dict[str, float]:
        model, state, _ = self._training(case)
        p = model.views(state.theta)
        with Stopwatch() as watch:
            model.encode(p, self.rows.take(slice(0, rows)))
        return {"seconds": watch.seconds}

    def importance(self, case: dict[str, Any], rows: int, samples: int) -> dict[str, float]:
        model, state, _ = self._training(case)
        with Stopwatch() as watch:
            estimates = log_px_hat(model, state.theta, self.rows.select(slice(0, rows)), samples=samples, seed=0)
        return {"seconds": watch.seconds, "mean": float(estimates.mean())}


if __name__ == "__main__":
    serve(Vitral(sys.argv[1], int(sys.argv[2])))
