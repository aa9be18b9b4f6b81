"""The integer form of a model: close to the model, exact by its bound, refused by name, whole after storing."""

import json
from typing import Any

import numpy as np
import pytest

from tests.applications.compression.models import KINDS, draws, integer, trained
from vitral.applications.compression.integer import IntegerModel, quantised
from vitral.applications.compression.layers import Format, Map, integer_layer
from vitral.errors import FileError, UsageError
from vitral.parts.convolution import Sliding


@pytest.mark.parametrize("parts, levels", KINDS)
def test_it_puts_out_what_the_model_puts_out(parts: str, levels: int) -> None:
    """To the fraction of the formats: 2^-16 of what posteriors are made of, a step of the table for the likelihood."""
    ours = trained(parts, levels)
    made, p = quantised(ours), ours.model.views(ours.theta)
    rows = draws(ours, 30)
    h = ours.model.encoder_output(p, (rows / (levels - 1)).astype(np.float32))
    assert h == pytest.approx(made.encoded(rows) / 2.0**16, abs=2e-2)
    z = np.random.default_rng(0).standard_normal((30, 8))
    o = ours.model.decoder_output(p, z.astype(np.float32))
    last = made.networks["decoder"][-1]
    step = {2: 64.0, 256: 4.0}[levels]
    found = made.run("decoder", np.rint(z * 2**12)) / step - (last.high + 1) / step / 2
    assert np.clip(o, found.min(), found.max()) == pytest.approx(found, abs=0.52 / step + 0.03)


@pytest.mark.parametrize("parts, levels", KINDS)
def test_stored_and_restored_it_is_the_same(parts: str, levels: int) -> None:
    made = integer(parts, levels)
    facts = json.loads(json.dumps(made.facts()))
    tensors = {name: tensor.copy() for name, tensor in made.tensors().items()}
    again = IntegerModel.restored(tensors, facts)
    assert made.digest == again.digest
    assert made.facts() == again.facts()
    assert all(tensor.dtype.kind == "i" for tensor in tensors.values())


def test_the_digest_is_of_every_number() -> None:
    made = integer()
    for name, tensor in made.tensors().items():
        changed = {**made.tensors(), name: tensor.copy()}
        changed[name].flat[0] += 1
        other = IntegerModel(**{**vars_of(made), **placed(made, name, changed[name])})
        assert made.digest != other.digest, name


def vars_of(made: IntegerModel) -> dict[str, Any]:
    return {key: getattr(made, key) for key in ("features", "levels", "latents", "summary", "networks", "tables")}


def placed(made: IntegerModel, name: str, tensor: np.ndarray) -> dict[str, Any]:
    """The field of a model with one tensor replaced."""
    from dataclasses import replace

    where, *rest = name.split(".")
    if where == "tables":
        return {"tables": {**made.tables, rest[0]: tensor}}
    layers = list(made.networks[where])
    key = {"W": "weights", "b": "bias"}[rest[1]]
    layers[int(rest[0])] = replace(layers[int(rest[0])], **{key: tensor})
    return {"networks": {**made.networks, where: tuple(layers)}}


def dense(weights: np.ndarray, within: int) -> Any:
    given = Format(0, -within, within)
    return integer_layer(Map("dense"), weights, np.zeros(weights.shape[1]), given, Format(0, -(2**51), 2**51))


def test_the_bound_is_met_and_is_where_exactness_ends() -> None:
    """The worst input of a layer reaches its bound; a layer that could pass 2^53 is refused."""
    weights = np.random.default_rng(0).standard_normal((50, 3))
    layer = dense(weights, 1000)
    worst = 1000 * np.sign(layer.weights)
    reached = np.abs((worst * layer.weights.astype(np.int64)).sum(axis=0)).max()
    assert reached == layer.bound - np.abs(layer.bias).max()
    with pytest.raises(UsageError, match="2\\^53"):
        dense(weights, 2**38)


