"""VAEOverSampler: imbalanced-learn's own checks, every kind of rows, and that only the training fold is seen."""

import sys
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

import vitral
from vitral.errors import DataError, MissingPackage, UsageError
from vitral.estimator import VAE, ConditionalVAE

pytest.importorskip("imblearn")

from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import estimator_checks_generator

from vitral.estimator.oversampling import VAEOverSampler

SMALL = ConditionalVAE(2, hidden=(8,), max_iter=2)
TRAINED = ConditionalVAE(2, hidden=(32,), max_iter=150, learning_rate=3e-3)
X, Y = load_iris(return_X_y=True)
FEW = np.r_[0:50, 50:60, 100:120]  # 50, 10 and 20 flowers of the three kinds
CHECKS = list(estimator_checks_generator(VAEOverSampler(random_state=0, estimator=SMALL)))


@pytest.mark.parametrize("estimator, check", CHECKS, ids=[check.func.__name__ for _, check in CHECKS])
def test_imbalanced_learns_checks_pass(estimator, check):
    """Every public check for a sampler, none expected to fail; sparse rows and rows with NaN among them."""
    check(estimator)


def test_every_check_for_such_a_sampler_is_run():
    names = {check.func.__name__.removeprefix("check_samplers_") for _, check in CHECKS}
    assert names >= {"fit_resample", "sparse", "pandas", "nan"}


@pytest.fixture(scope="module")
def resampled():
    return VAEOverSampler(estimator=TRAINED, random_state=0).fit_resample(X[FEW], Y[FEW])


def test_the_rows_that_were_given_come_first_and_unchanged(resampled):
    rows, labels = resampled
    assert Counter(labels.tolist()) == {0: 50, 1: 50, 2: 50}
    np.testing.assert_array_equal(rows[: len(FEW)], X[FEW])
    np.testing.assert_array_equal(labels[: len(FEW)], Y[FEW])


def test_new_rows_are_of_their_class_and_no_copies(resampled):
    """A classifier of all 150 flowers takes four in five for what they were made as; none is a row that was given."""
    rows, labels = (part[len(FEW) :] for part in resampled)
    assert LogisticRegression(max_iter=1000).fit(X, Y).score(rows, labels) > 0.8
    gaps = np.abs(rows[:, None] - X[FEW]).max(axis=-1)
    assert gaps.min() > 0.0
    assert gaps.min(axis=1).max() < 2.0


def test_equal_seeds_give_equal_bits_and_others_do_not(resampled):
    again, _ = VAEOverSampler(estimator=TRAINED, random_state=0).fit_resample(X[FEW], Y[FEW])
    np.testing.assert_array_equal(again, resampled[0])
    other, _ = VAEOverSampler(estimator=TRAINED, random_state=1).fit_resample(X[FEW], Y[FEW])
    assert not np.array_equal(other, resampled[0])


@pytest.mark.parametrize("start", ["rows", "prior"])
@pytest.mark.parametrize("draws", [True, False, "auto"])
def test_every_way_to_make_rows(start, draws):
    sampler = VAEOverSampler(start=start, draws=draws, estimator=SMALL, random_state=0)
    rows, _ = sampler.fit_resample(X[FEW], Y[FEW])
    assert np.isfinite(rows).all()
    assert len(np.unique(rows[len(FEW) :], axis=0)) == len(rows) - len(FEW)


def test_a_class_of_one_row():
    """SMOTE needs six rows of a class; here one is enough to start from."""
    few = np.r_[0:50, 50:51]
    rows, labels = VAEOverSampler(estimator=SMALL, random_state=0).fit_resample(X[few], Y[few])
    assert Counter(labels.tolist()) == {0: 50, 1: 50}
    assert np.isfinite(rows).all()


