"""Missing values filled in: importance-weighted means and draws of what a model says of them."""

from vitral.applications.imputation.estimates import Imputed, impute

__all__ = ["Imputed", "impute"]