@pytest.mark.parametrize("within", [1, 1000, 2**20])
def test_a_layer_is_the_same_in_whole_numbers(within: int) -> None:
    """The product in floating point against 64-bit integers, and the division rounded down."""
    rng = np.random.default_rng(within)
    layer = dense(rng.standard_normal((300, 40)), within)
    x = rng.integers(-within, within + 1, (64, 300))
    whole = (x @ layer.weights.astype(np.int64) + layer.bias) >> layer.shift
    assert np.array_equal(np.clip(whole, layer.low, layer.high), layer.forward(x.astype(np.float64)))
    assert layer.dtype == (np.float32 if within == 1 else np.float64)


@pytest.mark.parametrize("kind", ["convolution", "transposed"])
def test_a_convolution_is_the_same_in_whole_numbers(kind: str) -> None:
    sliding = Sliding((9, 7, 2), 3, (4, 3), (2, 1), (1, 1))
    map, rng = Map(kind, sliding), np.random.default_rng(0)
    weights = rng.standard_normal(sliding.shape)
    inputs = map.sizes(weights)[0]
    layer = integer_layer(map, weights, rng.standard_normal(map.sizes(weights)[2]), Format(12), Format(12))
    x = rng.integers(-(2**20) + 1, 2**20, (5, inputs))
    matrix = map.apply(layer.weights.astype(np.int64), np.eye(inputs, dtype=np.int64))
    whole = (x @ matrix).reshape(-1, len(layer.bias)) + layer.bias
    wanted = np.clip(whole >> layer.shift, layer.low, layer.high).reshape(5, -1)
    assert np.array_equal(wanted, layer.forward(x.astype(np.float64)))
    assert np.abs(matrix).sum(axis=0).max() <= map.reach(layer.weights)


@pytest.mark.parametrize(
    "changes, what",
    [
        ({"encoder": {"kind": "mlp", "activation": "tanh"}}, "got Tanh in the encoder"),
        ({"decoder": {"kind": "gated", "hidden": [8]}}, "got Gated in the decoder"),
        ({"prior": {"kind": "mixture", "components": 3}}, "got DiagonalGaussian with Mixture"),
        ({"posterior": {"kind": "full"}}, "got FullGaussian with StandardNormal"),
        ({"posterior": {"kind": "two_layer"}, "prior": {"kind": "two_layer"}}, "got Tanh in the posterior head"),
        (
            {"posterior": {"kind": "two_layer"}, "prior": {"kind": "two_layer", "top": {"kind": "mixture"}}},
            "TwoLayerPrior over Mixture",
        ),
        ({"likelihood": "gaussian_learned"}, "got GaussianLearned"),
        ({"likelihood": {"kind": "beta_binomial", "levels": 16}}, "beta_binomial of 256 levels"),
        ({"likelihood": {"kind": "logistic_mixture"}}, "got LogisticMixture"),
        ({"context": 2}, "is conditional"),
    ],
)
def test_what_has_no_integer_form_is_refused_by_name(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        quantised(trained(**changes))


def test_grey_levels_scored_as_bits_are_refused() -> None:
    from dataclasses import replace

    ours = trained()
    ours.contract = replace(ours.contract, binary=False)
    with pytest.raises(UsageError, match="as if they were bits"):
        quantised(ours)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"levels": 3},
        {"latents": [8, 8]},
        {"latents": []},
        {"features": -64},
        {"features": 10**12},
        {"summary": "many"},
        {"networks": {}},
        {"networks": 7},
        {"constants": {}},
    ],
)
def test_facts_that_no_model_has_are_refused(change: dict[str, Any]) -> None:
    made = integer()
    with pytest.raises(FileError):
        IntegerModel.restored(made.tensors(), {**made.facts(), **change})


def test_tensors_that_no_model_has_are_refused() -> None:
    made = integer("two layers", 256)
    for name, tensor in made.tensors().items():
        for other in (tensor.astype(np.float64), tensor[:-1], np.zeros(0, np.int32), tensor.astype(np.int8)):
            with pytest.raises(FileError):
                IntegerModel.restored({**made.tensors(), name: other}, made.facts())
        with pytest.raises(FileError):
            IntegerModel.restored({key: each for key, each in made.tensors().items() if key != name}, made.facts())
    with pytest.raises(FileError):
        IntegerModel.restored({**made.tensors(), "more": np.zeros(3, np.int16)}, made.facts())
