"""Objectives by hand: small numbers that can be followed on paper, and which models each is refused for."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from vitral import Spec, specs
from vitral.checks import bounds
from vitral.checks.objective_laws import terms_for
from vitral.core.randomness import draw, stream
from vitral.data import Contract, Data, Rows
from vitral.errors import UsageError
from vitral.model import Batch
from vitral.parts.objectives import (
    ELBO,
    IWAE,
    MMD,
    STL,
    BetaTC,
    Capacity,
    DReG,
    FreeBits,
    Reconstruction,
    Terms,
)
from vitral.parts.schedules import Constant, Cyclical, Linear
from vitral.study.recipes import Recipe
from vitral.training.loop import Plan, start, train


def of_weights(*log_w):
    """Terms of one row whose weights are these."""
    column = np.array(log_w)[:, None]
    return Terms(column, np.zeros_like(column), np.zeros_like(column), None, None, None, None)


def of_kl(kl, log_px=0.0):
    """Terms of one draw with this KL, (N, L)."""
    kl = np.array(kl)
    none = np.zeros((1, len(kl)))
    return Terms(none + log_px, none, none, kl, None, None, None)


def test_two_weights_by_hand():
    """w = 1 and 3: the bound is log 2, and the draws share the gradient one to three."""
    loss, seeds = IWAE(2)(of_weights(0.0, math.log(3.0)), 1)
    assert loss == pytest.approx(-math.log(2.0), rel=1e-14)
    np.testing.assert_allclose(seeds.log_px[:, 0], [-0.25, -0.75], rtol=1e-14)
    np.testing.assert_allclose(seeds.log_qz[:, 0], [0.25, 0.75], rtol=1e-14)
    assert seeds.path is None
    np.testing.assert_allclose(
        DReG(2)(of_weights(0.0, math.log(3.0)), 1)[1].path[:, 0], [0.25, 0.75], rtol=1e-14
    )
    np.testing.assert_array_equal([1.0, 1.0], STL(2)(of_weights(0.0, 1.0), 1)[1].path[:, 0])


@pytest.mark.parametrize("objective", [IWAE(2), DReG(2), STL(2, "iwae")], ids=str)
def test_weights_of_whole_images_do_not_overflow(objective):
    """Densities of e^800 and e^-800 in float32."""
    drawn = (array.astype("float32") for array in of_weights(800.0, -800.0)[:3])
    loss, seeds = objective(Terms(*drawn, None, None, None, None), 1)
    assert loss == pytest.approx(-800.0 + math.log(2.0), rel=1e-6)
    np.testing.assert_array_equal([-1.0, 0.0], seeds.log_px[:, 0])


def test_free_bits_by_hand():
    """KL means 0.1 and 2 over two rows, floor 0.5: each row pays 0.5 + 2, and only the second moves."""
    loss, seeds = FreeBits(0.5)(of_kl([[0.0, 1.0], [0.2, 3.0]]), 2)
    assert loss == pytest.approx(2.5, rel=1e-14)
    np.testing.assert_array_equal([[0.0, 0.5], [0.0, 0.5]], seeds.kl)
    loss, seeds = FreeBits(0.5, "row")(of_kl([[0.0, 1.0], [0.6, 0.2]]), 2)
    assert loss == pytest.approx((0.5 + 1.0 + 0.6 + 0.5) / 2, rel=1e-14)
    np.testing.assert_array_equal([[0.0, 0.5], [0.5, 0.0]], seeds.kl)
    assert (FreeBits().whole_batch, FreeBits(over="row").whole_batch) == (True, False)


@pytest.mark.parametrize(
    "kl, slope", [([[1.0, 1.0], [2.0, 2.0]], -5.0), ([[4.0, 4.0], [2.0, 2.0]], 5.0), ([[2.0, 2.0]], 0.0)]
)
def test_the_capacity_pulls_from_both_sides(kl, slope):
    """C = 4: a mean KL of 3 is pushed up, one of 6 down, one of 4 left alone."""
    loss, seeds = Capacity(4.0, 5.0)(of_kl(kl), len(kl))
    assert loss == pytest.approx(5.0 * abs(np.sum(kl) / len(kl) - 4.0), rel=1e-14)
    np.testing.assert_allclose(seeds.kl, slope / len(kl), rtol=1e-14)


def test_schedules_resolve_in_every_weight():
    """at(step) gives plain numbers; an objective without schedules is itself."""
    assert Capacity(Linear(0.0, 10.0, 10), Constant(3.0)).at(5) == Capacity(5.0, 3.0)
    assert FreeBits(Linear(1.0, 0.0, 4)).at(1) == FreeBits(0.75)
    assert BetaTC(beta=Cyclical(0.0, 4.0, 8, 2)).at(1).beta == 2.0
    for objective in (IWAE(), DReG(), STL(), MMD(), Reconstruction(), FreeBits()):
        assert objective.at(3) is objective


def test_the_prior_is_integrated_exactly():
    """The mean kernel between codes and half a million draws of N(0, I), and between the draws themselves."""
    rng, g = np.random.default_rng(0), 2.0
    z, prior = rng.standard_normal((4, 2)), rng.standard_normal((500_000, 2))

    def kernel(a, b):
        return np.exp(-((a - b) ** 2).sum(axis=-1) / (2.0 * g))

    cross = np.mean([kernel(code, prior) for code in z], axis=0)
    own = kernel(prior[::2], prior[1::2])
    pairs = np.mean([kernel(z[i], z[j]) for i in range(4) for j in range(4) if i != j])
    error = 2.0 * cross.std() / np.sqrt(len(cross)) + own.std() / np.sqrt(len(own))
    found, _ = MMD(scales=(1.0,)).discrepancy(z[None])
    assert abs(found - (pairs - 2.0 * cross.mean() + own.mean())) < 5.0 * error
    assert error < 2e-3


def test_a_single_row_has_no_pair():
    """A last batch of one row pays its reconstruction only, and nothing moves its code."""
    value, dz = MMD().discrepancy(np.ones((3, 1, 2), "float32"))
    assert value == 0.0
    np.testing.assert_array_equal(np.zeros((3, 1, 2)), dz)
    assert dz.dtype == "float32"


def test_with_all_rows_the_stratified_decomposition_is_that_of_the_data():
    """Information is at most log N, and all three parts are those of E12 written with the mixture of N Gaussians."""
    terms = terms_for(stream(0, "t"), samples=1)
    whole, _ = BetaTC(estimate="stratified", train_rows=3).log_densities(terms)
    square = (terms.z[0, :, None] - terms.mu) ** 2 * np.exp(-terms.logvar) + terms.logvar + np.log(2 * np.pi)
    each = np.exp(-0.5 * square.sum(axis=-1))
    np.testing.assert_allclose(np.exp(whole[0]), each.mean(axis=1), rtol=1e-12)
    assert (np.log(np.diagonal(each)) - whole[0]).max() <= math.log(3.0) + 1e-12


def variance(objective, samples, *, exact):
    """Total variance over batches of the encoder's gradient on a linear model."""
    model, p, x = bounds.poor_posterior(0)
    if exact:
        next(iter(p.encoder)).b[...] -= [0.35, 0.45]  # nearly the exact posterior
    grads = []
    for step in range(60):
        grad = np.zeros(model.parameters)
        noise = draw(model.posterior.noise_shapes(samples, 2), stream(1, "noise", step), "float64")
        model.loss(p, Batch(x, x), noise, objective, 2)[1](model.views(grad))
        grads.append(np.concatenate([view.ravel() for view in next(iter(model.views(grad).encoder))]))
    return np.var(grads, axis=0).sum()


