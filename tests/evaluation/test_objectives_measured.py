"""How the loss of every objective is measured: its own samples, blocks of rows, bounded memory."""

import numpy as np
import pytest

from tests.evaluation.test_likelihood import linear_model
from vitral import Spec
from vitral.core.randomness import draw, stream
from vitral.data import Rows
from vitral.evaluation import likelihood
from vitral.evaluation.likelihood import per_image
from vitral.model import Batch
from vitral.parts.objectives import ELBO, IWAE, MMD, STL, BetaTC, Capacity, DReG, FreeBits

OBJECTIVES = [
    ELBO(0.5, samples=3),
    IWAE(4),
    DReG(4),
    STL(2),
    FreeBits(samples=2),
    Capacity(1.0),
    BetaTC(train_rows=50),
    MMD(samples=2),
]


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((25, 4))


def measured(x, objective, **options):
    model, theta, *_ = linear_model()
    return per_image(model, theta, Rows(x, None, 1.0), objective, seed=0, purpose="t", **options)


def weights(x, samples):
    """log w of the block's own noise, (K, N), and the model's terms."""
    model, theta, *_ = linear_model()
    noise = draw(model.posterior.noise_shapes(samples, len(x)), stream(0, "t", 0), "float64")
    terms, _, _ = model.run(model.views(theta), Batch(x, x), noise)
    return terms, terms.log_px + terms.log_pz - terms.log_qz, model.likelihood.constant(4)


def test_the_loss_of_iwae_is_that_of_its_samples_and_the_elbo_is_plain(x):
    """log (1/K) Σ w for the loss; the mean of log p(x given z) over the same draws, less the KL, for the ELBO."""
    values = measured(x, IWAE(6))
    terms, log_w, constant = weights(x, 6)
    bound = np.log(np.exp(log_w).mean(axis=0))
    np.testing.assert_allclose(values["loss"], -bound - constant, rtol=1e-12)
    np.testing.assert_allclose(values["elbo"], terms.log_px.mean(axis=0) - terms.kl.sum(axis=-1), rtol=1e-12)
    assert (bound.mean() - values["elbo"].mean()) > 0.0


def test_repetitions_are_averaged_and_never_pooled(x):
    """Two repetitions of three samples: the mean of two bounds, not one bound of six."""
    values = measured(x, IWAE(3), draws=2)
    _, log_w, constant = weights(x, 6)
    bounds = [np.log(np.exp(some).mean(axis=0)) for some in (log_w[:3], log_w[3:])]
    np.testing.assert_allclose(values["loss"], -np.mean(bounds, axis=0) - constant, rtol=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_memory_is_bounded_and_the_numbers_do_not_depend_on_it(x, objective, monkeypatch):
    """A few rows at a time decode the same noise of the block to the same numbers, for whole-batch terms as well."""
    model, *_ = linear_model()
    decoded, run = [], type(model).run

    def counting(self, p, batch, noise):
        decoded.append(len(batch.target) * len(noise["eps"]))
        return run(self, p, batch, noise)

    whole = measured(x, objective, draws=2)
    monkeypatch.setattr(likelihood, "CACHED", 16)
    monkeypatch.setattr(type(model), "run", counting)
    pieces = measured(x, objective, draws=2)
    assert max(decoded) <= 16
    assert sum(decoded) == 25 * 2 * objective.samples
    for name, values in whole.items():
        np.testing.assert_allclose(values, pieces[name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_the_elbo_is_the_same_whatever_the_objective(x, objective):
    """Only the number of samples matters: it decides which noise is drawn."""
    plain = measured(x, ELBO(samples=objective.samples))
    for name in ("elbo", "log_px", "kl", "sse"):
        np.testing.assert_array_equal(plain[name], measured(x, objective)[name])


@pytest.mark.parametrize("objective", [FreeBits(0.5), Capacity(1.0, 2.0), MMD(10.0)], ids=str)
def test_what_rows_pay_together_is_measured_over_blocks(x, objective, monkeypatch):
    """Every row of a block pays the same share; other blocks, another share."""

    def shares(values):
        return values["loss"] + values["log_px"] + linear_model()[0].likelihood.constant(4)

    whole = shares(measured(x, objective, at_mean=True))
    np.testing.assert_allclose(whole, whole[0], rtol=1e-9)
    monkeypatch.setattr(likelihood, "BLOCK", 10)
    blocks = shares(measured(x, objective, at_mean=True))
    np.testing.assert_allclose(blocks[:10], blocks[0], rtol=1e-9)
    assert abs(blocks[0] - blocks[-1]) > 1e-6


def test_a_wasserstein_autoencoder_is_measured_without_an_elbo(x):
    """The point posterior: loss = reconstruction + discrepancy, no ELBO and no KL."""
    network = {"kind": "mlp", "hidden": []}
    likelihood_entry = {"kind": "gaussian_fixed", "link": "identity"}
    model = Spec(4, 2, network, network, "point", likelihood=likelihood_entry).build()
    values = per_image(model, model.init(0, "float64"), Rows(x, None, 1.0), MMD(), seed=0, purpose="t")
    assert np.isnan(values["elbo"]).all()
    z, _ = model.encode(model.views(model.init(0, "float64")), x)
    np.testing.assert_allclose(
        values["loss"] - values["sse"], 1000.0 * MMD().discrepancy(z[None])[0], rtol=1e-9
    )
