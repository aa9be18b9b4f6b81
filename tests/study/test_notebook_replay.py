"""The notebook's random numbers and its first steps, against a literal account of what it does."""

from itertools import islice

import numpy as np
import pytest

from tests.reference.notebook import NotebookVAE
from vitral.core.parameters import named
from vitral.study.jobs import open_data
from vitral.study.notebook import NotebookReplay, Sequence, fill
from vitral.study.recipes import load_recipe
from vitral.training.loop import Step, start, train

SMALL = Sequence(latents=(2, 3), epochs=(2, 1), rows=20, batch=8, features=6, hidden=5)


def cell_by_cell(sequence):
    """Every draw of the notebook in its order, from one legacy generator seeded with 42."""
    legacy = np.random.RandomState(42)
    models = []
    for index, (latent, epochs) in enumerate(zip(sequence.latents, sequence.epochs, strict=True)):
        sizes = [(sequence.features, sequence.hidden), (sequence.hidden, latent), (sequence.hidden, latent),
                 (latent, sequence.hidden), (sequence.hidden, sequence.features)]  # fmt: skip
        drawn = {"weights": [legacy.randn(*size) * np.sqrt(2.0 / size[0]) for size in sizes], "epochs": []}
        for _ in range(epochs):
            order = np.arange(sequence.rows)
            legacy.shuffle(order)
            batches = [order[i : i + sequence.batch] for i in range(0, sequence.rows, sequence.batch)]
            drawn["epochs"].append((order, [legacy.randn(len(batch), latent) for batch in batches]))
        if index == 0:
            legacy.normal(size=(20, latent))
        models.append(drawn)
    return models


@pytest.mark.parametrize("index", [0, 1])
def test_the_replay_draws_what_the_notebook_drew(index):
    """Weights, shuffles and noise of either model, to the bit."""
    expected = cell_by_cell(SMALL)[index]
    replay = NotebookReplay(SMALL, index)
    for ours, theirs in zip(replay.weights().values(), expected["weights"], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    step = 0
    for epoch, (order, noises) in enumerate(expected["epochs"]):
        np.testing.assert_array_equal(replay.order(epoch, SMALL.rows), order)
        for noise in noises:
            shapes = {"eps": (1, *noise.shape)}
            np.testing.assert_array_equal(replay.noise(step, shapes, "float64")["eps"][0], noise)
            step += 1


def test_the_replay_goes_on_from_any_step():
    """A resumed run asks for the middle first: what lies before is drawn and dropped."""
    order, noises = cell_by_cell(SMALL)[0]["epochs"][1]
    replay = NotebookReplay(SMALL, 0)
    replay.weights()
    np.testing.assert_array_equal(replay.order(1, SMALL.rows), order)
    np.testing.assert_array_equal(replay.noise(3 + 2, {"eps": (1, 4, 2)}, "float64")["eps"][0], noises[2])


def test_the_global_generator_is_not_touched():
    """Users' own legacy streams go on as if nothing had happened."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002  (reading the state is the point)
    NotebookReplay(SMALL, 1).weights()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_the_recipe_is_the_notebooks(tmp_path):
    """631,188 parameters, 448.73 nats of constant, 375 steps an epoch, float64, plain SGD."""
    recipe = load_recipe("notebook")
    model = recipe.spec(2, features=784).build()
    assert model.parameters == 631_188
    assert model.likelihood.constant(784) == pytest.approx(448.73, abs=0.005)
    plan = recipe.plan(0)
    assert (plan.epochs, plan.batch, plan.rate, plan.dtype) == (20, 128, 0.001, "float64")
    assert [recipe.epochs(index) for index in range(3)] == [20, 10, 10]


def test_the_first_twenty_steps_equal_the_notebooks_formulas():
    """The recipe on real MNIST, shards and all: losses and every weight after 20 steps, to 1e-10 in float64."""
    recipe = load_recipe("notebook")
    data, model, plan = open_data(recipe), recipe.spec(2, features=784).build(), recipe.plan(0)
    reference = NotebookVAE(784, 400, 2, np.random.RandomState(42))
    pixels = data.train.stored[:].astype("float32") / np.float32(255.0)
    batches = reference.batches(pixels, 128)

    replay = NotebookReplay(Sequence((2,), (20,), len(data.train), 128, 784, 400), 0)
    theta = model.init(0, "float64")
    fill(model, theta, replay.weights(), 2)
    state = start(model, theta, plan)
    state.history.append({})  # the untrained model needs no measuring here
    for event, _ in islice(train(model, data, plan, state, seed=0, randomness=replay), 20):
        assert isinstance(event, Step)
        x = batches[event.step - 1].astype("float64")
        expected, _, _ = reference.step(x, reference.noise(len(x)), plan.rate)
        assert event.loss == pytest.approx(expected, abs=1e-10)
    assert state.step == 20
    ours, theirs = np.zeros(model.parameters), reference.weights
    heads = {kind: np.concatenate([theirs[f"{kind}_mu"], theirs[f"{kind}_logvar"]], axis=-1) for kind in "Wb"}
    expected = {
        "encoder.0.W": theirs["W1"], "encoder.0.b": theirs["b1"],
        "encoder.2.W": heads["W"], "encoder.2.b": heads["b"],
        "decoder.0.W": theirs["W3"], "decoder.0.b": theirs["b3"],
        "decoder.2.W": theirs["W4"], "decoder.2.b": theirs["b4"],
    }  # fmt: skip
    for name, (where, shape) in named(model.shapes).items():
        ours[where] = expected[name].reshape(-1)
        assert expected[name].shape == shape
    assert np.abs(state.theta - ours).max() < 1e-10
