"""The explorer's log p(x), true posterior, bounds and estimators, against exact answers and Vitral's own quadrature."""

import numpy as np
import pytest

from tests.report.explorer.models import MODELS, dense, rows, trained_like
from tests.report.explorer.node import in_node, in_page
from vitral import Spec
from vitral.checks.bounds import evidences, log_joint
from vitral.core.parameters import named
from vitral.report.explorer.assemble import engine_source
from vitral.report.explorer.golden import golden

START = "const model = new E.Model(given.description, lookup), x = Float64Array.from(given.x);"


def line(variance=0.05):
    """x = b + W z + noise with one z: log p(x) and the posterior are known exactly. The encoder knows neither."""
    net = {"kind": "mlp", "hidden": []}
    likelihood = {"kind": "gaussian_fixed", "link": "identity", "variance": variance}
    model = Spec(features=4, latent=1, encoder=net, decoder=net, likelihood=likelihood).build()
    theta = 0.5 * np.random.default_rng(4).standard_normal(model.parameters)
    x, head = np.array([0.4, -0.3, 0.8, 0.1]), next(iter(model.views(theta).decoder))
    W, b = head.W[0], head.b
    covariance = np.outer(W, W) + variance * np.eye(4)
    log_px = -0.5 * ((x - b) @ np.linalg.solve(covariance, x - b) + np.linalg.slogdet(2.0 * np.pi * covariance)[1])
    precision = 1.0 + W @ W / variance
    return model, theta, x, log_px, W @ (x - b) / variance / precision, 1.0 / precision


def narrow(name):
    """A model of two dimensions whose posteriors are far narrower than a cell of the plane."""
    model = MODELS[name].build()
    theta = trained_like(model)
    for tensor, (where, _) in named(model.shapes).items():
        if tensor.startswith("decoder") and tensor.endswith("W"):
            theta[where] *= 2.5
    return model, theta, rows(model, 1)[0]


PLANES = ("relu_bernoulli", "tanh_gaussian_fixed_sigmoid", "continuous_bernoulli", "sigmoid_gaussian_learned_sigmoid")


def test_the_evidence_of_a_linear_model_is_exact():
    model, theta, x, log_px, mean, variance = line()
    found = in_node(
        START + "const q = {mu: [given.mean], logvar: [Math.log(given.variance)]};"
        "return {e: E.logEvidence(model, x), mass: E.patch(model, x, q, {reach: 6}).logMass};",
        x=x.tolist(), mean=mean, variance=variance, **in_page(model, theta),
    )  # fmt: skip
    assert found["e"]["change"] < 1e-7
    assert abs(found["e"]["logEvidence"] - log_px) < 1e-7
    assert abs(found["mass"] - log_px) < 1e-6


def test_a_posterior_beyond_the_plane_is_found_by_its_encoder():
    """The plane ends at 5; here the encoder is the exact posterior, near 8."""
    model, theta, _, _, _, posterior_variance = line()
    p = model.views(theta)
    decoder, encoder = (next(iter(part)) for part in (p.decoder, p.encoder))
    W, b = decoder.W[0], decoder.b
    encoder.W[...] = np.stack([W * posterior_variance / 0.05, np.zeros(4)], axis=1)
    encoder.b[...] = [-b @ W * posterior_variance / 0.05, np.log(posterior_variance)]
    x = b + 8.5 * W
    covariance = np.outer(W, W) + 0.05 * np.eye(4)
    log_px = -0.5 * (8.5 * W @ np.linalg.solve(covariance, 8.5 * W) + np.linalg.slogdet(2.0 * np.pi * covariance)[1])
    found = in_node(
        START + "return {mu: model.encode(x).mu, e: E.logEvidence(model, x)};", x=x.tolist(), **in_page(model, theta)
    )
    assert found["mu"][0] > 7.0
    assert abs(found["e"]["logEvidence"] - log_px) < 1e-3


def test_a_plain_autoencoder_has_no_evidence():
    model = MODELS["autoencoder"].build()
    with pytest.raises(AssertionError, match="a plain autoencoder has no p"):
        in_node(START + "return E.logEvidence(model, x);", x=[0.0] * 12, **in_page(model, trained_like(model)))


