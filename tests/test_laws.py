"""The laws hold; every member of every family is examined."""

from __future__ import annotations

import pytest

from tests.laws import laws_of
from tests.members import EXAMPLES, FAMILIES, cases_of_models
from vitral.checks.laws import LAWS, Sized


def assert_holds(law, member, seed=0):
    check = law(member, seed)
    assert check.passed is not False, check


@laws_of("layer")
def test_every_layer_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("likelihood")
def test_every_likelihood_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("posterior")
def test_every_posterior_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("prior")
def test_every_prior_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("flow")
def test_every_flow_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("divergence")
def test_every_closed_kl_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("objective")
def test_every_objective_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("optimiser")
def test_every_optimiser_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("evaluation")
def test_the_elbo_of_the_checks_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("importance")
def test_the_importance_bound_of_the_checks_obeys_the_law(law, member):
    assert_holds(law, member)


@laws_of("model", cases_of_models(), seed=1)
def test_every_model_obeys_the_law(law, member):
    assert_holds(law, member, seed=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_member_that_specs_names_has_a_configuration(family):
    """A name in a dict of specs without an entry in EXAMPLES, or the reverse, fails here."""
    assert set(FAMILIES[family]) == set(EXAMPLES[family])


@pytest.mark.parametrize(
    "family, name, member",
    [(family, name, member) for family in FAMILIES for name, members in EXAMPLES[family].items() for member in members],
)
def test_every_configuration_is_of_the_class_that_its_name_stands_for(family, name, member):
    part = member.layer if isinstance(member, Sized) else member
    assert type(part) is FAMILIES[family][name]


def test_every_family_of_laws_has_members():
    """A family of laws that nothing is parametrised over would be silent."""
    assert set(LAWS) == set(EXAMPLES) | {"model"}
