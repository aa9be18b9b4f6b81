"""Vitral: the variational autoencoder without a deep-learning framework.

Names load on first use (PEP 562): ``import vitral`` itself imports only the standard library.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Batch": "vitral.model",
    "ConditionalVAE": "vitral.estimator",
    "Model": "vitral.model",
    "Run": "vitral.api",
    "Spec": "vitral.specs",
    "TrainedModel": "vitral.api",
    "VAE": "vitral.estimator",
    "VAEImputer": "vitral.estimator",
    "VitralError": "vitral.errors",
    "compress": "vitral.applications.compression.archive",
    "decompress": "vitral.applications.compression.archive",
    "load": "vitral.api",
    "load_data": "vitral.data",
    "show_versions": "vitral.environment",
    "stream": "vitral.core.randomness",
}

_NEED_EXTRA = {  # left out of __all__, so that a star import works without the packages of the extras
    "PyODVAE": "vitral.estimator.detector",  # vitral[pyod]
    "VAEOverSampler": "vitral.estimator.oversampling",  # vitral[imblearn]
}

__all__ = [  # noqa: RUF022 - in plain order; ruff would take VAE for a constant and put it first
    "Batch",
    "ConditionalVAE",
    "Model",
    "Run",
    "Spec",
    "TrainedModel",
    "VAE",
    "VAEImputer",
    "VitralError",
    "__version__",
    "compress",
    "decompress",
    "load",
    "load_data",
    "show_versions",
    "stream",
]


def __getattr__(name: str) -> Any:
    homes = _HOMES | _NEED_EXTRA
    if name not in homes:
        raise AttributeError(f"module 'vitral' has no attribute {name!r}")
    return getattr(import_module(homes[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_NEED_EXTRA])
