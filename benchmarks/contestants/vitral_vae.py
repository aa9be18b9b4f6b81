"""Vitral's own contestant: ``python vitral_vae.py IMAGES THREADS``, by the functions that ``vitral study`` calls.

With a third word, ``products``, an epoch is its matrix products and nothing else: the limit of what a step can reach.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from protocol import Stopwatch, key, serve
from threadpoolctl import threadpool_limits

from vitral import Spec, allocator
from vitral.data.contract import Contract, Data, Rows
from vitral.evaluation.latent import codes, decoded
from vitral.evaluation.likelihood import log_px_hat
from vitral.parts.optimisers import SGD, Adam
from vitral.training.loop import Epoch, Plan, start, train
from vitral.training.team import team_of

NETWORKS = {
    "dense": lambda hidden: {"kind": "mlp", "hidden": [hidden]},
    "conv": lambda hidden: {"kind": "conv", "channels": [32, 64], "hidden": []},
}
CONTRACT = Contract(784, (28, 28), "uint8", 255.0, 0.0, 1.0, "intensity")


def dense_products(case: dict[str, Any], rows: int) -> list[tuple[int, int, int]]:
    """(m, k, n) of every product of one step: forward, the weights' gradients, and dx of all layers but the first."""
    hidden, latent = case["hidden"], case["latent"]
    widths = [(784, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, 784)]
    forward = [(rows, n_in, n_out) for n_in, n_out in widths]
    weights = [(n_in, rows, n_out) for n_in, n_out in widths]
    return forward + weights + [(rows, n_out, n_in) for n_in, n_out in widths[1:]]


def flop(products: list[tuple[int, int, int]]) -> float:
    return sum(2.0 * m * k * n for m, k, n in products)


def drawn(rng: np.random.Generator, m: int, k: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = rng.standard_normal((m, k), dtype="float32"), rng.standard_normal((k, n), dtype="float32")
    return a, b, np.empty((m, n), "float32")


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
        with Stopwatch() as watch:
            codes(model, state.theta, self.rows.select(slice(0, rows)))
        return {"seconds": watch.seconds}

    def decode(self, case: dict[str, Any], rows: int) -> dict[str, float]:
        model, state, _ = self._training(case)
        mu, _ = codes(model, state.theta, self.rows.select(slice(0, rows)))
        with Stopwatch() as watch:
            decoded(model, state.theta, mu)
        return {"seconds": watch.seconds}

    def importance(self, case: dict[str, Any], rows: int, samples: int) -> dict[str, float]:
        model, state, _ = self._training(case)
        with Stopwatch() as watch:
            estimates = log_px_hat(model, state.theta, self.rows.select(slice(0, rows)), samples=samples, seed=0)
        return {"seconds": watch.seconds, "mean": float(estimates.mean())}


class Products(Vitral):
    """The same shapes on the same kernel, each core with its share of the rows."""

    def epoch(self, case: dict[str, Any]) -> dict[str, float]:
        rng, share = np.random.default_rng(0), -(-case["batch"] // self.threads)
        shapes = dense_products(case, share)
        mine = [drawn(rng, *shape) for shape in shapes]

        def step(rank: int) -> None:
            for a, b, out in mine:
                np.matmul(a, b, out=out)

        steps = -(-case["rows"] // case["batch"])
        with threadpool_limits(1, "blas"), team_of(self.threads) as team:
            team.start({"step": step})
            team.call("step")
            with Stopwatch() as watch:
                for _ in range(steps):
                    team.call("step")
        work = steps * self.threads * flop(shapes)
        return {"seconds": watch.seconds, "gigaflop": work / 1e9}


if __name__ == "__main__":
    allocator.keep_freed_memory()  # as every command does
    kind = Products if "products" in sys.argv else Vitral
    serve(kind(sys.argv[1], int(sys.argv[2])))
