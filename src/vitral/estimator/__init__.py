"""The scikit-learn front: ``VAE``, ``ConditionalVAE`` and ``VAEImputer``."""

from vitral.estimator.conditional import ConditionalVAE
from vitral.estimator.imputer import VAEImputer
from vitral.estimator.vae import VAE

__all__ = ["VAE", "ConditionalVAE", "VAEImputer"]
