"""Likelihoods p(x given z), read off the decoder output ``o`` (K, N, M); all values in nats.

``log_prob_terms`` gives one term for each entry, (K, N, D); ``log_prob`` their sum over D, (K, N), with
missing entries (mask 0) left out. One file a family of densities. Derivations: docs/derivations/likelihoods.md.
"""

from vitral.parts.likelihoods.bernoulli import Bernoulli
from vitral.parts.likelihoods.gaussian import GaussianFixed, GaussianLearned
from vitral.parts.likelihoods.links import LINKS

__all__ = ["LINKS", "Bernoulli", "GaussianFixed", "GaussianLearned"]
