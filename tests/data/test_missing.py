"""Rows with holes, scaled features and columns: what a model sees of them, and what they are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vitral.core.randomness import draw, stream
from vitral.data import Contract, Data, Rows
from vitral.data.columns import Column
from vitral.errors import DataError, UsageError
from vitral.evaluation.baselines import fit_baselines
from vitral.evaluation.likelihood import log_px_hat, per_image
from vitral.parts.objectives import ELBO
from vitral.specs import Spec
from vitral.training.loop import Epoch, Plan, start, train

NAN = float("nan")
COLUMNS = (
    Column("height"),
    Column("colour", "category", "string", ("blue", "green", "red")),
    Column("member", "boolean", "bool"),
    Column("visits", "count", "int64"),
)
MIXED = {
    "kind": "mixed",
    "columns": ["gaussian", {"kind": "categorical", "classes": 3}, "bernoulli", "poisson"],
}
FORM = Contract(
    4, None, "float64", 1.0, -1e300, 1e300, "standard deviations", location=(170.0, 0.0, 0.0, 0.0),
    spread=(10.0, 1.0, 1.0, 1.0), missing=True, columns=COLUMNS,
)  # fmt: skip


def table(rows=40, holes=0.3, seed=0):
    """Rows of the four columns, some entries missing, never a whole row."""
    rng = stream(seed, "table")
    kinds = [170 + 10 * rng.standard_normal(rows), rng.integers(0, 3, rows), rng.integers(0, 2, rows)]
    stored = np.stack([*kinds, rng.poisson(3.0, rows)], axis=1).astype(float)
    stored[rng.random(stored.shape) < holes] = NAN
    stored[np.isnan(stored).all(axis=1), 0] = 180.0
    return FORM.of(stored)


def model():
    spec = Spec(4, 2, {"hidden": [8]}, {"hidden": [8]}, likelihood=MIXED, inputs=FORM.inputs)
    return spec.build()


def test_an_encoder_sees_classes_scaled_numbers_logs_of_counts_and_what_was_observed():
    stored = np.array([[180.0, 2.0, 1.0, 3.0], [NAN, 0.0, NAN, NAN], [160.0, NAN, 0.0, 0.0]])
    batch = FORM.of(stored).batch(slice(None), "float64")
    expected = [
        [1.0, 0, 0, 1, 1.0, np.log(4.0), 1, 1, 1, 1],
        [0.0, 1, 0, 0, 0.0, 0.0, 0, 1, 0, 0],
        [-1.0, 0, 0, 0, 0.0, 0.0, 1, 0, 1, 1],
    ]
    np.testing.assert_allclose(batch.inputs, expected)
    assert batch.inputs.shape[1] == FORM.inputs
    np.testing.assert_array_equal(batch.target, [[1, 2, 1, 3], [0, 0, 0, 0], [-1, 0, 0, 0]])
    np.testing.assert_array_equal(batch.mask, ~np.isnan(stored))
    assert batch.mask.dtype == batch.inputs.dtype == batch.target.dtype == np.float64


def test_rows_without_any_of_this_give_the_same_array_twice():
    rows = Rows(stream(0, "x").random((5, 3)), None, 1.0)
    batch = rows.batch(slice(0, 4))
    assert batch.inputs is batch.target
    assert batch.mask is None
    np.testing.assert_array_equal(batch.target, rows.stored[:4].astype("float32"))


def test_a_contract_with_columns_survives_json_and_an_older_one_has_none():
    assert Contract.from_dict(FORM.to_dict()) == FORM
    older = {key: FORM.to_dict()[key] for key in ("features", "image_shape", "stored", "scale", "low", "high", "unit")}
    made = Contract.from_dict(older)
    assert (made.location, made.spread, made.missing, made.columns, made.inputs) == (None, None, False, None, 0)


def test_the_unit_of_the_data_comes_back():
    rows = table()
    x = rows.take(slice(None), "float64")
    np.testing.assert_allclose(FORM.unscaled(x), rows.stored)
    levels = Contract(2, None, "uint8", 255.0, 0.0, 1.0, "intensity")
    np.testing.assert_allclose(levels.unscaled(np.array([0.2, 1.0])), [51.0, 255.0])


def test_the_density_of_scaled_rows_is_one_of_the_data():
    """∫ exp(log p(x(s)) + log_slope) ds = 1 over the data s, by a fine sum; masses are left alone."""
    scaled = Contract(1, None, "float64", 1.0, -1e9, 1e9, "", location=(3.0,), spread=(0.25,))
    s = np.linspace(0.0, 6.0, 4001)[:, None]
    rows = scaled.rows(s)
    x = rows.take(slice(None), "float64")
    log_p = -0.5 * (x[:, 0] ** 2 + np.log(2 * np.pi)) + scaled.log_slope(rows)
    assert np.exp(log_p).sum() * (s[1, 0] - s[0, 0]) == pytest.approx(1.0, abs=1e-9)


def test_the_slope_is_that_of_what_was_observed():
    stored = np.array([[180.0, 2.0, 1.0, 3.0], [NAN, 0.0, 1.0, 2.0]])
    np.testing.assert_allclose(FORM.log_slope(FORM.of(stored)), [-np.log(10.0), 0.0])


def test_a_hole_has_no_influence_on_any_term_or_gradient():
    """The marginal: the terms of a row with holes are those of a model without the missing entries' terms."""
    built, rows = model(), table()
    theta = built.init(0, "float64", rows.take(slice(None), "float64"))
    batch = rows.batch(slice(None), "float64")
    noise = draw(built.posterior.noise_shapes(3, len(rows)), stream(0, "noise"), "float64")
    junk = np.where(batch.mask == 1.0, batch.target, 1.0)
    found = []
    for target in (batch.target, junk):
        grad = np.zeros_like(theta)
        terms, o, backward = built.run(built.views(theta), batch._replace(target=target), noise)
        _, seeds = ELBO()(terms, len(rows))
        backward(seeds, built.views(grad))
        found.append((terms.log_px, grad))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    p = built.views(theta).likelihood
    each = built.likelihood.log_prob_terms(p, batch.target, o)
    np.testing.assert_allclose(terms.log_px, np.where(batch.mask == 1.0, each, 0.0).sum(axis=-1), rtol=1e-12)


