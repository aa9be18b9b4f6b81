"""Small models with drawn weights: what a codec has to cope with, without any training."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from vitral.applications.compression.integer import IntegerModel, quantised
from vitral.data import Contract
from vitral.specs import Spec

MLP = {"kind": "mlp", "hidden": [24], "activation": "relu"}
CONV = {"kind": "conv", "channels": [4, 6], "hidden": [16], "activation": "relu"}
TWO = {"kind": "two_layer", "upper": 3, "summary": 5, "hidden": [16], "activation": "relu"}
PARTS: dict[str, dict[str, Any]] = {
    "dense": {},
    "conv": {"encoder": CONV, "decoder": CONV | {"bias": "data"}},
    "two layers": {"posterior": TWO, "prior": {"kind": "two_layer", "hidden": [16], "activation": "relu"}},
}
KINDS = [(parts, levels) for parts in PARTS for levels in (2, 256)]


def trained(parts: str = "dense", levels: int = 2, seed: int = 0, **changes: Any) -> Any:
    """A model of 8 x 8 images with drawn weights, as ``vitral.load`` gives trained ones."""
    likelihood = {2: "bernoulli", 256: "beta_binomial"}[levels]
    options = {"encoder": MLP, "decoder": MLP, "likelihood": likelihood, "image_shape": (8, 8), **PARTS[parts]}
    spec = Spec(64, 8, **{**options, **changes})
    model = spec.build()
    theta = model.init(seed, "float32", np.random.default_rng(seed).random((50, 64), np.float32))
    theta += 0.1 * np.random.default_rng(seed).standard_normal(len(theta)).astype(np.float32)
    contract = Contract(64, (8, 8), "uint8", 1.0 if levels == 2 else 255.0, 0.0, 1.0, "grey", binary=levels == 2)
    return SimpleNamespace(spec=spec, model=model, theta=theta, contract=contract)


@cache
def integer(parts: str = "dense", levels: int = 2, seed: int = 0) -> IntegerModel:
    return quantised(trained(parts, levels, seed))


def draws(model: Any, n: int, seed: int = 1) -> np.ndarray:
    """Rows of whole levels that the model itself draws."""
    p = model.model.views(model.theta)
    _, x = model.model.sample(p, n, np.random.default_rng(seed))
    return np.rint(x * (1 if model.contract.binary else 255)).astype(np.uint8)
