"""The certificate over the whole family: what runs for which model, what does not apply and why, and what turns red."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.checks import observations
from vitral.checks.certificate import certify
from vitral.errors import DataError
from vitral.parts.likelihoods import DiscretisedLogistic
from vitral.parts.posteriors import FullGaussian
from vitral.parts.priors import ConditionalGaussian, Mixture
from vitral.specs import LIKELIHOODS, NETWORKS, POSTERIORS, PRIORS, Spec

COLUMNS = ["gaussian", {"kind": "categorical", "classes": 3}, "bernoulli", "poisson"]
OPTIONS = {
    "categorical": {"classes": 3},
    "mixed": {"columns": 4 * COLUMNS},
    "vamp": {"components": 5},
    "gated": {"hidden": [6]},
    "mlp": {"hidden": [6]},
    "conv": {"channels": [3, 4], "hidden": [6]},
    "resnet": {"channels": [3, 4], "hidden": [6]},
}
ROWS = 12


def named(kind):
    return {"kind": kind, **OPTIONS.get(kind, {})}


def family():
    """Small specs in which every likelihood, posterior, prior and network occurs, with a context and without."""
    small = {"features": 16, "latent": 2, "encoder": named("mlp"), "decoder": named("mlp"), "image_shape": (4, 4)}
    for kind in LIKELIHOODS:
        yield f"likelihood {kind}", Spec(**small, likelihood=named(kind))
    for kind in POSTERIORS:
        if kind != "two_layer":
            yield f"posterior {kind}", Spec(**small, posterior=kind)
    for kind in PRIORS:
        context = 3 if kind == "conditional" else 0
        if kind == "two_layer":
            continue
        yield f"prior {kind}", Spec(**small, prior=named(kind), context=context)
        two_layers = {"posterior": "two_layer", "prior": {"kind": "two_layer", "top": named(kind)}}
        yield f"two layers under {kind}", Spec(**small, **two_layers, context=context)
    for kind in NETWORKS:
        of_images = small | {"encoder": named(kind), "decoder": named(kind), "features": 64, "image_shape": (8, 8)}
        of_images["latent"] = 3  # quadrature says nothing about networks, and takes longest on the largest
        yield f"network {kind}", Spec(**of_images, likelihood="bernoulli")
        yield f"network {kind} with a context", Spec(**of_images, likelihood="discretised_logistic", context=3)
    for kind in ("standard_normal", "mixture", "flow"):
        yield f"context and prior {kind}", Spec(**small | {"latent": 3}, prior=named(kind), context=3)
    for kind in ("flow", "full"):
        yield f"context and posterior {kind}", Spec(**small, posterior=kind, prior="flow", context=3)
    yield "a flow prior in five dimensions", Spec(**small | {"latent": 5}, prior="flow", likelihood="beta_binomial")


FAMILY = dict(family())


def certified(spec, seed=0):
    """The certificate of a spec with parameters off their start, on rows that its likelihood scores."""
    rng, model = np.random.default_rng(0), spec.build()
    x = observations.values(model.likelihood, rng, (ROWS, spec.features))
    theta = model.init(1, "float64", x) + 0.05 * rng.standard_normal(model.parameters)
    context = np.eye(spec.context)[np.arange(ROWS) % spec.context] if spec.context else None
    return certify(model, theta, x, seed, context=context)


@pytest.fixture(scope="module")
def certificates():
    """The certificate of every model of the family, each made once, when it is asked for."""
    found = {}
    return lambda name: found.setdefault(name, None) or found.update({name: certified(FAMILY[name])}) or found[name]


def failures(checks):
    return {check.name for check in checks if check.passed is False}


def skipped(checks):
    return {check.name: check.note for check in checks if check.measured is None}


def slow(name):
    """Pairs whose parts occur in other models too, and take seconds."""
    pair = name.startswith(("two layers under", "context and posterior")) or name == "network resnet with a context"
    return pair and name != "two layers under standard_normal"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if slow(name) else []) for name in FAMILY]
)
def test_every_member_of_the_family_is_certified_whole(certificates, name):
    """Each check runs and passes, or says why it does not apply: the same list of names for every model."""
    checks = certificates(name)
    assert failures(checks) == set()
    assert [check.name for check in checks] == [check.name for check in certificates("likelihood bernoulli")]
    assert all(note.startswith("does not apply: ") for note in skipped(checks).values())
    if FAMILY[name].posterior != "point":
        assert "importance bound falls with K" not in skipped(checks)


def test_quadrature_runs_wherever_q_has_a_width_and_two_dimensions(certificates):
    """Also for priors whose KL has no closed form: evidence needs none."""
    for name in ("prior flow", "prior mixture", "prior vamp", "prior conditional", "posterior full"):
        assert not {"ELBO - log p(x)", "importance bound against log p(x)"} & set(skipped(certificates(name)))
    for name in ("posterior point", "posterior flow", "a flow prior in five dimensions"):
        assert {"ELBO - log p(x)", "importance bound against log p(x)"} <= set(skipped(certificates(name)))


@pytest.mark.parametrize(
    "name, check, reason",
    [
        ("prior mixture", "KL by Monte Carlo", "this pair has no KL in closed form"),
        ("prior mixture", "one importance sample is the ELBO", "the KL is sampled"),
        ("posterior flow", "ELBO - log p(x)", "how wide q is"),
        ("a flow prior in five dimensions", "ELBO - log p(x)", "this model has 5"),
        ("posterior point", "draws from the prior", "trained without a prior"),
        ("posterior point", "importance bound falls with K", "no density"),
    ],
)
def test_a_check_that_does_not_apply_says_why(certificates, name, check, reason):
    assert reason in skipped(certificates(name))[check]


def test_the_shortcut_is_predicted_for_a_standard_normal_prior_alone(certificates):
    for name, words in (("likelihood bernoulli", "predicted 0."), ("prior mixture", "nothing predicted")):
        assert next(check for check in certificates(name) if check.id == "E13").note.startswith(words)


def test_a_context_of_another_length_is_refused():
    model = FAMILY["prior conditional"].build()
    with pytest.raises(DataError, match=r"one row of context for each of 30 images, got \(7, 3\)"):
        certify(model, model.init(0), np.zeros((30, 16)), context=np.zeros((7, 3)))


def shifted_component(self, p, n, rng, context=None, whole=Mixture.sample):
    return whole(self, p, n, rng) + 0.3


def another_class(self, p, n, rng, context=None, whole=ConditionalGaussian.sample):
    return whole(self, p, n, rng, context[:, ::-1])


def mass_above_one(self, p, x, o, whole=DiscretisedLogistic.terms):
    terms, backward = whole(self, p, x, o)
    return terms + 0.01, backward


def half_a_nat(self, p, h, noise, whole=FullGaussian.sample):
    q, backward = whole(self, p, h, noise)
    return q._replace(log_qz=q.log_qz + 0.5), backward


@pytest.mark.parametrize(
    "name, part, method, broken, caught_by",
    [
        ("prior mixture", Mixture, "sample", shifted_component, "draws from the prior"),
        ("prior conditional", ConditionalGaussian, "sample", another_class, "draws from the prior"),
        ("network mlp with a context", DiscretisedLogistic, "terms", mass_above_one,
         "likelihood of each entry sums to 1"),
        ("posterior full", FullGaussian, "sample", half_a_nat, "log q of a draw"),
    ],
)  # fmt: skip
def test_a_bug_planted_in_the_family_turns_the_certificate_red(monkeypatch, name, part, method, broken, caught_by):
    monkeypatch.setattr(part, method, broken)
    assert caught_by in failures(certified(FAMILY[name]))
