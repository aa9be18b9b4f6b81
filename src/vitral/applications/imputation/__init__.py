"""Missing values filled in: importance-weighted means and draws of what a model says of them."""

from vitral.applications.imputation.completed import holed, whole, whole_columns
from vitral.applications.imputation.estimates import FEW, SAMPLES, Imputed, impute

__all__ = ["FEW", "SAMPLES", "Imputed", "holed", "impute", "whole", "whole_columns"]
