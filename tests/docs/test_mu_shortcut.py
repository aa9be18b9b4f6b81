"""The rule of mu_shortcut.md (E13) where it is exact: a quadratic reconstruction term and the best sigma."""

from itertools import product

import numpy as np
import pytest

from vitral.core.randomness import stream
from vitral.evaluation.latent import mu_shortcut
from vitral.model import Batch, Model
from vitral.parts.layers import Affine
from vitral.parts.likelihoods import GaussianFixed
from vitral.parts.objectives import ELBO
from vitral.parts.posteriors import DiagonalGaussian
from vitral.parts.priors import StandardNormal

D, L, N, S2 = 5, 3, 4, 0.2


def _model(beta, sharpness=1.0):
    """An affine decoder, and an encoder whose sigma is the optimum (times ``sharpness``) for this beta."""
    model = Model(
        Affine(D, 2 * L),
        DiagonalGaussian(L),
        StandardNormal(L),
        Affine(L, D),
        GaussianFixed(S2, "identity"),
        D,
    )
    rng = stream(0, "mu shortcut")
    theta = rng.standard_normal(model.parameters)
    p = model.views(theta)
    hessian = (p.decoder.W**2).sum(axis=1) / S2
    p.encoder.W[:, L:] = 0.0
    p.encoder.b[L:] = np.log(sharpness * beta / (beta + hessian))
    return model, p, rng.standard_normal((N, D))


def _measured(model, p, x, beta):
    """Loss at sampled z minus loss at z = mu, nats per image; all sign patterns stand for the noise."""
    signs = np.array(list(product([-1.0, 1.0], repeat=L)))
    noises = np.repeat(signs[:, None], N, axis=1), np.zeros((1, N, L))
    losses = [ELBO(beta).rows(model.run(p, Batch(x, x), {"eps": eps})[0]).mean() for eps in noises]
    return losses[0] - losses[1]


@pytest.mark.parametrize("beta", [0.5, 1.0, 4.0])
def test_the_shortcut_hides_exactly_what_the_rule_predicts(beta):
    """(beta/2) Σ (1 - sigma²) for an affine decoder and the optimal sigma."""
    model, p, x = _model(beta)
    predicted = mu_shortcut(model.encode(p, x)[1], beta)
    np.testing.assert_allclose(_measured(model, p, x, beta), predicted, rtol=1e-10)


def test_a_sigma_that_is_not_at_its_optimum_shows_as_a_mismatch():
    """The rule is a check of training, so it has to fail for an encoder that is half trained."""
    model, p, x = _model(1.0, sharpness=3.0)
    predicted = mu_shortcut(model.encode(p, x)[1], 1.0)
    assert abs(_measured(model, p, x, 1.0) - predicted) > 0.1