@pytest.mark.parametrize("name", PLANES)
def test_the_evidence_is_that_of_the_checks_quadrature(name):
    model, theta, x = narrow(name)
    (exact,) = evidences(model, model.views(theta), x[None])
    found = in_node(START + "return E.logEvidence(model, x);", x=x.tolist(), **in_page(model, theta))
    assert abs(found["logEvidence"] - exact.log_px) < found["change"] + exact.change + 1e-4
    assert found["change"] < 2e-3


@pytest.mark.parametrize("name", PLANES)
def test_the_posterior_on_the_plane_is_the_joint_density_at_every_centre(name):
    """One product with what was kept of the decoder (in single precision) against decoding every centre again."""
    model, theta, x = narrow(name)
    found = in_node(
        START + "const kept = structuredClone(E.plane(model, {cells: 12})); // as a worker sends it\n"
        "return {z: kept.z, ...E.posterior(model, kept, x)};",
        x=x.tolist(), **in_page(model, theta),
    )  # fmt: skip
    joint = log_joint(model, model.views(theta), x[None], np.array(found["z"]).reshape(-1, 2))
    np.testing.assert_allclose(found["logJoint"], joint, rtol=1e-6, atol=1e-4)
    assert np.isclose(np.sum(found["weights"]), 1.0)


def test_the_badge_measures_the_evidence_too():
    model, theta, x = narrow("relu_bernoulli")
    vectors = golden(model, theta, x)
    found = in_node(START + "return E.parity(model, given.golden);", x=[], golden=vectors, **in_page(model, theta))
    assert 0.0 <= found["evidence"] < 2e-3


def test_a_page_without_data_is_held_against_noise():
    model = MODELS["relu_bernoulli"].build()
    theta = trained_like(model)
    vectors = golden(model, theta, evidence=False)
    assert vectors["x"] is None
    found = in_node(START + "return E.parity(model, given.golden);", x=[], golden=vectors, **in_page(model, theta))
    assert found["forward"] < 1e-9
    assert found["gradient"] < 1e-7


@pytest.mark.parametrize("what", ["forward", "gradients", "noise"])
def test_the_badge_sees_a_number_that_is_off(what):
    model, theta, x = narrow("relu_bernoulli")
    vectors = golden(model, theta, x, evidence=False)
    entries = {
        "forward": vectors["forward"]["mu"]["entries"][0],
        "gradients": vectors["gradients"]["decoder.0.W"]["entries"][0],
        "noise": vectors["noise"],
    }
    entries[what][-1] += 0.01
    found = in_node(START + "return E.parity(model, given.golden);", x=[], golden=vectors, **in_page(model, theta))
    assert found["gradient" if what == "gradients" else what] > 1e-5


def test_importance_weights_of_the_exact_posterior_are_all_log_px():
    model, theta, x, log_px, mean, variance = line()
    found = in_node(
        START + "const q = {mu: Float64Array.of(given.mean), logvar: Float64Array.of(Math.log(given.variance))};"
        "return E.logWeights(model, x, q, E.noise(0, 'eps', 0, 50));",
        x=x.tolist(), mean=mean, variance=variance, **in_page(model, theta),
    )  # fmt: skip
    np.testing.assert_allclose(found, log_px, rtol=1e-9)


def test_the_importance_weighted_bound_rises_with_every_doubling_and_stays_below():
    """The mean over pairs of groups is at most the value of the pair: Jensen, in every sample."""
    model, theta, x, log_px, *_ = line()
    found = in_node(
        START + "const w = E.logWeights(model, x, model.encode(x), E.noise(0, 'eps', 0, 1024));"
        "return {curve: E.importanceCurve(w, given.sizes), elbo: E.sum(w) / 1024};",
        x=x.tolist(), sizes=[2**k for k in range(12)], **in_page(model, theta),
    )  # fmt: skip
    means = [point["mean"] for point in found["curve"]]
    assert [point["K"] for point in found["curve"]] == [2**k for k in range(11)]
    assert (np.diff(means) >= 0.0).all()
    assert means[0] == pytest.approx(found["elbo"])
    assert found["elbo"] < log_px
    assert found["curve"][-1]["error"] is None


