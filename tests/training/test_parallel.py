"""Threads map onto shards: their number changes no bit."""

import numpy as np
import pytest

from vitral import Spec
from vitral.core.randomness import draw, stream
from vitral.model import Batch
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import Adam
from vitral.training import parallel
from vitral.training.parallel import Workers

ENCODER = {"kind": "mlp", "hidden": [6], "quiet": False}
DECODER = {"kind": "mlp", "hidden": [6]}
SPEC = Spec(features=7, latent=2, encoder=ENCODER, decoder=DECODER)


def batch(rows):
    model, rng = SPEC.build(), stream(0, "test")
    x = rng.random((rows, 7))
    return model, model.init(0, "float64"), x, draw(model.posterior.noise_shapes(1, rows), rng, "float64")


def gradient(shards, threads, monkeypatch, rows=11):
    monkeypatch.setattr(parallel, "cores", lambda: threads)
    model, theta, x, noise = batch(rows)
    grad = np.full_like(theta, np.nan)
    with Workers(shards) as workers:
        assert workers.threads == min(shards, threads)
        for _ in range(3):
            loss, kl = workers.gradient(model, model.views(theta), Batch(x, x), noise, ELBO(), grad)
    return loss, kl, grad


@pytest.mark.parametrize("shards", [1, 2, 3, 11, 20])
def test_the_number_of_threads_changes_no_bit(shards, monkeypatch):
    """One, two and four threads over the same shards."""
    results = [gradient(shards, threads, monkeypatch) for threads in (1, 2, 4)]
    for loss, kl, grad in results[1:]:
        assert (loss, kl) == results[0][:2]
        assert grad.tobytes() == results[0][2].tobytes()


@pytest.mark.parametrize("shards", [2, 3, 11, 20])
def test_shards_add_up_to_the_whole_batch(shards, monkeypatch):
    """Uneven parts, one row each, more shards than rows: the gradient of the batch, to rounding."""
    whole, parts = gradient(1, 1, monkeypatch), gradient(shards, 2, monkeypatch)
    np.testing.assert_allclose(parts[2], whole[2], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(parts[:2], whole[:2], rtol=1e-12)


def test_one_shard_is_the_plain_gradient(monkeypatch):
    """No detour: forward, objective, backward."""
    model, theta, x, noise = batch(11)
    expected = np.zeros_like(theta)
    loss, backward = model.loss(model.views(theta), Batch(x, x), noise, ELBO(), 11)
    backward(model.views(expected))
    ours = gradient(1, 1, monkeypatch)
    assert ours[0] == float(loss)
    assert ours[2].tobytes() == expected.tobytes()


def test_an_overflow_in_a_thread_is_raised_where_the_batch_was_asked_for(monkeypatch):
    """NumPy's error setting belongs to a thread: every worker has to set it."""
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    model, theta, x, noise = batch(8)
    *_, head = model.views(theta).encoder
    head.b[...] = 800.0
    with Workers(2) as workers, pytest.raises(FloatingPointError):
        workers.gradient(model, model.views(theta), Batch(x, x), noise, ELBO(), np.empty_like(theta))


def test_an_optimiser_step_over_threads_is_the_step_of_the_whole(monkeypatch):
    """Slices equal the whole, bit for bit, also when the length does not divide."""
    rng = stream(0, "step")
    theta, grad = rng.standard_normal(1001), rng.standard_normal(1001)
    expected, optimiser = theta.copy(), Adam()
    slots = optimiser.start(expected)
    optimiser.step(expected, grad, slots, t=1, rate=0.1)
    for threads in (1, 2, 4):
        monkeypatch.setattr(parallel, "cores", lambda threads=threads: threads)
        ours = theta.copy()
        our_slots = optimiser.start(ours)
        with Workers(4) as workers:
            workers.step(optimiser, ours, grad, our_slots, t=1, rate=0.1)
        assert ours.tobytes() == expected.tobytes()
        assert our_slots["v"].tobytes() == slots["v"].tobytes()
