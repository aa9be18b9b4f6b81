"""Objectives: a loss to minimise, in nats, and its derivative by every term that it reads.

Each sums over the rows at hand and divides by ``total``, the size of the whole batch, so that the
gradients of shards add up to the gradient of the batch. Those whose terms make rows meet say so:
``whole_batch``. ``samples`` is how many draws of z they are trained with, ``scheduled`` names the
options that may follow a schedule, ``choices`` the words that an option may be, and ``needs`` what the
model must have. Derivations: docs/derivations/elbo.md and docs/derivations/objectives.md.
"""

from vitral.parts.objectives.aggregate import MMD, BetaTC
from vitral.parts.objectives.elbo import ELBO, Reconstruction
from vitral.parts.objectives.importance import IWAE, STL, DReG, log_weights
from vitral.parts.objectives.steered import Capacity, FreeBits
from vitral.parts.objectives.terms import Schedule, Seeds, Terms

__all__ = [
    "ELBO",
    "IWAE",
    "MMD",
    "STL",
    "BetaTC",
    "Capacity",
    "DReG",
    "FreeBits",
    "Reconstruction",
    "Schedule",
    "Seeds",
    "Terms",
    "log_weights",
]