def test_whole_rows_are_worth_the_same_whether_rows_may_have_holes_or_not():
    built, rows = model(), table(holes=0.0)
    theta = built.init(0, "float64")
    assert not np.isnan(rows.stored).any()
    found = per_image(built, theta, rows, ELBO(), seed=0, purpose="p")
    batch = rows.batch(slice(None), "float64")
    without = built.run(built.views(theta), batch._replace(mask=None), _noise(built, len(rows), "p"))[0]
    np.testing.assert_allclose(found["log_px"], without.log_px[0])


def _noise(built, rows, purpose):
    return draw(built.posterior.noise_shapes(1, rows), stream(0, purpose, 0), "float64")


def test_evaluation_counts_observed_entries_only():
    """A row of holes alone is certain: log p(x) is 0 for it, up to the estimate's error."""
    built, rows = model(), table()
    theta = built.init(0, "float64", rows.take(slice(None), "float64"))
    nothing = FORM.of(np.full((5, 4), NAN))
    found = per_image(built, theta, nothing, ELBO(), seed=0, purpose="p")
    assert not found["log_px"].any()
    assert not found["sse"].any()
    estimate = log_px_hat(built, theta, nothing, samples=4000, seed=0)
    np.testing.assert_allclose(estimate, 0.0, atol=0.1)


def test_the_loss_lacks_the_constant_of_observed_entries_only():
    """With a variance of 1/2, the loss of a row is its squared error and its KL, whatever is missing."""
    form = Contract(3, None, "float64", 1.0, 0.0, 1.0, "unit", missing=True)
    stored = stream(0, "x").random((6, 3))
    stored[[0, 1, 1], [0, 1, 2]] = NAN
    rows = form.rows(stored)
    built = Spec(3, 1, likelihood="gaussian_fixed", inputs=form.inputs).build()
    found = per_image(built, built.init(0, "float64"), rows, ELBO(), seed=0, purpose="p")
    np.testing.assert_allclose(found["loss"], found["sse"] + found["kl"], rtol=1e-12)


