"""The gradient of a VAE, derived by hand, against finite differences, entry by entry.

    python examples/gradient_by_hand.py

Change a line of a ``backward`` in src/vitral/parts/ and run this again: the error says which tensor.
"""

from __future__ import annotations

import numpy as np

import vitral
from vitral.core.parameters import named
from vitral.core.randomness import draw
from vitral.parts.objectives import ELBO


def main() -> None:
    # A small model in float64, four rows, and noise that is drawn once: the loss is then an ordinary function.
    encoder = {"hidden": [5], "activation": "tanh", "quiet": False}
    spec = vitral.Spec(features=6, latent=2, encoder=encoder, decoder={"hidden": [5], "activation": "tanh"})
    model, rng = spec.build(), vitral.stream(0, "example")
    theta = model.init(seed=0, dtype="float64") + 0.1 * rng.standard_normal(model.parameters)
    x = rng.random((4, 6))
    noise = draw(model.posterior.noise_shapes(1, 4), rng, "float64")
    batch, objective = vitral.Batch(x, x), ELBO()

    def loss(at: np.ndarray) -> float:
        value, _ = model.loss(model.views(at), batch, noise, objective, total=4)
        return float(value)

    # By hand: one forward pass, one backward pass, which adds into the views of the gradient.
    gradient = np.zeros_like(theta)
    _, backward = model.loss(model.views(theta), batch, noise, objective, total=4)
    backward(model.views(gradient))

    # By brute force: two losses for every parameter.
    h = 1e-5 * np.maximum(1.0, np.abs(theta))
    numeric = np.array([(loss(theta + step) - loss(theta - step)) / (2 * step.max()) for step in np.diag(h)])

    print(f"{'tensor':<18}{'entries':>8}{'largest gradient':>18}{'relative error':>16}")
    for name, (where, _) in named(model.shapes).items():
        ours, theirs = gradient[where], numeric[where]
        error = np.abs(ours - theirs) / np.maximum(1e-8, np.abs(ours) + np.abs(theirs))
        print(f"{name:<18}{ours.size:>8}{np.abs(ours).max():>18.4f}{error.max():>16.1e}")
        if error.max() > 1e-6:
            raise SystemExit(f"{name}: the gradient is not the derivative of the loss")


if __name__ == "__main__":
    main()
