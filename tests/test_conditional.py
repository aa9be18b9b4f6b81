"""A conditional model: what it is given, what it keeps of its classes, and what it refuses."""

import json
import struct

import numpy as np
import pytest

import vitral
from vitral.checks.certificate import certify
from vitral.core.randomness import draw, stream
from vitral.data import Condition, Contract, conditioned, load_data
from vitral.errors import DataError, UsageError
from vitral.evaluation.latent import codes
from vitral.evaluation.likelihood import log_px_hat, per_image
from vitral.model import Batch
from vitral.parts.objectives import ELBO
from vitral.persistence import save_model
from vitral.study import pictures
from vitral.study.jobs import jobs, open_data
from vitral.study.recipes import load_recipe
from vitral.training.loop import start, train

CHANGES = ["model.context=labels", "model.latents=[2]", "model.autoencoders=[]", "training.epochs=12",
           "training.seeds=1", "model.encoder.hidden=[24]", "model.decoder.hidden=[24]"]  # fmt: skip


def trained_on(recipe):
    """Job, data and theta of the first model of a recipe."""
    data = open_data(recipe)
    job = jobs(recipe, data)[0]
    model = job.spec.build()
    state = start(model, model.init(0, data=data.train.take(slice(None))), job.plan)
    for _ in train(model, data, job.plan, state, seed=0):
        pass
    return job, data, state.theta


def stored(folder, job, data, theta):
    """The model, saved and loaded."""
    path = folder / "model.safetensors"
    save_model(path, job.spec, theta, data.contract.to_dict(), {}, vitral.__version__)
    return vitral.load(path)


@pytest.fixture(scope="module")
def trained():
    return trained_on(load_recipe("digits", CHANGES))


@pytest.fixture(scope="module")
def model(trained, tmp_path_factory):
    return stored(tmp_path_factory.mktemp("model"), *trained)


@pytest.fixture(scope="module")
def test_rows(trained):
    return trained[1].test


@pytest.fixture
def side_file(tmp_path):
    """Forty rows that are what their side information says, and a little noise."""
    rng = np.random.default_rng(0)
    side = rng.standard_normal((400, 3)).astype(np.float32)
    rows = 0.5 + 0.1 * side @ rng.standard_normal((3, 6)) + 0.01 * rng.standard_normal((400, 6))
    np.savez(tmp_path / "sided.npz", x=np.clip(rows, 0.0, 1.0), side=side)
    return str(tmp_path / "sided.npz")


def test_labels_become_one_number_of_one_in_the_order_of_the_classes():
    """Classes need not begin at 0 or follow each other."""
    condition = Condition.of_labels(np.array([7, 3, 3, 12]))
    assert condition.classes == (3, 7, 12)
    assert condition.shares == (0.5, 0.25, 0.25)
    np.testing.assert_array_equal(condition.numbers((3,), label=[12, 3, 7]), np.eye(3)[[2, 0, 1]])
    np.testing.assert_array_equal(condition.numbers((2,), label=7), np.eye(3)[[1, 1]])
    np.testing.assert_array_equal(condition.numbers((2, 4), label=12), np.broadcast_to(np.eye(3)[2], (2, 4, 3)))


def test_encoder_decoder_and_every_part_of_the_data_see_the_context(trained):
    """Each part of the data has the context of its own labels; both networks have rows of weights for it."""
    job, data, _ = trained
    for rows in data.parts().values():
        np.testing.assert_array_equal(rows.context.argmax(axis=1), rows.labels)
        np.testing.assert_array_equal(rows.context.sum(axis=1), np.ones(len(rows)))
    assert job.spec.context == 10
    assert job.spec.build().shapes["encoder"]["0"]["W"] == (64 + 10, 24)
    assert job.spec.build().shapes["decoder"]["0"]["W"] == (2 + 10, 24)


