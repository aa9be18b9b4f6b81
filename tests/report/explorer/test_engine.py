"""The explorer's engine, run in Node, against Vitral's own model in NumPy."""

import math
import re
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from tests.report.explorer.models import MODELS, dense, rows, trained_like
from tests.report.explorer.node import in_node, in_page
from vitral.core.parameters import named
from vitral.model import Batch
from vitral.parts.objectives import ELBO, FreeBits, Reconstruction
from vitral.parts.posteriors import Point
from vitral.report import explorer
from vitral.report.explorer.assemble import ordered
from vitral.report.explorer.describe import described, reason
from vitral.report.explorer.golden import golden, noise, philox

ROWS, BETA = 3, 0.7
FORWARD, GRADIENT = 1e-5, 1e-4  # what the page promises; both sides compute in double precision, so far less is found
NEAR = 1e-9


def in_numpy(model, theta, x, eps, objective):
    """Terms, decoder output, loss and gradient by tensor."""
    p, gradient, batch = model.views(theta), np.zeros_like(theta), Batch(x, x)
    terms, o, _ = model.run(p, batch, {"eps": eps[None]})
    loss, backward = model.loss(p, batch, {"eps": eps[None]}, objective, len(x))
    backward(model.views(gradient))
    return terms, o, loss, {name: gradient[where] for name, (where, _) in named(model.shapes).items()}


def objective_of(model):
    return Reconstruction() if isinstance(model.posterior, Point) else ELBO(beta=BETA)


@pytest.fixture(scope="module")
def cases():
    """A training step of every model by both sides, what Node found last."""
    made = {}
    for name, spec in MODELS.items():
        model = spec.build()
        eps = noise(1, "eps", 0, ROWS * model.posterior.latent).reshape(ROWS, -1)
        made[name] = model, trained_like(model), rows(model, ROWS), eps
    found = in_node(
        """
        return given.cases.map(({description, arrays, x, eps, golden}) => {
          const model = new E.Model(description, (name) => arrays[name]);
          const step = model.step(x, eps, given.beta);
          const {mu, logvar} = model.encode(x), o = model.decode(step.arrays.z);
          return {...step, again: {mu, logvar, o, mean: model.mean(o), logProb: model.logProb(x, o)},
                  parity: E.parity(model, golden, {evidence: false})};
        });
        """,
        beta=BETA,
        cases=[asked(*one) for one in made.values()],
    )
    return {name: (*one, step) for (name, one), step in zip(made.items(), found, strict=True)}


def asked(model, theta, x, eps):
    """What Node is given of a case."""
    vectors = golden(model, theta, x[0], beta=BETA, evidence=False)
    return {**in_page(model, theta), "x": x.ravel().tolist(), "eps": eps.ravel().tolist(), "golden": vectors}


@pytest.fixture(params=MODELS)
def case(request, cases):
    return cases[request.param]


def close(found, wanted, tolerance=NEAR):
    np.testing.assert_allclose(np.ravel(found), np.ravel(wanted), rtol=tolerance, atol=tolerance)


def test_the_forward_pass_is_numpys(case):
    model, theta, x, eps, found = case
    terms, o, loss, _ = in_numpy(model, theta, x, eps, objective_of(model))
    p, arrays = model.views(theta), found["arrays"]
    assert NEAR < FORWARD
    for name, wanted in {"mu": terms.mu, "z": terms.z, "o": o, "mean": model.likelihood.mean(p.likelihood, o)}.items():
        close(arrays[name], wanted)
    close(arrays["terms"], model.likelihood.log_prob_terms(p.likelihood, x, o))
    close([found["loss"], found["recon"]], [loss, -terms.log_px.mean()])
    if terms.logvar is not None:
        close(arrays["logvar"], terms.logvar)
        close(found["klEach"]["each"], terms.kl)
        close(np.add(found["klEach"]["location"], found["klEach"]["width"]), terms.kl)


def test_gradients_of_every_tensor_are_numpys(case):
    model, theta, x, eps, found = case
    _, _, _, gradients = in_numpy(model, theta, x, eps, objective_of(model))
    assert NEAR < GRADIENT
    assert set(found["gradients"]) == set(gradients)
    for name, wanted in gradients.items():
        assert np.abs(wanted).max() > 0.0, f"{name} has no gradient here, so nothing would be compared"
        close(found["gradients"][name], wanted, NEAR * max(1.0, np.abs(wanted).max()))


def test_the_gradient_of_mu_is_a_pull_of_the_reconstruction_and_one_of_the_kl(case):
    *_, found = case
    slopes, arrays = found["slopes"], found["arrays"]
    close(slopes["mu"], np.add(slopes["mu_reconstruction"], slopes["mu_kl"]))
    if arrays["logvar"] is not None:
        close(slopes["mu_kl"], BETA * np.array(arrays["mu"]) / ROWS)
        close(slopes["logvar_kl"], BETA * 0.5 * np.expm1(arrays["logvar"]) / ROWS)
        close(slopes["logvar"], np.add(slopes["logvar_reconstruction"], slopes["logvar_kl"]))


def test_encode_and_decode_are_the_same_pass(case):
    *_, found = case
    for name in ("mu", "logvar", "o", "mean"):
        assert found["again"][name] == found["arrays"][name]
    close(-np.mean(found["again"]["logProb"]), found["recon"])


def test_the_badge_measures_what_the_tests_see(case):
    *_, found = case
    assert found["parity"]["forward"] < NEAR
    assert found["parity"]["gradient"] < 1e-7
    assert found["parity"]["noise"] < 1e-12
    assert found["parity"]["evidence"] is None


