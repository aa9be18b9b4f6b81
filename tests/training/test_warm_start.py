"""A training that begins with another model's parameters takes what fits, and says so when nothing does."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_loop import PLAN, SPEC, small_data
from vitral import Spec
from vitral.core.parameters import named
from vitral.errors import UsageError
from vitral.parts.objectives import ELBO
from vitral.persistence import save_model
from vitral.study.recipes import Recipe, load_recipe
from vitral.training.loop import start, train
from vitral.training.warm_start import warm_start

WIDER = replace(SPEC, latent=3)


def saved(path, spec=SPEC, seed=7):
    theta = spec.build().init(seed)
    save_model(path, spec, theta, small_data().contract.to_dict(), {}, "0")
    return theta


def test_an_equal_model_is_taken_whole(tmp_path):
    """The file's parameters, whatever the seed of the new training; best starts there too."""
    theta, plan = saved(tmp_path / "m.safetensors"), replace(PLAN, start_from=str(tmp_path / "m.safetensors"))
    model = SPEC.build()
    state = start(model, model.init(0), plan)
    np.testing.assert_array_equal(theta, state.theta)
    np.testing.assert_array_equal(theta, state.best)


def test_tensors_of_equal_name_and_shape_are_taken_and_the_others_stay():
    """Another latent size keeps the hidden layers, both biases of the output and nothing that touches z."""
    model, other = WIDER.build(), SPEC.build()
    theta, other_theta, fresh = model.init(0), other.init(7), model.init(0)
    taken = warm_start(model, theta, other, other_theta)
    here, there = named(model.shapes), named(other.shapes)
    assert [name for name in here if here[name][1] == there[name][1]] == taken
    assert {"encoder.0.W", "decoder.2.W"} <= set(taken)
    assert {"encoder.2.W", "decoder.0.W"} & set(taken) == set()
    for name, (place, _) in here.items():
        expected = other_theta[there[name][0]] if name in taken else fresh[place]
        np.testing.assert_array_equal(expected, theta[place])


def test_the_average_starts_from_the_file_as_well(tmp_path):
    theta = saved(tmp_path / "m.safetensors")
    model = SPEC.build()
    plan = replace(PLAN, start_from=str(tmp_path / "m.safetensors"), average=0.9)
    np.testing.assert_array_equal(theta, start(model, model.init(0), plan).average)


def test_a_warm_start_begins_where_the_other_training_ended(tmp_path):
    """Epoch 0 of the second is the last of the first: the same rows, the same noise, the same numbers."""
    plan, model = replace(PLAN, objective=ELBO()), SPEC.build()
    first = start(model, model.init(0), plan)
    for _ in train(model, small_data(), plan, first, seed=5):
        pass
    save_model(tmp_path / "m.safetensors", SPEC, first.theta, small_data().contract.to_dict(), {}, "0")
    again = replace(plan, start_from=str(tmp_path / "m.safetensors"))
    second = start(model, model.init(3), again)
    next(train(model, small_data(), again, second, seed=5))
    assert second.history[0]["validation"] == first.history[-1]["validation"]


def test_a_model_of_which_nothing_fits_is_refused(tmp_path):
    """One sentence, with a tensor of each; so is a file that is not there."""
    narrow = {"kind": "mlp", "hidden": [5, 5]}
    other = Spec(features=6, latent=4, encoder=narrow, decoder=narrow, likelihood="bernoulli")
    saved(tmp_path / "m.safetensors", other)
    model = SPEC.build()
    with pytest.raises(UsageError, match=r"none of the \d+ tensors of the model to start from fits this one"):
        start(model, model.init(0), replace(PLAN, start_from=str(tmp_path / "m.safetensors")))
    with pytest.raises(UsageError, match=r"training.start_from must be a model file, and there is none at"):
        start(model, model.init(0), replace(PLAN, start_from=str(tmp_path / "no.safetensors")))


def test_a_recipe_hands_the_path_to_the_plan_and_makes_it_absolute(tmp_path, monkeypatch):
    """A run resumed from another folder finds the same file."""
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("quick", ["training.start_from=m.safetensors"])
    assert recipe.plan(0).start_from == str(tmp_path / "m.safetensors")
    assert load_recipe("quick").plan(0).start_from == ""


def test_a_replay_of_the_notebook_starts_from_nothing_else():
    """Its weights are the notebook's."""
    training = {"start_from": "m", "replay": True, "dtype": "float64"}
    table = {"name": "r", "data": {"split": "notebook"}, "training": training}
    with pytest.raises(UsageError, match=r"leave training.start_from out"):
        Recipe.from_dict(table)
