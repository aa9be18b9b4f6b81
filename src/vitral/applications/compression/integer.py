"""A trained model in exact integer arithmetic: the same function on every machine.

What a decoder has to repeat to the last bit, it repeats here: dense and convolutional networks with ReLU, diagonal
Gaussian posteriors with a standard normal prior or two layers of both, Bernoulli and beta-binomial likelihoods.
Derivation: docs/derivations/integer_networks.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vitral.applications.compression import tables as made_once
from vitral.applications.compression.codecs import Codec
from vitral.applications.compression.gaussians import Buckets, Gaussian, Posterior, gaussian, values
from vitral.applications.compression.layers import EXACT, HALF_Z, IntegerLayer, map_of
from vitral.applications.compression.likelihoods import LIKELIHOODS
from vitral.applications.compression.quantising import latents_of, levels_of, networks_of, tables_of
from vitral.applications.compression.tables import COARSE, FINE
from vitral.errors import FileError, UsageError

FORMAT = 1
NETWORKS = ("encoder", "decoder", "head", "prior")  # head and prior: of the lower of two layers
MOST = 2**26  # features, latents and the like: no model that fits into memory has more
# What a damaged or hostile model makes Python say.
ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """The networks, the tables and the sizes; nothing else decides how rows are coded.

    ``features`` D numbers a row, each one of ``levels`` whole levels from 0. ``latents`` has the sizes of the layers
    of z, the top first; ``summary`` how many numbers of the encoder's output the lower layer sees.
    """

    features: int
    levels: int
    latents: tuple[int, ...]
    summary: int
    networks: Mapping[str, tuple[IntegerLayer, ...]]
    tables: Mapping[str, np.ndarray]

    @property
    def latent(self) -> int:
        """How many numbers z has, all layers together."""
        return sum(self.latents)

    @cached_property
    def _buckets(self) -> Buckets:
        return Buckets(self.tables["borders"], self.tables["normal"].astype(np.int64))

    @property
    def depth(self) -> int:
        """The logarithm of the number of buckets of a latent."""
        return len(self.tables["centres"]).bit_length() - 1

    def run(self, network: str, x: np.ndarray) -> np.ndarray:
        """A network's output, integers held in floating point."""
        for layer in self.networks[network]:
            x = layer.forward(x)
        return x

    def encoded(self, rows: np.ndarray) -> np.ndarray:
        """What the encoder makes of rows (n, D) of levels."""
        return self.run("encoder", rows)

    def prior(self, above: np.ndarray | None) -> Gaussian | None:
        """p of a layer of latents given z of the layer above it (n, L); None for a standard normal."""
        if above is None:
            return None
        return gaussian(self.run("prior", above), self.tables["prior_deviations"])

    def posterior(
        self, h: np.ndarray, above: np.ndarray | None, prior: Gaussian | None
    ) -> Posterior:
        """The codec of a layer's buckets given what the encoder made of the rows, and z of the layer above."""
        if len(self.latents) == 1:
            q = gaussian(h, self.tables["deviations"])
        elif above is None:
            q = gaussian(h[:, self.summary :], self.tables["deviations"])
        else:
            f = np.floor(h[:, : self.summary] * 2.0 ** (COARSE - FINE))
            both = np.concatenate([f, above], axis=1)
            q = gaussian(self.run("head", both), self.tables["head_deviations"])
        return Posterior(q, prior, self._buckets)

    def z(self, bucket: np.ndarray, prior: Gaussian | None) -> np.ndarray:
        """The centres of buckets (n, L) as the networks are given them."""
        fine = values(self.tables["centres"], bucket, prior)
        whole = np.clip(fine >> (FINE - COARSE), -HALF_Z, HALF_Z)
        return np.asarray(whole, np.float64)

    def likelihood(self, z: np.ndarray) -> Codec:
        """The codec of the levels of rows, one after the other, given all z (n, L), the lower layer first."""
        codec: Codec = LIKELIHOODS[self.levels].codec(self.run("decoder", z), self.tables)
        return codec

    def facts(self) -> dict[str, Any]:
        """Plain data, which with the tensors make this model again."""
        return {
            "format": FORMAT,
            "features": self.features,
            "levels": self.levels,
            "latents": list(self.latents),
            "summary": self.summary,
            "constants": made_once.facts(),
            "networks": {name: [one.facts() for one in layers] for name, layers in self.networks.items()},
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Every array by its name, all of integers, none of them to be changed."""
        made = {f"tables.{name}": table for name, table in self.tables.items()}
        for name, layers in self.networks.items():
            for index, layer in enumerate(layers):
                made[f"{name}.{index}.W"], made[f"{name}.{index}.b"] = layer.weights, layer.bias
        return dict(sorted(made.items()))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of facts and tensors: models of one digest code alike, everywhere."""
        sum = hashlib.sha256(json.dumps(self.facts(), sort_keys=True, separators=(",", ":")).encode())
        for name, tensor in self.tensors().items():
            little = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
            sum.update(f"{name} {little.dtype.str} {list(little.shape)}\n".encode())
            sum.update(little.tobytes())
        return sum.hexdigest()

    @classmethod
    def restored(cls, tensors: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> IntegerModel:
        """The model that gave these tensors and facts; raises FileError for what no model gives."""
        try:
            return _restored(dict(tensors), facts)
        except UsageError as error:
            raise FileError(f"the stored model cannot be used: {error}") from error
        except ODD as error:
            raise FileError(
                f"the stored model is damaged: {type(error).__name__} {error}; restore it from a copy"
            ) from error


def quantised(trained: Any) -> IntegerModel:
    """The integer form of a trained model (``model``, ``theta``, ``spec``, ``contract``).

    Raises UsageError, with the reason, for a model that has none.
    """
    model = trained.model
    latents = latents_of(model.posterior, model.prior, trained.spec.context)
    levels = levels_of(model.likelihood, trained.contract)
    networks = networks_of(model, model.views(trained.theta), levels)
    summary = model.posterior.summary if len(latents) == 2 else 0
    return IntegerModel(model.features, levels, latents, summary, networks, tables_of(model, levels))


def _restored(tensors: dict[str, np.ndarray], facts: Mapping[str, Any]) -> IntegerModel:
    if facts["format"] != FORMAT or facts["constants"] != made_once.facts():
        raise FileError(
            f"the stored model has format {facts['format']!r}, and this Vitral reads format {FORMAT}: use the version "
            "that wrote it, or a newer one"
        )
    sizes = [facts["features"], facts["levels"], facts["summary"], *facts["latents"]]
    if any(type(size) is not int or not 0 <= size <= MOST for size in sizes) or facts["levels"] not in LIKELIHOODS:
        raise ValueError(f"sizes {sizes}")
    own = {name.removeprefix("tables."): table for name, table in tensors.items() if name.startswith("tables.")}
    networks = {name: _network(name, layers, tensors) for name, layers in facts["networks"].items()}
    made = IntegerModel(
        facts["features"], facts["levels"], tuple(facts["latents"]), facts["summary"], networks, own
    )
    if set(made.tensors()) != set(tensors):
        raise ValueError("tensors that belong to nothing")
    check_whole(made)
    return made


def _network(
    name: str, listed: list[dict[str, Any]], tensors: Mapping[str, np.ndarray]
) -> tuple[IntegerLayer, ...]:
    layers: list[IntegerLayer] = []
    for index, facts in enumerate(listed):
        weights, bias = tensors[f"{name}.{index}.W"], tensors[f"{name}.{index}.b"]
        shift, low, high, within = (facts[key] for key in ("shift", "low", "high", "within"))
        if any(type(n) is not int or abs(n) >= EXACT for n in (shift, low, high, within)) or not 0 <= shift <= 60:
            raise ValueError(f"numbers of layer {index} of {name}")
        kinds = {weights.dtype} <= {np.dtype(np.int16), np.dtype(np.int32)} and bias.dtype == np.dtype(np.int64)
        if not kinds or not low <= high:
            raise ValueError(f"types of layer {index} of {name}")
        layers.append(IntegerLayer(map_of(facts), weights, bias, shift, low, high, within))
    return tuple(layers)


def check_whole(model: IntegerModel) -> None:
    """Raise ValueError unless every network takes what the one before it gives, and every table has its size."""
    bottom, top, two = model.latents[-1], model.latents[0], len(model.latents) == 2
    wide = 2 * top + model.summary
    ends = {
        "encoder": (model.features, wide, model.levels - 1),
        "decoder": (model.latent, LIKELIHOODS[model.levels].width * model.features, HALF_Z),
        "head": (model.summary + top, 2 * bottom, HALF_Z),
        "prior": (top, 2 * bottom, HALF_Z),
    }
    wanted = NETWORKS if two else NETWORKS[:2]
    if set(model.networks) != set(wanted) or len(model.latents) not in (1, 2) or min(model.latents) < 1:
        raise ValueError(f"networks {sorted(model.networks)}")
    for name in wanted:
        _check_network(name, model.networks[name], *ends[name])
    LIKELIHOODS[model.levels].check(model.networks["decoder"][-1], model.tables)
    made_once.check(model.tables, two=two)


def _check_network(name: str, layers: tuple[IntegerLayer, ...], n_in: int, n_out: int, within: int) -> None:
    for index, layer in enumerate(layers):
        sizes = layer.map.sizes(layer.weights)
        if sizes[0] != n_in or layer.bias.shape not in ((sizes[1],), (sizes[2],)) or layer.within < within:
            raise ValueError(f"sizes of layer {index} of {name}")
        n_in, within = sizes[1], layer.out
    if not layers or n_in != n_out:
        raise ValueError(f"what {name} puts out")