def test_dropping_the_score_lowers_the_variance_near_the_exact_posterior():
    """By more than a factor of ten for one sample, and for many."""
    assert variance(STL(), 1, exact=True) < 0.1 * variance(ELBO(kl="sampled"), 1, exact=True)
    assert variance(DReG(), 16, exact=True) < 0.1 * variance(IWAE(), 16, exact=True)


def test_the_signal_of_iwae_drowns_with_many_samples_and_that_of_dreg_does_not():
    """Away from the exact posterior: the variance of DReG at 64 samples is below a tenth of IWAE's."""
    assert variance(DReG(), 64, exact=False) < 0.1 * variance(IWAE(), 64, exact=False)


NETWORK = {"kind": "mlp", "hidden": [3]}


def model_of(posterior="diagonal", prior="standard_normal"):
    return Spec(4, 2, NETWORK, NETWORK, posterior, prior, "bernoulli").build()


REFUSED = [
    ({}, "reconstruction", "posterior 'point' for a plain autoencoder, or objective 'elbo'"),
    ({"posterior": "point"}, "elbo", "posterior 'point' has no density: take objective 'reconstruction'"),
    ({"posterior": "point"}, "iwae", "posterior 'point' has no density"),
    ({"posterior": "point"}, "free_bits", "posterior 'point' has no density"),
    ({"posterior": "point"}, {"kind": "mmd", "beta": 0.5}, "posterior 'point' has no density"),
    ({"posterior": "flow"}, "dreg", "take objective 'iwae', or 'elbo' for one sample"),
    ({"posterior": "flow"}, "stl", "it drops the score of q, which posterior 'flow' cannot take apart"),
    ({"posterior": "flow"}, "beta_tc", "posterior 'flow' is not diagonal: take posterior 'diagonal'"),
    (
        {"posterior": "flow"},
        "free_bits",
        "has no closed form (there is one for diagonal with standard_normal",
    ),
    ({"prior": "mixture"}, "free_bits", "take objective 'capacity', which needs the whole KL only"),
    ({"prior": "mixture"}, {"kind": "elbo", "kl": "closed"}, "set kl to 'sampled' or 'auto'"),
    ({"prior": "mixture"}, {"kind": "capacity", "kl": "closed"}, "set kl to 'sampled' or 'auto'"),
    ({"prior": "mixture"}, "mmd", "written for the prior N(0, I), and this prior is 'mixture'"),
    ({"prior": "mixture"}, "beta_tc", "written for the prior N(0, I), and this prior is 'mixture'"),
]


