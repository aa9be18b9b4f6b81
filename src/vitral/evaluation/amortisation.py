"""How much the encoder loses: a Gaussian fitted to each image by itself, beside the one that the encoder gives.

log p(x) - ELBO = [log p(x) - ELBO(best q)] + [ELBO(best q) - ELBO(encoder's q)]
                    approximation gap            amortisation gap                  (Cremer et al. 2018, equation 3)

The best diagonal q of every image is found by gradient steps on its own mu and logvar; the model does not change.
Derivation: docs/derivations/information.md, the gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vitral.core.arrays import logsumexp
from vitral.core.parameters import Views
from vitral.core.randomness import stream
from vitral.data import Rows
from vitral.errors import UsageError
from vitral.evaluation.likelihood import standard_error
from vitral.evaluation.samples import even
from vitral.model import Batch, Model
from vitral.parts.objectives import STL, log_weights
from vitral.parts.optimisers import Adam
from vitral.parts.posteriors import DiagonalGaussian

IMAGES = 100
STEPS, DRAWS, RATE = 300, 4, 0.1  # the rate falls to zero, linearly, and counts in standard deviations of q
SOFTNESS = 0.1  # Adam's eps: a gradient far below it makes a plain gradient step, so that noise is not scaled up
TESTED = 500  # draws of z an image for the two ELBOs and log p_hat
CHUNK = 2_000  # decoder rows at a time


def gaps(
    model: Model,
    theta: np.ndarray,
    rows: Rows,
    *,
    seed: int,
    images: int = IMAGES,
    steps: int = STEPS,
    draws: int = TESTED,
) -> dict[str, Any]:
    """Both gaps, a mean over at most ``images`` rows, evenly chosen, in nats with standard errors.

    ``log_px_hat`` is importance-sampled from the best q with ``draws`` samples, on which the ELBO of the best q is
    measured too; the encoder's ELBO has the same noise. ``rise_at_stop`` is how much the objective still rose between
    the last two tenths of the steps: where it is not small, the amortisation gap is larger than stated.
    """
    if not isinstance(model.posterior, DiagonalGaussian):
        raise UsageError("gaps are measured for diagonal posteriors: choose posterior 'diagonal'")
    wide = theta.astype(np.float64)
    p = model.views(wide)
    batch = rows.batch(even(len(rows), images), "float64")
    h = model.encoder_output(p, batch.inputs, batch.context)
    best, rise = fitted(model, wide, batch, h, steps=steps, seed=seed)
    encoders, bests = (_log_weights(model, p, batch, q, draws, seed) for q in (h, best))
    elbo, elbo_best = encoders.mean(axis=0), bests.mean(axis=0)
    log_px = logsumexp(bests, 0) - np.log(draws)
    measured = {
        "elbo": elbo,
        "elbo_best": elbo_best,
        "log_px_hat": log_px,
        "amortisation_gap": elbo_best - elbo,
        "approximation_gap": log_px - elbo_best,
    }
    entries: dict[str, Any] = {"images": len(h), "steps": steps, "draws": draws, "rise_at_stop": rise}
    for name, values in measured.items():
        entries[name], entries[f"{name}_se"] = float(values.mean()), standard_error(values)
    return entries


def fitted(
    model: Model, theta: np.ndarray, batch: Batch, h: np.ndarray, *, steps: int, seed: int
) -> tuple[np.ndarray, float]:
    """The best h = (mu, logvar) of every row, (N, 2L), from the encoder's; and how much the ELBO still rose.

    mu = mu0 + sigma0 a,  logvar = logvar0 + b:   da = sigma0 dmu,  db = dlogvar,  Adam on (a, b) of every row
    """
    latent = model.posterior.latent
    scale = np.concatenate([np.exp(0.5 * h[:, latent:]), np.ones_like(h[:, latent:])], axis=1)
    moved, gradient = np.zeros_like(h), np.zeros_like(theta)
    p, g, optimiser = model.views(theta), model.views(gradient), Adam(eps=SOFTNESS)
    state, course = optimiser.start(moved.reshape(-1)), np.zeros(steps)
    for step in range(steps):
        eps = stream(seed, "amortisation steps", step).standard_normal((DRAWS, len(h), latent))
        course[step], backward = negative_elbo(model, p, batch, h + scale * moved, eps)
        gradient[...] = 0.0
        change = (scale * backward(g)).reshape(-1)
        optimiser.step(moved.reshape(-1), change, state, t=step + 1, rate=RATE * (1.0 - step / steps))
    tenth = max(steps // 10, 1)
    rise = (course[-2 * tenth : -tenth].mean() - course[-tenth:].mean()) / len(h) if steps > 1 else 0.0
    return h + scale * moved, float(rise)


def negative_elbo(
    model: Model, p: Views, batch: Batch, h: np.ndarray, eps: np.ndarray
) -> tuple[float, Callable[[Views], np.ndarray]]:
    """Σ_n -(1/K) Σ_k log w_kn for free parameters h of q, and the backward that returns dh.

    The gradient goes through z alone (sticking the landing, Roeder et al. 2017): where q is the true posterior it is
    zero for every draw. ``g`` collects what the model's own parameters would get, and is not used.
    """
    terms, _, terms_backward = model.run_from(p, h, batch, {"eps": eps})
    loss, seeds = STL()(terms, 1)
    return float(loss), lambda g: terms_backward(seeds, g)


def _log_weights(model: Model, p: Views, batch: Batch, h: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """log w of every draw and row under the q of parameters h, (K, N); equal noise for equal seeds."""
    pieces, at_once = [], max(CHUNK // len(h), 1)
    for number, first in enumerate(range(0, draws, at_once)):
        rng = stream(seed, "amortisation", number)
        eps = rng.standard_normal((min(at_once, draws - first), len(h), model.posterior.latent))
        terms, _, _ = model.run_from(p, h, batch, {"eps": eps})
        pieces.append(log_weights(terms))
    return np.concatenate(pieces)
