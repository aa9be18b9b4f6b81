"""The loop: resumed from anywhere it is the same loop, bit for bit; it stops when it must."""

from dataclasses import replace

import numpy as np
import pytest

from vitral import Spec
from vitral.data import Contract, Data, Rows
from vitral.errors import TrainingDiverged, UsageError
from vitral.evaluation.likelihood import per_image
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import SGD, Adam, Momentum
from vitral.parts.schedules import Linear
from vitral.training.checkpoints import Saved, load_checkpoint, refuse_another, save_checkpoint
from vitral.training.loop import Epoch, Plan, Step, start, train


def small_data(rows=50, features=7):
    x = np.random.default_rng(0).random((rows, features))
    parts = [Rows(x[a:b], None, 1.0) for a, b in ((0, 30), (30, 40), (40, 50))]
    return Data("small", "random", *parts, Contract(features, None, "float64", 1.0, 0.0, 1.0, "unit"))


SPEC = Spec(features=7, latent=2, encoder={"kind": "mlp", "hidden": [6]}, decoder={"kind": "mlp", "hidden": [6]})
PLAN = Plan(epochs=3, batch=8, objective=ELBO(beta=Linear(0.0, 1.0, 9)), rate=Linear(1e-2, 1e-3, 12))


def fresh(plan, seed=5):
    model = SPEC.build()
    return model, start(model, model.init(seed, plan.dtype), plan)


def run(plan, seed=5):
    model, state = fresh(plan, seed)
    events = [event for event, _ in train(model, small_data(), plan, state, seed=seed)]
    return events, state


@pytest.mark.parametrize("optimiser", [SGD(), Momentum(), Adam()], ids=["sgd", "momentum", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_training_resumed_from_any_step_is_the_uninterrupted_one(tmp_path, optimiser, dtype):
    """Parameters, optimiser state, history and best parameters, equal to the bit from every step."""
    plan = replace(PLAN, optimiser=optimiser, dtype=dtype)
    _, whole = run(plan)
    path = tmp_path / "checkpoint.safetensors"
    for stop in range(1, whole.step):
        model, state = fresh(plan)
        for event, _ in train(model, small_data(), plan, state, seed=5):
            if isinstance(event, Step) and event.step == stop:
                break
        save_checkpoint(path, Saved(state, {"recipe": "r"}))
        resumed = load_checkpoint(path).state
        for _ in train(model, small_data(), plan, resumed, seed=5):
            pass
        assert resumed.theta.tobytes() == whole.theta.tobytes()
        assert resumed.best.tobytes() == whole.best.tobytes()
        assert resumed.history == whole.history
        assert all(resumed.slots[name].tobytes() == slot.tobytes() for name, slot in whole.slots.items())


def test_another_recipe_is_refused_at_resume(tmp_path):
    """What differs is named, key by key, and what is equal is not."""
    _, state = run(PLAN)
    save_checkpoint(tmp_path / "c.safetensors", Saved(state, {"recipe": {"rate": 1.0, "sizes": (2, 3)}}))
    asked = {"recipe": {"rate": 2.0, "sizes": (2, 3)}, "data": 1}
    with pytest.raises(UsageError, match=r"another run: recipe.rate was 1.0 and is 2.0; data was null and is 1: put"):
        refuse_another(tmp_path, load_checkpoint(tmp_path / "c.safetensors").asked, asked)


def test_every_step_and_every_epoch_is_an_event():
    """4 steps an epoch (the last batch is short), an epoch record after each, one before the first."""
    events, state = run(PLAN)
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 13))
    assert [event.record["epoch"] for event in events if isinstance(event, Epoch)] == [0, 1, 2, 3]
    assert [event.last for event in events if isinstance(event, Epoch)] == [False, False, False, True]
    assert state.history[0]["running"] is None


def test_equal_seeds_give_equal_bits_and_other_seeds_do_not():
    """The whole training is a function of the seed."""
    assert run(PLAN)[1].theta.tobytes() == run(PLAN)[1].theta.tobytes()
    assert run(PLAN, seed=6)[1].theta.tobytes() != run(PLAN)[1].theta.tobytes()


def test_shards_give_the_same_gradient_steps():
    """Three shards of a batch of eight: the same training up to rounding in float64."""
    plan = replace(PLAN, dtype="float64")
    np.testing.assert_allclose(
        run(plan)[1].theta, run(replace(plan, shards=3))[1].theta, rtol=1e-9, atol=1e-12
    )


