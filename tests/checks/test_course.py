"""G01: the course's worked example, against what it printed and against the recomputed full digits."""

from __future__ import annotations

import numpy as np
import pytest

from vitral.checks import course
from vitral.checks.gradient import gradient
from vitral.checks.passes import of_model
from vitral.model import Batch
from vitral.parts.objectives import ELBO

DATA = course.example()
X, EPS = np.array([DATA["input"]]), np.array([[DATA["epsilon"]]])


def test_all_three_checks_of_the_course_example_pass():
    assert [check.passed for check in course.reproduce()] == [True, True, True]


def test_the_network_has_136_parameters():
    model, theta = course.course_model(DATA)
    assert 136 == model.parameters == theta.size


@pytest.mark.parametrize("name", DATA["printed"]["forward"])
def test_every_printed_forward_value_is_reproduced_to_its_last_digit(name):
    model, theta = course.course_model(DATA)
    values = course.forward_values(model, model.views(theta), X, EPS)
    np.testing.assert_allclose(values[name].ravel(), DATA["printed"]["forward"][name], rtol=0, atol=5e-9)


def test_the_losses_are_the_printed_ones():
    losses, _ = course.losses_and_gradient(*course.course_model(DATA), X, EPS)
    assert losses["recon_loss"] == pytest.approx(31.100958927489703, abs=1e-12)
    assert losses["kl"] == pytest.approx(0.40952290104490313, abs=1e-12)
    assert losses["loss"] == pytest.approx(31.510481828534605, abs=1e-12)


def test_the_gradients_equal_the_recomputed_ones_in_full_precision():
    model, theta = course.course_model(DATA)
    _, grad = course.losses_and_gradient(model, theta, X, EPS)
    for name, (weight, bias) in course.tensors(model.views(grad)).items():
        np.testing.assert_allclose(weight.T, DATA["recomputed"]["gradients"][name]["weight"], atol=1e-12)
        np.testing.assert_allclose(bias, DATA["recomputed"]["gradients"][name]["bias"], atol=1e-12)


def test_all_136_gradients_agree_with_central_differences():
    model, theta = course.course_model(DATA)
    check = gradient(of_model(model, Batch(X, X), {"eps": EPS}, ELBO()), theta, np.random.default_rng(0))
    assert check.measured < 1e-7
    assert "136 entries" in check.note
    assert " 0 skipped" in check.note


@pytest.mark.parametrize(
    "spoil, failing",
    [
        (lambda data: data["printed"]["forward"]["z"].__setitem__(0, 0.64829780), "forward"),
        (lambda data: data["printed"]["loss"].__setitem__("kl", 0.4095229), "losses"),
        (lambda data: data["printed"]["gradients"]["fc_mu"]["bias"].__setitem__(0, 3.61), "gradients"),
        (lambda data: data["printed"]["gradients"]["fc1"]["bias"].__setitem__(7, 1e-6), "gradients"),
    ],
)
def test_a_wrong_digit_or_a_zero_that_is_none_fails_its_check(monkeypatch, spoil, failing):
    data = course.example()
    spoil(data)
    monkeypatch.setattr(course, "example", lambda: data)
    assert [f"course example, {failing}"] == [check.name for check in course.reproduce() if not check.passed]
