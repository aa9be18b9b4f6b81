"""Sample quality: real rows look real, noise does not, copies are found, and the classifier is what it says."""

import numpy as np
import pytest
from scipy.special import comb

from vitral.core.parameters import cut
from vitral.data import Rows, load_data
from vitral.errors import DataError
from vitral.evaluation import samples as module
from vitral.evaluation.classifier import _untrained, loss, train_classifier
from vitral.evaluation.samples import (
    balls,
    memorisation,
    mmd2,
    nearest_rows,
    principal_features,
    sample_quality,
)


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module")
def classifier(digits):
    return train_classifier(digits.train, seed=0, steps=400)


def cloud(count, seed, size=8, centre=0.0):
    return centre + np.random.default_rng(seed).standard_normal((count, size))


def by_definition(real, fake, k):
    """Precision, recall, density and coverage in plain loops."""

    def reach(points):
        return [sorted(np.linalg.norm(points - point, axis=1))[k] for point in points]

    inside_real = [[np.linalg.norm(a - b) < r for b, r in zip(real, reach(real), strict=True)] for a in fake]
    inside_fake = [[np.linalg.norm(a - b) < r for a, r in zip(fake, reach(fake), strict=True)] for b in real]
    return (
        np.mean([any(row) for row in inside_real]),
        np.mean([any(row) for row in inside_fake]),
        np.sum(inside_real) / (k * len(fake)),
        np.mean(np.any(inside_real, axis=0)),
    )


@pytest.mark.parametrize("k", [1, 3])
def test_the_balls_are_those_of_the_definition(k, monkeypatch):
    """Loops over 40 real points and 25 samples give the same four numbers, in pieces of 10 as well."""
    real, fake = cloud(40, 0, 3), cloud(25, 1, 3, 0.4)
    expected = by_definition(real, fake, k)
    np.testing.assert_allclose(balls(real, fake, neighbours=k), expected, rtol=1e-12)
    monkeypatch.setattr(module, "CHUNK", 10)
    np.testing.assert_allclose(balls(real, fake, neighbours=k), expected, rtol=1e-12)


def test_two_sets_of_one_distribution_score_as_theory_says():
    """Density 1, and coverage 1 - C(N, k) / C(2N, k) of Naeem et al. 2020: within 0.05 over ten repeats."""
    scores = np.array([balls(cloud(300, seed), cloud(300, 100 + seed)) for seed in range(10)])
    exact = 1.0 - comb(300, 5) / comb(600, 5)
    assert scores[:, 2].mean() == pytest.approx(1.0, abs=0.05)
    assert scores[:, 3].mean() == pytest.approx(exact, abs=0.02)
    assert scores[:, 0].mean() == pytest.approx(scores[:, 1].mean(), abs=0.05)


def test_samples_of_a_part_are_precise_and_recall_little():
    """A narrow cloud inside a wide one: precision stays, recall and coverage fall; a far cloud has neither."""
    real = cloud(400, 0, 2)
    narrow = balls(real, 0.1 * cloud(400, 1, 2))
    assert narrow.precision > 0.98
    assert narrow.recall < 0.1
    assert narrow.coverage < 0.2
    assert tuple(balls(real, cloud(400, 1, 2, 30.0))) == (0.0, 0.0, 0.0, 0.0)


def test_precision_counts_balls_around_real_points():
    """One real outlier spoils precision and not density: its ball holds every sample, and counts once of k."""
    real = np.concatenate([cloud(60, 0, 2), [[40.0, 0.0]]])
    far = cloud(60, 1, 2, 15.0)
    found = balls(real, far, neighbours=3)
    assert found.precision > 0.9
    assert found.density < 0.4


def test_the_kernel_statistic_is_unbiased():
    """Zero on average for one distribution, over 60 pairs; positive and certain for two."""
    values = [mmd2(cloud(60, seed), cloud(60, 1000 + seed), seed=seed) for seed in range(60)]
    spread = np.std([one.value for one in values], ddof=1) / np.sqrt(60)
    assert abs(np.mean([one.value for one in values])) < 5.0 * spread
    shifted = mmd2(cloud(200, 0), cloud(200, 1, centre=0.7), seed=0)
    assert shifted.value > 5.0 * shifted.standard_error
    assert shifted.p_value == pytest.approx(1 / 501)


def test_the_p_value_of_one_distribution_is_uniform():
    """Over 100 pairs its mean is one half within five standard errors, and few are below 5%."""
    p = np.array([mmd2(cloud(40, seed), cloud(40, 500 + seed), seed=seed).p_value for seed in range(100)])
    assert abs(p.mean() - 0.5) < 5.0 / np.sqrt(12 * 100)
    assert (p < 0.05).sum() <= 13


