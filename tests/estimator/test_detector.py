"""PyODVAE: what PyOD's own tests of its VAE ask for, and equal seeds."""

import pickle
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

import vitral
from vitral.applications.anomaly import SCORES
from vitral.errors import DataError, MissingPackage, UsageError
from vitral.estimator import VAE

pytest.importorskip("pyod")

from pyod.models.base import BaseDetector
from pyod.utils.data import generate_data

from vitral.estimator.detector import LIKELIHOOD, PyODVAE

FLOOR = 0.8  # of the area under the curve, as in PyOD's own test
SHORT = {"steps": 60, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    """As in PyOD's test: 300 columns, a tenth outliers; training and test rows with their labels."""
    return generate_data(n_train=6000, n_test=1000, n_features=300, contamination=0.1, random_state=42)


@pytest.fixture(scope="module")
def detector(data):
    return PyODVAE(contamination=0.1, steps=300, random_state=0).fit(data[0])


@pytest.fixture(scope="module")
def few():
    return np.random.default_rng(0).normal(size=(80, 4))


def test_it_is_a_detector(detector):
    assert isinstance(detector, BaseDetector)
    assert vitral.PyODVAE is PyODVAE


def test_the_attributes_of_a_fit_are_there(detector, data):
    """decision_scores_, threshold_ and labels_, one for each training row, and a share of them outliers."""
    rows = len(data[0])
    assert detector.decision_scores_.shape == detector.labels_.shape == (rows,)
    assert set(detector.labels_.tolist()) == {0, 1}
    assert detector.labels_.sum() == pytest.approx(0.1 * rows, abs=1)
    assert np.array_equal(detector.labels_ == 1, detector.decision_scores_ > detector.threshold_)
    np.testing.assert_allclose(detector.decision_function(data[0][:50]), detector.decision_scores_[:50], rtol=1e-9)


def test_outliers_have_higher_scores(detector, data):
    _, X, _, y = data
    scores = detector.decision_function(X)
    assert scores.shape == y.shape
    assert roc_auc_score(y, scores) >= FLOOR


def test_labels_are_zero_and_one(detector, data):
    _, X, _, y = data
    labels = detector.predict(X)
    assert labels.shape == y.shape
    assert set(labels.tolist()) <= {0, 1}
    assert np.array_equal(labels == 1, detector.decision_function(X) > detector.threshold_)


@pytest.mark.parametrize("method", ["linear", "unify"])
def test_probabilities_lie_between_zero_and_one(detector, data, method):
    probabilities = detector.predict_proba(data[1], method=method)
    assert probabilities.shape == (len(data[1]), 2)
    assert probabilities.min() >= 0.0
    assert probabilities.max() <= 1.0
    with pytest.raises(ValueError, match="not a valid probability conversion"):
        detector.predict_proba(data[1], method="something")


def test_confidence_comes_with_labels_and_with_probabilities(detector, data):
    _, X, _, y = data
    labels, confidence = detector.predict(X, return_confidence=True)
    assert labels.shape == confidence.shape == y.shape
    assert confidence.min() >= 0.0
    assert confidence.max() <= 1.0
    probabilities, again = detector.predict_proba(X, method="linear", return_confidence=True)
    assert probabilities.min() >= 0.0
    assert np.array_equal(confidence, again)


def test_fit_predict_and_its_score(data, capsys):
    """Old names that PyOD still tests, and warns of."""
    _, X, _, y = data
    with pytest.warns(FutureWarning):
        assert PyODVAE(**SHORT).fit_predict(X).shape == y.shape
    for scoring in ("roc_auc_score", "prc_n_score"):
        with pytest.warns(FutureWarning):
            assert 0.0 <= PyODVAE(**SHORT).fit_predict_score(X, y, scoring=scoring) <= 1.0
    assert "roc_auc_score" in capsys.readouterr().out
    with pytest.warns(FutureWarning), pytest.raises(NotImplementedError):
        PyODVAE(**SHORT).fit_predict_score(X, y, scoring="something")


def test_a_clone_has_the_parameters_and_is_not_fitted(detector, few):
    made = clone(detector)
    assert made.get_params() == detector.get_params()
    with pytest.raises(UsageError, match="not fitted"):
        made.decision_function(few)


def test_equal_seeds_give_equal_bits_and_a_pickle_keeps_them(few):
    first, again, other = (PyODVAE(steps=60, random_state=seed).fit(few) for seed in (3, 3, 4))
    assert np.array_equal(first.decision_scores_, again.decision_scores_)
    assert not np.array_equal(first.decision_scores_, other.decision_scores_)
    read = pickle.loads(pickle.dumps(first))
    assert np.array_equal(first.decision_function(few), read.decision_function(few))


@pytest.mark.parametrize("score", SCORES)
def test_every_score_can_be_chosen(few, score):
    detector = PyODVAE(score=score, **SHORT).fit(few)
    assert np.isfinite(detector.decision_scores_).all()
    assert detector.decision_function(few + 20.0).min() > np.median(detector.decision_scores_)


def test_it_is_a_vae_with_other_defaults(few):
    """The model behind it is the estimator's, and can be had without PyOD."""
    detector = PyODVAE(random_state=5, steps=40).fit(few)
    vae = VAE(2, hidden=(64,), likelihood=LIKELIHOOD, batch_size=64, learning_rate=3e-3, random_state=5)
    vae.set_params(spec={"steps": 40, "draws": 16}).fit(few)
    assert np.array_equal(detector.vae_.theta_, vae.theta_)
    assert np.array_equal(detector.decision_function(few), vae.anomaly_score(few))


def test_what_is_wrong_is_refused(few):
    with pytest.raises(UsageError, match="unknown score 'bond'"):
        PyODVAE(score="bond").fit(few)
    with pytest.raises(ValueError, match="contamination"):
        PyODVAE(contamination=0.7)
    with pytest.raises(DataError, match="NaN"):
        PyODVAE(**SHORT).fit(np.where(few > 2.0, np.nan, few))


def test_without_pyod_the_name_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyod.models.base", None)
    monkeypatch.delitem(sys.modules, "vitral.estimator.detector")
    with pytest.raises(MissingPackage, match=r"pip install 'vitral\[pyod\]'"):
        _ = vitral.PyODVAE
