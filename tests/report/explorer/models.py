"""Small models of every kind that the explorer's engine computes, with parameters as if they were trained."""

import numpy as np

from vitral import Spec
from vitral.report.explorer.golden import uniform


def mlp(activation="relu", hidden=(7, 5)):
    return {"kind": "mlp", "hidden": list(hidden), "activation": activation}


def images(**options):
    return {"kind": "conv", "channels": [3, 4], "hidden": [6], "kernel": 4, **options}


def dense(likelihood, activation="relu", **options):
    net = mlp(activation)
    return Spec(features=12, latent=2, encoder=net, decoder=net, likelihood=likelihood, **options)


def convolutional(shape=(8, 8), likelihood="bernoulli", latent=2, **options):
    net = images(**options)
    features = int(np.prod(shape))
    return Spec(features=features, latent=latent, encoder=net, decoder=net, likelihood=likelihood, image_shape=shape)


GATED = {"kind": "gated", "hidden": [5]}
MODELS = {
    "relu_bernoulli": dense("bernoulli"),
    "tanh_gaussian_fixed_sigmoid": dense({"kind": "gaussian_fixed", "variance": 0.3}, "tanh"),
    "softplus_gaussian_fixed_identity": dense({"kind": "gaussian_fixed", "link": "identity"}, "softplus"),
    "sigmoid_gaussian_learned_sigmoid": dense("gaussian_learned", "sigmoid"),
    "silu_gaussian_learned_identity": dense({"kind": "gaussian_learned", "link": "identity", "floor": 0.01}, "silu"),
    "continuous_bernoulli": dense("continuous_bernoulli"),
    "autoencoder": dense("gaussian_learned", posterior="point"),
    "gated": Spec(features=9, latent=3, encoder=GATED, decoder=GATED),
    "conv_bernoulli": convolutional(),
    "conv_gaussian_colours_odd_sizes": convolutional((9, 7, 2), "gaussian_learned", kernel=3),
    "conv_stride_1_kernel_5_data_bias": convolutional((6, 5), "gaussian_fixed", kernel=5, stride=1),
    "conv_gate": convolutional(activation="gate", latent=3),
    "resnet": Spec(
        features=64, latent=2, likelihood="bernoulli", image_shape=(8, 8),
        encoder={"kind": "resnet", "channels": [3, 4], "hidden": [5], "blocks": 2},
        decoder={"kind": "resnet", "channels": [3, 4], "hidden": [5], "bias": "data"},
    ),
}  # fmt: skip

def trained_like(model, seed=3):
    """Parameters away from every start: no bias, gain or quiet output is left at its initial value."""
    theta = model.init(seed, "float32")
    theta += (0.1 * np.random.default_rng(seed).standard_normal(theta.size)).astype("float32")
    return theta.astype(np.float64)


def rows(model, n):
    """Rows between 0 and 1, some entries of which are exactly 0."""
    x = uniform(5, "rows", 0, n * model.features).reshape(n, -1)
    return np.where(x < 0.2, 0.0, x)
