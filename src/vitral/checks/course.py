"""G01: the worked 4-8-2-8-4 example of the Insper course on neural networks, reproduced digit by digit.

136 parameters, one input and one eps, printed with 4 decimals; the forward values printed with 8 decimals
follow from them exactly, the printed gradients only up to that rounding of the parameters.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np

from vitral.checks.check import Check, below
from vitral.core.arrays import Array
from vitral.core.parameters import Views
from vitral.model import Batch, Model
from vitral.parts.objectives import ELBO
from vitral.specs import Spec

PRINTED_DIGITS = 5e-9  # half a unit of the eighth decimal
LOSS_DIGITS = 1e-12
GRADIENT_DIGITS = 5e-4  # of the largest entry of a tensor: what rounding the parameters to 4 decimals does


def example() -> dict[str, Any]:
    """The example as data: input, epsilon, parameters, and every printed value."""
    text = resources.files("vitral.checks").joinpath("course_example.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def course_model(data: dict[str, Any]) -> tuple[Model, Array]:
    """The example's network and its parameters; the course writes W x + b, Vitral x W + b."""
    network = {"kind": "mlp", "hidden": [8]}
    likelihood = {"kind": "gaussian_fixed", "variance": 0.5, "link": "identity"}
    model = Spec(features=4, latent=2, encoder=network, decoder=network, likelihood=likelihood).build()
    theta = np.zeros(model.parameters)
    for name, (weight, bias) in tensors(model.views(theta)).items():
        weight[...] = np.transpose(data["parameters"][name]["weight"])
        bias[...] = data["parameters"][name]["bias"]
    return model, theta


def tensors(views: Views) -> dict[str, tuple[Array, Array]]:
    """W and b of every layer, parameters or gradients, under the course's names."""
    first, _, heads = views.encoder
    third, _, last = views.decoder
    return {
        "fc1": (first.W, first.b),
        "fc_mu": (heads.W[:, :2], heads.b[:2]),
        "fc_logvar": (heads.W[:, 2:], heads.b[2:]),
        "fc_dec1": (third.W, third.b),
        "fc_dec2": (last.W, last.b),
    }


def forward_values(model: Model, p: Views, x: Array, eps: Array) -> dict[str, Array]:
    """Every intermediate value of one forward pass, under the course's names."""
    first, relu, _ = model.encoder.layers
    encoder_pre, _ = first.forward(next(iter(p.encoder)), x)
    terms, recon, _ = model.run(p, Batch(x, x), {"eps": eps})
    decoder_pre, _ = model.decoder.layers[0].forward(next(iter(p.decoder)), terms.z)
    return {
        "encoder_pre": encoder_pre,
        "encoder_hidden": relu.forward(p, encoder_pre)[0],
        "mu": terms.mu,
        "logvar": terms.logvar,
        "variance": np.exp(terms.logvar),
        "std": np.exp(0.5 * terms.logvar),
        "z": terms.z,
        "decoder_pre": decoder_pre,
        "decoder_hidden": relu.forward(p, decoder_pre)[0],
        "recon": recon,
    }


def losses_and_gradient(model: Model, theta: Array, x: Array, eps: Array) -> tuple[dict[str, float], Array]:
    """Summed squared error, KL and their sum (the example's loss has no constant), and d loss / d theta."""
    p, grad = model.views(theta), np.zeros_like(theta)
    batch, noise = Batch(x, x), {"eps": eps}
    terms, _, _ = model.run(p, batch, noise)
    loss, backward = model.loss(p, batch, noise, ELBO(), 1)
    backward(model.views(grad))
    constant = model.likelihood.constant(4)
    assert terms.kl is not None
    squared_error = float(-terms.log_px[0, 0]) - constant
    return {"recon_loss": squared_error, "kl": float(terms.kl.sum()), "loss": float(loss) - constant}, grad


def reproduce() -> list[Check]:
    """G01: forward values, losses and gradients against what the course printed."""
    data = example()
    model, theta = course_model(data)
    x, eps = np.array([data["input"]]), np.array([[data["epsilon"]]])
    values = forward_values(model, model.views(theta), x, eps)
    losses, grad = losses_and_gradient(model, theta, x, eps)
    printed = data["printed"]
    forward_gap = max(np.abs(values[name].ravel() - printed["forward"][name]).max() for name in values)
    loss_gap = max(abs(losses[name] - printed["loss"][name]) for name in losses)
    gradient_gap, tensor = _largest_gap(tensors(model.views(grad)), printed["gradients"])
    count = sum(len(printed["forward"][name]) for name in values)
    return [
        below("G01", "course example, forward", forward_gap, PRINTED_DIGITS, "difference", f"{count} values"),
        below("G01", "course example, losses", loss_gap, LOSS_DIGITS, "nats", "squared error, KL, loss"),
        below("G01", "course example, gradients", gradient_gap, GRADIENT_DIGITS,
              "of a tensor's largest entry", f"136 entries, the same zeros; worst in {tensor}"),
    ]  # fmt: skip


def _largest_gap(ours: dict[str, tuple[Array, Array]], printed: dict[str, Any]) -> tuple[float, str]:
    """max |difference| / max |entry| over the tensors; infinite where other entries are zero."""
    gaps = {}
    for name, (weight, bias) in ours.items():
        for part, mine, theirs in (
            ("weight", weight.T, printed[name]["weight"]),
            ("bias", bias, printed[name]["bias"]),
        ):
            expected = np.array(theirs)
            gap = float(np.abs(mine - expected).max() / np.abs(expected).max())
            gaps[f"{name} {part}"] = gap if np.array_equal(mine == 0.0, expected == 0.0) else np.inf
    worst = max(gaps, key=lambda name: gaps[name])
    return gaps[worst], worst