def test_the_standard_error_of_the_kernel_statistic_is_that_of_repetition():
    """For two different distributions the spread of 80 values is what one states, within a third."""
    values = [
        mmd2(cloud(100, seed), cloud(100, 900 + seed, centre=0.6), seed=seed, swaps=1) for seed in range(80)
    ]
    ratio = np.std([one.value for one in values], ddof=1) / np.mean([one.standard_error for one in values])
    assert 0.75 < ratio < 4 / 3


def test_the_kernel_statistic_is_the_sum_of_its_definition():
    """Lemma 6 of Gretton et al. 2012 in loops, for seven points of each."""
    x, y = cloud(7, 0, 2), cloud(7, 1, 2, 0.5)
    rng = module.stream(4, "kernel statistic")
    x_, y_ = x[rng.permutation(7)], y[rng.permutation(7)]
    pooled = np.concatenate([x_, y_])
    distances = [np.linalg.norm(a - b) for i, a in enumerate(pooled) for b in pooled[:i]]
    median = np.median(np.square(distances))

    def k(a, b):
        return np.mean([np.exp(-((a - b) @ (a - b)) / (2 * w * w * median)) for w in (0.5, 1.0, 2.0)])

    terms = [
        k(x_[i], x_[j]) + k(y_[i], y_[j]) - k(x_[i], y_[j]) - k(x_[j], y_[i])
        for i in range(7)
        for j in range(7)
        if i != j
    ]
    assert mmd2(x, y, seed=4).value == pytest.approx(np.mean(terms), rel=1e-9)


def test_the_nearest_row_is_found_and_a_copy_has_distance_zero(monkeypatch):
    """Index and distance as by subtraction, in pieces of three."""
    rows, points = cloud(50, 0).astype(np.float32), cloud(9, 1).astype(np.float32)
    points[4] = rows[17]
    monkeypatch.setattr(module, "CHUNK", 3)
    index, distance = nearest_rows(points, rows)
    gaps = np.linalg.norm(points[:, None].astype(float) - rows[None].astype(float), axis=-1)
    np.testing.assert_array_equal(index, gaps.argmin(axis=1))
    np.testing.assert_allclose(distance, gaps.min(axis=1), rtol=1e-6)
    assert (index[4], distance[4]) == (17, 0.0)


def test_copies_are_found_and_new_rows_are_not():
    """Half of the samples copied from 1,000 training rows: both tests are certain; fresh rows pass both."""
    train, unseen, fresh = cloud(1000, 0), cloud(400, 1), cloud(300, 2)
    mixed = np.concatenate([fresh[:150], train[:150] + 1e-3])
    copied, honest = (memorisation(some, train, unseen) for some in (mixed, fresh))
    assert copied.auc > 0.7
    assert copied.auc_p < 1e-6
    assert copied.to_train > 0.8
    assert copied.to_train_p < 1e-6
    assert honest.expected == pytest.approx(1000 / 1400)
    assert honest.auc_p > 0.001
    assert honest.to_train_p > 0.001


def test_blur_fools_the_distance_and_not_the_share():
    """Samples in the middle of everything are near to training rows, and as near to unseen ones."""
    train, unseen = cloud(1000, 0, 30), cloud(1000, 1, 30)
    middle = memorisation(0.5 * cloud(300, 2, 30), train, unseen)
    assert middle.auc > 0.95
    assert middle.to_train_p > 0.001


def test_the_share_is_uniform_where_rows_can_be_exchanged():
    """Its p-value over 60 draws of both sets: a mean of one half or above, as ties of whole numbers make it."""
    p = [
        memorisation(cloud(60, seed), cloud(80, 200 + seed), cloud(80, 400 + seed)).to_train_p
        for seed in range(60)
    ]
    assert 0.4 < np.mean(p) < 0.7
    assert np.sum(np.array(p) < 0.05) <= 9


def test_a_row_that_is_nearest_to_everything_counts_once():
    """200 samples far out, all nearest to one training row: one row of two equal kinds, p = 1/2 exactly."""
    train, unseen = cloud(80, 0, 2), cloud(80, 1, 2)
    train[3] = 9.0
    found = memorisation(cloud(200, 2, 2, 30.0), train, unseen)
    assert (found.to_train, found.expected, found.to_train_p) == (1.0, 0.5, pytest.approx(0.5))


