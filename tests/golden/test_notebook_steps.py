"""Twenty steps of training equal the literal reference of the notebook to 1e-10, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference.notebook import NotebookVAE
from vitral.model import Batch
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import SGD
from vitral.specs import Spec

STEPS, BATCH = 20, 128


def library_model(features, hidden, latent):
    """The notebook's model as a spec: He everywhere, no quiet start, squared error as variance 1/2."""
    network = {"kind": "mlp", "hidden": [hidden], "activation": "relu", "head": "he", "quiet": False}
    likelihood = {"kind": "gaussian_fixed", "variance": 0.5, "link": "sigmoid"}
    return Spec(features, latent, network, network, likelihood=likelihood).build()


def poured(reference, model):
    """The reference's ten arrays in one theta: the two heads lie side by side."""
    theta, w = np.zeros(model.parameters), reference.weights
    first, _, heads = model.views(theta).encoder
    third, _, last = model.views(theta).decoder
    for layer, weight, bias in ((first, w["W1"], w["b1"]), (third, w["W3"], w["b3"]), (last, w["W4"], w["b4"])):
        layer.W[...], layer.b[...] = weight, bias
    heads.W[...] = np.concatenate([w["W_mu"], w["W_logvar"]], axis=1)
    heads.b[...] = np.concatenate([w["b_mu"], w["b_logvar"]])
    return theta


def images(rows, features):
    """Images like the notebook's: float32 in [0, 1], mostly black, handed to float64 weights."""
    rng = np.random.default_rng(7)
    return (rng.random((rows, features)) * (rng.random((rows, features)) < 0.2)).astype(np.float32)


@pytest.mark.parametrize("features, hidden, latent", [(784, 400, 2), (30, 12, 10)])
def test_twenty_steps_equal_the_notebook_to_ten_digits(features, hidden, latent):
    """Same weights, same shuffles, same noise: equal losses before every step, equal parameters after the last."""
    reference = NotebookVAE(features, hidden, latent, np.random.RandomState(42))
    model = library_model(features, hidden, latent)
    theta, optimiser = poured(reference, model), SGD()
    x = images(1300, features)
    batches = [batch for _ in range(2) for batch in reference.batches(x, BATCH)][:STEPS]
    assert {1300 % BATCH, BATCH} == {len(batch) for batch in batches}
    for t, batch in enumerate(batches, start=1):
        epsilon = reference.noise(len(batch))
        grad, p = np.zeros_like(theta), model.views(theta)
        target = batch.astype(np.float64)
        loss, backward = model.loss(p, Batch(target, target), {"eps": epsilon[None]}, ELBO(), len(batch))
        backward(model.views(grad))
        optimiser.step(theta, grad, {}, t=t, rate=0.001)
        total, _, _ = reference.step(batch, epsilon)
        assert float(loss) - model.likelihood.constant(features) == pytest.approx(total, abs=1e-10)
        if t in (1, STEPS):
            np.testing.assert_allclose(poured(reference, model), theta, rtol=0, atol=1e-10)


def test_squared_error_and_kl_are_the_terms_of_the_loss():
    """-log p(x given z) minus its constant is the squared error; the closed-form KL is the notebook's."""
    reference = NotebookVAE(20, 9, 3, np.random.RandomState(0))
    model = library_model(20, 9, 3)
    x, epsilon = images(11, 20).astype(np.float64), reference.noise(11)
    _, squared_error, kl = reference.losses(x, reference.forward(x, epsilon))
    terms, _, _ = model.run(model.views(poured(reference, model)), Batch(x, x), {"eps": epsilon[None]})
    assert -terms.log_px.mean() - model.likelihood.constant(20) == pytest.approx(squared_error, abs=1e-11)
    assert terms.kl.sum() / 11 == pytest.approx(kl, abs=1e-11)


def test_the_notebook_has_631188_parameters_and_so_has_the_spec():
    reference = NotebookVAE(784, 400, 2, np.random.RandomState(42))
    assert 631_188 == sum(array.size for array in reference.weights.values()) == library_model(784, 400, 2).parameters


def test_the_reference_itself_passes_a_gradient_check():
    """A wrong reference would make agreement worthless: its ten gradients against central differences."""
    reference = NotebookVAE(5, 4, 2, np.random.RandomState(3))
    x, epsilon = np.random.default_rng(1).random((6, 5)), reference.noise(6)
    claimed = reference.gradients(x, epsilon, reference.forward(x, epsilon))
    for name, weight in reference.weights.items():
        for index in np.ndindex(weight.shape):
            totals = []
            for step in (1e-6, -2e-6):
                weight[index] += step
                totals.append(reference.losses(x, reference.forward(x, epsilon))[0])
            weight[index] += 1e-6
            assert (totals[0] - totals[1]) / 2e-6 == pytest.approx(claimed[name][index], abs=1e-7)
