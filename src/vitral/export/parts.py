"""The parts of a model that other programs want, as tapes: encoder, decoder and score.

Rows go in and come out as floats in the units of the data: where the contract has a location and a spread, the graph
holds them. Classes of a table are their places in the contract's categories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from vitral.core.arrays import Array
from vitral.core.parameters import Shapes, Views
from vitral.core.randomness import draw, stream
from vitral.data.contract import Contract
from vitral.errors import UsageError, unknown
from vitral.export import operations
from vitral.export.tape import NoForm, Tape, Traced
from vitral.model import Batch, Model
from vitral.parts.convolution import Convolution, TransposedConvolution, pair
from vitral.parts.likelihoods import Bernoulli

DRAWS = 16  # of z in a score: half of them drawn once, the others their mirror images


@dataclass(frozen=True)
class AsOneNode:
    """A convolution or its transpose as the single node that ONNX has for it; images travel channels first inside."""

    layer: Any

    @property
    def shapes(self) -> Shapes:
        return dict(self.layer.shapes)

    def forward(self, p: Views, x: Any) -> tuple[Any, None]:
        layer, transposed = self.layer, isinstance(self.layer, TransposedConvolution)
        images = x.reshape(-1, *layer.shape).transpose(0, 3, 1, 2)
        extra = {"output_padding": list(pair(layer.output_padding))} if transposed else {}
        height, width, channels = layer.out
        made = x.tape.step(
            "ConvTranspose" if transposed else "Conv",
            (images, np.ascontiguousarray(p.W.transpose(3, 2, 0, 1)), p.b),
            (images.shape[0], channels, height, width),
            kernel_shape=list(pair(layer.kernel)),
            strides=list(pair(layer.stride)),
            pads=list(pair(layer.padding)) * 2,
            **extra,
        )
        return made.transpose(0, 2, 3, 1).reshape(*x.shape[:-1], height * width * channels), None


def traceable(layer: Any) -> Any:
    """The same network, with every convolution as one node."""
    if isinstance(layer, Convolution | TransposedConvolution):
        return AsOneNode(layer)
    if isinstance(layer, tuple):
        return tuple(map(traceable, layer))
    if not is_dataclass(layer) or isinstance(layer, type):
        return layer
    inner = {f.name: getattr(layer, f.name) for f in fields(layer) if f.name in ("layers", "body", "skip")}
    return replace(layer, **{name: traceable(value) for name, value in inner.items()}) if inner else layer


@dataclass(frozen=True)
class Recording:
    """A part of a model as a tape: what goes in is on the tape, what comes out is named here."""

    tape: Tape
    outputs: dict[str, Traced]


@dataclass(frozen=True)
class Recorder:
    """Runs a model's code once for each part that is asked for."""

    model: Model
    theta: Array
    contract: Contract

    @cached_property
    def traced(self) -> Model:
        return replace(
            self.model, encoder=traceable(self.model.encoder), decoder=traceable(self.model.decoder)
        )

    @cached_property
    def views(self) -> Views:
        return self.model.views(self.theta.astype("float32"))

    def encoder(self, tape: Tape) -> dict[str, Any]:
        """x (rows, D) to the mean of q(z given x) and its log-variance where it is known, (rows, L) each."""
        x, context = self._rows(tape)
        mean, logvar = self.traced.encode(self.views, self._seen(x), context)
        return {"mean": mean} if logvar is None else {"mean": mean, "logvar": logvar}

    def decoder(self, tape: Tape) -> dict[str, Any]:
        """z (rows, L) to the mean of p(x given z), (rows, D)."""
        z = tape.input("z", self.model.posterior.latent)
        x = self.traced.decode(self.views, z, self._context(tape))
        return {"x": self._unscaled(x)}

    def score(self, tape: Tape) -> dict[str, Any]:
        """x (rows, D) to an ELBO of every row, (rows,), in nats: a mean over DRAWS draws of z, equal for all rows."""
        self._check_density()
        x, context = self._rows(tape)
        half = draw(self.model.posterior.noise_shapes(DRAWS // 2, 1), stream(0, "score"), "float32")
        noise = {name: np.concatenate([eps, -eps]) for name, eps in half.items()}
        terms, _, _ = self.traced.run(self.views, Batch(self._seen(x), x, None, context), noise)
        if terms.kl is None:
            elbo = (terms.log_px + terms.log_pz - terms.log_qz).mean(axis=0)
        else:
            elbo = terms.log_px.mean(axis=0) - terms.kl.sum(axis=-1)
        _, slope = self._scaling
        return {"elbo": elbo if slope is None else elbo - float(np.log(slope.astype("float64")).sum())}

    def _rows(self, tape: Tape) -> tuple[Any, Any]:
        """What the model scores of the rows that are given, in its own units, and the context beside them."""
        if self.contract.missing:
            raise UsageError(
                "a model of data with missing values cannot be exported: a graph of ONNX sees no mask"
            )
        x = tape.input("x", self.model.features)
        location, slope = self._scaling
        return x if location is None else (x - location) / slope, self._context(tape)

    @cached_property
    def _scaling(self) -> tuple[Array, Array] | tuple[None, None]:
        """What x = (data - location) / slope takes, where the contract scales: both in the units of the data."""
        contract = self.contract
        if contract.location is None and contract.spread is None:
            return None, None
        location = np.zeros(contract.features) if contract.location is None else np.asarray(contract.location)
        spread = np.ones(contract.features) if contract.spread is None else np.asarray(contract.spread)
        return (location * contract.scale).astype("float32"), (spread * contract.scale).astype("float32")

    def _context(self, tape: Tape) -> Any:
        condition = self.contract.context
        return None if condition is None else tape.input("context", condition.width)

    def _seen(self, x: Any) -> Any:
        """What the encoder sees, as ``columns.seen`` makes it: a class as many numbers, log(1 + c) of a count."""
        if self.contract.columns is None:
            return x
        pieces = []
        for number, column in enumerate(self.contract.columns):
            own = x[:, number : number + 1]
            if column.kind == "category":
                own = (own == np.arange(column.width, dtype="float32")).astype("float32")
            pieces.append(np.log1p(own) if column.kind == "count" else own)
        return np.concatenate(pieces, axis=1)

    def _unscaled(self, x: Any) -> Any:
        location, slope = self._scaling
        return x if location is None else x * slope + location

    def _check_density(self) -> None:
        if not self.model.posterior.has_density:
            raise UsageError(
                "a plain autoencoder has no ELBO to export as a score: export its encoder or its decoder"
            )
        if isinstance(self.model.likelihood, Bernoulli) and not self.contract.binary:
            raise UsageError(
                "a Bernoulli likelihood on grey levels is a loss and no density, so there is no score to export: "
                "export the encoder or the decoder, or train on bits"
            )


PARTS: dict[str, Callable[[Recorder, Tape], dict[str, Any]]] = {
    "encoder": Recorder.encoder,
    "decoder": Recorder.decoder,
    "score": Recorder.score,
}


def recorded(part: str, model: Model, theta: Array, contract: Contract) -> Recording:
    """One part of a model as a tape; refused by name where a member has operations without a form in ONNX."""
    if part not in PARTS:
        raise unknown("part", part, PARTS)
    assert operations.UFUNCS, "the operations are listed"
    tape = Tape()
    try:
        outputs = PARTS[part](Recorder(model, theta, contract), tape)
    except NoForm as error:
        kinds = ", ".join(
            type(getattr(model, name)).__name__ for name in ("posterior", "prior", "likelihood")
        )
        raise UsageError(f"the {part} of this model ({kinds}) cannot be exported to ONNX: {error}") from error
    return Recording(tape, outputs)
