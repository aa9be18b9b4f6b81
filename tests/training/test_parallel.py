"""Members map onto shards: their number changes no bit, whether they are threads or processes."""

import os
from functools import partial

import numpy as np
import pytest

from vitral import Spec
from vitral.core.randomness import draw, stream
from vitral.model import Batch
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import SGD, Adam
from vitral.training import parallel
from vitral.training.loop import Plan, start
from vitral.training.parallel import Work, Workers
from vitral.training.team import team_of

ENCODER = {"kind": "mlp", "hidden": [6], "quiet": False}
DECODER = {"kind": "mlp", "hidden": [6]}
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="helpers are processes only where a process can be copied")
SPEC = Spec(features=7, latent=2, encoder=ENCODER, decoder=DECODER)


def batch(rows):
    model, rng = SPEC.build(), stream(0, "test")
    x = rng.random((rows, 7))
    return model, model.init(0, "float64"), x, draw(model.posterior.noise_shapes(1, rows), rng, "float64")


class Steps:
    """A source whose every step has the same work."""

    def __init__(self, work, **plan):
        self.made, self.plan = work, Plan(**plan)

    def work(self, step):
        return self.made


def of_rows(x, noise, objective):
    """The work of a step on all of these rows."""
    return Work(len(x), lambda part: Batch(x[part], x[part]), noise, objective)


def gradient_of(model, theta, work, shards, **plan):
    """Loss, KL and the gradient of one batch, added up over the shards."""
    state = start(model, theta.copy(), Plan(optimiser=SGD()))
    with Workers(model, Steps(work, shards=shards, optimiser=SGD(), **plan), state) as workers:
        for step in (0, 1, 2):
            loss, kl = workers.gradients(step)
        workers._team.call("add up", 3)
        return loss, kl, workers._gradients[0].copy()


def gradient(shards, members, monkeypatch, rows=11, processes=False):
    monkeypatch.setattr(parallel, "cores", lambda: members)
    monkeypatch.setattr(parallel, "team_of", partial(team_of, processes=processes))
    model, theta, x, noise = batch(rows)
    return gradient_of(model, theta, of_rows(x, noise, ELBO()), shards)


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=forks)])
@pytest.mark.parametrize("shards", [1, 2, 3, 11, 20])
def test_the_number_of_members_changes_no_bit(shards, processes, monkeypatch):
    """One, two and four threads, or processes, over the same shards."""
    results = [gradient(shards, members, monkeypatch, processes=processes) for members in (1, 2, 4)]
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


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=forks)])
def test_an_overflow_of_any_member_is_raised_where_the_batch_was_asked_for(processes, monkeypatch):
    """NumPy's error setting belongs to a thread: every member has to set it. Only the second shard overflows."""
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.setattr(parallel, "team_of", partial(team_of, processes=processes))
    model, theta, x, noise = batch(8)
    x[6] = 1e200
    with pytest.raises(FloatingPointError):
        gradient_of(model, theta, of_rows(x, noise, ELBO()), 2)


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=forks)])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_a_step_of_several_members_is_the_step_of_one(clip, processes, monkeypatch):
    """Slices equal the whole, bit for bit, average and slots too, also when the length does not divide."""
    monkeypatch.setattr(parallel, "team_of", partial(team_of, processes=processes))
    model, theta, x, noise = batch(11)
    plan = {"shards": 3, "optimiser": Adam(), "clip": clip, "average": 0.9}
    states = []
    for members in (1, 2, 3):
        monkeypatch.setattr(parallel, "cores", lambda members=members: members)
        own = theta.copy()
        state = start(model, own, Plan(**plan))
        with Workers(model, Steps(of_rows(x, noise, ELBO()), **plan), state) as workers:
            for t in (1, 2, 3):
                workers.gradients(t - 1)
                workers.step(t, 0.1)
        assert state.theta is own
        assert not np.array_equal(own, theta)
        states.append({name: array.tobytes() for name, array in state.arrays().items()})
    assert states[1] == states[2] == states[0]
