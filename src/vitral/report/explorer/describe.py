"""A model as the page's engine reads it: its operations in their order, and the names of the tensors that they use.

The engine computes what it has formulas for (engine/layers.js, engine/likelihoods.js); a model of anything else gets
one reason instead of its operations, and the page shows what was recorded of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

from vitral.core.parameters import named
from vitral.model import Model
from vitral.parts.blocks import Gate, Gated, LayerNorm, Offset, Residual
from vitral.parts.convolution import Convolution, TransposedConvolution
from vitral.parts.layers import Affine, Chain
from vitral.parts.posteriors import Point
from vitral.specs import ACTIVATIONS, GIVEN, LAYERS, LIKELIHOODS, POSTERIORS, PRIORS, described_prior
from vitral.specs import described as described_member

KNOWN = {
    "likelihood": ("bernoulli", "continuous_bernoulli", "gaussian_fixed", "gaussian_learned"),
    "posterior": ("diagonal", "point"),
    "prior": ("standard_normal",),
}


class Reason(NamedTuple):
    """Why a model is not computed in the page: the part, and what it is."""

    part: str
    kind: str

    def __str__(self) -> str:
        if self.part == "context":
            return f"the page does not compute conditional models, and this one is given {self.kind} more numbers a row"
        known = ", ".join(KNOWN.get(self.part, ()))
        return f"the page does not compute the {self.part} {self.kind!r}" + (f"; it computes {known}" if known else "")


class _NotComputed(Exception):
    """A layer without a form in the engine; ``args`` has its kind."""


def described(model: Model, prefix: str = "") -> dict[str, Any]:
    """The page's entry of a model: kind, sizes, parts, and the operations of both networks.

    ``prefix`` stands before every tensor's name, such as "latent-2/". Where the engine cannot compute the model,
    ``encoder`` and ``decoder`` are None and ``reason`` says why: {"part", "kind", "sentence"}.
    """
    likelihood = described_member(LIKELIHOODS, model.likelihood, *GIVEN)
    if model.likelihood.shapes.keys() == {"raw"}:
        likelihood["raw"] = f"{prefix}likelihood.raw"
    entry = {
        "kind": "autoencoder" if isinstance(model.posterior, Point) else "vae",
        "latent": model.posterior.latent,
        "features": model.features,
        "likelihood": likelihood,
        "posterior": described_member(POSTERIORS, model.posterior, *GIVEN),
        "prior": described_prior(model.prior),
        "encoder": None,
        "decoder": None,
    }
    why = reason(model)
    if why is not None:
        return {**entry, "reason": {**why._asdict(), "sentence": str(why)}}
    parts = {part: list(_operations(getattr(model, part), f"{prefix}{part}.")) for part in ("encoder", "decoder")}
    return {**entry, **parts}


def reason(model: Model) -> Reason | None:
    """Why the engine cannot compute this model, or None where it can."""
    families = {"likelihood": LIKELIHOODS, "posterior": POSTERIORS, "prior": PRIORS}
    for part, members in families.items():
        kind = _kind(members, getattr(model, part))
        if kind not in KNOWN[part]:
            return Reason(part, kind)
    for part in ("encoder", "decoder"):
        try:
            list(_operations(getattr(model, part), ""))
        except _NotComputed as missing:
            return Reason("layer", str(missing))
    beyond = _width(model.encoder) - model.features
    return Reason("context", str(beyond)) if beyond else None


def tensor_names(model: Model) -> list[str]:
    """The names of the model's tensors in their order, as files and pages have them."""
    return list(named(model.shapes))


def _kind(members: Mapping[str, type], made: Any) -> str:
    return next(name for name, cls in members.items() if cls is type(made))


def _width(layer: Any) -> int:
    """How many numbers of a row the first layer takes."""
    if isinstance(layer, Chain):
        return _width(layer.layers[0])
    return prod(layer.shape) if isinstance(layer, Convolution | TransposedConvolution) else int(layer.n_in)


def _operations(layer: Any, prefix: str) -> Iterator[dict[str, Any]]:
    """A layer as operations: those of a chain one after the other, of any depth."""
    if isinstance(layer, Chain):
        for index, inner in enumerate(layer.layers):
            yield from _operations(inner, f"{prefix}{index}.")
        return
    kind = _kind(LAYERS, layer)
    tensors = {name: f"{prefix}{name}" for name in layer.shapes if name not in ("body", "skip")}
    yield {"op": kind, **tensors, **_geometry(layer, kind, prefix)}


def _geometry(layer: Any, kind: str, prefix: str) -> dict[str, Any]:
    """What the engine needs of a layer beside its tensors."""
    if isinstance(layer, Convolution | TransposedConvolution):
        sliding = layer.sliding
        sizes = {"large": sliding.image, "small": sliding.out, "stride": sliding.stride, "padding": sliding.padding}
        return {name: list(size) for name, size in sizes.items()}
    if isinstance(layer, Gate):
        return {"width": layer.width}
    if isinstance(layer, LayerNorm):
        return {"epsilon": layer.epsilon}
    if isinstance(layer, Residual) and layer.skip is None:
        return {"body": list(_operations(layer.body, f"{prefix}body."))}
    if isinstance(layer, Affine | Gated | Offset) or kind in ACTIVATIONS:
        return {}
    raise _NotComputed(kind)
