"""The integer tables that stand for every nonlinear function: made once, stored with the model, never made again.

Inverse and cumulative normal, deviations, masses of bits: what would be an ``exp`` or an ``erf`` when a file is read is
looked up, because those differ between machines. Formats: docs/derivations/integer_networks.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from vitral.parts.likelihoods.counts import LOG_SHAPE

DEPTH = 12  # a latent has 2^DEPTH buckets of equal prior mass
FINE = 16  # the fraction of what Gaussians are made of: means, borders, deviations
COARSE = 12  # the fraction of what networks are given
RAW, RAW_REACH = 6, 32  # log-variances are looked up in steps of 1/64, from -32 to 32
NORMAL, NORMAL_REACH, NORMAL_BITS = 7, 8, 30  # the normal CDF in steps of 1/128 from -8 to 8, in units of 2^-30
MASS = 16  # the masses of bits and of buckets are in units of 2^-16
LEVEL = 20  # those of 256 levels in units of 2^-20, so that 256 ones among them are nothing
SHAPE, SHAPE_REACH = 2, 8  # what decides the shapes of a beta-binomial is looked up in steps of 1/4, from -8 to 8
LOGIT, LOGIT_REACH = 6, 16  # logits are looked up in steps of 1/64, from -16 to 16


def latent_tables() -> dict[str, np.ndarray]:
    """Borders and centres of the buckets of a standard normal, and its CDF."""
    from scipy.special import ndtr, ndtri

    k = np.arange(2**DEPTH)
    borders = np.concatenate([[0.0], ndtri(k[1:] / 2.0**DEPTH), [0.0]])
    steps = np.arange(-NORMAL_REACH * 2**NORMAL, NORMAL_REACH * 2**NORMAL + 1) / 2.0**NORMAL
    normal = np.rint(ndtr(steps) * 2.0**NORMAL_BITS)
    normal[0], normal[-1] = 0.0, 2.0**NORMAL_BITS
    centres = ndtri((k + 0.5) / 2.0**DEPTH)
    return {"borders": _fixed(borders), "centres": _fixed(centres), "normal": normal.astype(np.int32)}


def deviation_table(bound: float | None, sign: float) -> np.ndarray:
    """exp(sign logvar / 2) of every raw output r: logvar = r, or bound tanh(r / bound); it stays within ±16."""
    raw = (np.arange(2 * RAW_REACH << RAW) + 0.5) / 2.0**RAW - RAW_REACH
    logvar = np.clip(raw, -16.0, 16.0) if bound is None else bound * np.tanh(raw / bound)
    return _fixed(np.exp(0.5 * sign * logvar))


def bernoulli_table() -> np.ndarray:
    """The frequency of a 0 in 2^16 for every logit: 1 / (1 + exp(o)), never 0 and never all."""
    logits = np.arange(2 * LOGIT_REACH << LOGIT) / 2.0**LOGIT - LOGIT_REACH
    whole = 2**MASS
    return np.asarray(np.clip(np.rint(whole / (1.0 + np.exp(logits))), 1, whole - 1), np.int32)


@cache
def beta_binomial_table() -> np.ndarray:
    """The borders of all 256 levels (cells, 257) in 2^20, no level without a mass, for every pair of outputs.

    With n = 255, p(k + 1) / p(k) = (n - k) (a + k) / ((k + 1) (b + n - k - 1)): from a and b on, every operation is one
    that IEEE 754 rounds in one way, so that all machines make the same table.
    """
    shape = shapes()
    a, b = (each.reshape(-1, 1) for each in np.meshgrid(shape, shape, indexing="ij"))
    k = np.arange(255.0)
    ratios = (255.0 - k) * (a + k) / ((k + 1.0) * (b + (254.0 - k)))
    shares = np.cumsum(np.cumprod(np.pad(ratios, ((0, 0), (1, 0)), constant_values=1.0), axis=1), axis=1)
    shares /= shares[:, -1:].copy()
    whole = np.rint(np.pad(shares, ((0, 0), (1, 0))) * (2**LEVEL - 256)).astype(np.int32) + np.arange(257)
    made = np.ascontiguousarray(whole, np.int32)
    made.setflags(write=False)  # all models share it
    return made


def shapes() -> np.ndarray:
    """a, and b, of a beta-binomial for every output that is looked up, to 24 bits."""
    o = (np.arange(2 * SHAPE_REACH << SHAPE) + 0.5) / 2.0**SHAPE - SHAPE_REACH
    return np.asarray(np.exp(LOG_SHAPE.value(o)).astype(np.float32), np.float64)


def _fixed(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(values * 2.0**FINE), np.int32)


def entries(table: np.ndarray, given: np.ndarray) -> np.ndarray:
    """A table at integers that a network put out, in its range already."""
    return np.asarray(table.take(given.astype(np.int64)))


def facts() -> dict[str, Any]:
    """The constants that a stored model was made with; another Vitral with other constants must not read it."""
    return {
        "depth": DEPTH, "fine": FINE, "coarse": COARSE, "raw": [RAW, RAW_REACH], "mass": MASS, "level": LEVEL,
        "normal": [NORMAL, NORMAL_REACH, NORMAL_BITS], "logit": [LOGIT, LOGIT_REACH], "shape": [SHAPE, SHAPE_REACH],
    }  # fmt: skip


def check(own: Mapping[str, np.ndarray], *, two: bool) -> None:
    """Raise ValueError unless the tables of the latents are what a codec can work with."""
    borders, centres, normal = own["borders"], own["centres"], own["normal"]
    for name, table in own.items():
        if table.dtype != np.int32 and name != "edges":
            raise ValueError(f"the type of table {name}")
    if len(centres) & (len(centres) - 1) or borders.shape != (len(centres) + 1,) or centres.ndim != 1:
        raise ValueError("the sizes of the buckets")
    if not 2 <= len(centres) <= 2**MASS or (np.diff(borders[1:-1]) < 0).any() or np.abs(borders).max() > 2**20:
        raise ValueError("the borders of the buckets")
    if normal.shape != ((2 * NORMAL_REACH << NORMAL) + 1,) or (np.diff(normal) < 0).any():
        raise ValueError("the normal table")
    if normal[0] != 0 or normal[-1] != 2**NORMAL_BITS or np.abs(centres).max() > 2**20:
        raise ValueError("the ends of the tables")
    for name in ("deviations", *(("head_deviations", "prior_deviations") if two else ())):
        if own[name].shape != (2 * RAW_REACH << RAW,) or own[name].min() < 1 or own[name].max() > 2**28:
            raise ValueError(f"table {name}")
