"""Golden vectors: what Vitral's own model computes from the weights in a page, to hold the page's engine against.

Everything here is float64, of one row, with noise that both sides draw by themselves: Philox 4x32-10 (Salmon et al.
2011), a counter and a key in, four words out. Of long arrays a few entries and the norm are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import numpy as np

from vitral.checks.bounds import evidences
from vitral.core.arrays import Array
from vitral.core.parameters import named
from vitral.model import Batch, Model
from vitral.parts.objectives import ELBO, Reconstruction
from vitral.parts.posteriors import Point

MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
ROUNDS, WORD = 10, np.uint64(0xFFFFFFFF)
ENTRIES = 16  # of a long array: half of them the largest, half evenly spaced
NOISE = 12  # numbers of a purpose that are compared
INTEGRABLE = 2  # dimensions of z up to which log p(x) is integrated


def philox(counter: Array, key: Array) -> Array:
    """Four words (..., 4) for every counter (..., 4) and the key (2,), all of them below 2^32.

    ten rounds of (c0, c1, c2, c3) <- (high(m1 c2) ^ c1 ^ k0, low(m1 c2), high(m0 c0) ^ c3 ^ k1, low(m0 c0))
    """
    words, key = counter.astype(np.uint64), key.astype(np.uint64)
    for _ in range(ROUNDS):
        products = words[..., ::2] * MULTIPLIERS
        high, low = products >> np.uint64(32), products & WORD
        mixed = high[..., ::-1] ^ words[..., 1::2] ^ key
        words = np.stack([mixed[..., 0], low[..., 1], mixed[..., 1], low[..., 0]], axis=-1)
        key = (key + WEYL) & WORD
    return words


def uniform(seed: int, purpose: str, index: int, n: int) -> Array:
    """n numbers between 0 and 1, a function of the arguments: (word + 1/2) / 2^32."""
    blocks = -(-n // 4)
    high = np.array([index & 0xFFFFFFFF, index >> 32, seed >> 32], np.uint64)
    counter = np.concatenate([np.arange(blocks, dtype=np.uint64)[:, None], np.tile(high, (blocks, 1))], axis=1)
    words = philox(counter, np.array([seed & 0xFFFFFFFF, crc32(purpose.encode())], np.uint64))
    return (words.reshape(-1)[:n].astype(np.float64) + 0.5) / 2.0**32


def noise(seed: int, purpose: str, index: int, n: int) -> Array:
    """n standard normal numbers by the transform of Box and Muller (1958), two of every two."""
    u, v = uniform(seed, purpose, index, n + n % 2).reshape(-1, 2).T
    radius, angle = np.sqrt(-2.0 * np.log(u)), 2.0 * np.pi * v
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:n]


def golden(
    model: Model,
    theta: Array,
    x: Array | None = None,
    *,
    seed: int = 0,
    beta: float = 1.0,
    prefix: str = "",
    evidence: bool = True,
) -> dict[str, Any]:
    """What the engine has to find for one row x (D,): noise, forward, gradients, and log p(x) where L is 1 or 2.

    ``theta`` holds the weights that the page holds, after whatever packing did to them. Without a row, x is noise
    between 0 and 1, so that a page that shows no data is proved as well. Tensors are named with ``prefix``.
    """
    wide = np.asarray(theta, np.float64)
    row = uniform(seed, "golden x", 0, model.features) if x is None else np.asarray(x, np.float64).reshape(-1)
    eps = noise(seed, "golden eps", 0, model.posterior.latent)
    batch = Batch(row[None], row[None])
    return {
        "seed": seed,
        "beta": beta,
        "x": None if x is None else row.tolist(),
        "noise": noise(seed, "golden noise", 1, NOISE).tolist(),
        "forward": _forward(model, wide, batch, eps, beta),
        "gradients": _gradients(model, wide, batch, eps, beta, prefix),
        "evidence": _evidence(model, wide, row) if evidence else None,
    }


def _objective(model: Model, beta: float) -> Any:
    return Reconstruction() if isinstance(model.posterior, Point) else ELBO(beta=beta)


def _forward(model: Model, theta: Array, batch: Batch, eps: Array, beta: float) -> dict[str, Any]:
    """Sampled arrays of the forward pass, and its numbers."""
    p, draws = model.views(theta), {"eps": eps[None, None]}
    terms, o, _ = model.run(p, batch, draws)
    loss, _ = model.loss(p, batch, draws, _objective(model, beta), 1)
    arrays = {"mu": terms.mu, "logvar": terms.logvar, "z": terms.z, "kl": terms.kl, "o": o}
    arrays["mean"] = model.likelihood.mean(p.likelihood, o)
    found = {name: sampled(array) for name, array in arrays.items() if array is not None}
    return {**found, "recon": -float(terms.log_px[0, 0]), "loss": float(loss)}


def _gradients(
    model: Model, theta: Array, batch: Batch, eps: Array, beta: float, prefix: str
) -> dict[str, dict[str, Any]]:
    """Sampled gradients of the loss by every tensor."""
    gradient = np.zeros_like(theta)
    draws = {"eps": eps[None, None]}
    _, backward = model.loss(model.views(theta), batch, draws, _objective(model, beta), 1)
    backward(model.views(gradient))
    places = named(model.shapes).items()
    return {prefix + name: sampled(gradient[where]) for name, (where, _) in places}


def _evidence(model: Model, theta: Array, row: Array) -> dict[str, float] | None:
    """log p(x) by quadrature, and how much its last refinement changed it."""
    if model.posterior.latent > INTEGRABLE or isinstance(model.posterior, Point):
        return None
    (found,) = evidences(model, model.views(theta), row[None])
    return {"log_px": found.log_px, "change": found.change}


def sampled(array: Array) -> dict[str, Any]:
    """The norm, and a few entries [place, value] of the flat array: the largest and evenly spaced ones."""
    flat = np.asarray(array, np.float64).reshape(-1)
    largest = np.argsort(-np.abs(flat), kind="stable")[: ENTRIES // 2]
    spaced = np.linspace(0, flat.size - 1, ENTRIES // 2).astype(int)
    return {"norm": float(np.linalg.norm(flat)), "entries": _entries(flat, {*largest.tolist(), *spaced.tolist()})}


def _entries(flat: Array, places: Iterable[int]) -> list[list[float]]:
    return [[place, float(flat[place])] for place in sorted(places)]
