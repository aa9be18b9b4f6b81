"""From a trained model to its integer form: every network and every table, or the one sentence why there is none."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vitral.applications.compression import tables
from vitral.applications.compression.layers import (
    HALF_Z,
    REACH,
    Format,
    IntegerLayer,
    Map,
    integer_layer,
    map_of_layer,
)
from vitral.applications.compression.likelihoods import LIKELIHOODS
from vitral.core.parameters import Views
from vitral.data import Contract
from vitral.errors import UsageError
from vitral.parts.blocks import Offset
from vitral.parts.convolution import Convolution, TransposedConvolution
from vitral.parts.layers import Affine, Chain, ReLU
from vitral.parts.likelihoods import Bernoulli, BetaBinomial
from vitral.parts.posteriors import DiagonalGaussian, TwoLayerPosterior
from vitral.parts.priors import StandardNormal, TwoLayerPrior

HIDDEN = Format(tables.COARSE, -REACH, REACH)
Z = Format(tables.COARSE, -HALF_Z, HALF_Z)
GAUSSIAN = Format(tables.FINE, -(2**22 - 1), 2**22 - 1)
WHAT = "a codec needs a model that exact integers can repeat"


class Step(NamedTuple):
    """One linear layer of the model: its map, weights, bias of every channel or output, and whether a ReLU follows."""

    map: Map
    weights: np.ndarray
    bias: np.ndarray
    relu: bool = False


def levels_of(likelihood: Any, contract: Contract) -> int:
    """How many levels a row's numbers have; refuses likelihoods and data that no codec is made for."""
    if contract.columns is not None or contract.missing or contract.location is not None or contract.spread is not None:
        raise UsageError(
            f"{WHAT}, and this one was trained on a table of columns: train one on images or on rows of whole levels"
        )
    if isinstance(likelihood, Bernoulli):
        if not contract.binary:
            raise UsageError(
                "this model scores grey levels as if they were bits, which is no probability of them: train with "
                "data.binarise, or with the likelihood beta_binomial"
            )
        return 2
    if not isinstance(likelihood, BetaBinomial) or likelihood.levels != 256:
        raise UsageError(
            f"{WHAT}: likelihood bernoulli or beta_binomial of 256 levels, got {_named(likelihood)}: train with one "
            "of these"
        )
    if contract.stored != "uint8":
        raise UsageError(f"{WHAT} of bytes, and this one was trained on {contract.stored} numbers: train it on uint8")
    return 256


def latents_of(posterior: Any, prior: Any, context: int) -> tuple[int, ...]:
    """The sizes of the layers of z, the top first; refuses all but standard normals and two layers of Gaussians."""
    if context:
        raise UsageError(f"{WHAT}, and this one is conditional: train one with model.context 'none'")
    if isinstance(posterior, DiagonalGaussian) and isinstance(prior, StandardNormal):
        return (posterior.latent,)
    two = isinstance(posterior, TwoLayerPosterior) and isinstance(prior, TwoLayerPrior)
    if two and isinstance(prior.top, StandardNormal):
        return posterior.l2, posterior.l1
    over = f" over {_named(prior.top)}" if isinstance(prior, TwoLayerPrior) else ""
    raise UsageError(
        f"{WHAT}: posterior diagonal with prior standard_normal, or two_layer with two_layer over standard_normal, got "
        f"{_named(posterior)} with {_named(prior)}{over}: train one of these"
    )


def networks_of(model: Any, p: Views, levels: int) -> dict[str, tuple[IntegerLayer, ...]]:
    """Every network of a model in integers."""
    pixels, output = Format(0, 0, levels - 1), LIKELIHOODS[levels].wanted
    made = {
        "encoder": integer_network("encoder", model.encoder, p.encoder, pixels, GAUSSIAN, 1.0 / (levels - 1)),
        "decoder": integer_network("decoder", model.decoder, p.decoder, Z, output),
    }
    if isinstance(model.posterior, TwoLayerPosterior):
        made["head"] = integer_network("posterior head", model.posterior.head.network, p.posterior, Z, GAUSSIAN)
        made["prior"] = integer_network("prior head", model.prior.head.network, p.prior.head, Z, GAUSSIAN)
    return made


def tables_of(model: Any, levels: int) -> dict[str, np.ndarray]:
    """Every table of a model."""
    made = {**tables.latent_tables(), **LIKELIHOODS[levels].made(), "deviations": tables.deviation_table(None, -1.0)}
    if isinstance(model.posterior, TwoLayerPosterior):
        made["head_deviations"] = tables.deviation_table(model.posterior.head.bound, -1.0)
        made["prior_deviations"] = tables.deviation_table(model.prior.head.bound, 1.0)
    return made


def integer_network(
    name: str, chain: Chain, p: Views, given: Format, wanted: Format, unit: float = 1.0
) -> tuple[IntegerLayer, ...]:
    """A chain of linear layers and ReLUs; an input of 1 stands for ``unit``."""
    steps = _steps(name, chain, p)
    made = []
    for index, step in enumerate(steps):
        to, weights = (wanted if index == len(steps) - 1 else HIDDEN), step.weights * (1.0 if index else unit)
        made.append(integer_layer(step.map, weights, step.bias, given, to, relu=step.relu))
        given = Format(to.fraction, made[-1].low, made[-1].high)
    return tuple(made)


def _steps(name: str, chain: Chain, p: Views, steps: list[Step] | None = None) -> list[Step]:
    """The linear layers of a chain, behind those that stand before it."""
    steps = [] if steps is None else steps
    for layer, views in zip(chain.layers, p, strict=True):
        if isinstance(layer, Chain):
            _steps(name, layer, views, steps)
        elif isinstance(layer, Affine):
            steps.append(Step(Map("dense"), views.W, views.b))
        elif isinstance(layer, Convolution | TransposedConvolution):
            steps.append(Step(map_of_layer(layer), views.W, views.b))
        elif isinstance(layer, ReLU) and steps:
            steps[-1] = steps[-1]._replace(relu=True)
        elif isinstance(layer, Offset) and steps and not steps[-1].relu:
            bias = np.tile(steps[-1].bias, layer.width // len(steps[-1].bias))
            steps[-1] = steps[-1]._replace(bias=bias + views.b)
        else:
            raise UsageError(
                f"{WHAT}: dense layers and convolutions with ReLU, got {_named(layer)} in the {name}: train with "
                "activation 'relu' and a network of kind 'mlp' or 'conv'"
            )
    return steps


def _named(part: Any) -> str:
    return type(part).__name__
