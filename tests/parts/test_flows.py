"""Flows by their definition: what sees what, where they start, what they can learn, and the prior made of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fake_device import FakeArray, hide
from tests.test_laws import assert_holds
from vitral.checks.laws import LAWS, Sized
from vitral.core.parameters import count, cut
from vitral.errors import UsageError
from vitral.parts.flows import AffineCoupling, MaskedAutoregressive, Permutation, stack
from vitral.parts.flows.masked import MaskedAffine, made
from vitral.parts.flows.permutation import exchange, reversal, riffle
from vitral.parts.optimisers import Adam
from vitral.parts.priors import FlowPrior, StandardNormal
from vitral.specs import Spec

KINDS = ("coupling", "autoregressive")


def views(part, seed=0, scale=0.5, dtype="float64"):
    """Random numbers for a part."""
    theta = scale * np.random.default_rng(seed).standard_normal(count(part.shapes))
    return cut(theta.astype(dtype), part.shapes)


def of_a_model(prior, *, start=False):
    """The views of a model that has nothing but this prior, and their flat vector."""
    shapes = {"prior": prior.shapes}
    theta = 0.5 * np.random.default_rng(0).standard_normal(count(shapes))
    p = cut(theta, shapes)
    if start:
        prior.init(p.prior, np.random.default_rng(0))
    return p, theta


@pytest.mark.parametrize("law", LAWS["layer"].values(), ids=LAWS["layer"])
@pytest.mark.parametrize("layer", [MaskedAffine((1, 2), (1, 2, 1)), MaskedAffine((1, 2), (1, 2, 3), strict=True)])
def test_a_masked_layer_obeys_the_laws_of_layers(law, layer):
    assert_holds(law, Sized(layer, 2))


def test_coupling_equals_its_definition_number_by_number():
    """Dimension by dimension with a network of one hidden layer, written out."""
    flow = AffineCoupling(4, (3,), bound=0.7)
    p = views(flow)
    z = np.random.default_rng(1).standard_normal((2, 5, 4))
    y, logdet, _ = flow.forward(p, z)
    first, _, last = p
    for k in range(2):
        for n in range(5):
            a, b = z[k, n, :2], z[k, n, 2:]
            inner = a @ first.W + first.b
            raw = inner / (1.0 + np.exp(-inner)) @ last.W + last.b
            s = 0.7 * np.tanh(raw[:2] / 0.7)
            np.testing.assert_allclose(np.concatenate([a, b * np.exp(s) + raw[2:]]), y[k, n], rtol=1e-13)
            np.testing.assert_allclose(s[0] + s[1], logdet[k, n], rtol=1e-13)


@pytest.mark.parametrize("kind", [AffineCoupling, MaskedAutoregressive])
def test_a_flow_in_one_dimension_is_an_affine_map(kind):
    """y = a z + b with log |a| as log-determinant: nothing else is left to condition on."""
    flow = kind(1, (4,))
    z = np.array([-3.0, 0.0, 1.0, 10.0])[None, :, None]
    y, logdet, _ = flow.forward(views(flow), z)
    slopes = np.diff(y[0, :, 0]) / np.diff(z[0, :, 0])
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-12)
    np.testing.assert_allclose(np.log(slopes[0]), logdet[0], rtol=1e-12)


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("latent, hidden", [(1, (3,)), (2, (1,)), (5, (7, 4)), (4, ())])
def test_the_masks_let_output_i_see_the_inputs_before_i_and_the_context(latent, hidden, context):
    """The product of all masks counts the ways from input to output (Germain et al. 2015, eq. 10)."""
    ways = np.eye(latent + context)
    for layer in made(latent, hidden, context).layers:
        if isinstance(layer, MaskedAffine):
            ways = ways @ layer.mask(np.ones(1))
    for half in (ways[:, :latent], ways[:, latent:]):
        assert not np.tril(half[:latent]).any()
        if min(hidden, default=latent) >= latent:
            assert (np.triu(half[:latent], 1) > 0).sum() == latent * (latent - 1) // 2
            assert (half[latent:] > 0).all()


def test_closed_connections_start_at_zero_and_stay_there():
    """Their gradient is exactly zero, so no optimiser moves them; masks take no room in theta."""
    layer = MaskedAffine((1, 2, 3), (1, 2, 1))
    theta, grad = np.zeros(count(layer.shapes)), np.zeros(count(layer.shapes))
    layer.init(cut(theta, layer.shapes), np.random.default_rng(0))
    y, backward = layer.forward(cut(theta, layer.shapes), np.ones((4, 3)))
    backward(np.ones_like(y), cut(grad, layer.shapes))
    closed = ~layer.mask(theta)
    assert closed.sum() == 5
    assert theta.size == 3 * 3 + 3
    np.testing.assert_array_equal(0.0, cut(theta, layer.shapes).W[closed])
    np.testing.assert_array_equal(0.0, cut(grad, layer.shapes).W[closed])
    assert np.all(cut(grad, layer.shapes).W[~closed] == 4.0)


@pytest.mark.parametrize("latent", [1, 2, 5, 8])
@pytest.mark.parametrize("reorder", [exchange, reversal, riffle])
def test_a_reordering_holds_every_dimension_once(reorder, latent):
    assert list(range(latent)) == sorted(reorder(latent).order)


def test_a_permutation_names_where_each_dimension_comes_from():
    y, logdet, _ = Permutation((2, 0, 1)).forward(None, np.array([[[10.0, 11.0, 12.0]]]))
    np.testing.assert_array_equal([[[12.0, 10.0, 11.0]]], y)
    np.testing.assert_array_equal([[0.0]], logdet)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("latent", [2, 5, 40])
def test_in_six_layers_every_dimension_of_y_comes_to_depend_on_every_one_of_z(kind, latent):
    """No dimension stays apart: moving one of z moves all of y."""
    flow = stack(kind, latent, 6, (8 * latent,), 2.0)
    p = views(flow, scale=0.1)
    z = np.random.default_rng(1).standard_normal((1, 1, latent))
    y = flow.forward(p, z)[0][0, 0]
    for unit in np.eye(latent):
        assert (flow.forward(p, z + unit)[0][0, 0] != y).all()


def test_the_halves_of_two_couplings_are_complements_and_the_next_two_are_cut_elsewhere():
    """Followed through the reorderings of six layers in 40 dimensions: three different cuts."""
    here, halves = np.arange(40)[None, None], []
    for flow in stack("coupling", 40, 6, (1,), 2.0).flows:
        if isinstance(flow, Permutation):
            here = flow.forward(None, here.astype(float))[0]
        else:
            halves.append(frozenset(here[0, 0, :20].astype(int)))
    assert all(first | second == set(range(40)) for first, second in zip(halves[::2], halves[1::2], strict=True))
    assert len(set(halves)) == 6


@pytest.mark.parametrize("latent", [2, 5, 40])
def test_two_coupling_layers_move_every_dimension(latent):
    flow = stack("coupling", latent, 2, (8,), 2.0)
    z = np.ones((1, 1, latent))
    y = flow.forward(views(flow), z)[0]
    assert (y != 1.0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_far_away_points_stay_finite_in_float32(kind):
    """The scale is bounded: each layer stretches by at most exp(2), also where its network puts out thousands."""
    flow = stack(kind, 6, 4, (16,), 2.0)
    p = views(flow, dtype="float32")
    z = np.full((1, 2, 6), 1e4, "float32")
    y, logdet, backward = flow.forward(p, z)
    dz = backward(np.ones_like(y), np.ones_like(logdet), views(flow, dtype="float32"))
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in (y, logdet, dz))
    assert np.abs(logdet).max() <= 2.0 * 4 * 6


@pytest.mark.parametrize("kind", KINDS)
def test_ordinary_points_come_back_in_float32(kind):
    """To a thousandth, for every latent of 40, through the default six layers at their initial size."""
    flow = stack(kind, 40, 6, (128,), 2.0)
    p = views(flow, scale=0.1, dtype="float32")
    z = np.random.default_rng(1).standard_normal((1, 50, 40), dtype="float32")
    np.testing.assert_allclose(flow.inverse(p, flow.forward(p, z)[0]), z, atol=1e-3)


def test_the_inverse_of_an_autoregressive_flow_needs_one_pass_for_every_dimension():
    """Papamakarios et al. 2017, section 3.1: step i makes z_i exact; after i steps the first i are."""
    flow = MaskedAutoregressive(5, (9,))
    p = views(flow)
    z = np.random.default_rng(1).standard_normal((1, 3, 5))
    y, _, _ = flow.forward(p, z)
    passes = []

    class Counted(MaskedAutoregressive):
        @property
        def network(self):
            passes.append(1)
            return flow.network

    np.testing.assert_allclose(Counted(5, (9,)).inverse(p, y), z, atol=1e-12)
    assert len(passes) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_prior_starts_at_the_standard_normal(kind):
    """The last layers start at zero; reordering a standard normal changes nothing."""
    prior, z = FlowPrior(5, flow=kind, hidden=(8,)), np.random.default_rng(1).standard_normal((2, 3, 5))
    p, _ = of_a_model(prior, start=True)
    expected = StandardNormal(5).log_prob(p, z)[0]
    np.testing.assert_allclose(expected, prior.log_prob(p, z)[0], rtol=1e-14)


def test_a_flow_prior_without_layers_is_the_standard_normal():
    """Density, gradient and draws."""
    prior, normal = FlowPrior(3, layers=0), StandardNormal(3)
    p, theta = of_a_model(prior)
    z, dlog_pz = np.random.default_rng(1).standard_normal((2, 4, 3)), np.ones((2, 4))
    (ours, back), (theirs, normal_back) = prior.log_prob(p, z), normal.log_prob(p, z)
    np.testing.assert_array_equal(theirs, ours)
    np.testing.assert_array_equal(normal_back(dlog_pz, p), back(dlog_pz, p))
    np.testing.assert_array_equal(
        normal.sample(p, 7, np.random.default_rng(3)), prior.sample(p, 7, np.random.default_rng(3))
    )
    assert theta.size == 0


def crescent(rows, rng):
    """z_2 = z_1² / 2 + 0.3 noise, with the entropy log(2πe) + log 0.3 = 1.634 nats."""
    z = rng.standard_normal((rows, 2))
    z[:, 1] = 0.5 * z[:, 0] ** 2 + 0.3 * z[:, 1]
    return z


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_prior_learns_a_crescent_to_within_a_twentieth_of_a_nat(kind):
    """The cross entropy of fresh draws comes down from the standard normal's to the entropy of the crescent."""
    prior, rng = FlowPrior(2, flow=kind, layers=4, hidden=(24,)), np.random.default_rng(0)
    p, theta = of_a_model(prior, start=True)
    adam, fresh = Adam(), crescent(20_000, np.random.default_rng(1))
    state, entropy = adam.start(theta), float(np.log(2.0 * np.pi * np.e) + np.log(0.3))
    before = -prior.log_prob(p, fresh[None])[0].mean()
    for t in range(1, 601):
        grad = np.zeros_like(theta)
        log_pz, backward = prior.log_prob(p, crescent(200, rng)[None])
        backward(np.full_like(log_pz, -1.0 / log_pz.size), cut(grad, {"prior": prior.shapes}))
        adam.step(theta, grad, state, t=t, rate=0.01 if t < 400 else 0.002)
    after = -prior.log_prob(p, fresh[None])[0].mean()
    assert before - entropy > 0.5
    assert abs(after - entropy) < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_conditional_flow_prior_needs_its_context_and_follows_it(kind):
    prior = FlowPrior(3, context=2, flow=kind, hidden=(4,))
    p, _ = of_a_model(prior)
    z, contexts = np.ones((1, 2, 3)), np.array([[1.0, 0.0], [0.0, 1.0]])
    log_pz, _ = prior.log_prob(p, z, contexts)
    assert log_pz[0, 0] != log_pz[0, 1]
    with pytest.raises(UsageError, match="this flow prior is conditional and got no context"):
        prior.log_prob(p, z)
    with pytest.raises(UsageError, match="give one of 2 numbers a row"):
        prior.sample(p, 4, np.random.default_rng(0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_conditional_model_with_a_flow_prior_draws_what_its_density_says(kind):
    """Spec hands the context on; a draw carried forward is the normal noise that it came from."""
    model = Spec(4, 3, {"hidden": [4]}, {"hidden": [4]}, prior={"kind": "flow", "flow": kind}, context=2).build()
    p = model.views(0.3 * np.random.default_rng(0).standard_normal(model.parameters))
    context = np.eye(2)[[0, 1, 1]]
    z = model.prior.sample(p, 3, np.random.default_rng(5), context)
    u, _, _ = model.prior.stack.forward(p.prior, z, context)
    np.testing.assert_allclose(np.random.default_rng(5).standard_normal((3, 3)), u, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_stays_on_the_device(kind):
    flow = stack(kind, 3, 2, (4,), 2.0)
    theta, z = np.linspace(-1.0, 1.0, count(flow.shapes)), np.linspace(-1.0, 1.0, 6).reshape(1, 2, 3)
    host, _, _ = flow.forward(cut(theta, flow.shapes), z)
    y, logdet, backward = flow.forward(cut(hide(theta), flow.shapes), hide(z))
    dz = backward(y, logdet, cut(hide(np.zeros_like(theta)), flow.shapes))
    back = flow.inverse(cut(hide(theta), flow.shapes), y)
    assert all(isinstance(array, FakeArray) for array in (y, logdet, dz, back))
    np.testing.assert_array_equal(host, y.hidden)


@pytest.mark.parametrize("family", ["prior", "posterior"])
@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"flow": "couplin"}, "unknown flow 'couplin': did you mean 'coupling'?"),
        ({"hidden": 128}, "hidden of a flow must be a list of positive whole numbers, got 128"),
        ({"hidden": [8, 0]}, "hidden of a flow must be a list of positive whole numbers, got (8, 0)"),
        ({"bound": 0.0}, "bound of a flow must be a positive number, got 0.0"),
        ({"layers": 2.5}, "layers must be a whole number of at least 1, got 2.5"),
        ({"layer": 3}, "unknown key of"),
    ],
)
def test_options_that_make_no_flow_are_refused_in_one_sentence(family, options, sentence):
    with pytest.raises(UsageError) as caught:
        Spec(4, 2, **{family: {"kind": "flow", **options}}).build()
    assert sentence in str(caught.value)


def test_a_negative_number_of_layers_is_refused():
    with pytest.raises(UsageError, match="layers of a flow must be a whole number of at least 0, got -1"):
        FlowPrior(2, layers=-1)
