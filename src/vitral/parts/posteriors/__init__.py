"""Approximate posteriors q(z given x), read off the encoder output ``h``. One file a member.

``sample`` moves the randomness out of the path: z is a differentiable function of h and of noise that
is drawn elsewhere. Derivation: docs/derivations/reparameterisation.md.
"""

from vitral.parts.posteriors.diagonal import DiagonalGaussian
from vitral.parts.posteriors.point import Point
from vitral.parts.posteriors.sampled import Sampled

__all__ = ["DiagonalGaussian", "Point", "Sampled"]
