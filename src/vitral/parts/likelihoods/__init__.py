"""Likelihoods p(x given z), read off the decoder output ``o`` (K, N, M); all values in nats.

``log_prob_terms`` gives one term for each entry, (K, N, D); ``log_prob`` their sum over D, (K, N), with
missing entries (mask 0) left out. One file a family of densities.
Derivations: docs/derivations/likelihoods.md, docs/derivations/likelihoods_8bit.md.
"""

from vitral.parts.likelihoods.bernoulli import Bernoulli
from vitral.parts.likelihoods.categorical import Categorical
from vitral.parts.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vitral.parts.likelihoods.counts import BetaBinomial, Poisson
from vitral.parts.likelihoods.gaussian import GaussianFixed, GaussianLearned
from vitral.parts.likelihoods.gaussian_entries import GaussianImage, GaussianPixel
from vitral.parts.likelihoods.links import LINKS
from vitral.parts.likelihoods.logistic import DiscretisedLogistic, LogisticMixture
from vitral.parts.likelihoods.mixed import Mixed

__all__ = [
    "LINKS",
    "Bernoulli",
    "BetaBinomial",
    "Categorical",
    "ContinuousBernoulli",
    "DiscretisedLogistic",
    "GaussianFixed",
    "GaussianImage",
    "GaussianLearned",
    "GaussianPixel",
    "LogisticMixture",
    "Mixed",
    "Poisson",
]
