"""Scores of anomalies: what they are made of, what they promise, and the failure that is known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import vitral
from vitral.applications import anomaly
from vitral.applications.anomaly.calibration import Calibration
from vitral.core.randomness import stream
from vitral.data import load_data
from vitral.errors import DataError, UsageError
from vitral.estimator import VAE
from vitral.evaluation.likelihood import log_px_by_row, per_image
from vitral.parts.objectives import ELBO

COLUMNS = 6
CODES = ("rate", "latent", "neighbours")  # scores of the code alone


def table(rows, seed):
    """Two factors behind six columns, and a little noise."""
    rng = stream(seed, "table")
    mixing = stream(0, "mixing").normal(size=(2, COLUMNS))
    return rng.normal(size=(rows, 2)) @ mixing + 0.1 * rng.normal(size=(rows, COLUMNS))


@pytest.fixture(scope="module")
def vae():
    likelihood = {"kind": "gaussian_learned", "link": "identity"}
    made = VAE(2, hidden=(16,), likelihood=likelihood, learning_rate=1e-2, random_state=0, spec={"steps": 600})
    return made.fit(table(400, 1))


@pytest.fixture(scope="module")
def model(vae):
    return vae.spec_.build(), vae.theta_


def rows_of(vae, X):
    return vae._rows(X)


def scored(vae, kind, X, **options):
    usual = rows_of(vae, table(300, 2)) if kind in anomaly.RELATIVE else None
    model, theta = vae.spec_.build(), vae.theta_
    return anomaly.scorer(model, theta, kind, usual=usual, **options)(rows_of(vae, X))


@pytest.mark.parametrize("kind", anomaly.SCORES)
def test_a_score_is_a_function_of_its_row(vae, kind):
    """Other rows, their order and their number change nothing but rounding; equal seeds give equal bits."""
    X = table(60, 3)
    whole = scored(vae, kind, X)
    assert whole.shape == (60,)
    assert whole.dtype == np.float64
    order = stream(0, "order").permutation(60)
    np.testing.assert_allclose(scored(vae, kind, X[order]), whole[order], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scored(vae, kind, X[7:9]), whole[7:9], rtol=1e-9, atol=1e-9)
    assert np.array_equal(whole, scored(vae, kind, X))


@pytest.mark.parametrize("kind", [kind for kind in anomaly.SCORES if kind not in (*CODES, "relative_error")])
def test_rows_off_the_plane_of_the_others_are_odder(vae, kind):
    """Noise of its variance instead of structure: every score but those of the code alone sees it."""
    X = table(200, 4)
    noise = stream(5, "noise").normal(size=X.shape) * X.std(axis=0)
    scores = scored(vae, kind, np.concatenate([X, noise]))
    assert roc_auc_score(np.repeat([0, 1], 200), scores) > 0.9


@pytest.mark.parametrize("kind", ["rate", "latent", "neighbours", "bound", "states"])
def test_rows_that_are_far_along_the_plane_are_odder(vae, kind):
    """Four times too large, and nothing else wrong: the code knows."""
    X = table(200, 4)
    scores = scored(vae, kind, np.concatenate([X, 4.0 * X]))
    assert roc_auc_score(np.repeat([0, 1], 200), scores) > 0.8


def test_the_scores_are_what_their_names_say(vae, model):
    """bound = -ELBO with the same draws, likelihood = -log p_hat; the bound lies above; distortion + rate = bound."""
    rows = rows_of(vae, table(50, 6))
    seen = anomaly.evidence(*model, rows)
    for kind, bound in (("bound", True), ("likelihood", False)):
        expected = -log_px_by_row(*model, rows, samples=anomaly.DRAWS, seed=0, bound=bound)
        np.testing.assert_allclose(scored(vae, kind, table(50, 6)), expected, rtol=1e-9)
    np.testing.assert_array_equal(scored(vae, "reconstruction", table(50, 6)), seen.distortion)
    assert (seen.distortion + seen.rate >= seen.surprise).all()
    at_mean = per_image(*model, rows, ELBO(), seed=0, purpose="", at_mean=True)
    np.testing.assert_allclose(seen.error, at_mean["sse"], rtol=1e-9)
    many = anomaly.evidence(*model, rows, draws=4000)
    np.testing.assert_allclose(many.rate, at_mean["kl"], atol=0.15)


def test_the_estimator_s_score_is_the_scorer_s(vae):
    X = table(40, 7)
    for kind in ("bound", "typicality"):
        usual = table(300, 2) if kind in anomaly.RELATIVE else None
        expected = scored(vae, kind, X, seed=vae.seed_)
        assert np.array_equal(expected, vae.anomaly_score(X, kind, usual=usual))


def test_contributions_sum_to_the_distortion(vae, model):
    rows, usual = rows_of(vae, table(50, 8)), rows_of(vae, table(80, 9))
    added = anomaly.contributions(*model, rows)
    assert added.shape == (50, COLUMNS)
    np.testing.assert_allclose(anomaly.evidence(*model, rows).distortion, added.sum(axis=1), rtol=1e-9)
    beyond = anomaly.contributions(*model, rows, usual)
    known = anomaly.evidence(*model, usual).distortion.mean()
    np.testing.assert_allclose(beyond.sum(axis=1) + known, added.sum(axis=1), rtol=1e-9)


def test_what_was_not_observed_contributes_nothing():
    X = table(200, 10)
    X[stream(0, "holes").random(X.shape) < 0.2] = np.nan
    vae = VAE(2, hidden=(8,), missing="model", random_state=0, spec={"steps": 50}).fit(X)
    rows = vae._rows(X)
    added = anomaly.contributions(vae.spec_.build(), vae.theta_, rows)
    assert (added[np.isnan(X)] == 0.0).all()
    assert np.isfinite(vae.anomaly_score(X, "error")).all()


def test_the_column_that_was_spoiled_is_named(vae, model):
    """One of six columns is replaced by that of another row, three deviations off: it adds most in most rows."""
    rng, X = stream(11, "spoil"), table(200, 12)
    column = rng.integers(0, COLUMNS, 200)
    X[np.arange(200), column] += rng.choice([-3.0, 3.0], 200) * X.std(axis=0)[column]
    added = anomaly.contributions(*model, rows_of(vae, X), rows_of(vae, table(300, 2)))
    assert (added.argmax(axis=1) == column).mean() > 0.6


def test_false_alarms_are_as_rare_as_promised():
    """Over many calibrations the mean share of normal rows with p <= a is at most a, and near it."""
    rng = stream(0, "conformal")
    for fpr in (0.01, 0.05, 0.2):
        shares = []
        for _ in range(400):
            known = anomaly.calibration(rng.standard_cauchy(199))
            fresh = rng.standard_cauchy(200)
            alarms = known.p_values(fresh) <= fpr + 1e-12
            assert np.array_equal(alarms, fresh > known.threshold(fpr))
            shares.append(alarms.mean())
        error = 5.0 * np.std(shares) / np.sqrt(len(shares))
        assert fpr - error - 1 / 200 < np.mean(shares) < fpr + error


def test_p_values_count_what_is_at_least_as_odd():
    known = Calibration(np.array([1.0, 2.0, 2.0, 3.0]))
    np.testing.assert_allclose(known.p_values(np.array([0.0, 2.0, 2.5, 9.0])), [1.0, 0.8, 0.4, 0.2])


def test_too_few_rows_promise_nothing():
    known = anomaly.calibration(np.arange(18.0))
    with pytest.raises(DataError, match="needs at least 19 held-out normal rows, got 18"):
        known.threshold(0.05)
    assert anomaly.calibration(np.arange(19.0)).threshold(0.05) == 18.0
    with pytest.raises(DataError, match="got none"):
        anomaly.calibration(np.empty(0))
    with pytest.raises(DataError, match="NaN"):
        anomaly.calibration(np.array([1.0, np.nan]))


def test_a_quota_is_met():
    scores = stream(0, "quota").normal(size=1000)
    assert (scores > anomaly.share_threshold(scores, 0.05)).sum() == 50
    with pytest.raises(UsageError, match=r"at most 0\.5"):
        anomaly.share_threshold(scores, 0.6)


def test_what_cannot_be_scored_is_refused(vae, model):
    with pytest.raises(UsageError, match="unknown score 'elbow'"):
        vae.anomaly_score(table(3, 0), "elbow")
    with pytest.raises(UsageError, match="relative to usual rows"):
        vae.anomaly_score(table(3, 0), "latent")
    with pytest.raises(DataError, match="at least 5 usual rows, got 3"):
        vae.anomaly_score(table(3, 0), "neighbours", usual=table(3, 0))
    with pytest.raises(UsageError, match="draws must be"):
        anomaly.evidence(*model, rows_of(vae, table(3, 0)), draws=0)
    spec = {"posterior": "point", "objective": "reconstruction"}
    plain = VAE(2, hidden=(4,), max_iter=1, spec=spec, random_state=0).fit(table(50, 0))
    with pytest.raises(UsageError, match="its only scores are"):
        plain.anomaly_score(table(3, 0))
    assert plain.anomaly_score(table(3, 0), "error").shape == (3,)


def test_steps_stand_for_passes():
    """As many passes as come nearest to the steps that were asked for, and at least one."""
    short = {"hidden": (4,), "batch_size": 64, "random_state": 0}
    assert [VAE(spec={"steps": steps}, **short).fit(table(200, 0)).n_iter_ for steps in (1, 10, 12)] == [1, 2, 3]
    with pytest.raises(UsageError, match="steps must be"):
        VAE(spec={"steps": 0}, **short).fit(table(200, 0))


def blurred(images):
    """The mean of every pixel and its four neighbours, four times."""
    for _ in range(4):
        moved = [np.roll(images, by, axis) for axis in (1, 2) for by in (1, -1)]
        images = (images + sum(moved)) / 5
    return images


@pytest.fixture(scope="module")
def foreign():
    """The packaged model of handwritten digits, digits that it has not seen, and images that are none."""
    tiny, data = vitral.load("tiny"), load_data("mnist")
    own = data.test.stored[:500]
    smooth = blurred(own.reshape(-1, 28, 28).astype(float)).reshape(len(own), -1)
    images = {"reconstructions": 255.0 * tiny.reconstruct(own), "blurred": smooth, "blank": np.zeros(own.shape)}
    images = {name: np.clip(made, 0, 255).astype(np.uint8) for name, made in images.items()}
    return tiny, data.train.stored[:1500], own, images


def test_the_error_of_an_image_grows_with_its_ink_and_the_relative_error_less(foreign):
    """The digits 1 lie below the others in squared error; the relative error narrows the gap."""
    tiny, _, own, _ = foreign
    rows = tiny.rows(own)
    seen, ink = anomaly.evidence(tiny.model, tiny.theta, rows), rows.take(slice(None), "float64").sum(axis=1)
    size = np.sqrt((tiny.reconstruct(own).astype(np.float64) ** 2).sum(axis=1))
    np.testing.assert_allclose(seen.size, size, rtol=1e-5)
    relative = anomaly.scorer(tiny.model, tiny.theta, "relative_error")(rows)
    np.testing.assert_allclose(relative, seen.error / size, rtol=1e-5)
    with_error, with_relative = (np.corrcoef(ink, each)[0, 1] for each in (seen.error, relative))
    assert with_relative < 0.8 * with_error


@pytest.mark.parametrize("name, least", [("reconstructions", 0.95), ("blurred", 0.8), ("blank", 0.65)])
def test_a_likelihood_rates_foreign_images_higher_and_a_two_sided_score_does_not(foreign, name, least):
    """What has no detail is likelier than any digit, and yet odd: "states" sees it (docs/anomaly.md)."""
    tiny, usual, own, images = foreign
    rows, answer = np.concatenate([own, images[name]]), np.repeat([0, 1], len(own))

    def found(kind):
        usually = tiny.rows(usual) if kind in anomaly.RELATIVE else None
        return roc_auc_score(answer, anomaly.scorer(tiny.model, tiny.theta, kind, usual=usually)(tiny.rows(rows)))

    for kind in ("bound", "likelihood", "error"):
        assert found(kind) < 0.25
    assert found("states") > least
