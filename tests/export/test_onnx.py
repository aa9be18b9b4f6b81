"""ONNX files: the numbers of onnxruntime are those of NumPy, for every member of every family."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import vitral
from vitral import Spec
from vitral.api import TrainedModel
from vitral.core.randomness import draw, stream
from vitral.data.columns import Column
from vitral.data.condition import Condition
from vitral.data.contract import Contract
from vitral.errors import MissingPackage, UsageError
from vitral.export import tape as tapes
from vitral.export.parts import DRAWS, recorded
from vitral.export.tape import ROWS, NoForm, Tape
from vitral.model import Batch
from vitral.networks import ACTIVATIONS
from vitral.specs import LIKELIHOODS, NETWORKS, POSTERIORS, PRIORS

SMALL = {"hidden": [7]}
IMAGES = {"channels": [4, 6], "hidden": [5]}
WIDE = {"latent": 3, "features": 16, "image_shape": (4, 4)}


def both(**network):
    return {"encoder": network, "decoder": network}


TABLE = ["gaussian", "poisson", {"kind": "categorical", "classes": 3}, "bernoulli"]
CASES = {
    **{f"mlp {name}": both(hidden=[7], activation=name) for name in ACTIVATIONS},
    "gated": both(kind="gated", hidden=[7]),
    "conv": both(kind="conv", **IMAGES),
    "conv gate": {
        "encoder": {"kind": "conv", "channels": [4], "hidden": [5], "activation": "gate"},
        "decoder": {"kind": "conv", "channels": [4], "hidden": [5], "activation": "gate", "bias": "data"},
    },
    "conv of odd colour images": both(kind="conv", kernel=3, **IMAGES) | {"features": 70, "image_shape": (7, 5, 2)},
    "conv beside a variance": both(kind="conv", **IMAGES) | {"likelihood": "gaussian_image"},
    "resnet": both(kind="resnet", channels=[4], hidden=[5]),
    "conditional": {"context": 2, "prior": "conditional"},
    "conditional conv": both(kind="conv", **IMAGES) | {"context": 2},
    **{f"likelihood {kind}": {"likelihood": kind} for kind in LIKELIHOODS if kind not in ("categorical", "mixed")},
    "likelihood categorical": {"likelihood": {"kind": "categorical", "classes": 4}},
    "likelihood mixed": {"likelihood": {"kind": "mixed", "columns": TABLE}, "features": 4, "image_shape": None},
    "few levels": {"likelihood": {"kind": "discretised_logistic", "levels": 16}},
    **{f"posterior {kind}": {"posterior": kind} for kind in POSTERIORS},
    "posterior of couplings": {"posterior": {"kind": "flow", "flow": "coupling"}},
    **{f"prior {kind}": {"prior": kind} for kind in PRIORS if kind not in ("conditional", "two_layer")},
    "prior two_layer": {"prior": "two_layer", "posterior": "two_layer"},
    "prior of masked flows": {"prior": {"kind": "flow", "flow": "autoregressive"}},
}
# A mean of many levels is a sum that float32 rounds differently in another order.
ROUNDED = {"likelihood logistic_mixture": 2e-5}


def rows_for(spec, rng, n=5):
    """Rows that every likelihood can score."""
    x = rng.random((n, spec.features))
    kind = spec.likelihood if isinstance(spec.likelihood, str) else spec.likelihood["kind"]
    if kind == "bernoulli":
        x = x.round()
    if kind == "mixed":
        x[:, 1], x[:, 2], x[:, 3] = np.floor(9 * x[:, 1]), np.floor(3 * x[:, 2]), x[:, 3].round()
    if kind in ("poisson", "categorical"):
        x = np.floor(4 * x)
    return x.astype("float32")


def made(seed=0, **changes):
    """A model with random parameters, its parameters and its contract."""
    spec = Spec(**{**WIDE, "encoder": SMALL, "decoder": SMALL, **changes})
    model, rng = spec.build(), stream(seed, "test of export")
    theta = (model.init(seed) + 0.2 * rng.standard_normal(model.parameters)).astype("float32")
    condition = Condition("side", spec.context) if spec.context else None
    contract = Contract(spec.features, spec.image_shape, "float32", 1.0, -9.0, 9.0, "unit", True, None, condition)
    return spec, model, theta, contract, rng


def ran(content, **given):
    """What onnxruntime makes of an .onnx file."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, given), strict=True))


