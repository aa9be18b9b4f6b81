"""The certificate on small models: what it lists, what it repeats, and what turns it red."""

from __future__ import annotations

import time

import numpy as np
import pytest

from vitral.checks import bounds, passes
from vitral.checks.certificate import certify
from vitral.checks.check import Check, below, tally
from vitral.checks.observations import values
from vitral.errors import DataError
from vitral.parts.layers import Affine
from vitral.parts.likelihoods import GaussianLearned
from vitral.parts.objectives import ELBO
from vitral.parts.posteriors import DiagonalGaussian
from vitral.specs import LIKELIHOODS, Spec

SMALL = {"kind": "mlp", "hidden": [16]}
X = np.random.default_rng(0).random((30, 12))
EVERY_ID = {"E03", "E05", "E05c", "E06", "E07", "E08", "E09", "E10", "E11", "E12", "E13", "E14", "E15", "E16", "E17",
            "E18", "G01"}  # fmt: skip
SHARED = ("gaussian_fixed", "gaussian_learned")  # one variance for all entries: E07


def made(latent=2, posterior="diagonal", likelihood="gaussian_learned"):
    model = Spec(12, latent, SMALL, SMALL, posterior, likelihood=likelihood).build()
    return model, model.init(1, "float32", X) + np.float32(0.05)


def failures(checks):
    return {check.name for check in checks if check.passed is False}


COLUMNS = ["gaussian", "continuous_bernoulli", {"kind": "categorical", "classes": 3}, "poisson"] * 3
NEEDED = {"categorical": {"classes": 3}, "mixed": {"columns": COLUMNS}}


@pytest.mark.parametrize("likelihood", [{"kind": kind, **NEEDED.get(kind, {})} for kind in LIKELIHOODS], ids=str)
@pytest.mark.parametrize("latent", [1, 2, 5])
def test_a_sound_model_passes_every_check_that_applies(latent, likelihood):
    model, theta = made(latent, likelihood=likelihood)
    checks = certify(model, theta, values(model.likelihood, np.random.default_rng(0), X.shape))
    assert failures(checks) == set()
    assert {check.id for check in checks} == EVERY_ID
    applied = {check.name for check in checks if check.passed is not None}
    assert ("shared variance at its optimum" in applied) == (likelihood["kind"] in SHARED)
    passed, total = tally(checks)
    assert passed == total == len(applied)
    assert total - len({"shared variance at its optimum", "extreme outputs"} & applied) == (24 if latent <= 2 else 22)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    model, theta = made()
    assert certify(model, theta, X, 3) == certify(model, theta, X, 3)
    assert certify(model, theta, X, 3) != certify(model, theta, X, 4)


def test_theta_and_x_are_left_untouched():
    model, theta = made()
    x, kept = X.copy(), theta.copy()
    x.flags.writeable = False
    certify(model, theta, x)
    np.testing.assert_array_equal(kept, theta)


def test_a_plain_autoencoder_is_told_what_does_not_apply_and_why():
    """Nothing is dropped in silence: the list of names is the same as for a VAE."""
    autoencoder = certify(*made(posterior="point"), X)
    assert [check.name for check in autoencoder] == [check.name for check in certify(*made(), X)]
    skipped = [check for check in autoencoder if check.measured is None]
    because = [check for check in skipped if check.note.startswith("does not apply: a plain autoencoder")]
    assert len(because) == 13
    assert {check.id for check in skipped if check not in because} == {"E05", "E05c", "E15"}
    assert failures(autoencoder) == set()


def test_quadrature_does_not_apply_above_two_dimensions():
    notes = [check.note for check in certify(*made(5), X) if check.measured is None]
    assert notes.count("does not apply: quadrature covers 1 or 2 latent dimensions, this model has 5") == 2


def test_the_mu_shortcut_informs_and_cannot_fail():
    shortcut = next(check for check in certify(*made(), X) if check.id == "E13")
    assert shortcut.passed is None
    assert shortcut.bound is None
    assert "predicted" in shortcut.note


