"""New rows: where they start, what they are given, and that copies are found out."""

from dataclasses import replace

import numpy as np
import pytest

import vitral
from vitral.applications.augmentation import Points, around_rows, compared, from_prior, points_of
from vitral.core.randomness import stream
from vitral.data import Contract, conditioned
from vitral.errors import DataError


@pytest.fixture(scope="module")
def model():
    spec = vitral.Spec(features=6, latent=2, context=3, encoder={"hidden": [8]}, decoder={"hidden": [8]},
                       likelihood={"kind": "gaussian_learned", "link": "identity"})  # fmt: skip
    made = spec.build()
    theta = made.init(0)
    theta += 0.1 * np.random.default_rng(0).standard_normal(len(theta)).astype(theta.dtype)
    return made, theta


@pytest.fixture(scope="module")
def rows():
    x = np.random.default_rng(1).standard_normal((40, 6)).astype(np.float32)
    contract = Contract(6, None, "float32", 1.0, -np.inf, np.inf, "")
    made = contract.rows(x)
    return replace(made, context=np.eye(3, dtype=np.float32)[np.arange(40) % 3], labels=np.arange(40) % 3)


def test_from_the_prior_as_the_model_itself_samples(model, rows):
    """In one block the rows are those of ``Model.sample`` with the same generator, and means are decoded codes."""
    made, theta = model
    p, context = made.views(theta), rows.context[:7]
    z, x = made.sample(p, 7, stream(0, "t"), "float32", context)
    np.testing.assert_array_equal(from_prior(made, theta, 7, stream(0, "t"), context=context), x)
    means = from_prior(made, theta, 7, stream(0, "t"), context=context, draws=False)
    np.testing.assert_array_equal(means, made.decode(p, z, context))


def test_around_rows_the_means_are_those_of_codes_drawn_from_their_posterior(model, rows):
    """The mean over many draws is the decoder's mean over q(z given x_i, c), and differs from row to row."""
    made, theta = model
    p = made.views(theta)
    places = np.repeat([3, 11], 4000)
    x = around_rows(made, theta, rows, places, stream(0, "t"), draws=False).reshape(2, 4000, 6)
    batch = rows.batch(np.array([3, 11]))
    mu, logvar = made.encode(p, batch.inputs, batch.context)
    eps = np.random.default_rng(5).standard_normal((4000, 2, 2)).astype(np.float32)
    z = mu + np.exp(0.5 * logvar) * eps
    expected = made.decode(p, z, np.broadcast_to(batch.context, (4000, 2, 3)))
    error = np.sqrt((x.var(axis=1) + expected.var(axis=0)) / 4000)
    assert (np.abs(x.mean(axis=1) - expected.mean(axis=0)) < 5.0 * error + 1e-6).all()
    assert not np.allclose(x[0].mean(axis=0), x[1].mean(axis=0), atol=1e-3)


def test_draws_have_the_noise_of_the_likelihood_and_means_have_not(model, rows):
    made, theta = model
    places = np.zeros(3000, np.intp)
    draws, means = (around_rows(made, theta, rows, places, stream(0, "t"), draws=kind) for kind in (True, False))
    assert (draws.var(axis=0) > 1.5 * means.var(axis=0)).all()


def test_no_rows_are_an_empty_array(model, rows):
    made, theta = model
    assert from_prior(made, theta, 0, stream(0, "t")).shape == (0, 6)
    assert around_rows(made, theta, rows, np.empty(0, np.intp), stream(0, "t")).shape == (0, 6)


@pytest.fixture(scope="module")
def points():
    """Two classes as clouds of points: training rows, and held-out rows of the same clouds."""
    rng = np.random.default_rng(0)
    labels = np.arange(900) % 2
    x = rng.standard_normal((900, 4)) + 6.0 * labels[:, None]
    return Points(x[:600], labels[:600]), Points(x[600:], labels[600:])


