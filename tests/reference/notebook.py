"""The course notebook's network, loss and training step, restated literally: slow, plain, float64.

Ten arrays, one sampled z, summed squared error plus KL averaged over the batch, one step of gradient descent.
Nothing here comes from the library, so agreement with it means something. Random numbers come from a legacy
generator object in the notebook's order: the five weight matrices, then for every epoch one shuffle and for
every batch one block of noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def relu(a):
    return np.maximum(0, a)


def logistic(a):
    return 1 / (1 + np.exp(-np.clip(a, -500, 500)))


@dataclass
class NotebookVAE:
    """Weights W1 b1, W_mu b_mu, W_logvar b_logvar, W3 b3, W4 b4, drawn as the notebook draws them."""

    features: int
    hidden: int
    latent: int
    legacy: np.random.RandomState
    weights: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self):
        layers = {
            "1": (self.features, self.hidden),
            "_mu": (self.hidden, self.latent),
            "_logvar": (self.hidden, self.latent),
            "3": (self.latent, self.hidden),
            "4": (self.hidden, self.features),
        }
        self.weights = {}
        for name, (inputs, outputs) in layers.items():
            self.weights[f"W{name}"] = self.legacy.randn(inputs, outputs) * np.sqrt(2.0 / inputs)
            self.weights[f"b{name}"] = np.zeros(outputs)

    def batches(self, x, size):
        """One epoch: the rows shuffled once, then cut in order; the last batch may be short."""
        order = np.arange(len(x))
        self.legacy.shuffle(order)
        return [x[order[start : start + size]] for start in range(0, len(x), size)]

    def noise(self, rows):
        return self.legacy.randn(rows, self.latent)

    def forward(self, x, epsilon):
        """Every intermediate value of one pass."""
        w = self.weights
        h1 = relu(x @ w["W1"] + w["b1"])
        mu = h1 @ w["W_mu"] + w["b_mu"]
        log_var = h1 @ w["W_logvar"] + w["b_logvar"]
        std = np.exp(0.5 * log_var)
        z = mu + std * epsilon
        h3 = relu(z @ w["W3"] + w["b3"])
        x_hat = logistic(h3 @ w["W4"] + w["b4"])
        return {"h1": h1, "mu": mu, "log_var": log_var, "std": std, "z": z, "h3": h3, "x_hat": x_hat}

    def losses(self, x, values):
        """Total, summed squared error and KL, each a mean over the batch."""
        squared_error = np.sum((x - values["x_hat"]) ** 2) / len(x)
        log_var, mu = values["log_var"], values["mu"]
        kl = -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var)) / len(x)
        return squared_error + kl, squared_error, kl

    def gradients(self, x, epsilon, values):
        """d total / d weight for each of the ten arrays."""
        w, n, v = self.weights, len(x), values
        d_output = 2 * (v["x_hat"] - x) / n * v["x_hat"] * (1 - v["x_hat"])
        d_h3 = (d_output @ w["W4"].T) * (v["h3"] > 0)
        d_z = d_h3 @ w["W3"].T
        d_mu = d_z + v["mu"] / n
        d_log_var = d_z * v["std"] * 0.5 * epsilon + 0.5 * (np.exp(v["log_var"]) - 1) / n
        d_h1 = (d_mu @ w["W_mu"].T + d_log_var @ w["W_logvar"].T) * (v["h1"] > 0)
        arriving = {"1": (x, d_h1), "_mu": (v["h1"], d_mu), "_logvar": (v["h1"], d_log_var), "3": (v["z"], d_h3),
                    "4": (v["h3"], d_output)}  # fmt: skip
        grads = {}
        for name, (inputs, delta) in arriving.items():
            grads[f"W{name}"], grads[f"b{name}"] = inputs.T @ delta, np.sum(delta, axis=0)
        return grads

    def step(self, x, epsilon, rate=0.001):
        """One batch: forward, loss, backward, update; the losses are those before the update."""
        values = self.forward(x, epsilon)
        for name, gradient in self.gradients(x, epsilon, values).items():
            self.weights[name] -= rate * gradient
        return self.losses(x, values)