def test_the_gradient_of_the_classifier_is_right(digits):
    """Central differences in float64 along ten random directions, to 1e-6."""
    made = _untrained(digits.train, np.arange(10), 0)
    shapes = {"body": made.body.shapes, "head": made.head.shapes}
    theta = made.theta.astype(np.float64)
    x, answers = digits.train.take(slice(0, 9), "float64"), digits.train.labels[:9]
    gradient = np.zeros_like(theta)
    loss(made, cut(theta, shapes), x, answers)[1](cut(gradient, shapes))
    rng = np.random.default_rng(0)
    for _ in range(10):
        v = rng.standard_normal(theta.size)
        up, down = (loss(made, cut(theta + h * v, shapes), x, answers)[0] for h in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx(gradient @ v, rel=1e-5, abs=1e-8)


def test_the_classifier_learns_and_equal_seeds_give_equal_bits(digits, classifier):
    """Above 95% on unseen digits after 400 steps; the same theta again, another with another seed."""
    assert classifier.accuracy(digits.test) > 0.95
    again, other = (train_classifier(digits.train, seed=seed, steps=30).theta for seed in (0, 1))
    np.testing.assert_array_equal(again, train_classifier(digits.train, seed=0, steps=30).theta)
    assert (again != other).any()
    assert classifier.features(digits.test.take(slice(0, 5))).shape == (5, 64)
    chances = np.exp(classifier.log_probabilities(digits.test.take(slice(0, 5))))
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-5)


def test_real_rows_look_real_and_noise_does_not(digits, classifier):
    """Validation digits near the ceiling in every score; noise at zero; and no score is called anything else."""
    rng = np.random.default_rng(0)
    real = digits.validation.take(slice(None))
    noise = rng.random(real.shape, dtype=np.float32)
    train, unseen = digits.train, digits.test
    good, bad = (sample_quality(x, train, unseen, seed=0, classifier=classifier) for x in (real, noise))
    for name in ("precision", "recall", "coverage"):
        assert good[name] > 0.8, name
        assert bad[name] < 0.1, name
    assert abs(good["mmd2"]) < 0.01
    assert bad["mmd2"] > 0.1
    assert good["nearest_is_train_p"] > 0.001
    assert good["label_entropy"] == pytest.approx(good["label_entropy_of_data"], abs=0.05)
    assert sum(good["label_shares"]) == pytest.approx(1.0)
    assert bad["label_confidence"] < good["label_confidence"]
    assert good["classifier_accuracy"] > 0.95
    assert not [name for name in good if "fid" in name.split("_")]


def test_training_rows_given_as_samples_are_found_out(digits, classifier):
    """Nearest distance 0, and every nearest row a training row; the quality scores alone would praise them."""
    copies = digits.train.take(slice(0, 180))
    found = sample_quality(copies, digits.train, digits.test, seed=0, classifier=classifier)
    assert found["precision"] > 0.8
    assert found["nearest_distance"] == 0.0
    assert found["memorisation_auc"] == 1.0
    assert found["nearest_is_train"] == 1.0
    assert found["nearest_is_train_p"] < 1e-6


def test_without_labels_principal_components_serve(digits):
    """The result says which features were used, and has no classes."""
    blind = {
        name: Rows(rows.stored, None, rows.scale)
        for name, rows in (("train", digits.train), ("test", digits.test))
    }
    real = digits.validation.take(slice(None))
    found = sample_quality(real, blind["train"], blind["test"], seed=0)
    assert found["features"] == "principal components"
    assert found["precision"] > 0.8
    assert found["label_shares"] is None
    assert found["classifier_accuracy"] is None
    with pytest.raises(DataError, match="PCA"):
        train_classifier(blind["train"], seed=0)


def test_principal_features_keep_distances():
    """With as many components as numbers they are a rotation about the mean."""
    x = cloud(60, 0, 5)
    features = principal_features(Rows(x, None, 1.0), 5)(x)
    np.testing.assert_allclose(np.linalg.norm(features[3] - features[8]), np.linalg.norm(x[3] - x[8]))
    np.testing.assert_allclose(features.mean(axis=0), 0.0, atol=1e-12)


def test_too_few_rows_are_refused():
    """For every statistic, with how many there were."""
    with pytest.raises(DataError, match="got 5"):
        balls(cloud(9, 0), cloud(5, 1))
    with pytest.raises(DataError, match="got 2"):
        mmd2(cloud(2, 0), cloud(9, 1), seed=0)
    with pytest.raises(DataError, match="memorisation"):
        memorisation(cloud(1, 0), cloud(9, 1), cloud(9, 2))