def test_the_label_matters_more_than_chance(trained):
    """The true labels explain the test rows better than labels that belong to other rows."""
    job, data, theta = trained
    built, objective = job.spec.build(), ELBO()
    right = per_image(built, theta, data.test, objective, seed=0, purpose="test")["elbo"]
    moved = data.test.__class__(data.test.stored, None, data.test.scale, np.roll(data.test.context, 1, axis=0))
    wrong = per_image(built, theta, moved, objective, seed=0, purpose="test")["elbo"]
    gap = right - wrong
    assert gap.mean() > 5.0 * gap.std(ddof=1) / np.sqrt(len(gap))


def test_evaluation_is_given_the_context(trained):
    """The ELBO and log p(x) of the evaluation are those of the model run by hand on the same context and noise."""
    job, data, theta = trained
    built, few = job.spec.build(), data.test.select(slice(0, 5))
    batch = few.batch(slice(None))
    assert batch.context is not None
    noise = draw(built.posterior.noise_shapes(1, 5), stream(0, "test", 0), "float32")
    terms, _, _ = built.run(built.views(theta), batch, noise)
    measured = per_image(built, theta, few, ELBO(), seed=0, purpose="test")["elbo"]
    np.testing.assert_allclose(measured, (terms.log_px[0] - terms.kl.sum(axis=-1)), rtol=1e-6)
    without = few.__class__(few.stored, None, few.scale, np.zeros_like(few.context))
    assert not np.allclose(log_px_hat(built, theta, few, samples=5, seed=0),
                           log_px_hat(built, theta, without, samples=5, seed=0))  # fmt: skip


def test_one_label_and_one_a_row_give_the_same_codes_and_images(model, test_rows):
    """label=3 is label=[3, 3, ...]; the codes are those of the evaluation on the labels of the data."""
    x = test_rows.stored[:6]
    np.testing.assert_array_equal(model.encode(x, label=3), model.encode(x, label=np.full(6, 3)))
    mu, _ = codes(model.model, model.theta, test_rows)
    np.testing.assert_allclose(model.encode(x, label=test_rows.labels[:6]), mu[:6], atol=1e-6)
    z = model.encode(x, label=3)
    np.testing.assert_array_equal(model.decode(z, label=3), model.reconstruct(x, label=3))
    assert not np.allclose(model.decode(z, label=3), model.decode(z, label=8))
    grid = model.decode(z.reshape(2, 3, 2), label=[[1, 2, 3], [4, 5, 6]])
    np.testing.assert_allclose(grid[1, 2], model.decode(z[5:], label=6)[0], atol=1e-6)


def test_a_context_may_lie_between_two_classes(model):
    """Numbers instead of a label: half a 3 and half an 8."""
    halves = np.zeros(10)
    halves[[3, 8]] = 0.5
    between = model.decode(np.zeros((1, 2)), context=halves)
    assert not np.allclose(between, model.decode(np.zeros((1, 2)), label=3))
    np.testing.assert_array_equal(
        model.decode(np.zeros((1, 2)), context=np.eye(10)[3]), model.decode(np.zeros((1, 2)), label=3)
    )


def test_samples_without_a_label_have_the_classes_of_the_training_rows(model):
    """What is drawn is drawn from the model: the label first, as often as it was seen."""
    condition = model.contract.context
    labels = condition.drawn(50_000, stream(0, "labels"))
    for share, label in zip(condition.shares, condition.classes, strict=True):
        assert abs((labels == label).mean() - share) < 5.0 * np.sqrt(share * (1.0 - share) / len(labels))
    drawn = model.prior_means(40, seed=5)
    np.testing.assert_allclose(
        drawn, model.prior_means(40, seed=5, label=condition.drawn(40, stream(5, "labels"))), atol=1e-6
    )
    assert not np.allclose(drawn, model.prior_means(40, seed=5, label=3))


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"label": 11}, "11 is not a class of this model: choose of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ({"label": 2.5}, "2.5 is not a class"),
        ({"label": [1, 2]}, r"labels of shape \(2,\) do not fit rows of shape \(4,\)"),
        ({}, "this model is conditional, and no label was given: choose of its classes 0, 1"),
        ({"label": 1, "context": np.eye(10)[1]}, "give label or context, not both"),
        ({"context": np.zeros(3)}, "a context of this model is 10 numbers"),
        ({"context": np.full(10, np.nan)}, "not finite"),
    ],
)
def test_a_context_that_does_not_fit_is_refused(model, given, sentence):
    for use in (model.encode, model.reconstruct):
        with pytest.raises((UsageError, DataError), match=sentence):
            use(np.zeros((4, 64), np.uint8), **given)
    with pytest.raises((UsageError, DataError), match=sentence):
        model.decode(np.zeros((4, 2)), **given)


