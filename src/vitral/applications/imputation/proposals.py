"""Where the draws of z come from that stand for p(z given what was observed of a row).

A mixture of C + 1 densities, with shares s_c: the encoder's q for each of C completions of the row, and the prior.

    q_mix(z) = s_0 p(z) + Σ_c s_c q(z given x^(c))        w = p(x_obs given z) p(z) / q_mix(z)

The share of the prior bounds the weights, w <= p(x_obs given z) / s_0, so that they have a variance whatever the
encoder says (Owen and Zhou 2000). Derivation: docs/derivations/imputation.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vitral.core.arrays import logsumexp
from vitral.core.randomness import draw, stream
from vitral.data.columns import Column, seen
from vitral.model import Batch, Model

PRIOR_SHARE = 0.1  # of the draws
CHAINS, ROUNDS, STARTS = 8, 10, 200  # completions of a row, rounds of completing, draws of the prior they start from


def mixture(
    model: Model, p: Any, batch: Batch, h: list[np.ndarray], samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """z (K, N, L) and log q_mix(z) - log p(z), (K, N); ``h`` are the encoder's outputs (N, width), one a completion.

    All rows share their noise, so that the draws of a row depend on that row alone.
    """
    counts = _counts(samples, len(h))
    pieces = [_prior_draws(model, p, batch, counts[0], seed)]
    for number, (output, count) in enumerate(zip(h, counts[1:], strict=True)):
        noise = _shared_noise(model, count, len(output), output.dtype.name, seed, number)
        pieces.append(model.posterior.sample(p.posterior, output, noise)[0].z)
    z = np.concatenate(pieces)
    log_pz = model.prior.log_prob(p, z, batch.context)[0].astype(np.float64)
    log_q = [model.posterior.log_prob(p.posterior, output, z).astype(np.float64) for output in h]
    shares = np.log(np.array(counts) / samples)[:, None, None]
    return z, logsumexp(np.stack([log_pz, *log_q]) + shares, axis=0) - log_pz


def _counts(samples: int, completions: int) -> list[int]:
    """How many draws the prior and every completion get: at least one each."""
    first = max(round(PRIOR_SHARE * samples), 1)
    each, more = divmod(samples - first, completions)
    return [first, *(each + (number < more) for number in range(completions))]


def _prior_draws(model: Model, p: Any, batch: Batch, count: int, seed: int) -> np.ndarray:
    """Draws of the prior (K, N, L), the same for all rows; of a conditional model, the same for equal contexts."""
    n = len(batch.target)
    if batch.context is None:
        drawn = model.prior.sample(p, count, stream(seed, "imputation prior"))[:, None]
        return np.broadcast_to(drawn, (count, n, drawn.shape[-1])).astype(batch.target.dtype)
    each = [
        model.prior.sample(p, count, stream(seed, "imputation prior"), np.repeat(own[None], count, axis=0))
        for own in batch.context
    ]
    return np.stack(each, axis=1).astype(batch.target.dtype)


def _shared_noise(model: Model, count: int, n: int, dtype: str, seed: int, number: int) -> dict[str, np.ndarray]:
    """Noise for K draws of each of N rows, the same for all rows and in both dtypes."""
    drawn = draw(model.posterior.noise_shapes(count, 1), stream(seed, "imputation noise", number), "float64")
    return {name: np.broadcast_to(eps, (count, n, *eps.shape[2:])).astype(dtype) for name, eps in drawn.items()}


def completions(
    model: Model, p: Any, batch: Batch, columns: tuple[Column, ...] | None, seed: int
) -> list[np.ndarray]:
    """The encoder's outputs for C completions of every row: for a model whose encoder has never seen a hole.

    Each chain starts at a draw of the prior, chosen by its weight p(x_obs given z); then, a few times, the holes are
    filled with the mean of p(x given z), the row is encoded, and z is drawn anew (Rezende, Mohamed and Wierstra 2014,
    section 6.4, with means in the place of draws). Only the proposal depends on it: the weights make up for the rest.
    """
    z = _starts(model, p, batch, seed)
    outputs: list[np.ndarray] = []
    for turn in range(ROUNDS):
        outputs = [model.encoder_output(p, _completed(model, p, batch, own, columns), batch.context) for own in z]
        noise = _shared_noise(model, CHAINS, len(batch.target), z.dtype.name, seed, CHAINS + turn)
        if turn < ROUNDS - 1:
            z = np.concatenate([
                model.posterior.sample(p.posterior, h, {name: eps[[chain]] for name, eps in noise.items()})[0].z
                for chain, h in enumerate(outputs)
            ])  # fmt: skip
    return outputs


def _starts(model: Model, p: Any, batch: Batch, seed: int) -> np.ndarray:
    """C draws of the prior (C, N, L), chosen by their weights at even quantiles."""
    z = _prior_draws(model, p, batch, STARTS, seed)
    o = model.decoder_output(p, z, batch.context)
    log_px, _ = model.likelihood.log_prob(p.likelihood, batch.target, o, batch.mask)
    weights = np.cumsum(normalised(log_px.astype(np.float64)), axis=0)
    levels = (np.arange(CHAINS) + 0.5) / CHAINS
    index = (weights[None] < levels[:, None, None]).sum(axis=1).clip(max=STARTS - 1)  # (C, N)
    return np.take_along_axis(z, index[..., None], axis=0)


def _completed(
    model: Model, p: Any, batch: Batch, z: np.ndarray, columns: tuple[Column, ...] | None
) -> np.ndarray:
    """What the encoder sees of rows whose holes hold the mean of p(x given z), z (N, L)."""
    means = model.decode(p, z, batch.context)
    x = np.where(batch.mask > 0.0, batch.target, means)
    return seen(x.astype(batch.target.dtype), None, columns)


def normalised(log_w: np.ndarray) -> np.ndarray:
    """w_k / Σ_j w_j over the first axis, from logarithms."""
    w = np.exp(log_w - log_w.max(axis=0))
    return w / w.sum(axis=0)
