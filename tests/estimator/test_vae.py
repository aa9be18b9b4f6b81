"""The estimator's promises that scikit-learn's checks do not ask for."""

import logging

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from vitral.errors import DataError, UsageError, VitralError
from vitral.estimator import VAE, rows

SMALL = {"hidden": (8,), "max_iter": 3, "random_state": 0}


def table(rows=150, features=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, 2)) @ rng.standard_normal((2, features)) + 10.0


def test_passes_are_epochs():
    """k calls of partial_fit with the same rows end with the bits of fit with max_iter=k."""
    X, passes = table(), VAE(**SMALL)
    for _ in range(3):
        passes.partial_fit(X)
    whole = VAE(**SMALL).fit(X)
    assert np.array_equal(passes.theta_, whole.theta_)
    assert passes.loss_curve_ == pytest.approx(whole.loss_curve_)
    assert passes.n_iter_ == 3


def test_passes_take_other_rows_and_keep_the_scaling():
    """The first rows fix the units; fit may begin what passes go on with, and neither touches what it had before."""
    X = table(200)
    vae = VAE(**SMALL).fit(X[:100])
    before, location = vae.theta_.copy(), vae.contract_.location
    earlier = vae.theta_
    vae.partial_fit(X[100:])
    assert vae.contract_.location == location
    assert np.array_equal(earlier, before)
    assert not np.array_equal(vae.theta_, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_computes_in_the_dtype_of_its_rows(dtype):
    X = table().astype(dtype)
    vae = VAE(**SMALL).fit(X)
    for made in (vae.theta_, vae.transform(X), vae.reconstruct(X), vae.sample(2)):
        assert made.dtype == dtype
    assert vae.score_samples(X).dtype == np.float64


def test_equal_seeds_give_equal_bits_and_others_do_not():
    X = table()
    first, again, other = (VAE(**{**SMALL, "random_state": seed}).fit(X) for seed in (7, 7, 8))
    assert np.array_equal(first.theta_, again.theta_)
    assert not np.array_equal(first.theta_, other.theta_)
    assert np.array_equal(first.sample(5), again.sample(5))
    assert not np.array_equal(first.sample(5), first.sample(5, random_state=1))
    source = np.random.RandomState(3)
    assert not np.array_equal(first.sample(5, random_state=source), first.sample(5, random_state=source))


def test_numpys_generators_are_refused_as_everywhere_in_scikit_learn():
    with pytest.raises(ValueError, match="random_state"):
        VAE(**{**SMALL, "random_state": np.random.default_rng(0)}).fit(table())


def test_results_are_in_the_units_of_the_data():
    """Rows about 10 with a spread of 1, in metres or in micrometres."""
    X = table(400)
    vae = VAE(**{**SMALL, "max_iter": 40}).fit(1e6 * X)
    assert vae.reconstruct(1e6 * X).mean(axis=0) == pytest.approx(1e6 * X.mean(axis=0), rel=0.05)
    assert vae.sample(2000).std(axis=0) == pytest.approx(1e6 * X.std(axis=0), rel=0.35)
    assert vae.inverse_transform(vae.transform(1e6 * X)) == pytest.approx(vae.reconstruct(1e6 * X))


def test_outliers_are_found():
    """Rows off the plane of the others, at unremarkable values of every single column."""
    X = table(500)
    odd = X[:20][:, ::-1]
    vae = VAE(2, hidden=(32,), random_state=0, max_iter=200).fit(X)
    assert (vae.predict(odd) == -1).mean() > 0.8
    assert (vae.predict(X) == -1).mean() < 0.1


@pytest.mark.parametrize("share", [0.02, 0.25])
def test_contamination_is_the_share_that_is_flagged(share):
    X = table(400)
    assert (VAE(contamination=share, **SMALL).fit_predict(X) == -1).mean() == pytest.approx(share, abs=0.003)


def test_a_warm_start_goes_on_from_the_parameters():
    """And without it a second fit begins anew."""
    X = table()
    cold = VAE(**SMALL).fit(X)
    once = cold.theta_.copy()
    assert np.array_equal(cold.fit(X).theta_, once)
    warm = VAE(warm_start=True, **SMALL).fit(X).fit(X)
    assert warm.loss_curve_[:3] == cold.loss_curve_
    assert len(warm.loss_curve_) == 6
    assert warm.loss_curve_[3] < warm.loss_curve_[0]


def test_the_rule_of_auto():
    """Bits, images, tables."""
    bits = (table() > 10.0).astype(int)
    kinds = {
        "bernoulli": VAE(**SMALL).fit(bits),
        "gaussian_learned": VAE(spec={"image_shape": (1, 5)}, **SMALL).fit(table()),
        "gaussian_pixel": VAE(**SMALL).fit(table()),
    }
    for kind, vae in kinds.items():
        assert vae.spec_.to_dict()["likelihood"]["kind"] == kind
    assert kinds["bernoulli"].contract_.spread is None
    assert len(set(kinds["gaussian_learned"].contract_.spread)) == 1
    assert len(set(kinds["gaussian_pixel"].contract_.spread)) == 5
    assert set(np.unique(kinds["bernoulli"].sample(50))) == {0.0, 1.0}


def test_images_by_convolutions():
    """Rows of 64 numbers, a shape in spec, and any network of the engine."""
    from sklearn.datasets import load_digits

    X = load_digits().data[:200].astype("float32")
    network = {"kind": "conv", "channels": [4]}
    spec = {"image_shape": (8, 8), "encoder": network, "decoder": network}
    vae = VAE(3, max_iter=1, random_state=0, spec=spec).fit(X)
    assert vae.reconstruct(X).shape == X.shape
    order = np.random.default_rng(0).permutation(200)
    assert vae.transform(X.astype(float))[order] == pytest.approx(vae.transform(X.astype(float)[order]), abs=1e-9)


@pytest.mark.parametrize(
    "spec",
    [
        {"prior": {"kind": "vamp", "components": 5, "link": "identity"}},
        {"posterior": "full", "optimiser": {"kind": "adamw"}},
        {"posterior": {"kind": "two_layer", "upper": 1, "hidden": [4]}, "prior": "two_layer"},
        {"objective": {"kind": "iwae", "samples": 3}, "clip": 1.0, "average": 0.9},
        {"objective": {"kind": "beta_tc"}, "encoder": "gated", "decoder": {"kind": "mlp", "hidden": [4, 4]}},
        {"validation": 0.2, "patience": 1, "keep": "best", "shards": 2},
    ],
    ids=["vamp", "full", "two layers", "iwae", "beta_tc", "validation"],
)
def test_the_engine_is_reached_through_spec(spec):
    X = table()
    vae = VAE(2, spec=spec, **SMALL).fit(X)
    assert vae.transform(X).shape == (150, 2)
    assert np.isfinite(vae.score(X))
    assert (vae.validation_curve_ is None) == ("validation" not in spec)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"spec": {"priors": "vamp"}}, "did you mean 'prior'"),
        ({"spec": {"latent": 3}}, "n_components"),
        ({"spec": {"prior": "vamps"}}, "did you mean 'vamp'"),
        ({"spec": {"patience": 3}}, "validation"),
        ({"spec": {"validation": 1.0}}, "below 1"),
        ({"spec": {"score": "exact"}}, "Known: elbo, importance"),
        ({"spec": {"draws": 0}}, "draws"),
        ({"spec": {"average": 1.0}}, "average"),
        ({"spec": {"objective": "iwae"}, "beta": 2.0}, "has no beta"),
        ({"spec": {"image_shape": (2, 2), "encoder": "conv"}}, "make them agree"),
        ({"hidden": (0,)}, "hidden"),
        ({"likelihood": {"kind": "gausian_learned"}}, "did you mean"),
        ({"likelihood": "bernoulli"}, "other than 0 and 1"),
        ({"likelihood": "continuous_bernoulli"}, r"must lie in \[0, 1\]"),
        ({"likelihood": "poisson"}, "the likelihood scores counts"),
        ({"n_components": 0}, "n_components"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(change, said):
    """A ValueError, as scikit-learn's own, and one of ours where the engine says it."""
    with pytest.raises(ValueError, match=said) as refusal:
        VAE(**{**SMALL, **change}).fit(np.abs(table()) + 0.25)
    assert isinstance(refusal.value, VitralError) or "parameter of VAE" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_holes_are_refused_by_place_and_learned_where_asked():
    X = table()
    X[7, 3] = np.nan
    with pytest.raises(DataError, match=r'contains NaN: row 7, column 3; .* missing="model"'):
        VAE(**SMALL).fit(X)
    vae = VAE(missing="model", **SMALL).fit(X)
    assert np.isfinite(vae.reconstruct(X)).all()
    X[7, 3] = np.inf
    with pytest.raises(DataError, match="infinity"):
        VAE(missing="model", **SMALL).fit(X)


def test_columns_that_never_vary_and_single_rows_are_fitted():
    X = table()
    X[:, 2] = 3.0
    assert VAE(**SMALL).fit(X).reconstruct(X)[:, 2] == pytest.approx(3.0, abs=1.0)
    assert np.isfinite(VAE(**SMALL).fit(X[:1]).score(X[:1]))


def test_scaling_is_that_of_all_rows_whatever_the_block():
    """More rows than a block, holes, a map of a file, bytes: mean and standard deviation of what is there."""
    X = np.random.default_rng(0).normal(3.0, 5.0, (10_000, 2)) * [1.0, 1e8]
    X[::7, 0] = np.nan
    location, spread = rows.scaling(X, {"kind": "gaussian_pixel"}, (-np.inf, np.inf), image=False)
    assert location == pytest.approx(np.nanmean(X, axis=0))
    assert spread == pytest.approx(np.nanstd(X, axis=0))
    levels = (np.abs(X[:, 1:]) % 256).astype(np.uint8)
    location, spread = rows.scaling(levels, {"kind": "gaussian_pixel"}, (-np.inf, np.inf), image=False)
    assert spread == pytest.approx(levels.std(axis=0))
    with pytest.raises(DataError, match="spans more than 1e150"):
        VAE(**SMALL).fit(np.array([[1.0], [1e200], [-1e200]]))


def test_a_map_of_a_file_is_fitted_as_it_lies(tmp_path):
    """Read-only rows on disk give the bits of the same rows in memory."""
    np.save(tmp_path / "rows.npy", table())
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert np.array_equal(VAE(**SMALL).fit(mapped).theta_, VAE(**SMALL).fit(table()).theta_)


def test_codes_of_another_width_are_refused():
    vae = VAE(**SMALL).fit(table())
    with pytest.raises(ValueError, match="2 numbers each, got 3"):
        vae.inverse_transform(np.zeros((4, 3)))


def test_before_a_fit_every_method_says_so(tmp_path):
    vae = VAE()
    for call in (vae.transform, vae.score_samples, vae.reconstruct, vae.predict, vae.inverse_transform):
        with pytest.raises(NotFittedError):
            call(table())
    with pytest.raises(NotFittedError):
        vae.sample()
    with pytest.raises(NotFittedError):
        vae.save(tmp_path / "none.safetensors")


def test_progress_is_a_line_an_epoch_through_the_logger(caplog, capsys):
    """Every second epoch here; with nobody listening the lines go to stderr, and without verbose there are none."""
    with caplog.at_level(logging.INFO, logger="vitral"):
        VAE(verbose=2, **{**SMALL, "max_iter": 4}).fit(table())
    assert [record.getMessage()[:12] for record in caplog.records] == ["epoch 2 of 4", "epoch 4 of 4"]
    VAE(**SMALL).fit(table())
    assert capsys.readouterr().out == ""


def test_a_pass_that_diverges_leaves_the_model_as_it_was():
    """Passes write into copies."""
    X = table()
    vae = VAE(**SMALL).fit(X)
    before, score = vae.theta_.copy(), vae.score(X)
    vae.set_params(learning_rate=1e30, spec={"optimiser": "sgd"})
    with pytest.raises(VitralError, match="diverged"):
        vae.partial_fit(X)
    assert np.array_equal(vae.theta_, before)
    assert vae.score(X) == score


def test_it_says_what_a_model_without_threshold_lacks():
    vae = VAE(**SMALL).fit(table())
    del vae.offset_
    with pytest.raises(UsageError, match="set offset_"):
        vae.predict(table())
