"""Approximate posteriors q(z given x), read off the encoder output ``h``. One file a member.

``sample`` moves the randomness out of the path: z is a differentiable function of h and of noise that
is drawn elsewhere. Derivations: docs/derivations/reparameterisation.md, posteriors.md.
"""

from vitral.parts.posteriors.diagonal import DiagonalGaussian
from vitral.parts.posteriors.flow import FlowPosterior
from vitral.parts.posteriors.full import FullGaussian
from vitral.parts.posteriors.point import Point
from vitral.parts.posteriors.sampled import Sampled
from vitral.parts.posteriors.two_layer import TwoLayerPosterior, UpperLayer

__all__ = [
    "DiagonalGaussian",
    "FlowPosterior",
    "FullGaussian",
    "Point",
    "Sampled",
    "TwoLayerPosterior",
    "UpperLayer",
]
