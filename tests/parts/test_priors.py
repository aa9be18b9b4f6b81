"""Priors that learn: what they reduce to, where they start, what they refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.members import vamp
from vitral.checks.check import STANDARD_ERRORS
from vitral.checks.moments import standard_score
from vitral.checks.passes import shapes_for
from vitral.core.arrays import sigmoid
from vitral.core.parameters import count, cut
from vitral.core.randomness import draw, stream
from vitral.errors import UsageError
from vitral.parts.divergences import kl_diagonal_conditional, kl_diagonal_standard
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import ConditionalGaussian, Mixture, StandardNormal, VampPrior
from vitral.parts.priors.mixture import log_mixture
from vitral.specs import Spec


def views_of(prior, rng=None, dtype="float64"):
    """Views of zeros, or of random numbers, with everything that the prior reads."""
    shapes = shapes_for(prior)
    theta = np.zeros(count(shapes)) if rng is None else 0.5 * rng.standard_normal(count(shapes))
    return cut(theta.astype(dtype), shapes)


def standard_mixture(latent, components=1):
    """A mixture whose components all are N(0, I), and its views."""
    prior = Mixture(latent, components)
    p = views_of(prior)
    p.prior.raw[...] = np.log(1.0 - prior.floor)
    return prior, p


def test_a_mixture_of_one_standard_normal_is_the_standard_normal():
    z = stream(0, "z").standard_normal((2, 50, 3))
    standard, _ = StandardNormal(3).log_prob(None, z)
    for components in (1, 4):
        prior, p = standard_mixture(3, components)
        np.testing.assert_allclose(prior.log_prob(p, z)[0], standard, rtol=1e-13)


def test_the_density_of_a_mixture_is_the_weighted_sum_by_its_definition():
    rng = stream(0, "definition")
    prior = Mixture(2, 3)
    p = views_of(prior, rng)
    log_weight, mean, logvar = prior.parameters(p.prior)
    z = rng.standard_normal((1, 5, 2))
    expected = np.zeros((1, 5))
    for weight, m, v in zip(np.exp(log_weight), mean, np.exp(logvar), strict=True):
        expected += weight * np.prod(np.exp(-((z - m) ** 2) / (2.0 * v)) / np.sqrt(2.0 * np.pi * v), axis=-1)
    np.testing.assert_allclose(np.exp(prior.log_prob(p, z)[0]), expected, rtol=1e-12)
    assert np.exp(log_weight).sum() == pytest.approx(1.0, abs=1e-14)


def test_no_variance_of_a_mixture_lies_below_its_floor():
    prior = Mixture(2, 3, floor=0.01)
    p = views_of(prior)
    p.prior.raw[...] = -50.0
    np.testing.assert_allclose(np.exp(prior.parameters(p.prior)[2]), 0.01, rtol=1e-12)


def test_a_new_mixture_has_the_first_two_moments_of_the_standard_normal():
    prior = Mixture(2, 5000, spread=0.6)
    p = views_of(prior)
    prior.init(p.prior, stream(0, "init"))
    z = prior.sample(p, 100_000, stream(0, "sample"))
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=0.05)
    np.testing.assert_allclose(np.cov(z.T), np.eye(2), atol=0.05)
    assert p.prior.mean.std() == pytest.approx(0.6, rel=0.03)


def test_draws_of_a_mixture_come_from_each_component_by_its_weight():
    prior = Mixture(1, 2)
    p = views_of(prior)
    p.prior.logits[...] = np.log([0.2, 0.8])
    p.prior.mean[...] = [[-50.0], [50.0]]
    share = (prior.sample(p, 20_000, stream(0, "share")) > 0.0).mean()
    assert share == pytest.approx(0.8, abs=5.0 * np.sqrt(0.16 / 20_000))


def test_far_from_the_origin_single_precision_keeps_the_density():
    """The square is multiplied out about the middle of the means, so a common shift costs no digits."""
    rng = stream(0, "far")
    mean, logvar = rng.standard_normal((20, 10)), np.full((20, 10), np.log(0.01))
    z, log_weight = mean[rng.integers(0, 20, (1, 50))] + 0.1 * rng.standard_normal((1, 50, 10)), np.zeros(20)
    exact, _ = log_mixture(z, mean, logvar, log_weight)
    shifted = [(part + shift).astype("float32") for part, shift in ((z, 300.0), (mean, 300.0), (logvar, 0.0))]
    near, _ = log_mixture(
        *(part.astype("float32") for part in (z, mean, logvar)), log_weight.astype("float32")
    )
    np.testing.assert_allclose(near, exact, atol=2e-3)
    far, _ = log_mixture(*shifted, log_weight.astype("float32"))
    rounded, _ = log_mixture(*(part.astype("float64") for part in shifted), log_weight)
    np.testing.assert_allclose(far, rounded, atol=2e-3)


def test_the_sampled_kl_to_a_standard_mixture_is_the_closed_kl():
    """E18 reduces to E08: value and gradient, on average, at mu = 0.7 and logvar = -0.8."""
    posterior, (prior, p) = DiagonalGaussian(1), standard_mixture(1)
    h = np.array([[0.7, -0.8]])
    closed, closed_backward = kl_diagonal_standard(
        posterior, StandardNormal(1), cut(np.zeros(0), {"posterior": {}}), h
    )
    slope = closed_backward(np.ones((1, 1)), None)
    rows = np.repeat(h, 100_000, axis=0)
    q, backward = posterior.sample(
        None, rows, draw(posterior.noise_shapes(1, len(rows)), stream(0, "kl"), "float64")
    )
    log_pz, prior_backward = prior.log_prob(p, q.z)
    g = views_of(prior)
    ones = np.ones((1, len(rows)))
    dh = backward(prior_backward(-ones, g), ones, 0.0, 0.0, None)
    for sample, exact in (
        ((q.log_qz - log_pz)[0], closed.sum()),
        (dh[:, 0], slope[0, 0]),
        (dh[:, 1], slope[0, 1]),
    ):
        assert abs(standard_score(sample, exact)) < STANDARD_ERRORS


def test_a_vamp_prior_of_one_pseudo_input_is_the_posterior_of_that_input():
    rng = stream(0, "one")
    prior = vamp(2, 1)
    p = views_of(prior, rng)
    z = rng.standard_normal((2, 7, 2))
    h, _ = prior.encoder.forward(p.encoder, sigmoid(p.prior.inputs))
    expected = prior.posterior.log_prob(p.posterior, h, z)
    np.testing.assert_allclose(prior.log_prob(p, z)[0], expected, rtol=1e-12)


def test_a_vamp_prior_at_the_rows_is_their_average_posterior():
    """With the rows themselves as pseudo-inputs the VampPrior is the aggregate posterior."""
    rng = stream(0, "aggregate")
    prior = vamp(1, 4, link="identity", start="noise")
    p = views_of(prior, rng)
    p.prior.inputs[...] = rows = rng.random((4, 3))
    z = rng.standard_normal((1, 6, 1))
    h, _ = prior.encoder.forward(p.encoder, rows)
    each = [prior.posterior.log_prob(p.posterior, h[n : n + 1], z) for n in range(4)]
    np.testing.assert_allclose(np.exp(prior.log_prob(p, z)[0]), np.exp(each).mean(axis=0), rtol=1e-12)


@dataclass(frozen=True)
class Recorded:
    """An encoder that keeps what it sees, pass by pass."""

    layer: object
    seen: list = field(default_factory=list)

    @property
    def shapes(self):
        return self.layer.shapes

    def forward(self, p, x):
        self.seen.append(x)
        return self.layer.forward(p, x)


def recorded(components, **options):
    """A VampPrior of 2 dimensions, and the list that its encoder fills."""
    encoder = Recorded(vamp(2, 1).encoder)
    return VampPrior(2, 3, encoder, DiagonalGaussian(2), components=components, **options), encoder.seen


def test_all_pseudo_inputs_go_through_the_encoder_once():
    """However many draws and rows there are."""
    prior, seen = recorded(5)
    p = views_of(prior, stream(0, "once"))
    _, backward = prior.log_prob(p, stream(0, "z").standard_normal((3, 40, 2)))
    backward(np.ones((3, 40)), views_of(prior))
    assert [x.shape for x in seen] == [(5, 3)]


@pytest.mark.parametrize("link", ["sigmoid", "clip"])
def test_pseudo_inputs_of_a_bounded_link_stay_in_the_range_of_the_data(link):
    prior, seen = recorded(5, link=link)
    p = views_of(prior)
    p.prior.inputs[...] = 50.0 * stream(0, "wide").standard_normal((5, 3))
    prior.log_prob(p, np.zeros((1, 1, 2)))
    assert 0.0 <= seen[0].min() < 0.01
    assert 0.99 < seen[0].max() <= 1.0


@pytest.mark.parametrize("link", ["sigmoid", "clip", "identity"])
def test_pseudo_inputs_start_near_rows_of_the_data_where_there_are_any(link):
    rows, (prior, seen) = stream(0, "rows").random((4, 3)), recorded(9, link=link)
    p = views_of(prior)
    prior.init(p.prior, stream(0, "init"), rows)
    prior.log_prob(p, np.zeros((1, 1, 2)))
    away = np.abs(seen[0][:, None] - rows).max(axis=-1)
    assert away.min(axis=1).max() < 0.06
    assert sorted(np.bincount(away.argmin(axis=1), minlength=4)) == [2, 2, 2, 3]


@pytest.mark.parametrize("start, data", [("noise", np.ones((4, 3))), ("data", None)])
def test_without_rows_pseudo_inputs_start_as_noise_about_one_twentieth(start, data):
    """Mean 0.05, deviation 0.01, as in the code that came with the paper."""
    prior, seen = recorded(500, start=start)
    p = views_of(prior)
    prior.init(p.prior, stream(0, "init"), data)
    prior.log_prob(p, np.zeros((1, 1, 2)))
    assert seen[0].mean() == pytest.approx(0.05, abs=0.002)
    assert seen[0].std() == pytest.approx(0.01, abs=0.002)


def test_data_outside_the_range_of_the_pseudo_inputs_is_refused():
    prior = vamp(2, 3)
    with pytest.raises(UsageError, match=r"lie in \[0, 1\] with link 'sigmoid', got data in \[0, 255\]"):
        prior.init(views_of(prior).prior, stream(0, "init"), np.array([[0.0, 255.0, 3.0]]))


def test_a_new_conditional_prior_is_the_standard_normal_for_every_class():
    for hidden in ((), (5,)):
        prior = ConditionalGaussian(2, 3, hidden)
        p = views_of(prior)
        prior.init(p.prior, stream(0, "init"))
        z = stream(0, "z").standard_normal((2, 3, 2))
        np.testing.assert_array_equal(
            prior.log_prob(p, z, np.eye(3))[0], StandardNormal(2).log_prob(None, z)[0]
        )


def test_with_one_hot_labels_every_class_has_a_gaussian_of_its_own():
    prior = ConditionalGaussian(2, 3)
    p = views_of(prior)
    (layer,) = p.prior
    layer.W[...] = mean_and_logvar = stream(0, "classes").standard_normal((3, 4))
    context = np.eye(3)[[0, 2, 2]]
    z = stream(0, "z").standard_normal((1, 3, 2))
    h = np.concatenate([mean_and_logvar[:, :2], 8.0 * np.tanh(mean_and_logvar[:, 2:] / 8.0)], axis=1)[
        [0, 2, 2]
    ]
    expected = DiagonalGaussian(2).log_prob(None, h, z)
    np.testing.assert_allclose(prior.log_prob(p, z, context)[0], expected, rtol=1e-12)
    draws = prior.sample(p, 40_000, stream(0, "draws"), np.broadcast_to(context[1], (40_000, 3)))
    np.testing.assert_allclose(draws.mean(axis=0), h[1, :2], atol=0.06)
    np.testing.assert_allclose(draws.var(axis=0), np.exp(h[1, 2:]), rtol=0.05)


def test_the_closed_kl_to_a_conditional_prior_at_zero_is_the_one_to_the_standard_normal():
    posterior, prior = DiagonalGaussian(2), ConditionalGaussian(2, 3)
    shapes = {"posterior": {}, "prior": prior.shapes}
    p = cut(np.zeros(count(shapes)), shapes)
    h, context = stream(0, "h").standard_normal((5, 4)), stream(0, "c").standard_normal((5, 3))
    kl, _ = kl_diagonal_conditional(posterior, prior, p, h, context)
    np.testing.assert_allclose(kl, kl_diagonal_standard(posterior, StandardNormal(2), p, h)[0], rtol=1e-14)


def test_a_conditional_prior_without_its_context_says_what_it_needs():
    prior = ConditionalGaussian(2, 3)
    with pytest.raises(UsageError, match="got no context: give one row of 3 numbers"):
        prior.log_prob(views_of(prior), np.zeros((1, 1, 2)))


FEW = {"kind": "mixture", "components": 3}
ENTRIES = [
    ({}, "mixture"),
    ({}, {"kind": "mixture", "components": 7, "spread": 0.2, "floor": 0.01}),
    ({}, {"kind": "vamp", "components": 7, "link": "clip", "start": "noise", "learned_weights": True}),
    ({"context": 2}, {"kind": "conditional", "hidden": [4], "activation": "gated", "bound": 2.0}),
    (
        {"posterior": "two_layer"},
        {"kind": "two_layer", "hidden": [4], "top": {"kind": "vamp", "components": 3}},
    ),
    (
        {"posterior": {"kind": "two_layer", "upper": 1}},
        {"kind": "two_layer", "top": {"kind": "mixture", "components": 3}},
    ),
]


@pytest.mark.parametrize("around, prior", ENTRIES, ids=str)
def test_a_spec_with_a_learned_prior_survives_json(around, prior):
    spec = Spec(12, 4, prior=prior, **around)
    plain = json.loads(json.dumps(spec.to_dict()))
    again = Spec.from_dict(plain)
    assert again.build() == spec.build()
    assert again.to_dict() == plain


REFUSED = [
    ({"posterior": "point"}, "vamp", "got a posterior of kind Point: set posterior to 'diagonal'"),
    ({"posterior": "full"}, "vamp", "got a posterior of kind FullGaussian"),
    ({"posterior": "two_layer"}, "vamp", "got a posterior of kind TwoLayerPosterior"),
    ({"context": 3}, "vamp", "no context for its pseudo-inputs, got a model with context = 3"),
    ({}, {"kind": "vamp", "link": "sigmoidal"}, "did you mean 'sigmoid'"),
    ({}, {"kind": "vamp", "start": "rows"}, "unknown start of prior 'vamp'"),
    ({}, {"kind": "vamp", "components": 0}, "components must be a whole number of at least 1"),
    ({}, {"kind": "mixture", "spread": 1.0}, "got spread = 1.0 and floor = 0.0001"),
    ({}, {"kind": "mixture", "floor": 0.0}, "and floor = 0.0"),
    ({}, "conditional", "got a model with context = 0"),
    (
        {"context": 2},
        {"kind": "conditional", "hidden": [0]},
        "hidden must be a list of positive whole numbers",
    ),
    ({"context": 2}, {"kind": "conditional", "hidden": [3], "activation": "tan"}, "did you mean 'tanh'"),
    ({"context": 2}, {"kind": "conditional", "bound": 0.0}, "bound must be above 0"),
    ({}, "two_layer", "needs a posterior of two layers, got DiagonalGaussian"),
    (
        {"posterior": "two_layer"},
        {"kind": "two_layer", "top": "two_layer"},
        "unknown top of prior 'two_layer'",
    ),
    (
        {"posterior": "two_layer", "context": 3},
        {"kind": "two_layer", "top": "vamp"},
        "no context for its pseudo-inputs",
    ),
    ({"posterior": "two_layer"}, {"kind": "two_layer", "top": "conditional"}, "got a model with context = 0"),
]


@pytest.mark.parametrize("around, prior, says", REFUSED, ids=[says for _, _, says in REFUSED])
def test_a_combination_that_makes_no_sense_is_refused_with_the_reason(around, prior, says):
    with pytest.raises(UsageError, match=says):
        Spec(12, 4, prior=prior, **around).build()