def test_validation_is_measured_like_training():
    """The monitored training rows and validation go through one function: equal rows give equal means."""
    data = small_data()
    same = replace(data, validation=data.train)
    model, state = fresh(PLAN)
    for _ in train(model, same, PLAN, state, seed=5):
        pass
    record = state.history[-1]
    objective = PLAN.objective.at(state.step)
    for split in ("train", "validation"):
        values = per_image(model, state.theta, data.train, objective, seed=5, purpose=f"monitor {split}")
        assert record[split]["loss"] == pytest.approx(values["loss"].mean(), abs=1e-12)


def test_the_running_mean_is_the_mean_over_batches():
    """As the notebook averages: every batch counts once, the short one too."""
    events, state = run(PLAN)
    losses = [event.loss for event in events if isinstance(event, Step) and event.epoch == 1]
    assert state.history[1]["running"]["loss"] == pytest.approx(np.mean(losses), rel=1e-12)


def test_the_loss_leaves_the_constant_of_a_fixed_variance_out():
    """loss + constant = -ELBO when beta is 1: loss is summed squared error plus KL for variance 1/2."""
    model = replace_likelihood("gaussian_fixed").build()
    values = per_image(model, model.init(0, "float64"), small_data().train, ELBO(), seed=0, purpose="x")
    constant = 3.5 * np.log(np.pi)
    np.testing.assert_allclose(values["loss"] + constant, -values["elbo"], rtol=1e-12)
    np.testing.assert_allclose(values["loss"], values["sse"] + values["kl"], rtol=1e-9)


def replace_likelihood(kind):
    return replace(SPEC, likelihood=kind)


def test_keep_best_returns_the_epoch_with_the_lowest_validation_loss():
    """A rate so high that it gets worse: the kept parameters are an earlier epoch's."""
    plan = replace(PLAN, epochs=6, rate=0.5, objective=ELBO(), keep="best")
    _, state = run(plan)
    losses = [record["validation"]["loss"] for record in state.history]
    assert state.best_epoch == int(np.argmin(losses))
    model = SPEC.build()
    again = per_image(
        model, state.result(plan), small_data().validation, ELBO(), seed=5, purpose="monitor validation"
    )
    assert again["loss"].mean() == pytest.approx(min(losses), rel=1e-6)


def test_patience_ends_the_training():
    """No better validation loss for two epochs: the epoch says that it is the last."""
    plan = replace(PLAN, epochs=50, rate=0.5, objective=ELBO(), patience=2)
    events, state = run(plan)
    assert len(state.history) - 1 == state.best_epoch + 2 < 50
    assert events[-1].last


def test_a_bad_number_in_the_data_is_named_by_step_and_term():
    """No mean over finite batches only: the first batch that meets the NaN stops the training."""
    data = small_data()
    model, state = fresh(PLAN)
    events = train(model, data, PLAN, state, seed=5)
    next(events)  # the untrained model is measured on whole numbers
    data.train.stored[5, 2] = np.nan
    with pytest.raises(TrainingDiverged, match=r"step [1-4]: kl is not finite"):
        list(events)
    model, state = fresh(PLAN)
    with pytest.raises(TrainingDiverged, match=r"step 0: train loss is not finite"):
        next(train(model, data, PLAN, state, seed=5))


def test_an_overflow_in_the_network_is_named_by_its_term():
    """A log-variance of 300 overflows float32: the KL is the first term that is not finite."""
    plan = replace(PLAN, objective=ELBO())
    model, state = fresh(plan)
    *_, head = model.views(state.theta).encoder
    events = train(model, small_data(), plan, state, seed=5)
    next(events)
    head.b[...] = 300.0
    with pytest.raises(TrainingDiverged, match=r"step 1: kl is not finite") as caught:
        list(events)
    assert (caught.value.step, caught.value.term) == (1, "kl")


def test_a_rate_that_explodes_is_caught_without_a_warning():
    """Warnings are errors here, so an overflow that escaped would fail this test."""
    plan = replace(PLAN, epochs=40, rate=1e12, optimiser=SGD(), objective=ELBO())
    with pytest.raises(TrainingDiverged):
        run(plan)
