"""Every part as one function of named arrays, so that one law serves all families.

outputs, backward = forward(p, inputs)        dinputs = backward(doutputs, g)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.model import Batch, Model
from vitral.parts.blocks import Beside, Residual
from vitral.parts.layers import Chain, ReLU
from vitral.parts.objectives import Terms

Arrays = dict[str, Array]
Forward = Callable[[Views, Arrays], tuple[Arrays, Callable[[Arrays, Views], Arrays]]]


class Pass(NamedTuple):
    """A part and the point at which it is examined.

    ``rows`` names the axis that counts rows in each input and output; it is empty where rows are meant to
    meet. ``kinks`` gives the signs of all ReLU inputs in the latest forward pass. ``is_loss`` says that the
    output is the loss itself, whose upstream gradient is 1.
    """

    shapes: Shapes
    inputs: Arrays
    forward: Forward
    rows: dict[str, int]
    kinks: Callable[[], tuple[Array, ...]] = tuple
    is_loss: bool = False


@dataclass(frozen=True)
class Watched:
    """A ReLU that notes which of its inputs were positive."""

    layer: Any
    signs: list[Array]
    shapes: ClassVar[Shapes] = {}

    def forward(self, p: Views, x: Array) -> tuple[Array, Callable[[Array, Views], Array]]:
        self.signs.append(x > 0.0)
        return self.layer.forward(p, x)  # type: ignore[no-any-return]


def watched(layer: Any, signs: list[Array]) -> Any:
    """The same layer, whose ReLUs append the signs of their inputs to ``signs``."""
    if isinstance(layer, ReLU):
        return Watched(layer, signs)
    if isinstance(layer, Chain):
        return replace(layer, layers=tuple(watched(inner, signs) for inner in layer.layers))
    if isinstance(layer, Beside):
        return replace(layer, body=watched(layer.body, signs))
    if isinstance(layer, Residual):
        return replace(layer, body=watched(layer.body, signs), skip=watched(layer.skip, signs))
    return layer


def of_layer(layer: Any, x: Array) -> Pass:
    """x (K, N, n_in) -> y (K, N, n_out)"""
    signs: list[Array] = []
    observed = watched(layer, signs)

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        signs.clear()
        y, backward = observed.forward(p, inputs["x"])
        return {"y": y}, lambda d, g: {"x": backward(d["y"], g)}

    return Pass(layer.shapes, {"x": x}, forward, {"x": 1, "y": 1}, lambda: tuple(signs))


def of_likelihood(likelihood: Any, x: Array, o: Array, mask: Array | None = None) -> Pass:
    """o (K, N, M) -> log_px (K, N)"""

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        log_px, backward = likelihood.log_prob(p, x, inputs["o"], mask)
        return {"log_px": log_px}, lambda d, g: {"o": backward(d["log_px"], g)}

    return Pass(likelihood.shapes, {"o": o}, forward, {"o": 1, "log_px": 1})


def of_posterior(posterior: Any, h: Array, noise: Arrays) -> Pass:
    """h (N, width) -> z (K, N, L), log_qz (K, N), mu and logvar (N, L)"""

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        q, backward = posterior.sample(p, inputs["h"], noise)
        outputs = {name: value for name, value in q._asdict().items() if value is not None}

        def pull(d: Arrays, g: Views) -> Arrays:
            return {"h": backward(d["z"], d.get("log_qz"), d["mu"], d.get("logvar", 0.0), g)}

        return outputs, pull

    return Pass(posterior.shapes, {"h": h}, forward, {"h": 0, "z": 1, "log_qz": 1, "mu": 0, "logvar": 0})


def of_prior(prior: Any, z: Array, context: Array | None = None) -> Pass:
    """z (K, N, L) -> log_pz (K, N); a prior is handed the views of the whole model."""
    signs: list[Array] = []
    observed = _observed_prior(prior, signs)

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        signs.clear()
        log_pz, backward = observed.log_prob(p, inputs["z"], context)
        return {"log_pz": log_pz}, lambda d, g: {"z": backward(d["log_pz"], g)}

    return Pass(shapes_for(prior), {"z": z}, forward, {"z": 1, "log_pz": 1}, lambda: tuple(signs))


def shapes_for(prior: Any) -> Shapes:
    """What a prior reads of a model: its own numbers, and those of the encoder and posterior that it holds."""
    held = [f.name for f in fields(prior) if f.name in ("encoder", "posterior")]
    return {"prior": prior.shapes} | {name: getattr(prior, name).shapes for name in held}


def _observed_prior(prior: Any, signs: list[Array]) -> Any:
    """The same prior, whose encoder's ReLUs append the signs of their inputs to ``signs``."""
    held, changed = {f.name for f in fields(prior)}, {}
    if "encoder" in held:
        changed["encoder"] = watched(prior.encoder, signs)
    if "top" in held:
        changed["top"] = _observed_prior(prior.top, signs)
    return replace(prior, **changed) if changed else prior


def of_flow(flow: Any, z: Array, context: Array | None = None) -> Pass:
    """z (K, N, L), and a context (N, C) where it is conditioned -> y (K, N, L), logdet (K, N)"""

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        y, logdet, backward = flow.forward(p, inputs["z"], inputs.get("context"))

        def pull(d: Arrays, g: Views) -> Arrays:
            dcontext = {} if context is None else {"context": np.zeros_like(context)}
            return {"z": backward(d["y"], d["logdet"], g, dcontext.get("context")), **dcontext}

        return {"y": y, "logdet": logdet}, pull

    inputs = {"z": z} if context is None else {"z": z, "context": context}
    return Pass(flow.shapes, inputs, forward, {"z": 1, "context": 0, "y": 1, "logdet": 1})


def of_divergence(kl: Any, posterior: Any, prior: Any, h: Array, context: Array | None = None) -> Pass:
    """h (N, width) -> kl (N, L)"""

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        value, backward = kl(posterior, prior, p, inputs["h"], context)
        return {"kl": value}, lambda d, g: {"h": backward(d["kl"], g)}

    shapes = {"posterior": posterior.shapes, "prior": prior.shapes}
    return Pass(shapes, {"h": h}, forward, {"h": 0, "kl": 0})


def of_objective(objective: Any, terms: Terms, total: int) -> Pass:
    """every term -> loss; its seeds are the derivatives"""
    present = {name: value for name, value in terms._asdict().items() if value is not None}

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        loss, seeds = objective(terms._replace(**inputs), total)

        def pull(d: Arrays, g: Views) -> Arrays:
            return {name: d["loss"] * getattr(seeds, name) * np.ones_like(present[name]) for name in present}

        return {"loss": np.asarray(loss)}, pull

    return Pass({}, present, forward, {})


def of_model(model: Model, batch: Batch, noise: Arrays, objective: Any) -> Pass:
    """theta -> loss, averaged over the rows of the batch"""
    signs: list[Array] = []
    observed = replace(
        model,
        encoder=watched(model.encoder, signs),
        prior=_observed_prior(model.prior, signs),
        decoder=watched(model.decoder, signs),
    )

    def forward(p: Views, inputs: Arrays) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
        signs.clear()
        loss, backward = observed.loss(p, batch, noise, objective, len(batch.inputs))

        def pull(d: Arrays, g: Views) -> Arrays:
            backward(g)
            return {}

        return {"loss": np.asarray(loss)}, pull

    return Pass(model.shapes, {}, forward, {}, lambda: tuple(signs), is_loss=True)
