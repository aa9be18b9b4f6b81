"""Latent numbers and baselines against independent computations."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import vitral
from vitral.core.randomness import stream
from vitral.data import Rows, load_data
from vitral.evaluation import latent
from vitral.evaluation.baselines import fit_baselines
from vitral.evaluation.latent import active_units, codes, decoded, kl_parts, knn_accuracy, mu_shortcut


def test_pca_agrees_with_scikit_learn():
    """Squared error of 0, 2 and 10 components on unseen rows, and the reconstructions themselves."""
    data = load_data("digits")
    x, unseen = (rows.take(slice(None), "float64") for rows in (data.train, data.test))
    baselines = fit_baselines(data.train)
    assert baselines.mean_image_sse(data.test) == pytest.approx(
        ((unseen - x.mean(axis=0)) ** 2).sum(axis=1).mean()
    )
    for components in (2, 10):
        pca = PCA(components, svd_solver="full").fit(x)
        expected = pca.inverse_transform(pca.transform(unseen))
        np.testing.assert_allclose(baselines.reconstruct(unseen, components), expected, atol=1e-10)
        assert baselines.pca_sse(data.test, components) == pytest.approx(
            ((unseen - expected) ** 2).sum(axis=1).mean()
        )


@pytest.mark.parametrize("rows", [0, 1, 7, 20])
@pytest.mark.parametrize("spec", [{}, {"posterior": "point"}, {"context": 3}], ids=str)
def test_codes_and_means_by_blocks_on_several_cores_are_those_of_all_rows(spec, rows, monkeypatch):
    """No row, one block, several blocks; with a context, and for codes with more than one leading axis."""
    monkeypatch.setattr(latent, "CACHED", 6)
    model, rng = vitral.Spec(5, 2, **spec).build(), stream(0, "x")
    theta, x = model.init(0, "float64"), rng.random((rows, 5))
    context = rng.random((rows, spec["context"])) if "context" in spec else None
    mu, logvar = codes(model, theta, Rows(x, None, 1.0, context))
    expected, its_logvar = model.encode(model.views(theta), x, context)
    np.testing.assert_allclose(mu, expected, atol=1e-12)
    assert (logvar is None) == (its_logvar is None)
    if logvar is not None:
        np.testing.assert_allclose(logvar, its_logvar, atol=1e-12)
    z = np.stack([mu, mu + 1.0])
    beside = None if context is None else np.stack([context, context])
    np.testing.assert_allclose(
        decoded(model, theta, z, beside), model.decode(model.views(theta), z, beside), atol=1e-12
    )


def test_blocks_do_not_change_the_baselines(monkeypatch):
    """Sums over blocks of 100 rows are the sums over all."""
    data = load_data("digits")
    whole = fit_baselines(data.train).pca_sse(data.test, 5)
    monkeypatch.setattr("vitral.evaluation.baselines.BLOCK", 100)
    assert fit_baselines(data.train).pca_sse(data.test, 5) == pytest.approx(whole, rel=1e-10)


def test_the_kl_splits_into_location_and_width():
    """mu²/2 and (sigma² - 1 - log sigma²)/2: exactly the closed form, and zero for the prior."""
    mu, logvar = np.array([[2.0, 0.0]]), np.array([[0.0, -1.0]])
    location, width = kl_parts(mu, logvar)
    np.testing.assert_allclose(location, [2.0, 0.0])
    np.testing.assert_allclose(width, [0.0, 0.5 * np.exp(-1.0)])


def test_a_dimension_that_ignores_its_input_is_not_active():
    """Means that vary by less than 0.01 in variance do not count."""
    rng = np.random.default_rng(0)
    mu = np.stack([rng.standard_normal(500), 0.05 * rng.standard_normal(500)], axis=1)
    assert active_units(mu) == 1


def test_the_mu_shortcut_is_half_a_nat_for_a_sharp_dimension():
    """beta/2 for sigma = 0, nothing for sigma = 1 (E13)."""
    assert mu_shortcut(np.array([[-50.0, 0.0]]), 1.0) == pytest.approx(0.5)
    assert mu_shortcut(np.array([[-50.0, 0.0]]), 4.0) == pytest.approx(2.0)


def test_neighbours_vote_on_separated_codes_and_fail_on_shuffled_labels():
    """1.0 on two clouds; near chance when the labels are shuffled."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    codes = rng.standard_normal((400, 2)) + 10.0 * labels[:, None]
    assert knn_accuracy(codes[:300], labels[:300], codes[300:], labels[300:], 5) == 1.0
    shuffled = rng.permutation(labels[:300])
    assert knn_accuracy(codes[:300], shuffled, codes[300:], labels[300:], 5) < 0.7


def test_rows_of_a_set_are_not_changed_by_measuring():
    """The caller's arrays are read, never written."""
    stored = np.random.default_rng(0).random((50, 6))
    stored.flags.writeable = False
    fit_baselines(Rows(stored, None, 1.0)).pca_sse(Rows(stored, None, 1.0), 2)
