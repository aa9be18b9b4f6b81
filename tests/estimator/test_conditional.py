"""p(x given y): labels of any kind, numbers beside the rows, and what is left out."""

import numpy as np
import pytest

from vitral.errors import DataError, UsageError
from vitral.estimator import ConditionalVAE

SMALL = {"hidden": (16,), "max_iter": 10, "random_state": 0}
RNG = np.random.default_rng(0)
PLACES = np.repeat([0, 1, 2], 60)
X = RNG.standard_normal((180, 3)) + np.array([[0.0, 0, 0], [6, 0, 0], [0, 6, 0]])[PLACES]


@pytest.mark.parametrize(
    "labels",
    [PLACES, PLACES * 10 - 5, np.array(["red", "green", "blue"])[PLACES], PLACES == 1, PLACES.astype(float)],
    ids=["whole", "negative", "text", "truth", "whole floats"],
)
def test_labels_of_any_kind_are_classes(labels):
    """Drawn where they lie, and known by their own names."""
    model = ConditionalVAE(2, hidden=(32,), random_state=0, max_iter=40).fit(X, labels)
    assert np.array_equal(model.classes_, np.unique(labels))
    for label in np.unique(labels):
        rows, made = model.sample(300, y=label)
        assert set(made) == {label}
        assert rows.mean(axis=0) == pytest.approx(X[labels == label].mean(axis=0), abs=1.2)
    assert set(model.sample(100)[1]) == set(np.unique(labels))


def test_numbers_beside_the_rows_in_any_unit():
    """x = y / 1000 + noise: asked for y, it draws there."""
    y = np.linspace(0.5, 10_000.5, 180)
    x = (y / 1000.0)[:, None] + 0.3 * RNG.standard_normal((180, 2))
    model = ConditionalVAE(1, hidden=(32,), random_state=0).fit(x, y)
    assert model.classes_ is None
    for wanted in (2000.0, 8000.0):
        rows, made = model.sample(500, y=wanted)
        assert rows.mean(axis=0) == pytest.approx([wanted / 1000.0] * 2, abs=0.7)
        assert set(made) == {wanted}
    assert model.score_samples(x, y).mean() > model.score_samples(x, y[::-1]).mean()


def test_several_columns_are_numbers_and_condition_overrules():
    sides = np.column_stack([PLACES, PLACES % 2])
    model = ConditionalVAE(**SMALL).fit(X, sides)
    assert model.transform(X, sides).shape == (180, 2)
    assert model.sample(4, y=[1, 1])[0].shape == (4, 3)
    assert ConditionalVAE(condition="numbers", **SMALL).fit(X, PLACES).classes_ is None
    assert len(ConditionalVAE(condition="labels", **SMALL).fit(X, PLACES + 0.5).classes_) == 3


def test_a_row_is_likelier_under_its_own_class():
    """Bayes by comparison: the class of the highest log p(x given y) is nearly always the right one."""
    model = ConditionalVAE(2, hidden=(32,), random_state=0, max_iter=40).fit(X, PLACES)
    scores = np.stack([model.score_samples(X, label) for label in range(3)])
    assert (scores.argmax(axis=0) == PLACES).mean() > 0.95


def test_codes_without_y_are_weighed_by_the_classes():
    """Far from the other classes the mixture is the code of the row's own class."""
    model = ConditionalVAE(2, hidden=(32,), random_state=0, max_iter=40).fit(X, PLACES)
    sure = np.abs(model.transform(X) - model.transform(X, PLACES)).max(axis=1)
    assert np.median(sure) < 0.05


def test_passes_know_classes_that_come_later():
    """k passes are k epochs here too; a class that was announced has share 0 until it comes."""
    model = ConditionalVAE(**{**SMALL, "max_iter": 2})
    whole = ConditionalVAE(**{**SMALL, "max_iter": 2}).fit(X, PLACES)
    passes = model.partial_fit(X, PLACES).partial_fit(X, PLACES)
    assert np.array_equal(passes.theta_, whole.theta_)
    late = ConditionalVAE(**SMALL).partial_fit(X[:120], PLACES[:120], classes=[0, 1, 2])
    assert late.contract_.context.shares == (0.5, 0.5, 0.0)
    assert np.isfinite(late.score_samples(X[:5])).all()
    late.partial_fit(X, PLACES)
    assert late.contract_.context.shares == pytest.approx((0.4, 0.4, 0.2))


@pytest.mark.parametrize(
    "y, said",
    [
        (None, "requires y to be passed"),
        (np.where(PLACES == 1, np.nan, 0.5), "NaN"),
        (np.array(["a", 1, None] * 60, dtype=object), "different kinds"),
        (PLACES[:10], "inconsistent"),
    ],
)
def test_labels_that_cannot_be_are_refused(y, said):
    with pytest.raises(ValueError, match=said):
        ConditionalVAE(**SMALL).fit(X, y)


def test_what_is_asked_later_has_to_be_known():
    model = ConditionalVAE(**SMALL).fit(X, np.array(["red", "green", "blue"])[PLACES])
    with pytest.raises(UsageError, match="'pink' is not a class of this model: choose of blue, green, red"):
        model.sample(2, y="pink")
    with pytest.raises(DataError, match="2 labels for 180 rows"):
        model.transform(X, ["red", "blue"])
    with pytest.raises(UsageError, match="no y was given"):
        model.inverse_transform(np.zeros((2, 2)))
    numbers = ConditionalVAE(**SMALL).fit(X, PLACES + 0.5)
    for call in (numbers.transform, numbers.score_samples):
        with pytest.raises(UsageError, match="give y"):
            call(X)
    with pytest.raises(DataError, match="y has shape"):
        numbers.transform(X, [1.0, 2.0])
