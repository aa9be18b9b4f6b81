"""A model as plain data, and back; what is refused, and in which words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitral import specs
from vitral.errors import UsageError
from vitral.model import PARTS
from vitral.parts.likelihoods import GaussianFixed
from vitral.parts.objectives import ELBO
from vitral.parts.schedules import Linear
from vitral.specs import Spec

NETWORKS = st.fixed_dictionaries(
    {"kind": st.just("mlp")},
    optional={
        "hidden": st.lists(st.integers(1, 9), max_size=3),
        "activation": st.sampled_from(sorted(specs.ACTIVATIONS)),
        "weights": st.sampled_from(["auto", "he", "glorot", "lecun"]),
        "head": st.sampled_from(["he", "glorot", "lecun"]),
        "quiet": st.booleans(),
    },
)
LIKELIHOODS = st.one_of(
    st.sampled_from(sorted(specs.LIKELIHOODS.keys() - {"categorical", "mixed"})),
    st.fixed_dictionaries({"kind": st.just("categorical"), "classes": st.integers(2, 5)}),
    st.fixed_dictionaries({"kind": st.just("gaussian_fixed")}, optional={"variance": st.floats(1e-3, 9.0)}),
    st.fixed_dictionaries(
        {"kind": st.just("gaussian_learned")}, optional={"link": st.sampled_from(["sigmoid", "identity"])}
    ),
)
SPECS = st.builds(
    Spec,
    features=st.integers(1, 12),
    latent=st.integers(1, 5),
    encoder=NETWORKS,
    decoder=NETWORKS,
    posterior=st.sampled_from(sorted(specs.POSTERIORS)),
    likelihood=LIKELIHOODS,
    image_shape=st.sampled_from([None, (3, 4), (2, 2, 3)]),
).filter(lambda spec: spec.latent > 1 or spec.posterior != "two_layer")


@given(SPECS)
def test_any_spec_survives_json_and_gives_an_equal_model(spec):
    """to_dict writes every default out, so that the text alone is the model."""
    again = Spec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert spec.build() == again.build()
    assert spec.to_dict() == again.to_dict()
    assert spec.image_shape == again.image_shape


@given(SPECS)
def test_any_spec_builds_a_model_that_runs(spec):
    model = spec.build()
    theta = model.init(0, "float64")
    assert np.isfinite(theta).all()
    mu, logvar = model.encode(model.views(theta), np.zeros((2, spec.features)))
    assert (2, spec.latent) == mu.shape
    assert logvar is None or (2, spec.latent) == logvar.shape
    assert (4, spec.features) == model.decode(model.views(theta), np.zeros((4, spec.latent))).shape


@pytest.mark.parametrize(
    "entries, sentence",
    [
        ({"features": 4, "latnet": 2}, "unknown key of a model spec: 'latnet': did you mean 'latent'?"),
        ({"features": 4}, "a model spec needs 'latent', and this one has none: add it"),
    ],
)
def test_wrong_keys_of_a_spec_are_named(entries, sentence):
    with pytest.raises(UsageError) as caught:
        Spec.from_dict(entries)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"likelihood": "bernouli"}, "unknown likelihood 'bernouli': did you mean 'bernoulli'?"),
        ({"posterior": "diagnal"}, "did you mean 'diagonal'?"),
        ({"prior": "standard"}, "did you mean 'standard_normal'?"),
        ({"encoder": {"kind": "cnn"}}, "unknown network 'cnn'"),
        ({"encoder": {"kind": "mlp", "hiden": [4]}}, "did you mean 'hidden'?"),
        ({"decoder": {"activation": "relo"}}, "unknown activation 'relo': did you mean 'relu'?"),
        ({"decoder": {"weights": "xavier"}}, "unknown initialisation 'xavier'"),
        ({"likelihood": {"kind": "gaussian_fixed", "varience": 1.0}}, "did you mean 'variance'?"),
        ({"likelihood": {"kind": "gaussian_fixed", "link": "logit"}}, "unknown link 'logit'"),
        ({"likelihood": {"kind": "gaussian_fixed", "variance": 0.0}}, "variance must be a positive number, got 0.0"),
        ({"likelihood": {"kind": "gaussian_learned", "floor": -1.0}}, "floor must be a finite number of at least 0"),
        ({"likelihood": {"kind": "gaussian_fixed", "variance": float("nan")}}, "got nan"),
        ({"likelihood": {"kind": "gaussian_learned", "floor": 0.0}}, "floor must be a positive number, got 0.0"),
        ({"likelihood": {"kind": "gaussian_fixed", "link": 3}}, "link must be text, got 3"),
        ({"encoder": {"quiet": "no"}}, "quiet must be true or false, got 'no'"),
        ({"encoder": {"hidden": 400}}, "hidden must be a list of whole numbers, got 400"),
        ({"features": 0}, "features must be a positive whole number, got 0"),
        ({"latent": 2.5}, "latent must be a positive whole number, got 2.5"),
        ({"latent": True}, "latent must be a positive whole number, got True"),
        ({"encoder": {"hidden": [0]}}, "hidden must be a positive whole number, got 0"),
        ({"posterior": {"kind": "diagonal", "latent": 3}}, "unknown key of posterior 'diagonal'"),
    ],
)
def test_bad_values_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(UsageError) as caught:
        Spec(**{"features": 4, "latent": 2, **options}).build()
    assert sentence in str(caught.value)


@given(st.sampled_from([1.0, 0.0, 4]) | st.just({"kind": "linear", "start": 0.0, "end": 1.0, "steps": 10}),
       st.sampled_from(["closed", "sampled"]))  # fmt: skip
def test_objectives_survive_json(beta, kl):
    made = specs.objective({"kind": "elbo", "beta": beta, "kl": kl})
    assert made == specs.objective(json.loads(json.dumps(specs.described_objective(made))))


def test_a_beta_may_be_a_schedule():
    made = specs.objective({"kind": "elbo", "beta": {"kind": "linear", "start": 0.0, "end": 2.0, "steps": 4}})
    assert ELBO(Linear(0.0, 2.0, 4)) == made
    assert ELBO(1.0) == made.at(2)


@pytest.mark.parametrize("options", [{"b1": 1.0}, {"b2": -0.1}, {"eps": float("inf")}, {"eps": "small"}])
def test_options_of_an_optimiser_outside_their_range_are_refused(options):
    with pytest.raises(UsageError, match=r"optimiser (b1|b2|eps) must be a (finite )?number of at least 0"):
        specs.member("optimiser", specs.OPTIMISERS, {"kind": "adam", **options})


def test_an_unknown_kl_is_refused():
    with pytest.raises(UsageError, match=r"unknown kl 'close': did you mean 'closed'\?"):
        specs.objective({"kind": "elbo", "kl": "close"})


@pytest.mark.parametrize("family", [specs.OPTIMISERS, specs.SCHEDULES, specs.OBJECTIVES])
def test_every_member_is_described_and_made_again(family):
    for kind in family:
        made = specs.member("part", family, kind)
        assert made == specs.member("part", family, json.loads(json.dumps(specs.described(family, made))))


def test_the_784_400_2_model_of_the_notebook_has_631188_parameters_and_one_more_with_a_learned_variance():
    assert Spec(784, 2).build().parameters == 631_189
    assert Spec(784, 2, likelihood={"kind": "gaussian_fixed"}).build().parameters == 631_188


def test_a_model_starts_at_sigma_one_and_repeats_with_its_seed():
    """The log-variance head is quiet; equal seeds give equal parameters, in every part."""
    model = Spec(5, 2, {"hidden": [4]}, {"hidden": [4]}).build()
    theta = model.init(3)
    assert theta.dtype.name == "float32"
    np.testing.assert_array_equal(theta, model.init(3))
    assert not np.array_equal(theta, model.init(4))
    _, logvar = model.encode(model.views(theta), np.ones((3, 5), "float32"))
    np.testing.assert_array_equal(np.zeros((3, 2)), logvar)


def test_changing_the_decoder_leaves_the_initial_encoder_as_it_was():
    """Streams by purpose: every part draws from its own."""
    small, large = (Spec(5, 2, {"hidden": [4]}, {"hidden": hidden}).build() for hidden in ([4], [9, 9]))
    encoders = (next(iter(model.views(model.init(0)).encoder)).W for model in (small, large))
    np.testing.assert_array_equal(*encoders)


def test_the_parts_of_a_model_come_in_one_order():
    assert tuple(Spec(3, 1).build().shapes) == PARTS


def test_options_reach_the_member():
    model = Spec(3, 1, likelihood={"kind": "gaussian_fixed", "variance": 0.25, "link": "identity"}).build()
    assert GaussianFixed(0.25, "identity") == model.likelihood