def test_the_mu_shortcut_of_a_linear_model_is_the_predicted_half_nat_per_sharp_dimension():
    """For an exact linear posterior the second-order rule is exact: (1/2) Σ (1 - sigma²)."""
    model, theta = bounds.linear_gaussian(6, 2, 0.01, seed=0)
    _, x = model.sample(model.views(theta), 200, np.random.default_rng(0), "float64")
    shortcut = next(check for check in certify(model, theta, x) if check.id == "E13")
    logvar = next(iter(model.views(theta).encoder)).b[2:]
    predicted = 0.5 * (1.0 - np.exp(logvar)).sum()
    assert f"predicted {predicted:.3f} nats" in shortcut.note
    assert shortcut.measured == pytest.approx(predicted, abs=0.15)


def test_the_predicted_shortcut_is_proportional_to_beta():
    notes = [next(c.note for c in certify(*made(), X, beta=beta) if c.id == "E13") for beta in (1.0, 4.0)]
    predicted = [float(note.split()[1]) for note in notes]
    assert predicted[1] == pytest.approx(4.0 * predicted[0], abs=5e-3)


def test_the_elbo_line_names_its_images_and_both_sides():
    line = next(check for check in certify(*made(), X) if check.id == "E10")
    assert line.note.startswith("images 0 to 2: ")
    assert line.note.count("<=") == 3


def test_one_image_is_enough():
    assert failures(certify(*made(), X[:1])) == set()


@pytest.mark.parametrize("bad", [X[:, :5], X[0], X[:0]])
def test_images_of_another_shape_are_refused(bad):
    with pytest.raises(DataError, match=r"images of shape \(N, 12\), at least one; got"):
        certify(*made(), bad)


def broken_bias(self, p, x, whole=Affine.forward):
    y, backward = whole(self, p, x)

    def wrong(dy, g, wanted=True):
        kept = g.b.copy()
        dx = backward(dy, g, wanted)
        g.b[...] = kept + 1.001 * (g.b - kept)
        return dx

    return y, wrong


def half_sigma(self, p, h, noise, whole=DiagonalGaussian.sample):
    return whole(self, p, h, {"eps": 0.5 * noise["eps"]})


def no_constant(self, p, x, o):
    return (x - self.mean(p, o)) ** 2 / (-2.0 * self.noise_variance(p))


@pytest.mark.parametrize(
    "part, method, broken, caught_by",
    [
        (Affine, "forward", broken_bias, {"gradient, entry by entry"}),
        (DiagonalGaussian, "sample", half_sigma, {"moments of sampled z", "KL by Monte Carlo"}),
        (GaussianLearned, "log_prob_terms", no_constant, {"likelihood of each entry sums to 1"}),
    ],
)
def test_a_bug_planted_in_the_library_turns_the_certificate_red(monkeypatch, part, method, broken, caught_by):
    model, theta = made()
    monkeypatch.setattr(part, method, broken)
    assert caught_by <= failures(certify(model, theta, X))


def test_a_full_size_model_is_certified_in_seconds():
    """784-400-20, in float64, well under the ten seconds that a user is asked to wait (CPU time)."""
    model = Spec(784, 20).build()
    x = np.random.default_rng(0).random((64, 784))
    began = time.process_time()
    checks = certify(model, model.init(0, data=x), x)
    assert failures(checks) == set()
    assert time.process_time() - began < 20.0


def test_a_number_that_is_not_a_number_does_not_pass():
    assert below("E03", "x", float("nan"), 5.0, "nats").passed is False


def test_the_tally_counts_only_what_could_fail():
    checks = [below("a", "a", 0.0, 1.0, ""), below("b", "b", 2.0, 1.0, ""), Check("c", "c", 1.0, None, "", None)]
    assert tally(checks) == (1, 2)


def test_watched_models_compute_what_the_model_computes():
    """Noting the signs of the ReLU inputs changes no number."""
    model, theta = made()
    theta = theta.astype("float64")
    batch, noise = bounds.Batch(X[:4], X[:4]), {"eps": np.ones((1, 4, 2))}
    part = passes.of_model(model, batch, noise, ELBO())
    loss, _ = model.loss(model.views(theta), batch, noise, ELBO(), 4)
    assert float(part.forward(model.views(theta), {})[0]["loss"]) == float(loss)
    assert [signs.shape for signs in part.kinks()] == [(4, 16), (1, 4, 16)]