def test_the_best_gaussian_of_an_image_is_its_posterior_where_that_is_one():
    model, theta, x, _, mean, variance = line()
    found = in_node(START + "return E.fitted(model, x, {steps: 400});", x=x.tolist(), **in_page(model, theta))
    assert found["mu"][0] == pytest.approx(mean, abs=1e-3)
    assert found["logvar"][0] == pytest.approx(np.log(variance), abs=1e-2)


def test_both_estimators_of_the_gradient_agree_and_the_score_scatters_more():
    model = dense("bernoulli").build()
    theta = trained_like(model)
    found = in_node(
        START + "const q = model.encode(x), eps = E.noise(0, 'eps', 0, 2 * 4000);"
        "return [E.pathGradients(model, x, q, eps), ...[0, 1].map((c) => E.scoreGradients(model, x, q, eps, c))];",
        x=rows(model, 1)[0].tolist(), **in_page(model, theta),
    )  # fmt: skip
    path, score, centred = (np.concatenate([np.reshape(one[k], (-1, 2)) for k in ("mu", "logvar")], 1) for one in found)
    for estimate in (score, centred):
        error = np.sqrt((path.var(axis=0) + estimate.var(axis=0)) / len(path))
        assert (np.abs(path.mean(axis=0) - estimate.mean(axis=0)) < 5.0 * error).all()
    assert (path.var(axis=0) < centred.var(axis=0)).all()
    assert (centred.var(axis=0) < score.var(axis=0)).all()


def test_more_than_two_dimensions_have_no_plane():
    model = MODELS["gated"].build()
    with pytest.raises(AssertionError, match="the plane has 1 or 2 dimensions"):
        in_node(START + "return E.plane(model);", x=[], **in_page(model, trained_like(model)))


BROKEN = {
    "the KL without its logarithm": ("relu_bernoulli", "0.5 * (Math.expm1(l) - l)", "0.5 * Math.expm1(l)"),
    "a variance for a deviation": ("relu_bernoulli", "Math.exp(0.5 * logvar[i %", "Math.exp(logvar[i %"),
    "no sigma in the gradient of logvar": ("relu_bernoulli", "each * eps[i] * sigma[i])", "each * eps[i])"),
    "a ReLU that is always open": ("relu_bernoulli", "(y > 0 ? 1 : 0)", "1"),
    "another key of the noise": ("relu_bernoulli", "0x9e3779b9", "0x9e3779b8"),
    "a link without its slope": ("tanh_gaussian_fixed_sigmoid", " * slope(value(each))", ""),
    "a learned variance without its constant": ("sigmoid_gaussian_learned_sigmoid", "- D / 2", ""),
    "padding on one axis": ("conv_bernoulli", " - op.padding[0]", ""),
    "a gate that forgets its product": ("conv_gate", "d * y[i] * (1 - s[i])", "d * (1 - s[i])"),
    "a norm without its second term": ("resnet", " - own[i] * along", ""),
    "a block without its skip": ("resnet", "E.add(body.y.slice(), x)", "body.y"),
    "cells that are not divided": ("relu_bernoulli", " - Math.log(count)", ""),
}


@pytest.fixture(scope="module")
def badges():
    """What the badge of every broken engine measures. The golden vectors are the right ones; one line is not."""
    cases = []
    for defect, (name, line, planted) in BROKEN.items():
        assert line in engine_source(), f"{defect}: the line to break is not there any more"
        model, theta, x = narrow(name)
        vectors = golden(model, theta, x, evidence="cells" in defect)
        source = engine_source().replace(line, planted)
        cases.append({**in_page(model, theta), "source": source, "golden": vectors})
    found = in_node(
        """
        return given.cases.map(({description, arrays, source, golden}) => {
          globalThis.Vitral = undefined;
          require("vm").runInThisContext(source);
          const broken = globalThis.Vitral.engine;
          return broken.parity(new broken.Model(description, (name) => arrays[name]), golden);
        });
        """,
        cases=cases,
    )
    return dict(zip(BROKEN, found, strict=True))


@pytest.mark.parametrize("defect", BROKEN)
def test_the_badge_turns_red_when_the_engine_is_broken(defect, badges):
    limits = {"forward": 1e-5, "gradient": 1e-4, "noise": 1e-12, "evidence": 0.01}
    found = badges[defect]
    assert any(found[what] > limit for what, limit in limits.items() if found[what] is not None)
