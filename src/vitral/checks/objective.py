"""Objectives against their definition, written out term by term in plain floats, and added with exact rounding."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from math import exp, fsum, log, pi, sqrt
from typing import Any

from vitral.checks.check import Check, below
from vitral.errors import UsageError
from vitral.parts.objectives import (
    ELBO,
    IWAE,
    MMD,
    STL,
    BetaTC,
    Capacity,
    DReG,
    FreeBits,
    Reconstruction,
    Terms,
)

Parts = dict[str, float]  # what the loss consists of, each in nats an image


@singledispatch
def written_out(objective: Any, terms: Terms, total: int) -> Parts:
    """The parts of the loss by their definition. A new objective registers its own here."""
    raise UsageError(f"no definition of {type(objective).__name__} is known: register one in written_out")


@written_out.register
def _(objective: ELBO, terms: Terms, total: int) -> Parts:
    kl = fsum(_kl_of_rows(objective.kl, terms))
    return {
        "reconstruction": _reconstruction(terms, total),
        "weighted KL": float(objective.beta) * kl / total,
    }


@written_out.register
def _(objective: Reconstruction, terms: Terms, total: int) -> Parts:
    return {"reconstruction": _reconstruction(terms, total)}


@written_out.register(IWAE)
@written_out.register(DReG)
def _(objective: IWAE | DReG, terms: Terms, total: int) -> Parts:
    bounds = [log(fsum(map(exp, of_row)) / len(of_row)) for of_row in _log_weights(terms)]
    return {"importance-weighted bound, negated": -fsum(bounds) / total}


@written_out.register
def _(objective: STL, terms: Terms, total: int) -> Parts:
    if objective.bound == "iwae":
        return written_out(IWAE(), terms, total)
    return {"bound, negated": -fsum(fsum(row) / len(row) for row in _log_weights(terms)) / total}


@written_out.register
def _(objective: FreeBits, terms: Terms, total: int) -> Parts:
    of_dimensions, rows = terms.kl.T.tolist(), len(terms.kl)
    if objective.over == "batch":
        paid = rows * fsum(max(objective.floor, fsum(kl) / rows) for kl in of_dimensions)
    else:
        paid = fsum(max(objective.floor, one) for kl in of_dimensions for one in kl)
    return {"reconstruction": _reconstruction(terms, total), "KL above the floor, or the floor": paid / total}


@written_out.register
def _(objective: Capacity, terms: Terms, total: int) -> Parts:
    of_rows = _kl_of_rows(objective.kl, terms)
    off = abs(fsum(of_rows) / len(of_rows) - objective.capacity)
    paid = objective.gamma * len(of_rows) * off / total
    return {"reconstruction": _reconstruction(terms, total), "distance from the capacity": paid}


@written_out.register
def _(objective: BetaTC, terms: Terms, total: int) -> Parts:
    samples, rows, latent = terms.z.shape
    information, correlation, separate = [], [], []
    for k in range(samples):
        for n in range(rows):
            shares = [_share(objective, n, m, rows) for m in range(rows)]
            densities = [[_density(terms, k, n, m, entry) for entry in range(latent)] for m in range(rows)]
            whole = log(
                fsum(w * exp(fsum(map(log, of_m))) for w, of_m in zip(shares, densities, strict=True))
            )
            columns = zip(*densities, strict=True)
            alone = fsum(log(fsum(w * q for w, q in zip(shares, column, strict=True))) for column in columns)
            information.append(float(terms.log_qz[k, n]) - whole)
            correlation.append(whole - alone)
            separate.append(alone - float(terms.log_pz[k, n]))
    share = 1.0 / (samples * total)
    return {
        "reconstruction": _reconstruction(terms, total),
        "information": objective.alpha * share * fsum(information),
        "total correlation": objective.beta * share * fsum(correlation),
        "KL of the dimensions": objective.gamma * share * fsum(separate),
    }


def _share(objective: BetaTC, n: int, m: int, rows: int) -> float:
    """W_nm"""
    size = objective.train_rows
    if objective.estimate == "weighted":
        return 1.0 / (size * rows)
    return 1.0 / size if n == m else (size - 1) / (size * (rows - 1))


def _density(terms: Terms, k: int, n: int, m: int, entry: int) -> float:
    """q(z_knl given x_m)"""
    z, mu, variance = float(terms.z[k, n, entry]), float(terms.mu[m, entry]), exp(terms.logvar[m, entry])
    return exp(-((z - mu) ** 2) / (2.0 * variance)) / sqrt(2.0 * pi * variance)


@written_out.register
def _(objective: MMD, terms: Terms, total: int) -> Parts:
    _, rows, latent = terms.z.shape
    draws = [(n, z) for of_draw in terms.z.tolist() for n, z in enumerate(of_draw)]
    values = []
    for g in (scale * latent for scale in objective.scales):
        pairs = [_kernel(a, b, g) for n, a in draws for m, b in draws if n != m]
        narrow = (g / (g + 1.0)) ** (latent / 2)
        prior = [narrow * _kernel(z, [0.0] * latent, g + 1.0) for _, z in draws]
        own = (g / (g + 2.0)) ** (latent / 2)
        values.append(fsum(pairs) / len(pairs) - 2.0 * fsum(prior) / len(prior) + own)
    discrepancy = fsum(values) / len(values)
    return written_out(objective.others, terms, total) | {
        "discrepancy": objective.weight * discrepancy * rows / total
    }


def _kernel(a: list[float], b: list[float], g: float) -> float:
    """exp(-|a - b|² / 2g)"""
    return exp(-fsum((one - other) ** 2 for one, other in zip(a, b, strict=True)) / (2.0 * g))


def _kl_of_rows(kl: str, terms: Terms) -> list[float]:
    if kl == "closed" or (kl == "auto" and terms.kl is not None):
        return [fsum(of_row) for of_row in terms.kl.tolist()]
    return [fsum(of_row) / len(of_row) for of_row in (terms.log_qz - terms.log_pz).T.tolist()]


def _log_weights(terms: Terms) -> list[list[float]]:
    return (terms.log_px + terms.log_pz - terms.log_qz).T.tolist()  # type: ignore[no-any-return]


def _reconstruction(terms: Terms, total: int) -> float:
    return -fsum(terms.log_px.ravel().tolist()) / len(terms.log_px) / total


def terms_add_to_the_loss(objective: Any, terms: Terms, total: int) -> Check:
    """E09: the loss is what its definition says, summed over rows and divided by total."""
    parts = written_out(objective, terms, total)
    loss, _ = objective(terms, total)
    gap = abs(float(loss) - fsum(parts.values())) / max(1.0, fsum(map(abs, parts.values())))
    note = " + ".join(f"{name} {value:.4f}" for name, value in parts.items()) + " nats an image"
    return below("E09", "terms add to the loss", gap, 1e-12, "relative error", note)


@singledispatch
def as_elbo(objective: Any) -> tuple[Any, ELBO] | None:
    """Where an objective is an ELBO: at these options of its own, and with one draw, or None."""
    return None


@as_elbo.register(IWAE)
@as_elbo.register(DReG)
@as_elbo.register(STL)
def _(objective: Any) -> tuple[Any, ELBO]:
    return objective, ELBO(kl="sampled")


@as_elbo.register
def _(objective: FreeBits) -> tuple[Any, ELBO]:
    return replace(objective, floor=0.0), ELBO(kl="closed")


@as_elbo.register
def _(objective: Capacity) -> tuple[Any, ELBO]:
    return replace(objective, capacity=0.0, gamma=2.0), ELBO(2.0, objective.kl)


@as_elbo.register
def _(objective: BetaTC) -> tuple[Any, ELBO]:
    return replace(objective, alpha=1.5, beta=1.5, gamma=1.5), ELBO(1.5, "sampled")


@as_elbo.register
def _(objective: MMD) -> tuple[Any, ELBO]:
    return replace(objective, weight=0.0), ELBO(objective.beta, objective.kl)


@as_elbo.register
def _(objective: Reconstruction) -> tuple[Any, ELBO]:
    return objective, ELBO(0.0)
