"""The notebook's random numbers and its first steps, against a literal account of what it does."""

import numpy as np
import pytest

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


class LiteralNotebook:
    """The notebook's formulas, one line each, in float64: the slow reference."""

    def __init__(self, weights):
        self.w1, self.wmu, self.wl, self.w3, self.w4 = (w.copy() for w in weights)
        hidden, latent, features = self.w1.shape[1], self.wmu.shape[1], self.w4.shape[1]
        self.b1, self.b3, self.b4 = np.zeros(hidden), np.zeros(hidden), np.zeros(features)
        self.bmu, self.bl = np.zeros(latent), np.zeros(latent)

    def step(self, x, eps, rate):
        n = len(x)
        h1 = np.maximum(0, x @ self.w1 + self.b1)
        mu, logvar = h1 @ self.wmu + self.bmu, h1 @ self.wl + self.bl
        std = np.exp(0.5 * logvar)
        z = mu + std * eps
        h3 = np.maximum(0, z @ self.w3 + self.b3)
        image = 1 / (1 + np.exp(-(h3 @ self.w4 + self.b4)))
        loss = np.sum((x - image) ** 2) / n - 0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / n
        d4 = 2 * (image - x) / n * image * (1 - image)
        d3 = (d4 @ self.w4.T) * (h3 > 0)
        dz = d3 @ self.w3.T
        dmu = dz + mu / n
        dl = dz * std * 0.5 * eps + 0.5 * (np.exp(logvar) - 1) / n
        d1 = (dmu @ self.wmu.T + dl @ self.wl.T) * (h1 > 0)
        for name, gradient in (
            ("w4", h3.T @ d4), ("b4", d4.sum(0)), ("w3", z.T @ d3), ("b3", d3.sum(0)), ("wmu", h1.T @ dmu),
            ("bmu", dmu.sum(0)), ("wl", h1.T @ dl), ("bl", dl.sum(0)), ("w1", x.T @ d1), ("b1", d1.sum(0)),
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) - rate * gradient)
        return loss


def test_the_first_twenty_steps_equal_the_notebooks_formulas():
    """Losses and every weight after 20 steps on real MNIST, to 1e-10 in float64."""
    recipe = load_recipe("notebook")
    from vitral.study.jobs import open_data

    data, model, plan = open_data(recipe), recipe.spec(2, features=784).build(), recipe.plan(0)
    sequence = Sequence((2,), (20,), len(data.train), 128, 784, 400)
    legacy = np.random.RandomState(42)
    sizes = [(784, 400), (400, 2), (400, 2), (2, 400), (400, 784)]
    reference = LiteralNotebook([legacy.randn(*size) * np.sqrt(2.0 / size[0]) for size in sizes])
    order = np.arange(48_000)
    legacy.shuffle(order)

    replay = NotebookReplay(sequence, 0)
    theta = model.init(0, "float64")
    fill(model, theta, replay.weights(), 2)
    state = start(model, theta, plan)
    state.history.append({})  # the untrained model needs no measuring here
    for event, _ in train(model, data, plan, state, seed=0, randomness=replay):
        assert isinstance(event, Step)
        batch = order[(event.step - 1) * 128 : event.step * 128]
        x = data.train.stored[batch].astype("float32") / np.float32(255.0)
        expected = reference.step(x.astype("float64"), legacy.randn(128, 2), 0.001)
        assert event.loss == pytest.approx(expected, abs=1e-10)
        if event.step == 20:
            break
    p = model.views(state.theta)
    (first, _, heads), (third, _, fourth) = p.encoder, p.decoder
    for ours, theirs in (
        (first.W, reference.w1), (heads.W, np.hstack([reference.wmu, reference.wl])), (third.W, reference.w3),
        (fourth.W, reference.w4), (first.b, reference.b1), (heads.b, np.hstack([reference.bmu, reference.bl])),
        (third.b, reference.b3), (fourth.b, reference.b4),
    ):  # fmt: skip
        assert np.abs(ours - theirs).max() < 1e-10