def test_images_of_bytes_stay_bytes():
    """8-bit images as rows: whole numbers from 0 to 255, darker where the digit is dark."""
    digits, labels = load_digits(return_X_y=True)
    digits, labels = (15 * digits[labels < 2]).astype(np.uint8), labels[labels < 2]
    few = np.r_[np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:15]]
    model = ConditionalVAE(4, hidden=(64,), max_iter=40, spec={"image_shape": (8, 8)})
    rows, made = VAEOverSampler(estimator=model, draws=False, random_state=0).fit_resample(digits[few], labels[few])
    assert rows.dtype == np.uint8
    new = rows[len(few) :].astype(float)
    centres = np.stack([digits[labels == label].mean(axis=0) for label in (0, 1)])
    nearest = ((new[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == made[len(few) :]).mean() > 0.95


@pytest.fixture
def mixed():
    """A table of a number, a whole number, a category, a text and a truth value, 60 rows and 12."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    y = np.repeat(["no", "yes"], [60, 12])
    yes = y == "yes"
    table = pd.DataFrame({
        "size": rng.normal(np.where(yes, 3.0, 0.0), 1.0),
        "count": rng.integers(0, 9, 72),
        "city": pd.Categorical(np.where(yes, "Natal", "Recife"), categories=["Natal", "Olinda", "Recife"]),
        "kind": rng.choice(["a", "b"], 72),
        "open": rng.random(72) < 0.5,
    })  # fmt: skip
    return table, y


def test_categories_stay_categories(mixed):
    table, y = mixed
    model = ConditionalVAE(2, hidden=(16,), max_iter=150)
    made, labels = VAEOverSampler(estimator=model, random_state=0).fit_resample(table, y)
    assert list(made.dtypes) == list(table.dtypes)
    assert made.iloc[:72].equals(table)
    new = made.iloc[72:]
    assert set(labels[72:]) == {"yes"}
    assert len(new) == 48
    assert set(new["kind"]) <= {"a", "b"}
    assert (new["city"] == "Natal").mean() > 0.8
    assert new["size"].mean() > 1.0


def test_frames_of_numbers_keep_their_types_and_names():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"a": X[FEW, 0], "b": (10 * X[FEW, 1]).astype(np.int16)})
    made, labels = VAEOverSampler(estimator=SMALL, random_state=0).fit_resample(table, pd.Series(Y[FEW], name="kind"))
    assert list(made.dtypes) == list(table.dtypes)
    assert labels.name == "kind"
    assert len(made) == len(labels) == 150


def test_rows_with_holes_are_learned_and_new_ones_have_none():
    holed = X[FEW].copy()
    holed[::7, 2] = np.nan
    rows, _ = VAEOverSampler(estimator=SMALL, random_state=0).fit_resample(holed, Y[FEW])
    assert np.isnan(rows[: len(FEW)]).any()
    assert not np.isnan(rows[len(FEW) :]).any()


def test_bits_stay_bits_unless_means_are_asked_for():
    """A mean of bits is no bit, so "auto" draws; numbers are means, and differ from draws."""
    bits = (X[FEW] > X.mean(axis=0)).astype(float)
    made = {draws: VAEOverSampler(draws=draws, estimator=SMALL, random_state=0).fit_resample(bits, Y[FEW])[0]
            for draws in ("auto", True, False)}  # fmt: skip
    assert set(np.unique(made["auto"])) == {0.0, 1.0}
    np.testing.assert_array_equal(made["auto"], made[True])
    assert not set(np.unique(made[False])) <= {0.0, 1.0}
    numbers = [VAEOverSampler(draws=draws, estimator=SMALL, random_state=0).fit_resample(X[FEW], Y[FEW])[0]
               for draws in ("auto", False, True)]  # fmt: skip
    np.testing.assert_array_equal(numbers[0], numbers[1])
    assert numbers[1].var() < numbers[2].var()


class Watched(VAEOverSampler):
    """Notes the rows that it was given."""

    seen: ClassVar[list[np.ndarray]] = []

    def fit_resample(self, X, y, **params):
        Watched.seen.append(np.array(X))
        return super().fit_resample(X, y, **params)


def test_only_the_training_fold_is_ever_seen():
    """In a cross-validated pipeline: what a fold fits is its training rows, and nothing is made of its test rows."""
    folds = StratifiedKFold(3)
    Watched.seen = []
    pipeline = make_pipeline(Watched(estimator=SMALL, random_state=0), LogisticRegression(max_iter=1000))
    assert np.isfinite(cross_val_score(pipeline, X[FEW], Y[FEW], cv=folds)).all()
    assert len(Watched.seen) == 3
    for seen, (train, _) in zip(Watched.seen, folds.split(X[FEW], Y[FEW]), strict=True):
        np.testing.assert_array_equal(seen, X[FEW][train])


def test_held_out_rows_cannot_change_what_a_fold_learns():
    """Test rows that are moved far away leave every parameter of the fitted model as it was."""
    train, test = next(StratifiedKFold(3).split(X[FEW], Y[FEW]))
    found = []
    for shift in (0.0, 1000.0):
        rows = X[FEW].copy()
        rows[test] += shift
        pipeline = make_pipeline(VAEOverSampler(estimator=SMALL, random_state=0), LogisticRegression(max_iter=1000))
        pipeline.fit(rows[train], Y[FEW][train]).predict(rows[test])
        found.append(pipeline[0].estimator_.theta_)
    np.testing.assert_array_equal(*found)


def test_a_clone_and_a_pickle():
    import pickle

    sampler = VAEOverSampler(start="prior", estimator=SMALL, random_state=0)
    assert clone(sampler).get_params()["start"] == "prior"
    rows, _ = sampler.fit_resample(X[FEW], Y[FEW])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sampler)).fit_resample(X[FEW], Y[FEW])[0], rows)


def test_a_model_that_is_given_is_not_touched():
    model = clone(SMALL)
    VAEOverSampler(estimator=model, random_state=0).fit_resample(X[FEW], Y[FEW])
    assert not hasattr(model, "theta_")
    assert model.random_state is None


def test_what_cannot_be_resampled_is_refused(mixed):
    table, y = mixed
    cases = [
        (VAEOverSampler(estimator=VAE(2)), X[FEW], Y[FEW], UsageError, "estimator must be a ConditionalVAE, got VAE"),
        (VAEOverSampler(draws=False), table, y, UsageError, "a mean of classes is no row: leave draws out"),
        (VAEOverSampler(start="codes"), X[FEW], Y[FEW], ValueError, "'start' parameter"),
        (VAEOverSampler(sampling_strategy={0: 10}), X[FEW], Y[FEW], ValueError, "number of samples"),
    ]
    for sampler, rows, labels, error, said in cases:
        with pytest.raises(error, match=said):
            sampler.fit_resample(rows, labels)


def test_polars_frames_are_refused_with_what_to_do():
    pl = pytest.importorskip("polars")
    with pytest.raises(DataError, match=r"give X.to_pandas\(\)"):
        VAEOverSampler().fit_resample(pl.DataFrame(X[FEW]), Y[FEW])


def test_as_many_rows_as_the_other_samplers_make():
    """Every way to say how many: a share, a word, numbers."""
    binary, y = X[FEW], (Y[FEW] == 1).astype(int)
    for strategy in (0.5, "minority", {1: 33}, lambda y: {1: 20}):
        counts = []
        for sampler in (RandomOverSampler, lambda **given: VAEOverSampler(estimator=SMALL, **given)):
            _, labels = sampler(sampling_strategy=strategy, random_state=0).fit_resample(binary, y)
            counts.append(Counter(labels.tolist()))
        assert counts[0] == counts[1]


def test_without_imbalanced_learn_one_sentence_says_so(monkeypatch):
    for name in [*sys.modules]:
        if name.partition(".")[0] == "imblearn":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "imblearn", None)
    monkeypatch.delitem(sys.modules, "vitral.estimator.oversampling")
    with pytest.raises(MissingPackage, match=r"needs the package imbalanced-learn, .*pip install 'vitral\[imblearn\]'"):
        _ = vitral.VAEOverSampler