def test_philox_gives_the_known_answers():
    """The vectors that Random123 publishes for Philox 4x32 with ten rounds (Salmon et al. 2011)."""
    known = {
        ((0, 0, 0, 0), (0, 0)): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2): (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)): (
            0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1,
        ),
    }  # fmt: skip
    cases = [[list(counter), list(key)] for counter, key in known]
    found = in_node("return given.cases.map(([counter, key]) => E.philox(counter, key));", cases=cases)
    assert [tuple(words) for words in found] == list(known.values())
    for (counter, key), words in known.items():
        assert tuple(philox(np.array(counter), np.array(key)).tolist()) == words


def test_noise_is_a_function_of_seed_purpose_and_index():
    asked = [[0, "eps", 0, 9], [2**33 + 1, "x ã", 2**40 + 3, 9], [0, "eps", 1, 9], [0, "z", 0, 9], [0, "eps", 0, 4]]
    drawn = in_node("return given.asked.map((one) => E.noise(...one));", asked=asked)
    for arguments, numbers in zip(asked, drawn, strict=True):
        close(numbers, noise(*arguments), 1e-13)
    assert drawn[4] == drawn[0][:4], "fewer numbers are the first of more"
    assert len({tuple(numbers[:4]) for numbers in drawn[:4]}) == 4


def test_noise_has_the_moments_of_a_standard_normal():
    drawn = in_node("const e = E.noise(7, 'moments', 0, 100001); return [1, 2, 3, 4].map((k) => E.sum(E.map(e, (v) => v ** k)) / e.length);")  # noqa: E501
    errors = np.sqrt(np.array([1.0, 2.0, 15.0, 96.0]) / 100_001)
    assert (np.abs(np.array(drawn) - [0.0, 1.0, 0.0, 3.0]) < 5.0 * errors).all()


def test_quantiles_and_masses_of_the_standard_normal_are_pythons():
    x, u = np.linspace(-9, 9, 181), np.array([1e-12, 1e-4, 0.01, 0.5, 0.9, 0.999999])
    found = in_node("return [given.x.map(E.normalCdf), given.u.map(E.normalQuantile)];", x=x.tolist(), u=u.tolist())
    masses = [0.5 * math.erfc(-one / math.sqrt(2.0)) for one in x]
    np.testing.assert_allclose(found[0], masses, rtol=1e-9, atol=0.0)
    np.testing.assert_allclose(found[1], [NormalDist().inv_cdf(one) for one in u], rtol=0.0, atol=1e-9)


def test_free_bits_floor_the_mean_kl_of_a_dimension():
    model = MODELS["gated"].build()
    theta, x = trained_like(model), rows(model, ROWS)
    eps = noise(1, "eps", 0, ROWS * 3).reshape(ROWS, -1)
    terms, *_ = in_numpy(model, theta, x, eps, ELBO())
    floor = float(np.sort(terms.kl.mean(axis=0))[:2].mean())
    _, _, loss, gradients = in_numpy(model, theta, x, eps, FreeBits(floor=floor))
    found = in_node(
        "return new E.Model(given.description, lookup).step(given.x, given.eps, 1, {freeBits: given.floor});",
        x=x.ravel().tolist(), eps=eps.ravel().tolist(), floor=floor, **in_page(model, theta),
    )  # fmt: skip
    close(found["loss"], loss)
    for name, wanted in gradients.items():
        close(found["gradients"][name], wanted)


REFUSED = {
    "likelihood": dense("poisson"),
    "posterior": dense("bernoulli", posterior="full"),
    "prior": dense("bernoulli", prior="mixture"),
    "context": dense("bernoulli", context=3),
}


@pytest.mark.parametrize("part", REFUSED)
def test_what_the_engine_cannot_compute_is_named(part):
    entry = described(REFUSED[part].build())
    assert entry["encoder"] is entry["decoder"] is None
    assert entry["reason"]["part"] == part
    assert entry["reason"]["kind"] in entry["reason"]["sentence"]
    assert "does not compute" in entry["reason"]["sentence"]


def test_what_the_engine_computes_has_no_reason():
    for name, spec in MODELS.items():
        assert reason(spec.build()) is None, name


def test_a_model_without_its_encoder_decodes():
    """A small page may leave encoders out."""
    model = MODELS["relu_bernoulli"].build()
    page = in_page(model, trained_like(model))
    page["description"]["encoder"] = None
    found = in_node(
        """
        const model = new E.Model(given.description, lookup), said = [];
        for (const act of [() => model.encode(given.x), () => model.step(given.x, [0, 0])])
          try { act(); } catch (problem) { said.push(problem.message); }
        return {o: model.decode([0.5, -0.2]), said, names: Object.keys(model.parameters)};
        """,
        x=[0.0] * 12,
        **page,
    )
    wanted = model.decoder_output(model.views(trained_like(model)), np.array([[0.5, -0.2]]))
    close(found["o"], wanted)
    assert found["said"] == ["the page holds no encoder of model model"] * 2
    assert all(name.startswith("decoder.") for name in found["names"])


SCRIPTS = Path(explorer.__file__).parent / "engine"


def test_every_script_of_the_engine_has_its_place_in_the_order():
    order = (SCRIPTS / "order.txt").read_text(encoding="utf-8").split()
    assert sorted(order) == sorted(path.name for path in SCRIPTS.glob("*.js"))
    assert [path.name for path in ordered("engine", ".js")] == order


def test_scripts_are_short_and_touch_no_page():
    """A worker has no document, and a script of the engine runs in one unchanged."""
    for path in SCRIPTS.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, path.name
        assert not re.search(r"\b(document|window|localStorage|fetch|Math\.random|Date)\b", text), path.name
        assert max(map(len, text.splitlines())) <= 125, path.name