@pytest.mark.parametrize("parts, objective, sentence", REFUSED)
def test_what_makes_no_sense_is_refused_with_the_reason_and_what_would_work(parts, objective, sentence):
    with pytest.raises(UsageError) as caught:
        specs.check_together(model_of(**parts), specs.objective(objective))
    assert "does not fit this model" in str(caught.value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "parts, objective",
    [
        *[({}, kind) for kind in specs.OBJECTIVES if kind != "reconstruction"],
        ({"posterior": "point"}, "reconstruction"),
        ({"posterior": "point"}, "mmd"),
        ({"posterior": "flow"}, "iwae"),
        ({"posterior": "flow"}, "capacity"),
        ({"prior": "mixture"}, "dreg"),
        ({"prior": "mixture"}, "capacity"),
    ],
)
def test_what_makes_sense_is_let_through(parts, objective):
    specs.check_together(model_of(**parts), specs.objective(objective))


def test_a_plan_made_by_hand_is_checked_before_the_first_step():
    """The loop asks the same question as a recipe, and beta-TC how many rows there are."""
    x = np.random.default_rng(0).random((12, 4))
    rows = Rows(x, None, 1.0)
    data = Data("small", "random", rows, rows, rows, Contract(4, None, "float64", 1.0, 0.0, 1.0, "unit"))

    def first_event(objective, **parts):
        model, plan = model_of(**parts), Plan(epochs=1, batch=5, objective=objective)
        state = start(model, model.init(0), plan)
        return [event for event, _ in train(model, data, plan, state, seed=0)]

    with pytest.raises(UsageError, match="does not fit this model"):
        first_event(Reconstruction())
    with pytest.raises(
        UsageError, match=r"beta_tc' needs to know how many training rows .* got 0: set train_rows"
    ):
        first_event(BetaTC())
    assert first_event(BetaTC(train_rows=12))


@pytest.mark.parametrize(
    "entry, sentence",
    [
        (
            {"kind": "iwae", "capacity": {"kind": "linear"}},
            "objective 'iwae' has no 'capacity', which belongs to 'capacity': objectives do not mix",
        ),
        ({"kind": "iwae", "beta": 2.0}, "which belongs to 'elbo' and 'beta_tc' and 'mmd'"),
        ({"kind": "dreg", "floor": 0.1}, "which belongs to 'free_bits'"),
        ({"kind": "elbo", "bta": 2.0}, "did you mean 'beta'?"),
        ({"kind": "stl", "bound": "eblo"}, "unknown bound 'eblo': did you mean 'elbo'?"),
        ({"kind": "free_bits", "over": "rows"}, "unknown over 'rows': did you mean 'row'?"),
        ({"kind": "beta_tc", "estimate": "stratifed"}, "did you mean 'stratified'?"),
        ({"kind": "iwae", "samples": 0}, "objective samples must be a whole number of at least 1, got 0"),
        ({"kind": "iwae", "samples": 2.0}, "objective samples must be a whole number of at least 1, got 2.0"),
        (
            {"kind": "beta_tc", "train_rows": -1},
            "objective train_rows must be a whole number of at least 0, got -1",
        ),
        ({"kind": "capacity", "capacity": -1.0}, "objective capacity must be a finite number of at least 0"),
        ({"kind": "mmd", "scales": []}, "scales must be a list of positive numbers, got ()"),
        ({"kind": "mmd", "scales": [1.0, 0.0]}, "scales must be a list of positive numbers, got (1.0, 0.0)"),
    ],
)
def test_options_that_cannot_be_are_refused(entry, sentence):
    with pytest.raises(UsageError) as caught:
        specs.objective(entry)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("kind", specs.OBJECTIVES)
def test_every_objective_survives_json_with_its_schedules(kind):
    """As the recipe of a run folder and the facts of a model file write it."""
    made = specs.objective(kind)
    table = {"kind": "cyclical", "start": 0.0, "end": 1.0, "steps": 8, "cycles": 2, "share": 0.5}
    scheduled = specs.objective({"kind": kind, **dict.fromkeys(made.scheduled, table)})
    for one in (made, scheduled):
        assert specs.objective(json.loads(json.dumps(specs.described_objective(one)))) == one
    assert all(getattr(scheduled, name) == Cyclical(0.0, 1.0, 8, 2) for name in made.scheduled)


def test_the_number_of_training_rows_is_filled_in_when_the_plan_is_made():
    """From the data, where the recipe says 0; a number of its own stays; the recipe itself keeps the 0."""
    recipe = Recipe.from_dict({"name": "r", "training": {"objective": {"kind": "beta_tc"}}})
    assert recipe.plan(0, rows=50_000).objective.train_rows == 50_000
    assert recipe.plan(0).objective.train_rows == 0
    assert recipe.to_dict()["training"]["objective"]["train_rows"] == 0
    assert specs.with_rows(BetaTC(train_rows=7), 9).train_rows == 7
    assert specs.with_rows(ELBO(), 9) == ELBO()
