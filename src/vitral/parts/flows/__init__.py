"""Normalising flows: invertible maps with a known log-determinant. One file a member.

``forward(p, z, context=None) -> y, logdet, backward`` is the direction that is trained, ``inverse`` the other
one. Derivation: docs/derivations/flows.md.
"""

from vitral.parts.flows.autoregressive import MaskedAutoregressive
from vitral.parts.flows.coupling import AffineCoupling
from vitral.parts.flows.flow import Flow
from vitral.parts.flows.permutation import Permutation
from vitral.parts.flows.stack import KINDS, Stack, stack

__all__ = ["KINDS", "AffineCoupling", "Flow", "MaskedAutoregressive", "Permutation", "Stack", "stack"]
