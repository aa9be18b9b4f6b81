"""The gradient checker itself: what it rejects, what it skips, and what it leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

from tests.members import small_model
from vitral.checks import passes
from vitral.checks.bugs import ZOO
from vitral.checks.gradient import TOLERANCE, compare, directional, gradient, prepared
from vitral.core.randomness import draw
from vitral.model import Batch
from vitral.parts.layers import Affine, Chain, ReLU
from vitral.parts.objectives import ELBO


def cubic(w, scale=1.0):
    """f = Σ w³ and its derivative, times ``scale``."""
    return lambda: (float((w**3).sum()), ()), {"w": scale * 3.0 * w**2}


def model_pass(rows=3):
    rng = np.random.default_rng(5)
    model = small_model("gaussian_learned")
    x = rng.random((rows, 6))
    noise = draw(model.posterior.noise_shapes(2, rows), rng, "float64")
    theta = 0.5 * rng.standard_normal(model.parameters)
    return passes.of_model(model, Batch(x, x), noise, ELBO()), theta


def test_the_checker_accepts_a_right_gradient():
    w = np.array([0.5, -2.0, 3.0])
    value, claimed = cubic(w)
    assert compare(value, {"w": w}, claimed)[0].worst < 1e-8


@pytest.mark.parametrize("scale", [1.001, 0.999])
def test_the_checker_rejects_a_gradient_wrong_by_one_part_in_a_thousand(scale):
    w = np.array([0.5, -2.0, 3.0])
    value, claimed = cubic(w, scale)
    assert compare(value, {"w": w}, claimed)[0].worst > TOLERANCE


def test_one_wrong_entry_among_many_is_enough():
    w = np.linspace(0.5, 2.0, 50)
    value, claimed = cubic(w)
    claimed["w"][17] *= 1.001
    assert compare(value, {"w": w}, claimed)[0].worst > TOLERANCE


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_gradient_that_is_not_a_number_is_infinitely_wrong(wrong):
    w = np.ones(3)
    value, claimed = cubic(w)
    claimed["w"][1] = wrong
    assert np.inf == compare(value, {"w": w}, claimed)[0].worst


def test_the_planted_error_of_one_per_mille_is_rejected_inside_a_layer():
    bug = next(bug for bug in ZOO if bug.id == "Z22")
    rng = np.random.default_rng(0)
    part = passes.of_layer(bug.broken.layer, rng.standard_normal((2, 3, 3)))
    check = gradient(part, rng.standard_normal(16), rng)
    assert not check.passed
    assert check.measured == pytest.approx(5e-4, rel=0.01)


def test_an_entry_whose_step_crosses_a_kink_is_skipped_and_counted():
    x = np.array([[[1e-6, 1.0, -1.0]]])
    rng = np.random.default_rng(0)
    check = gradient(passes.of_layer(ReLU(), x), np.zeros(0), rng)
    assert check.passed
    assert "2 entries of 1 tensors, 1 skipped at kinks" in check.note


def test_kinks_inside_a_chain_are_seen():
    """A bias of 1e-6 puts a ReLU input next to zero; its own step and no other crosses."""
    chain = Chain((Affine(1, 2), ReLU(), Affine(2, 1)))
    theta = np.array([0.0, 1.0, 1e-6, 1.0, 1.0, 1.0, 0.0])
    check = gradient(passes.of_layer(chain, np.ones((1, 1, 1))), theta, np.random.default_rng(0))
    assert check.passed
    assert " 2 skipped at kinks" in check.note


def test_a_tensor_of_which_nothing_could_be_checked_is_not_passed():
    x = np.full((1, 1, 2), 1e-7)
    check = gradient(passes.of_layer(ReLU(), x), np.zeros(0), np.random.default_rng(0))
    assert not check.passed


def test_a_function_that_is_not_differentiable_at_the_point_would_fail_without_the_skip():
    """At 1e-6 the central difference of a ReLU is about 0.55, not 1: skipping is needed, not a courtesy."""
    w = np.array([1e-6])
    found = compare(lambda: (float(np.maximum(w, 0.0).sum()), ()), {"w": w}, {"w": np.ones(1)})
    assert found[0].worst > 0.2


def test_rounding_of_a_large_function_is_not_taken_for_an_error():
    """1e6 + w: the difference quotient is good to about 1e-5, and the floor knows."""
    w = np.array([0.3])
    found = compare(lambda: (1e6 + float(1e-3 * w.sum()), ()), {"w": w}, {"w": np.array([1e-3])})
    assert found[0].worst < TOLERANCE


def test_the_tensors_are_left_bit_for_bit_as_found():
    part, theta = model_pass()
    before = theta.copy()
    gradient(part, theta, np.random.default_rng(0))
    directional(part, theta, np.random.default_rng(0))
    np.testing.assert_array_equal(before, theta)


def test_the_directional_check_accepts_the_model_and_rejects_one_part_in_a_thousand(monkeypatch):
    part, theta = model_pass()
    rng = np.random.default_rng(1)
    assert directional(part, theta, rng).passed
    slightly_wrong = Affine.forward

    def forward(self, p, x):
        y, backward = slightly_wrong(self, p, x)
        return y, lambda dy, g, wanted=True: backward(1.001 * dy, g)

    monkeypatch.setattr(Affine, "forward", forward)
    assert not directional(part, theta, rng).passed


def test_chosen_entries_touch_every_tensor():
    part, theta = model_pass()
    check = gradient(part, theta, np.random.default_rng(0), entries=2)
    assert "17 entries of 9 tensors" in check.note


def test_parts_under_examination_cannot_write_into_what_they_are_given():
    """x, theta and the upstream gradients are handed over read-only."""
    seen = {}

    class Spy(Affine):
        def forward(self, p, x):
            y, backward = super().forward(p, x)
            seen["x"], seen["theta"] = x.flags.writeable, p.W.flags.writeable

            def watched(dy, g, wanted=True):
                seen["dy"], seen["grad"] = dy.flags.writeable, g.W.flags.writeable
                return backward(dy, g)

            return y, watched

    rng = np.random.default_rng(0)
    prepared(passes.of_layer(Spy(2, 3), rng.standard_normal((1, 2, 2))), np.zeros(9), rng)
    assert seen == {"x": False, "theta": False, "dy": False, "grad": True}


def test_upstream_gradients_are_not_ones():
    """A softmax backward that forgets its coupling passes upstream ones: the sum of its outputs is constant."""

    class Softmax(ReLU):
        def forward(self, p, x):
            y = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
            return y, lambda dy, g, wanted=True: np.zeros_like(x)

    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 1, 4))
    ones_agree = compare(lambda: (float(Softmax().forward(None, x)[0].sum()), ()), {"x": x}, {"x": np.zeros_like(x)})
    assert ones_agree[0].worst < TOLERANCE
    assert not gradient(passes.of_layer(Softmax(), x), np.zeros(0), rng).passed
