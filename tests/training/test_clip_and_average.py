"""Clipped gradients and averaged parameters: what they are, and that they survive interruption and threads."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_loop import PLAN, SPEC, fresh, run, small_data
from vitral.errors import UsageError
from vitral.evaluation.likelihood import per_image
from vitral.parts.objectives import ELBO, IWAE
from vitral.parts.optimisers import PIECE, SGD, Adam, Momentum, blend, clip
from vitral.parts.schedules import Cosine, Cyclical, Stages
from vitral.study.recipes import Recipe
from vitral.training import parallel
from vitral.training.checkpoints import Saved, load_checkpoint, save_checkpoint
from vitral.training.loop import Step, start, train

STEADY = replace(PLAN, clip=0.5, average=0.9)
PLANS = {
    "average": replace(PLAN, average=0.9),
    "clip": replace(PLAN, clip=0.5),
    "everything": replace(STEADY, objective=IWAE(3), rate=Stages(1e-2, 0.5, 2, 2, 3), keep="best", shards=2),
    "cyclical beta and cosine rate": replace(
        STEADY, objective=ELBO(Cyclical(0.0, 1.0, 9, 2), samples=2), rate=Cosine(1e-2, 1e-4, 12)
    ),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_training_resumed_from_any_step_is_the_uninterrupted_one(tmp_path, plan):
    """Parameters, their average, optimiser state, history and best, equal to the bit from every step."""
    _, whole = run(plan)
    path = tmp_path / "checkpoint.safetensors"
    for stop in range(1, whole.step):
        model, state = fresh(plan)
        for event, _ in train(model, small_data(), plan, state, seed=5):
            if isinstance(event, Step) and event.step == stop:
                break
        save_checkpoint(path, Saved(state, {}))
        resumed = load_checkpoint(path).state
        for _ in train(model, small_data(), plan, resumed, seed=5):
            pass
        assert resumed.history == whole.history
        for name in ("theta", "best", "measured"):
            assert getattr(resumed, name).tobytes() == getattr(whole, name).tobytes()
        assert (resumed.average is None) == (plan.average == 0.0)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_no_bit_of_clip_and_average(threads, monkeypatch):
    """Three shards on one, two and three threads."""
    plan = replace(STEADY, shards=3)
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    _, alone = run(plan)
    monkeypatch.setattr(parallel, "cores", lambda: threads)
    _, shared = run(plan)
    assert shared.theta.tobytes() == alone.theta.tobytes()
    assert shared.average.tobytes() == alone.average.tobytes()


def thetas(plan):
    """theta after every step, and the final state."""
    model, state = fresh(plan)
    seen = [
        state.theta.copy()
        for event, _ in train(model, small_data(), plan, state, seed=5)
        if isinstance(event, Step)
    ]
    return seen, state


def test_the_average_is_the_normalised_exponential_average_of_all_steps():
    """(1 - d) Σ d^(t-s) theta_s / (1 - d^t): weights that add to 1, the first step included, the start not."""
    plan = replace(PLAN, average=0.8, dtype="float64")
    seen, state = thetas(plan)
    weights = 0.2 * 0.8 ** np.arange(len(seen))[::-1] / (1.0 - 0.8 ** len(seen))
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(np.tensordot(weights, seen, axes=1), state.average, rtol=1e-12, atol=1e-14)


def test_averaging_does_not_touch_the_steps():
    """theta walks as without it, bit for bit."""
    assert thetas(PLAN)[1].theta.tobytes() == thetas(replace(PLAN, average=0.9))[1].theta.tobytes()


def test_the_average_is_what_is_measured_and_kept():
    """The last record is that of the average; so is the result, kept last or best."""
    plan = replace(PLAN, average=0.8, objective=ELBO())
    _, state = run(plan)
    assert state.result(plan) is state.average
    values = per_image(
        SPEC.build(), state.average, small_data().validation, ELBO(), seed=5, purpose="monitor validation"
    )
    assert state.history[-1]["validation"]["loss"] == pytest.approx(values["loss"].mean(), rel=1e-12)
    assert state.history[0] == run(replace(PLAN, objective=ELBO()))[1].history[0]
    assert not np.array_equal(state.average, state.theta)
    if state.best_epoch == len(state.history) - 1:
        assert state.best.tobytes() == state.average.tobytes()
    else:
        assert state.best.tobytes() != state.theta.tobytes()


@pytest.mark.parametrize("size", [1, PIECE + 1])
def test_one_step_of_the_average_starts_at_the_parameters(size):
    """t = 1 takes theta whole, t = 2 mixes in the ratio d : 1."""
    average, theta = np.full(size, 9.0, "float32"), np.full(size, 2.0, "float32")
    blend(average, theta, 1, 0.75)
    np.testing.assert_array_equal(theta, average)
    blend(average, np.full(size, 3.0, "float32"), 2, 0.75)
    np.testing.assert_allclose(average, (0.75 * 2.0 + 3.0) / 1.75, rtol=1e-6)
    assert average.dtype == "float32"


def test_a_long_gradient_is_shortened_and_a_short_one_is_left_alone():
    """The direction stays; the length becomes the limit exactly."""
    grad = np.array([3.0, -4.0])
    clip(grad, 10.0)
    np.testing.assert_array_equal([3.0, -4.0], grad)
    clip(grad, 1.0)
    np.testing.assert_allclose(grad, [0.6, -0.8], rtol=1e-15)


def test_no_step_of_plain_gradient_descent_is_longer_than_rate_times_clip():
    """And without clipping some are: the limit is at work over all parameters together."""
    plan = replace(PLAN, optimiser=SGD(), rate=0.01, objective=ELBO(), dtype="float64")

    def longest(plan):
        seen, _ = thetas(plan)
        start_theta = fresh(plan)[1].theta
        return max(np.linalg.norm(b - a) for a, b in zip([start_theta, *seen[:-1]], seen, strict=True))

    assert longest(plan) > 0.01 * 0.7
    assert longest(replace(plan, clip=0.5)) == pytest.approx(0.005, rel=1e-9)


def test_a_limit_that_is_never_reached_changes_no_bit():
    """Clipping only ever acts on long gradients."""
    assert run(replace(PLAN, clip=1e9))[1].theta.tobytes() == run(PLAN)[1].theta.tobytes()


@pytest.mark.parametrize("optimiser", [SGD(), Momentum(), Adam()], ids=str)
def test_the_average_starts_only_when_asked_for(optimiser):
    model = SPEC.build()
    plan = replace(PLAN, optimiser=optimiser)
    assert start(model, model.init(0), plan).average is None
    state = start(model, model.init(0), replace(plan, average=0.5))
    assert state.average is not state.theta
    np.testing.assert_array_equal(state.theta, state.average)


@pytest.mark.parametrize(
    "key, value, sentence",
    [
        ("clip", -1.0, "training.clip must be a finite number of at least 0, got -1.0"),
        ("clip", float("inf"), "training.clip must be a finite number of at least 0, got inf"),
        ("clip", "much", "training.clip must be a finite number of at least 0, got 'much'"),
        ("average", 1.0, "training.average must be a number of at least 0 and below 1, got 1.0"),
        ("average", True, "training.average must be a number of at least 0 and below 1, got True"),
    ],
)
def test_limits_and_decays_that_cannot_be_are_refused(key, value, sentence):
    with pytest.raises(UsageError) as caught:
        Recipe.from_dict({"name": "r", "training": {key: value}})
    assert sentence in str(caught.value)


def test_a_recipe_hands_them_to_the_plan():
    """And a rate that follows the steps, written as a table."""
    table = {"kind": "stages", "steps": 7}
    recipe = Recipe.from_dict({"name": "r", "training": {"clip": 2, "average": 0.99, "rate": table}})
    plan = recipe.plan(0)
    assert (plan.clip, plan.average, plan.rate) == (2, 0.99, Stages(steps=7))
