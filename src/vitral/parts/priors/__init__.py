"""Priors p(z), or p(z given context). One file a member. Derivations: docs/derivations/kl.md, priors.md.

A prior is handed the views of the *whole* model, and reads its own numbers from ``p.prior``.
"""

from vitral.parts.priors.conditional import ConditionalGaussian
from vitral.parts.priors.flow import FlowPrior
from vitral.parts.priors.mixture import Mixture
from vitral.parts.priors.standard_normal import StandardNormal
from vitral.parts.priors.two_layer import TwoLayerPrior
from vitral.parts.priors.vamp import VampPrior

__all__ = ["ConditionalGaussian", "FlowPrior", "Mixture", "StandardNormal", "TwoLayerPrior", "VampPrior"]
