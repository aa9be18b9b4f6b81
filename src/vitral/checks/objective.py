"""Objectives against their definition, written out term by term and added with exact rounding."""

from __future__ import annotations

from functools import singledispatch
from math import fsum
from typing import Any

from vitral.checks.check import Check, below
from vitral.errors import UsageError
from vitral.parts.objectives import ELBO, Reconstruction, Terms


@singledispatch
def written_out(objective: Any, terms: Terms, total: int) -> tuple[float, float]:
    """(reconstruction, weighted KL), in nats a row. A new objective registers its definition here."""
    raise UsageError(f"no definition of {type(objective).__name__} is known: register one in written_out")


@written_out.register
def _(objective: ELBO, terms: Terms, total: int) -> tuple[float, float]:
    samples = len(terms.log_px)
    if objective.closed(terms):
        kl = fsum(terms.kl.ravel().tolist())
    else:
        kl = fsum((terms.log_qz - terms.log_pz).ravel().tolist()) / samples
    return _reconstruction(terms, total), float(objective.beta) * kl / total


@written_out.register
def _(objective: Reconstruction, terms: Terms, total: int) -> tuple[float, float]:
    return _reconstruction(terms, total), 0.0


def _reconstruction(terms: Terms, total: int) -> float:
    return -fsum(terms.log_px.ravel().tolist()) / len(terms.log_px) / total


def terms_add_to_the_loss(objective: Any, terms: Terms, total: int) -> Check:
    """E09: loss = reconstruction + beta KL, summed over rows and divided by total."""
    reconstruction, kl = written_out(objective, terms, total)
    loss, _ = objective(terms, total)
    gap = abs(float(loss) - (reconstruction + kl)) / max(1.0, abs(reconstruction) + abs(kl))
    note = f"reconstruction {reconstruction:.4f} + weighted KL {kl:.4f} nats an image"
    return below("E09", "terms add to the loss", gap, 1e-12, "relative error", note)
