"""The differentiable core runs on any array that speaks NumPy's protocols, and gives the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fake_device import FakeArray, hide
from tests.laws import label
from tests.members import EXAMPLES, cases_of_models
from vitral.core import arrays
from vitral.core.randomness import draw
from vitral.model import Batch

OPTIMISERS = [member for members in EXAMPLES["optimiser"].values() for member in members]


def test_the_fake_device_refuses_plain_arrays():
    device = hide(np.ones(3))
    for mixed in (
        lambda: device + np.ones(3),
        lambda: np.ones(3) * device,
        lambda: np.asarray(device),
        lambda: np.add(device, 1.0, out=np.ones(3)),
        lambda: np.concatenate([device, np.ones(3)]),
        lambda: device.__setitem__(0, np.ones(1)),
    ):
        with pytest.raises(TypeError):
            mixed()


def test_the_fake_device_computes_like_numpy_and_in_place():
    device = hide(np.arange(6.0).reshape(2, 3))
    row = device[1]
    row *= 2.0
    assert isinstance((np.exp(device) @ device.T).sum(axis=0), FakeArray)
    np.testing.assert_array_equal([[0.0, 1.0, 2.0], [6.0, 8.0, 10.0]], device.hidden)


@pytest.mark.parametrize("case", cases_of_models(), ids=label)
def test_loss_and_backward_stay_on_the_device_and_equal_the_host(case):
    rng = np.random.default_rng(0)
    x = rng.random((case.rows, case.model.features))
    mask = (rng.random(x.shape) < 0.5).astype(float) if case.masked else None
    context = rng.random((case.rows, case.context)) if case.context else None
    theta = 0.5 * rng.standard_normal(case.model.parameters)
    noise = draw(case.model.posterior.noise_shapes(case.samples, case.rows), rng, "float64")

    def run(theta, x, mask, context, noise):
        grad = np.zeros_like(theta)
        loss, backward = case.model.loss(
            case.model.views(theta), Batch(x, x, mask, context), noise, case.objective.at(0), case.rows
        )
        backward(case.model.views(grad))
        return loss, grad

    loss, grad = run(theta, x, mask, context, noise)
    hidden_noise = {name: hide(eps) for name, eps in noise.items()}
    device = run(hide(theta), hide(x), hide(mask), hide(context), hidden_noise)
    assert isinstance(device[0], FakeArray)
    assert float(device[0]) == float(loss)
    np.testing.assert_array_equal(grad, device[1].hidden)


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
def test_optimisers_step_on_the_device_like_on_the_host(optimiser):
    rng = np.random.default_rng(0)
    theta, grads = rng.standard_normal(50), rng.standard_normal((3, 50))
    device = hide(theta.copy())
    state, device_state = optimiser.start(theta), optimiser.start(device)
    for t, grad in enumerate(grads, start=1):
        optimiser.step(theta, grad, state, t=t, rate=0.1)
        optimiser.step(device, hide(grad), device_state, t=t, rate=0.1)
    assert all(isinstance(vector, FakeArray) for vector in device_state.values())
    np.testing.assert_array_equal(theta, device.hidden)


@pytest.mark.parametrize("case", cases_of_models()[:1] + cases_of_models()[-1:], ids=label)
def test_encoding_decoding_and_weights_stay_on_the_device(case):
    model = case.model
    p = model.views(hide(np.full(model.parameters, 0.1)))
    x = hide(np.full((3, 6), 0.5))
    mu, _ = model.encode(p, x)
    assert isinstance(model.decode(p, mu), FakeArray)
    if model.posterior.has_density:
        assert isinstance(model.log_weights(p, Batch(x, x), {"eps": hide(np.ones((2, 3, 2)))}), FakeArray)


@pytest.mark.parametrize("function", [arrays.sigmoid, arrays.softplus, lambda a: arrays.logsumexp(a, axis=0)])
def test_helpers_stay_on_the_device(function):
    assert isinstance(function(hide(np.linspace(-3.0, 3.0, 7))), FakeArray)


@pytest.mark.parametrize("make", [arrays.zeros, arrays.empty])
def test_new_arrays_are_of_the_kind_and_dtype_of_their_like(make):
    made = make((2, 3), like=hide(np.ones(1, dtype=np.float32)))
    assert isinstance(made, FakeArray)
    assert (made.dtype, made.shape) == (np.float32, (2, 3))