def exported(part, model, theta, contract):
    pytest.importorskip("onnx")
    from vitral.export.onnx_file import onnx_bytes

    return onnx_bytes(part, recorded(part, model, theta, contract), "")


def elbo(model, p, x, context):
    """The score in NumPy: every row of the noise written out."""
    half = draw(model.posterior.noise_shapes(DRAWS // 2, 1), stream(0, "score"), "float32")
    noise = {name: np.repeat(np.concatenate([eps, -eps]), len(x), axis=1) for name, eps in half.items()}
    terms, _, _ = model.run(p, Batch(x, x, None, context), noise)
    if terms.kl is None:
        return (terms.log_px + terms.log_pz - terms.log_qz).mean(axis=0)
    return terms.log_px.mean(axis=0) - terms.kl.sum(axis=-1)


def test_every_member_is_among_the_cases():
    """A new likelihood, posterior, prior or network is exported, or its refusal is written down."""
    specs = [{**both(**SMALL), **case} for case in CASES.values()]
    kinds = [str(spec.get(part)) for spec in specs for part in ("likelihood", "posterior", "prior", "encoder")]
    for kind in [*LIKELIHOODS, *POSTERIORS, *PRIORS, *NETWORKS]:
        assert kind in ("mlp", "standard_normal") or any(kind in one for one in kinds), kind


@pytest.mark.parametrize("case", CASES)
def test_onnxruntime_gives_numpy_s_numbers(case):
    """Mean and log-variance of the encoder, mean of the decoder, ELBO: within 1e-5, most within 1e-6."""
    spec, model, theta, contract, rng = made(**CASES[case])
    p, x = model.views(theta), rows_for(spec, rng)
    z = rng.standard_normal((5, spec.latent)).astype("float32")
    context = rng.standard_normal((5, spec.context)).astype("float32") if spec.context else None
    beside = {} if context is None else {"context": context}
    mean, logvar = model.encode(p, x, context)
    wanted = {"encoder": {"mean": mean} if logvar is None else {"mean": mean, "logvar": logvar}}
    wanted["decoder"] = {"x": model.decode(p, z, context)}
    if model.posterior.has_density:
        wanted["score"] = {"elbo": elbo(model, p, x, context)}
    for part, numbers in wanted.items():
        given = {"z": z} if part == "decoder" else {"x": x}
        got = ran(exported(part, model, theta, contract), **given, **beside)
        assert set(got) == set(numbers)
        for name, expected in numbers.items():
            assert got[name].dtype == np.float32
            close = ROUNDED.get(case, 1e-5)
            np.testing.assert_allclose(got[name], expected, rtol=close, atol=close, err_msg=f"{part} {name}")


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_the_number_of_rows_is_open(rows):
    """One file for any number of rows, each of which stays by itself."""
    _, model, theta, contract, rng = made()
    x = rng.random((rows, 16)).astype("float32")
    content = exported("score", model, theta, contract)
    alone = np.concatenate([ran(content, x=x[row : row + 1])["elbo"] for row in range(rows)])
    np.testing.assert_allclose(ran(content, x=x)["elbo"], alone, rtol=1e-5)
    np.testing.assert_allclose(alone, elbo(model, model.views(theta), x, None), rtol=1e-5)


def test_the_packaged_model_is_exported_to_1e_6(tmp_path):
    """From file to file, with real parameters and images; the graph is opset 17, IR 8 and passes the full check."""
    onnx = pytest.importorskip("onnx")
    trained = vitral.load("tiny")
    x = vitral.load_data("mnist").test.take(slice(0, 20))
    for part, given, name, expected in (
        ("encoder", {"x": x}, "mean", trained.encode(x)),
        ("decoder", {"z": trained.encode(x)}, "x", trained.reconstruct(x)),
    ):
        trained.export_onnx(tmp_path / f"{part}.onnx", part=part)
        content = (tmp_path / f"{part}.onnx").read_bytes()
        np.testing.assert_allclose(ran(content, **given)[name], expected, atol=1e-6 * max(1.0, np.abs(expected).max()))
        graph = onnx.load_model_from_string(content)
        onnx.checker.check_model(graph, full_check=True)
        assert (graph.ir_version, graph.opset_import[0].version, graph.producer_name) == (8, 17, "vitral")
        assert graph.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "rows"


def test_the_same_model_gives_the_same_bytes():
    """No time, no machine, no counter of the process."""
    _, model, theta, contract, _ = made()
    assert exported("score", model, theta, contract) == exported("score", model, theta, contract)


@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_rows_are_in_the_units_of_the_data(scale):
    """Location and spread are part of the graph; the score is a density of the data."""
    _, model, theta, contract, rng = made(likelihood={"kind": "gaussian_learned", "link": "identity"})
    location, spread = rng.standard_normal(16) * 50.0, np.exp(rng.standard_normal(16))
    scaled = replace(contract, binary=False, location=tuple(location), spread=tuple(spread), scale=scale)
    data = scaled.unscaled(rng.standard_normal((4, 16))).astype("float32")
    rows = replace(scaled.of(data), scale=scale)
    p, seen = model.views(theta), rows.take(slice(None))
    mean, _ = model.encode(p, seen)
    np.testing.assert_allclose(ran(exported("encoder", model, theta, scaled), x=data)["mean"], mean, atol=1e-4)
    decoded = ran(exported("decoder", model, theta, scaled), z=mean)["x"]
    np.testing.assert_allclose(decoded, scaled.unscaled(model.decode(p, mean)), rtol=1e-5, atol=1e-4)
    density = elbo(model, p, seen, None) + scaled.log_slope(rows)
    np.testing.assert_allclose(ran(exported("score", model, theta, scaled), x=data)["elbo"], density, rtol=1e-4)


def test_a_table_is_seen_as_its_encoder_sees_it():
    """A class as many numbers, log(1 + c) of a count: as the contract makes them."""
    letters = Column("c", "category", "string", ("x", "y", "z"))
    columns = (Column("a"), Column("b", "count"), letters, Column("d", "boolean"))
    mixed = {"likelihood": {"kind": "mixed", "columns": TABLE}, "features": 4, "image_shape": None}
    spec, model, theta, contract, rng = made(**mixed, inputs=6)
    table = replace(contract, columns=columns, binary=False)
    assert table.inputs == 6
    x = rows_for(spec, rng)
    batch = table.of(x).batch(slice(None))
    mean, _ = model.encode(model.views(theta), batch.inputs)
    np.testing.assert_allclose(ran(exported("encoder", model, theta, table), x=x)["mean"], mean, atol=1e-5)
    assert ran(exported("score", model, theta, table), x=x)["elbo"].shape == (5,)


REFUSED = {
    "a score without a density": ({"posterior": "point"}, {}, "score", "a plain autoencoder has no ELBO to export"),
    "a loss that is no likelihood": (
        {"likelihood": "bernoulli"}, {"binary": False}, "score", "a Bernoulli likelihood on grey levels is a loss",
    ),
    "missing values": ({}, {"missing": True}, "encoder", "a model of data with missing values cannot be exported"),
    "an unknown part": ({}, {}, "decodr", "unknown part 'decodr': did you mean 'decoder'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_is_refused_by_name(case):
    """One sentence, and nothing is written."""
    changes, of_contract, part, said = REFUSED[case]
    _, model, theta, contract, _ = made(**changes)
    with pytest.raises(UsageError, match=said):
        recorded(part, model, theta, replace(contract, **of_contract))


@pytest.mark.parametrize(
    "step, said",
    [
        (np.arctan, "numpy.arctan has no form in ONNX"),
        (np.cumsum, "numpy.cumsum has no form"),
        (np.add.reduce, "numpy.add has no form"),
        (lambda x: x.round(), "round has no form"),
        (lambda x: x[::-1], "the slice .* has no form"),
        (lambda x: x[:, np.array([[0, 1]])], "an index of such a kind has no form"),
        (lambda x: np.add(x, x, out=np.zeros((ROWS % 7, 4))), "into a plain array has no form"),
        (lambda x: np.zeros((2 * ROWS,), like=x), "zeros of shape .* have no form"),
    ],
)
def test_an_operation_without_a_form_says_so(step, said):
    """Whatever is not in the list is refused, never left out."""
    with pytest.raises(NoForm, match=said):
        step(Tape().input("x", 4))


def test_a_step_without_a_form_names_the_model(monkeypatch):
    """The refusal says which part of which model, and which operation."""
    monkeypatch.delitem(tapes.UFUNCS, "tanh")
    _, model, theta, contract, _ = made()
    with pytest.raises(UsageError, match=r"the decoder of this model \(DiagonalGaussian, .* numpy\.tanh has no form"):
        recorded("decoder", model, theta, contract)


STEPS = {
    "a column": lambda x: x[:, -1],
    "from the end": lambda x: x[..., -2:],
    "every second": lambda x: x[:, ::2],
    "a list": lambda x: x[:, [3, 0]],
    "new axes": lambda x: x[:, None, :, None][..., 0],
    "set": lambda x: put(x.astype("float32", copy=True)),
    "expm1": lambda x: np.expm1(8.0 * x),
    "log1p": lambda x: np.log1p(np.abs(x) * np.float32(1e-3)),
    "comparisons": lambda x: np.where((x > 0.0) & ~(x >= 0.5) | (x < -1.0), x**2, np.minimum(x, 0.25)),
    "largest": lambda x: np.argmax(x, axis=-1).astype("float32") + x.max(axis=1),
    "stack": lambda x: np.stack([x, 2.0 * x], axis=-1).reshape(-1, 8),
    "axes": lambda x: np.moveaxis(x.reshape(-1, 2, 2), -1, 0).swapaxes(0, 1).mean(axis=(1, 2), keepdims=True),
    "zeros": lambda x: np.zeros_like(x) + np.broadcast_to(x[:, :1], x.shape),
    "clip": lambda x: np.clip(x, -0.5, 0.5) + np.sign(x) * np.floor(x) + np.rint(x),
}


def put(x):
    x[..., 1:3] = 7.0 * x[..., :2]
    return x


@pytest.mark.parametrize("case", STEPS)
def test_a_step_means_in_onnx_what_it_means_in_numpy(case):
    """The forms of single operations, on numbers around the edges of their cases."""
    pytest.importorskip("onnx")
    from vitral.export.onnx_file import onnx_bytes
    from vitral.export.parts import Recording

    tape = Tape()
    content = onnx_bytes("step", Recording(tape, {"y": STEPS[case](tape.input("x", 4))}), "")
    x = np.concatenate([stream(0, "steps").standard_normal((6, 4)), [[0.0, -0.5, 0.5, 1e-6]]]).astype("float32")
    np.testing.assert_allclose(ran(content, x=x)["y"], STEPS[case](x), rtol=1e-6, atol=1e-9 if "1" in case else 1e-7)


def test_without_the_package_the_sentence_names_the_extra(tmp_path, monkeypatch):
    """Missing, or with libraries that do not load."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackage, match=r"the package onnx, .*pip install 'vitral\[onnx\]'"):
        vitral.load("tiny").export_onnx(tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_trained_model_is_exported_by_its_own_method(tmp_path):
    """The same file as from the recorded part."""
    spec, model, theta, contract, _ = made()
    TrainedModel(spec, model, theta, contract, {}).export_onnx(tmp_path / "s.onnx", part="score")
    assert ran((tmp_path / "s.onnx").read_bytes(), x=np.zeros((2, 16), "float32"))["elbo"].shape == (2,)