def test_a_label_on_a_model_without_context_is_refused():
    with pytest.raises(UsageError, match="this model is not conditional: leave label and context out"):
        vitral.load("tiny").sample(3, label=3)


def test_data_without_what_is_asked_for_is_refused(tmp_path):
    """No labels, no side information, and names that do not exist."""
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((40, 6)))
    data = load_data(str(tmp_path / "rows.npy"))
    with pytest.raises(DataError, match="'labels' needs labels, and data 'rows' has none"):
        conditioned(data, "labels")
    with pytest.raises(DataError, match="'side' needs side information, and data 'rows' has none"):
        conditioned(data, "side")
    with pytest.raises(UsageError, match="did you mean 'labels'"):
        load_recipe("digits", ["model.context=label"])


def test_a_class_that_training_never_saw_is_refused(tmp_path):
    """The place is named: a model has no row of weights for it."""
    labels = np.zeros(40, int)
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).random((40, 6)), y=labels)
    data = load_data(str(tmp_path / "rows.npz"))
    data.test.labels[...] = 4
    with pytest.raises(DataError, match=r"rows \(test\): 4 is not a class of this model: choose of 0"):
        conditioned(data, "labels")


@pytest.mark.parametrize("side, words", [
    (np.zeros(40), "side information"), (np.zeros((39, 2)), "side information"),
    (np.zeros((40, 0)), r"'side' .* shape \(40, 0\), which holds nothing"),
    (np.full((40, 2), np.nan), "side information"), (np.full((40, 2), "a"), "side information"),
])  # fmt: skip
def test_side_information_that_is_not_numbers_a_row_is_refused(tmp_path, side, words):
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).random((40, 6)), side=side)
    with pytest.raises(DataError, match=words):
        load_data(str(tmp_path / "rows.npz"))


def test_side_information_is_a_context_of_its_own(side_file, tmp_path):
    """Trained with it, saved, loaded and asked: the decoder follows what it is given."""
    changes = [*CHANGES[1:], f"data.name={json.dumps(side_file)}", "model.context=side", "training.epochs=60"]
    job, data, theta = trained_on(load_recipe("digits", changes))
    model = stored(tmp_path, job, data, theta)
    assert model.contract.context == Condition("side", 3)
    rows = data.test
    np.testing.assert_array_equal(rows.context, rows.side)
    error = np.abs(model.prior_means(len(rows), context=rows.side) - rows.take(slice(None))).mean()
    shuffled = np.abs(model.prior_means(len(rows), context=rows.side[::-1]) - rows.take(slice(None))).mean()
    assert error < 0.5 * shuffled
    with pytest.raises(UsageError, match="not on labels: give context, 3 numbers a row"):
        model.sample(2, label=1)
    with pytest.raises(UsageError, match="no side information was given: give context, 3 numbers a row"):
        model.sample(2)


def test_side_information_is_not_looked_at_unless_it_is_asked_for(side_file):
    """An unconditional model on the same file sees the rows alone."""
    data = open_data(load_recipe("digits", [f"data.name={json.dumps(side_file)}", "model.latents=[2]"]))
    assert data.train.batch(slice(0, 2)).context is None
    assert data.contract.context is None


def test_the_file_of_a_model_keeps_its_classes(model, trained):
    assert model.contract == trained[1].contract
    assert model.classes == tuple(range(10))
    assert sum(model.contract.context.shares) == pytest.approx(1.0)
    assert vitral.load("tiny").classes == ()


