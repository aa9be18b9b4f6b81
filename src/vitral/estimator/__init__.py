"""The scikit-learn front: ``VAE`` and ``ConditionalVAE``."""

from vitral.estimator.conditional import ConditionalVAE
from vitral.estimator.vae import VAE

__all__ = ["VAE", "ConditionalVAE"]