def test_training_on_holes_learns_and_never_meets_a_nan():
    data = Data("t", "random", table(200), table(30, seed=1), table(30, seed=2), FORM)
    built, plan = model(), Plan(epochs=15, batch=20, rate=1e-2)
    state = start(built, built.init(0, "float32", data.train.take(slice(0, 100))), plan)
    events = train(built, data, plan, state, seed=0)
    losses = [event.record["validation"]["loss"] for event, _ in events if isinstance(event, Epoch)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_values_in_holes_do_not_reach_the_initialisation():
    built = Spec(3, 2, decoder={"hidden": [4], "bias": "data"}, likelihood="gaussian_pixel").build()
    data = stream(0, "x").random((50, 3))
    data[:, 1] = 0.9
    data[::3, 1] = NAN
    data[:, 2] = NAN
    theta = built.init(0, "float64", data)
    assert np.isfinite(theta).all()
    variance = built.likelihood.variances(built.views(theta).likelihood)
    assert variance[1] == pytest.approx(2e-4)  # that of a column whose observed values are all the same
    assert variance[0] > 0.05


def test_baselines_leave_holes_out():
    rng = stream(0, "x")
    whole = rng.standard_normal((400, 1)) @ np.array([[1.0, 2.0, -1.0]]) + 5.0
    stored = whole.copy()
    stored[rng.random(stored.shape) < 0.2] = NAN
    form = Contract(3, None, "float64", 1.0, -1e9, 1e9, "unit", missing=True)
    rows = form.rows(stored)
    found = fit_baselines(rows)
    observed = stored - np.nanmean(stored, axis=0)
    assert found.mean_image_sse(rows) == pytest.approx(np.nansum(observed**2) / len(rows))
    assert found.pca_sse(rows, 1) < 0.5 * found.mean_image_sse(rows)
    np.testing.assert_allclose(found.mean, np.nanmean(stored, axis=0))


@pytest.mark.parametrize(
    "row, said",
    [
        ([NAN, 1.0, 1.0, 1.0], None),
        ([np.inf, 1.0, 1.0, 1.0], "row 0, column 'height' is inf; every value must be a finite number"),
        ([500.0, 1.0, 1.0, 1.0], "row 0, column 'height' is 500; values must lie in [120, 220]"),
    ],
)
def test_what_does_not_fit_is_refused_in_the_unit_of_the_data(row, said):
    form = replace(FORM, low=-5.0, high=5.0)
    if said is None:
        assert len(form.rows(np.array([row]))) == 1
        return
    with pytest.raises(DataError) as refused:
        form.rows(np.array([row]))
    assert said in str(refused.value)


def test_nan_is_refused_where_nothing_may_be_missing():
    with pytest.raises(DataError, match="row 0, column 'height' is nan; every value must be a finite number"):
        replace(FORM, missing=False).rows(np.array([[NAN, 1.0, 1.0, 1.0]]))


@pytest.mark.parametrize("changes", [{"prior": "vamp"}, {"encoder": {"kind": "conv"}, "image_shape": (2, 2)}])
def test_parts_that_see_what_the_encoder_sees_are_refused_with_a_reason(changes):
    """Pseudo-inputs and convolutions would see classes and marks of what is missing as numbers of a row."""
    with pytest.raises(UsageError, match="10 numbers"):
        Spec(**{"features": 4, "latent": 2, "likelihood": MIXED, "inputs": 10, **changes}).build()


def test_a_spec_says_how_many_numbers_its_encoder_sees():
    spec = Spec(4, 2, {"hidden": [8]}, {"hidden": [8]}, likelihood=MIXED, inputs=10)
    assert spec.build().shapes["encoder"]["0"]["W"] == (10, 8)
    assert Spec.from_dict(spec.to_dict()).build() == spec.build()
