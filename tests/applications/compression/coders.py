"""Two models whose codes mean nothing, and whose pixels alternate: they compress what they draw, untrained."""

from functools import cache

import numpy as np

from vitral.api import TrainedModel
from vitral.applications.compression.integer import quantised
from vitral.core.parameters import named
from vitral.data import Contract
from vitral.specs import Spec

WIDTH = 60
BITS, LEVELS = "bernoulli", "beta_binomial"


@cache
def trained(likelihood, width=WIDTH):
    """A model of bits or of 8-bit levels, every other one of them more often dark."""
    mlp = {"kind": "mlp", "hidden": [8], "activation": "relu"}
    spec = Spec(features=width, latent=2, encoder=mlp, decoder=mlp, likelihood={"kind": likelihood})
    model = spec.build()
    theta = np.zeros(model.init(0).size, np.float32)  # the same on every machine
    where, (outputs,) = named(model.shapes)["decoder.2.b"]
    theta[where] = width / outputs * np.resize([1.0, -1.0], outputs) * (1.0 if likelihood == BITS else 4.0)
    bits = likelihood == BITS
    contract = Contract(width, None, "uint8", 1.0 if bits else 255.0, 0.0, 1.0, "bits" if bits else "levels", bits)
    return TrainedModel(spec, model, theta, contract, {"kind": "vae"})


@cache
def coder(likelihood, width=WIDTH):
    """The same in integers."""
    return quantised(trained(likelihood, width))


def drawn(likelihood, rows, width=WIDTH):
    """Rows (rows, width) of levels that the model itself draws."""
    scale = 1.0 if likelihood == BITS else 255.0
    return np.rint(scale * trained(likelihood, width).sample(rows)).astype(np.uint8)
