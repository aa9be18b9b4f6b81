"""Claims say what their numbers allow, and nothing more."""

from dataclasses import replace

import pytest

from vitral.report.catalogue import plan
from vitral.report.context import Context
from vitral.report.estimates import Estimate, difference, estimate, reconstruction_term
from vitral.report.language import language
from vitral.report.sections.claims import against_pca, pair_claims, train_gap
from vitral.report.sections.opening import unsupported


def changed(run, model, split="test", **values):
    """The run with some numbers of one model changed, in every seed."""
    entry = run.models[model]
    seeds = [seed | {split: seed.get(split, {}) | values} for seed in entry["seeds"]]
    entry = entry | {split: entry[split] | values, "seeds": seeds}
    return replace(run, metrics=run.metrics | {"models": run.models | {model: entry}})


def context(run, code="en"):
    return Context(run, language(code), tuple(plan(run)), {})


def test_errors_over_images_and_over_seeds_add_in_squares():
    assert Estimate(1.0, 3.0, sd=8.0, seeds=4).error == pytest.approx(5.0)
    assert Estimate(1.0, 3.0).error == 3.0


def test_a_difference_is_distinguishable_from_two_standard_errors_on():
    assert not difference(Estimate(1.0, 0.3), Estimate(0.0, 0.45)).distinguishable
    assert difference(Estimate(1.0, 0.3), Estimate(0.0, 0.3)).distinguishable
    assert not difference(Estimate(1.0, 0.0), 1.0).distinguishable
    assert difference(None, 1.0) is None


def test_several_seeds_are_averaged_and_their_spread_enters_the_error(run):
    found = estimate(run, "latent-2", "elbo")
    values = [seed["test"]["elbo"] for seed in run.models["latent-2"]["seeds"]]
    assert found.value == pytest.approx(sum(values) / 2)
    assert found.seeds == 2
    assert found.error > found.over_images


def test_a_model_below_pca_is_said_to_beat_it(run):
    claim = against_pca(context(changed(run, "latent-2", sse=15.0, sse_se=0.25)), "latent-2")
    assert "beats PCA" in claim
    assert "20.00" in claim
    assert "25%" in claim


def test_a_model_above_pca_is_said_not_to_beat_it(run):
    assert "does not beat PCA" in against_pca(context(changed(run, "latent-2", sse=25.0)), "latent-2")


def test_a_model_within_two_errors_of_pca_is_not_called_better(run):
    claim = against_pca(context(changed(run, "latent-2", sse=19.9, sse_se=0.2, sse_sd=0.0)), "latent-2")
    assert "not distinguishable" in claim


def test_two_models_with_close_elbos_are_not_distinguishable(run):
    close = changed(changed(run, "latent-2", elbo=-80.0), "latent-3", elbo=-79.8)
    (claim,) = pair_claims(context(close))
    assert "not distinguishable in their ELBO" in claim
    assert "+0.2" in claim


def test_the_model_with_the_higher_elbo_is_named_first(run):
    apart = changed(changed(run, "latent-2", elbo=-80.0), "latent-3", elbo=-60.0)
    (claim,) = pair_claims(context(apart))
    assert "3D has the higher ELBO than" in claim.replace("\N{NO-BREAK SPACE}", " ")


def test_the_train_validation_gap_carries_its_sign_and_verdict(run):
    gap = changed(changed(run, "latent-2", "train", loss=90.0), "latent-2", "validation", loss=95.0)
    assert "+5.0" in train_gap(context(gap), "latent-2")
    assert "distinguishable (7.1" in train_gap(context(gap), "latent-2")


def test_what_the_run_cannot_support_follows_from_its_numbers(run):
    said = " ".join(unsupported(context(run)))
    assert "one seed each" in said
    assert "Autoencoder" in said
    assert "still fell" in said
    assert "the split here is" not in said
    other = replace(run, metrics=run.metrics | {"data": run.data | {"split": "notebook"}})
    assert "the split here is the notebook" in " ".join(unsupported(context(other)))


def test_a_loss_that_has_stopped_falling_is_not_called_falling(run):
    entries = {name: model | {"slope_at_stop": 0.1} for name, model in run.models.items()}
    flat = replace(run, metrics=run.metrics | {"models": entries})
    assert "still fell" not in " ".join(unsupported(context(flat)))


def test_the_reconstruction_term_is_the_bound_without_kl_and_constant():
    assert reconstruction_term({"elbo": -100.0, "kl": 12.0}, 30.0) == pytest.approx(58.0)
    assert reconstruction_term({"elbo": None, "kl": None}, 0.0) is None