def test_a_file_from_before_there_were_contexts_loads(tmp_path, trained):
    """The two newer keys of a contract may be missing."""
    job, data, theta = trained
    path = tmp_path / "old.safetensors"
    entries = {key: value for key, value in data.contract.to_dict().items() if key not in ("bits", "context")}
    save_model(path, job.spec, theta, entries, {}, "0.1.0")
    header = path.read_bytes()
    facts = json.loads(json.loads(header[8 : 8 + struct.unpack("<Q", header[:8])[0]])["__metadata__"]["vitral"])
    assert "context" not in facts["contract"]
    assert vitral.load(path).contract == Contract.from_dict(entries)
    assert vitral.load(path).contract.context is None


def test_the_pictures_of_a_study_are_those_of_each_row_s_own_class(trained, model):
    """Reconstructions and interpolations decode with the labels of the rows; samples go through the classes."""
    job, data, theta = trained
    arrays = pictures.of_model(job.spec.build(), theta, data, seed=0, tsne_rows=40)
    x, labels = data.test.stored[:10], data.test.labels[:10]
    np.testing.assert_allclose(arrays["reconstructions"], model.reconstruct(x, label=labels), atol=1e-6)
    pair = pictures.interpolation_pairs(data)[0]
    ends = model.reconstruct(data.test.stored[pair], label=data.test.labels[pair])
    np.testing.assert_allclose(arrays["interpolation"][0][[0, -1]], ends, atol=1e-6)
    z = model.model.prior.sample(None, 40, stream(0, "figure prior"))
    np.testing.assert_allclose(arrays["prior_means"], model.decode(z, label=np.arange(40) % 10), atol=1e-5)
    assert "grid_linear" not in arrays


def test_every_row_of_the_classes_has_the_same_z(trained, model):
    """What changes down a column is the class alone."""
    job, _, theta = trained
    made = pictures.of_classes(job.spec.build(), theta, np.eye(10, dtype="float32"), 4, seed=2)
    z = model.model.prior.sample(None, 4, stream(2, "classes"))
    for label in (0, 7):
        np.testing.assert_allclose(made[label], model.decode(z, label=label), atol=1e-5)


def test_the_certificate_of_a_conditional_model_is_whole(trained):
    """Every check of a two-dimensional model runs, quadrature included, and passes."""
    job, data, theta = trained
    batch = data.test.batch(slice(0, 30), "float64")
    checks = certify(job.spec.build(), theta, batch.inputs, context=batch.context)
    assert [check.name for check in checks if check.passed is False] == []
    assert sum(check.passed is True for check in checks) == 25


def test_the_evidence_of_the_certificate_is_that_of_the_row_s_own_class(trained):
    """The importance bound with the right context meets log p(x given c); with another context it does not."""
    from vitral.checks import bounds

    job, data, theta = trained
    built, batch = job.spec.build(), data.test.batch(slice(0, 2), "float64")
    p = built.views(theta.astype("float64"))
    exact = bounds.evidences(built, p, batch.inputs, batch.context)
    noise = draw(built.posterior.noise_shapes(4000, 2), stream(0, "test"), "float64")
    bound = bounds.importance_bound(built.log_weights(p, batch, noise))
    np.testing.assert_allclose(bound, [one.log_px for one in exact], atol=0.3)
    moved = bounds.evidences(built, p, batch.inputs, batch.context[::-1])
    assert np.abs(bound - [one.log_px for one in moved]).max() > 1.0


def test_the_gradient_reaches_the_weights_of_the_context(trained):
    """The rows of W that belong to the classes in the batch move, and those of absent classes do not."""
    job, data, theta = trained
    built, batch = job.spec.build(), data.train.batch(slice(0, 3))
    noise = draw(built.posterior.noise_shapes(1, 3), stream(0, "test"), "float32")
    grad = np.zeros_like(theta)
    loss, backward = built.loss(built.views(theta), batch, noise, ELBO(), 3)
    backward(built.views(grad))
    seen = set(data.train.labels[:3].tolist())
    for part, first in (("encoder", 64), ("decoder", 2)):
        rows = next(iter(getattr(built.views(grad), part))).W[first:]
        moved = {label for label in range(10) if np.abs(rows[label]).max() > 0.0}
        assert moved == seen
    without = built.loss(built.views(theta), Batch(batch.inputs, batch.inputs, context=0 * batch.context), noise,
                         ELBO(), 3)  # fmt: skip
    assert float(without[0]) != float(loss)
