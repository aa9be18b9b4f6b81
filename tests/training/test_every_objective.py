"""Every objective trains: the loop, its shards, its resume."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_loop import PLAN, SPEC, small_data
from tests.training.test_parallel import batch, gradient_of, of_rows
from vitral import specs
from vitral.core.randomness import draw, stream
from vitral.training import parallel
from vitral.training.checkpoints import Saved, load_checkpoint, save_checkpoint
from vitral.training.loop import Step, start, train

ENTRIES = {kind: {"kind": kind} for kind in specs.OBJECTIVES} | {
    "capacity": {"kind": "capacity", "capacity": {"kind": "linear", "end": 2.0, "steps": 9}, "gamma": 10.0},
    "free_bits": {"kind": "free_bits", "floor": {"kind": "cyclical", "steps": 8}, "samples": 2},
    "beta_tc": {"kind": "beta_tc", "estimate": "stratified", "train_rows": 30},
    "mmd": {"kind": "mmd", "weight": 10.0, "samples": 2},
    "stl": {"kind": "stl", "samples": 2},
    "elbo": {"kind": "elbo", "beta": {"kind": "sigmoid", "steps": 9}, "samples": 2},
}
every_objective = pytest.mark.parametrize("kind", specs.OBJECTIVES)


def prepared(kind, **changes):
    spec = replace(SPEC, posterior="point") if kind == "reconstruction" else SPEC
    plan = replace(PLAN, objective=specs.objective(ENTRIES[kind]), rate=1e-2, **changes)
    model = spec.build()
    return model, plan, start(model, model.init(5, plan.dtype), plan)


@every_objective
def test_training_lowers_the_loss(kind):
    """Measured with the weights of the end, from the first parameters to the last."""
    model, plan, state = prepared(kind, epochs=12)
    plan = replace(plan, objective=plan.objective.at(10**6))
    for _ in train(model, small_data(), plan, state, seed=5):
        pass
    losses = [record["train"]["loss"] for record in state.history]
    assert losses[-1] < losses[0]


@every_objective
def test_a_training_stopped_and_resumed_is_the_uninterrupted_one(kind, tmp_path):
    """Schedules, several samples, an average and clipping included."""
    steady = {"clip": 1.0, "average": 0.9, "shards": 2}
    model, plan, whole = prepared(kind, **steady)
    for _ in train(model, small_data(), plan, whole, seed=5):
        pass
    model, plan, state = prepared(kind, **steady)
    for event, _ in train(model, small_data(), plan, state, seed=5):
        if isinstance(event, Step) and event.step == 6:
            break
    save_checkpoint(tmp_path / "c.safetensors", Saved(state, {}))
    resumed = load_checkpoint(tmp_path / "c.safetensors").state
    for _ in train(model, small_data(), plan, resumed, seed=5):
        pass
    assert resumed.history == whole.history
    assert resumed.theta.tobytes() == whole.theta.tobytes()


@every_objective
def test_the_gradient_does_not_depend_on_the_number_of_shards(kind, monkeypatch):
    """Rows that meet are run unsharded, to the same bits; the others add up, to rounding."""
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    _, plan, _ = prepared(kind)
    model = (replace(SPEC, posterior="point") if kind == "reconstruction" else SPEC).build()
    x, objective = batch(11)[2], plan.objective.at(5)
    theta = stream(0, "theta").standard_normal(model.parameters) * 0.3
    noise = draw(model.posterior.noise_shapes(objective.samples, 11), stream(0, "n"), "float64")
    results = []
    for shards in (1, 2, 3, 20):
        loss, _, grad = gradient_of(model, theta, of_rows(x, noise, objective), shards)
        results.append((loss, grad))
    for loss, grad in results[1:]:
        if objective.whole_batch:
            assert (loss, grad.tobytes()) == (results[0][0], results[0][1].tobytes())
        else:
            assert loss == pytest.approx(results[0][0], rel=1e-11)
            np.testing.assert_allclose(grad, results[0][1], rtol=1e-9, atol=1e-12)
