"""E16: three steps by hand, and what the laws leave open."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vitral.parts.optimisers import PIECE, SGD, Adam, Momentum

GRADIENTS = (1.0, -2.0, 0.5)


def walked(optimiser, rate=0.1):
    """theta after each of three steps from 1 with the gradients 1, -2, 0.5."""
    theta, places = np.ones(1), []
    state = optimiser.start(theta)
    for t, g in enumerate(GRADIENTS, start=1):
        optimiser.step(theta, np.array([g]), state, t=t, rate=rate)
        places.append(float(theta[0]))
    return places


def test_three_steps_of_gradient_descent_by_hand():
    assert walked(SGD()) == pytest.approx([0.9, 1.1, 1.05], abs=1e-15)


def test_three_steps_of_momentum_by_hand():
    """v = 1, -1.1, -0.49"""
    assert walked(Momentum(0.9)) == pytest.approx([0.9, 1.01, 1.059], abs=1e-15)


def test_three_steps_of_adam_by_hand():
    """m = 0.1, -0.11, -0.049; v = 0.001, 0.004999, 0.005244001, each over its own correction."""
    m, v = (0.1, -0.11, -0.049), (0.001, 0.004999, 0.005244001)
    theta, expected = 1.0, []
    for t in (1, 2, 3):
        theta -= 0.1 * (m[t - 1] / (1 - 0.9**t)) / (math.sqrt(v[t - 1] / (1 - 0.999**t)) + 1e-8)
        expected.append(theta)
    assert walked(Adam()) == pytest.approx(expected, abs=1e-14)
    assert expected[0] == pytest.approx(0.9, abs=1e-8)


@pytest.mark.parametrize("optimiser", [SGD(), Momentum(), Adam()], ids=str)
@pytest.mark.parametrize("size", [1, PIECE - 1, PIECE, PIECE + 1])
def test_every_number_is_stepped_once_whatever_the_length(optimiser, size):
    """Equal starts and gradients give equal results at every index, at the ends of pieces as well."""
    theta = np.ones(size, "float32")
    state = optimiser.start(theta)
    for t in (1, 2):
        optimiser.step(theta, np.full(size, 0.5, "float32"), state, t=t, rate=0.1)
    assert len(np.unique(theta)) == 1
    assert theta[0] != 1.0


@pytest.mark.parametrize("optimiser", [SGD(), Momentum(), Adam()], ids=str)
def test_a_step_writes_into_theta_and_leaves_the_gradient_alone(optimiser):
    theta, grad = np.ones(5, "float32"), np.full(5, 2.0, "float32")
    grad.flags.writeable = False
    state = optimiser.start(theta)
    assert optimiser.step(theta, grad, state, t=1, rate=0.1) is None
    assert (theta != 1.0).all()
    assert all(vector.dtype == "float32" and vector.shape == (5,) for vector in state.values())


def test_the_first_step_of_adam_has_the_size_of_the_rate_whatever_the_gradient():
    theta = np.zeros(3)
    adam = Adam()
    adam.step(theta, np.array([1e-3, 1.0, -1e3]), adam.start(theta), t=1, rate=0.01)
    np.testing.assert_allclose(theta, [-0.01, -0.01, 0.01], rtol=1e-4)
