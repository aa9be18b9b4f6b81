"""JAX's contestant: ``python jax_vae.py IMAGES THREADS``.

A whole epoch is one compiled function: gather, noise, gradient and update inside one scan, old parameters given away.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn, random
from protocol import Stopwatch, key, serve

LAYOUT = ("NHWC", "HWIO", "NHWC")


def layer(seed: Any, n_in: int, n_out: int) -> dict[str, Any]:
    return {"W": random.normal(seed, (n_in, n_out)) * np.sqrt(2.0 / n_in), "b": jnp.zeros(n_out)}


def kernel(seed: Any, n_in: int, n_out: int, fan: float) -> dict[str, Any]:
    return {"W": random.normal(seed, (4, 4, n_in, n_out)) * np.sqrt(2.0 / fan), "b": jnp.zeros(n_out)}


def initial(case: dict[str, Any]) -> dict[str, Any]:
    a, b, c, d, e, f = random.split(random.key(0), 6)
    latent, hidden = case["latent"], case["hidden"]
    if case["network"] == "dense":
        widths = ((784, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, 784))
        return {name: layer(seed, *n) for name, seed, n in zip("abcd", (a, b, c, d), widths, strict=True)}
    return {
        "a": kernel(a, 1, 32, 16),
        "b": kernel(b, 32, 64, 512),
        "c": layer(c, 3136, 2 * latent),
        "d": layer(d, latent, 3136),
        "e": kernel(e, 64, 32, 256),
        "f": kernel(f, 32, 1, 128),
    }


def affine(p: dict[str, Any], x: Any) -> Any:
    return x @ p["W"] + p["b"]


def convolved(p: dict[str, Any], x: Any) -> Any:
    y = lax.conv_general_dilated(x, p["W"], (2, 2), ((1, 1), (1, 1)), dimension_numbers=LAYOUT)
    return y + p["b"]


def transposed(p: dict[str, Any], x: Any) -> Any:
    return lax.conv_transpose(x, p["W"], (2, 2), ((2, 2), (2, 2)), dimension_numbers=LAYOUT) + p["b"]


def encoder(p: dict[str, Any], x: Any, dense: bool) -> Any:
    if dense:
        return jnp.split(affine(p["b"], nn.relu(affine(p["a"], x))), 2, axis=1)
    h = nn.relu(convolved(p["b"], nn.relu(convolved(p["a"], x.reshape(-1, 28, 28, 1)))))
    return jnp.split(affine(p["c"], h.reshape(len(x), -1)), 2, axis=1)


def decoder(p: dict[str, Any], z: Any, dense: bool) -> Any:
    if dense:
        return nn.sigmoid(affine(p["d"], nn.relu(affine(p["c"], z))))
    h = nn.relu(affine(p["d"], z)).reshape(-1, 7, 7, 64)
    return nn.sigmoid(transposed(p["f"], nn.relu(transposed(p["e"], h)))).reshape(len(z), -1)


def loss_of(p: dict[str, Any], x: Any, seed: Any, dense: bool) -> Any:
    mu, logvar = encoder(p, x, dense)
    z = mu + jnp.exp(0.5 * logvar) * random.normal(seed, mu.shape)
    error = jnp.sum((decoder(p, z, dense) - x) ** 2)
    return (error - 0.5 * jnp.sum(1.0 + logvar - mu * mu - jnp.exp(logvar))) / len(x)


def updated(state: Any, x: Any, seed: Any, case: dict[str, Any]) -> Any:
    p, m, v, t = state
    loss, g = jax.value_and_grad(loss_of)(p, x, seed, case["network"] == "dense")
    rate, t = case["rate"], t + 1
    if case["optimiser"] == "sgd":
        return (jax.tree.map(lambda w, dw: w - rate * dw, p, g), m, v, t), loss
    m = jax.tree.map(lambda a, dw: 0.9 * a + 0.1 * dw, m, g)
    v = jax.tree.map(lambda a, dw: 0.999 * a + 0.001 * dw * dw, v, g)
    first, second = 1.0 / (1.0 - 0.9**t), 1.0 / (1.0 - 0.999**t)
    p = jax.tree.map(lambda w, a, b: w - rate * a * first / (jnp.sqrt(b * second) + 1e-8), p, m, v)
    return (p, m, v, t), loss


def whole_epoch(case: dict[str, Any]) -> Any:
    @partial(jax.jit, donate_argnums=0)
    def run(state: Any, data: Any, seed: Any) -> Any:
        order_seed, noise_seed = random.split(seed)
        order = random.permutation(order_seed, case["rows"])
        steps, left = divmod(case["rows"], case["batch"])

        def step(state: Any, turn: Any) -> Any:
            index, number = turn
            return updated(state, data[index], random.fold_in(noise_seed, number), case)

        full = order[: steps * case["batch"]].reshape(steps, case["batch"])
        state, losses = lax.scan(step, state, (full, jnp.arange(steps)))
        if left:
            state, last = step(state, (order[-left:], steps))
            losses = jnp.append(losses, last)
        return state, losses.mean()

    return run


class Jax:
    def __init__(self, images: str, threads: int) -> None:
        self.data = jnp.asarray(np.load(images), jnp.float32) / 255.0
        self.trainings: dict[str, Any] = {}
        self.compiled: dict[str, Any] = {}

    def _training(self, case: dict[str, Any]) -> Any:
        if key(case) not in self.trainings:
            p = initial(case)
            zeros = jax.tree.map(jnp.zeros_like, p)
            self.trainings[key(case)] = [(p, zeros, jax.tree.map(jnp.zeros_like, p), 0.0), 0]
            self.compiled[key(case)] = whole_epoch(case)
        return self.trainings[key(case)], self.compiled[key(case)]

    def epoch(self, case: dict[str, Any]) -> dict[str, float]:
        training, run = self._training(case)
        state, number = training
        with Stopwatch() as watch:
            state, loss = jax.block_until_ready(run(state, self.data, random.key(number)))
        training[:] = state, number + 1
        return {"seconds": watch.seconds, "loss": float(loss)}

    def encode(self, case: dict[str, Any], rows: int) -> dict[str, float]:
        state = self._training(case)[0][0]
        run = self._inference("encode", encoder, case)
        x = self.data[:rows]
        with Stopwatch() as watch:
            jax.block_until_ready(run(state[0], x))
        return {"seconds": watch.seconds}

    def decode(self, case: dict[str, Any], rows: int) -> dict[str, float]:
        state = self._training(case)[0][0]
        mu, _ = self._inference("encode", encoder, case)(state[0], self.data[:rows])
        run = self._inference("decode", decoder, case)
        with Stopwatch() as watch:
            jax.block_until_ready(run(state[0], mu))
        return {"seconds": watch.seconds}

    def _inference(self, name: str, function: Any, case: dict[str, Any]) -> Any:
        if name + key(case) not in self.compiled:
            self.compiled[name + key(case)] = jax.jit(partial(function, dense=case["network"] == "dense"))
        return self.compiled[name + key(case)]

    def importance(self, case: dict[str, Any], rows: int, samples: int) -> dict[str, float]:
        """Image after image inside one compiled map, all samples of one together; p(x given z) = N(m, I / 2)."""
        state, dense = self._training(case)[0][0], case["network"] == "dense"

        def estimate(p: Any, turn: Any) -> Any:
            x, number = turn
            mu, logvar = encoder(p, x[None], dense)
            eps = random.normal(random.fold_in(random.key(1), number), (samples, mu.shape[1]))
            z = mu + jnp.exp(0.5 * logvar) * eps
            error = jnp.sum((decoder(p, z, dense) - x) ** 2, axis=1)
            log_w = 0.5 * jnp.sum(eps * eps + logvar - z * z, axis=1) - error
            return nn.logsumexp(log_w) - jnp.log(samples)

        name = f"importance {samples}" + key(case)
        if name not in self.compiled:
            self.compiled[name] = jax.jit(lambda p, turns: lax.map(partial(estimate, p), turns).mean())
        with Stopwatch() as watch:
            mean = float(self.compiled[name](state[0], (self.data[:rows], jnp.arange(rows))))
        return {"seconds": watch.seconds, "mean": mean - 392.0 * float(np.log(np.pi))}


if __name__ == "__main__":
    serve(Jax(sys.argv[1], int(sys.argv[2])))
