"""Priors p(z), or p(z given context). One file a member. Derivations: docs/derivations/kl.md, priors.md.

A prior is handed the views of the *whole* model, and reads its own numbers from ``p.prior``.
"""

from vitral.parts.priors.standard_normal import StandardNormal

__all__ = ["StandardNormal"]