def test_copies_are_found_out(points):
    train, held_out = points
    found = compared(Points(train.x[:200], train.labels[:200]), train, held_out)
    assert found.copies == 1.0
    assert found.copies_held_out == 0.0
    assert found.nearest == 0.0
    assert found.memorised
    assert found.as_asked == 1.0


def test_rows_a_hair_beside_training_rows_are_found_out(points):
    train, held_out = points
    found = compared(Points(train.x[:200] + 1e-3), train, held_out)
    assert found.copies == 0.0
    assert found.memorised
    assert found.as_asked is None


def test_new_rows_of_the_same_kind_are_no_copies(points):
    train, held_out = points
    rng = np.random.default_rng(9)
    labels = np.arange(300) % 2
    found = compared(Points(rng.standard_normal((300, 4)) + 6.0 * labels[:, None], labels), train, held_out)
    assert not found.memorised
    assert found.nearest == pytest.approx(found.nearest_held_out, rel=0.2)
    assert found.precision == pytest.approx(found.precision_held_out, abs=0.1)
    assert found.coverage == pytest.approx(found.coverage_held_out, abs=0.1)
    assert found.as_asked > 0.99


def test_noise_is_unlike_the_data_and_wrong_classes_are_seen(points):
    train, held_out = points
    far = compared(Points(np.random.default_rng(9).uniform(20.0, 30.0, (100, 4))), train, held_out)
    assert far.precision == far.coverage == 0.0
    swapped = compared(Points(held_out.x, 1 - held_out.labels), train, held_out)
    assert swapped.as_asked < 0.01
    assert swapped.as_asked_held_out > 0.99


def test_one_mode_alone_has_half_the_coverage(points):
    train, held_out = points
    found = compared(Points(held_out.x[held_out.labels == 0]), train, held_out)
    assert found.coverage <= 0.5 < found.coverage_held_out
    assert found.precision > 0.9


def test_a_few_rows_have_distances_and_no_coverage(points):
    train, held_out = points
    found = compared(Points(held_out.x[:4]), train, held_out)
    assert found.coverage is None
    assert found.nearest > 0.0
    with pytest.raises(DataError, match="two samples"):
        compared(Points(held_out.x[:1]), train, held_out)


def test_points_of_a_table_have_a_number_for_every_class():
    """Distances between rows with categories do not depend on the order in which the categories are listed."""
    from vitral.data.columns import Column

    columns = (Column("size"), Column("city", "category", "string", ("a", "b", "c")))
    contract = Contract(2, None, "float64", 1.0, -np.inf, np.inf, "", columns=columns)
    made = points_of(contract.of(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])))
    assert made.x.shape == (3, 4)
    gaps = np.linalg.norm(made.x[:, None] - made.x, axis=-1)
    assert gaps[0, 1] == gaps[0, 2] == gaps[1, 2] > 0.0


def test_digits_around_rows_are_of_the_class_of_the_row():
    """Trained for a few seconds: rows around a training row stay in its class far more often than by chance."""
    from sklearn.linear_model import LogisticRegression

    from vitral.estimator import ConditionalVAE

    data = conditioned(vitral.load_data("digits"), "labels")
    x, labels = data.train.take(slice(None)), data.train.labels
    vae = ConditionalVAE(8, hidden=(64,), max_iter=15, likelihood="gaussian_learned", random_state=0).fit(x, labels)
    judge = LogisticRegression(max_iter=500).fit(x, labels)
    wanted = np.repeat(np.arange(10), 20)
    places = np.array([np.flatnonzero(labels == label)[number % 20] for number, label in enumerate(wanted)])
    rows = vae._rows(vae._stored(x), vae.target_.numbers(labels, len(labels)))
    made = around_rows(vae.spec_.build(), vae.theta_, rows, places, stream(0, "t"), draws=False)
    assert judge.score(vae.contract_.unscaled(made), wanted) > 0.8

