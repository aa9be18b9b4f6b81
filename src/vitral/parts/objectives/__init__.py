"""Objectives: a loss to minimise, in nats, and its derivative by every term that it reads.

Each sums over the rows at hand and divides by ``total``, the size of the whole batch, so that the
gradients of shards add up to the gradient of the batch. Derivation: docs/derivations/elbo.md.
"""

from vitral.parts.objectives.elbo import ELBO, Reconstruction
from vitral.parts.objectives.terms import Schedule, Seeds, Terms

__all__ = ["ELBO", "Reconstruction", "Schedule", "Seeds", "Terms"]
