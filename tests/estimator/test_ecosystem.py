"""In other people's programs: pipelines, searches, frames, and what PyOD and imbalanced-learn ask of an estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from vitral.estimator import VAE, ConditionalVAE

SMALL = {"hidden": (16,), "max_iter": 20, "random_state": 0}
X, Y = load_iris(return_X_y=True)


def test_in_a_pipeline_before_a_classifier():
    """Two numbers of iris, learned without y, tell the species better than chance; back through both steps."""
    model = make_pipeline(StandardScaler(), VAE(2, hidden=(32,), max_iter=50, random_state=0), KNeighborsClassifier())
    assert cross_val_score(model, X, Y, cv=3).mean() > 0.8
    codes = make_pipeline(StandardScaler(), VAE(2, **SMALL)).fit(X)
    assert codes.inverse_transform(codes.transform(X)).mean(axis=0) == pytest.approx(X.mean(axis=0), rel=0.15)


def test_a_grid_search_by_likelihood():
    """Higher is better: the score of a search is the mean log-likelihood of rows that were held out."""
    grid = {"n_components": [1, 2], "beta": [0.5, 1.0], "spec": [None, {"prior": {"kind": "mixture", "components": 3}}]}
    search = GridSearchCV(VAE(**{**SMALL, "max_iter": 5}), grid, cv=2).fit(X)
    assert len(search.cv_results_["mean_test_score"]) == 8
    assert search.best_estimator_.get_params()["n_components"] in (1, 2)
    assert search.score(X) == search.best_estimator_.score(X)


def test_cross_validation_of_a_density():
    assert np.isfinite(cross_val_score(VAE(**SMALL), X, cv=2)).all()
    assert np.isfinite(cross_val_score(ConditionalVAE(**SMALL), X, Y, cv=5)).all()


def test_a_clone_is_unfitted_and_shares_nothing():
    spec = {"prior": {"kind": "mixture", "components": 3}}
    fitted = VAE(spec=spec, **SMALL).fit(X)
    made = clone(fitted)
    assert made.get_params() == fitted.get_params()
    assert not hasattr(made, "theta_")
    made.spec["prior"]["components"] = 5
    assert fitted.spec["prior"]["components"] == 3


def test_in_a_column_transformer():
    """Beside another transformer, named in its output."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(kind=np.array(["x", "y", "z"])[Y])
    parts = [("codes", VAE(2, **SMALL), ["a", "b", "c"]), ("kind", OneHotEncoder(sparse_output=False), ["kind"])]
    made = ColumnTransformer(parts).set_output(transform="pandas").fit_transform(frame)
    assert list(made.columns[:3]) == ["codes__vae0", "codes__vae1", "kind__kind_x"]
    assert FeatureUnion([("one", VAE(1, **SMALL)), ("two", VAE(2, **SMALL))]).fit_transform(X).shape == (150, 3)


def test_names_of_columns_go_in_and_out():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"], index=np.arange(150) + 7)
    vae = VAE(2, **SMALL).set_output(transform="pandas").fit(frame)
    assert list(vae.feature_names_in_) == ["a", "b", "c", "d"]
    codes = vae.transform(frame)
    assert list(codes.columns) == list(vae.get_feature_names_out()) == ["vae0", "vae1"]
    assert list(codes.index) == list(frame.index)
    with pytest.raises(ValueError, match="feature names"):
        vae.transform(frame[["b", "a", "c", "d"]])


def test_what_pyod_asks_of_a_detector():
    """Higher = more abnormal, a threshold by contamination, labels 0 and 1; the floor of its own test is AUROC 0.8."""
    rng = np.random.default_rng(0)
    inliers = rng.standard_normal((600, 2)) @ rng.standard_normal((2, 20)) + 0.3 * rng.standard_normal((600, 20))
    outliers = rng.uniform(-4.0, 4.0, (60, 20))
    train, test = np.vstack([inliers[:500], outliers[:50]]), np.vstack([inliers[500:], outliers[50:]])
    truth = np.repeat([0, 1], [100, 10])
    detector = VAE(2, contamination=0.1, hidden=(32,), random_state=0, max_iter=30).fit(train)
    scores = -detector.score_samples(test)  # decision_scores_ of PyOD
    labels = (detector.predict(test) == -1).astype(int)
    assert roc_auc_score(truth, scores) > 0.95
    assert np.array_equal(labels, (scores > -detector.offset_).astype(int))
    assert (detector.predict(train) == -1).sum() == 55


def test_what_imbalanced_learn_asks_of_a_sampler():
    """Rows of a rare class, in its dtype and its order of columns, reproducible, without touching the data."""
    digits, labels = load_digits(return_X_y=True)
    digits, labels = digits[labels < 2].astype(np.float32), labels[labels < 2]
    before = digits.copy()
    model = ConditionalVAE(4, hidden=(64,), max_iter=60, random_state=0).fit(digits, labels)
    rows, made = model.sample(40, y=1)
    again, _ = model.sample(40, y=1)
    assert rows.shape == (40, 64)
    assert rows.dtype == np.float32
    assert set(made) == {1}
    assert np.array_equal(rows, again)
    assert np.array_equal(digits, before)
    centres = np.stack([digits[labels == label].mean(axis=0) for label in (0, 1)])
    nearest = ((rows[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == 1).mean() > 0.9
