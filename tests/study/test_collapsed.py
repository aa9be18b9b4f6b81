"""A model whose codes are all one point is studied to the end: what a collapse leaves is told, not stumbled over."""

import numpy as np
import pytest

from vitral.data import load_data
from vitral.specs import Spec
from vitral.study import pictures


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_codes_of_one_point_have_no_map_of_neighbours(weight):
    data = load_data("digits", split="random", seed=0)
    net = {"kind": "mlp", "hidden": [8]}
    model = Spec(features=64, latent=3, encoder=net, decoder=net).build()
    theta = model.init(0)
    *_, head = model.views(theta).encoder
    for tensor in (head.W, head.b):
        tensor *= weight
    arrays = pictures.of_model(model, theta, data, seed=0, tsne_rows=60)
    assert (np.ptp(arrays["codes"], axis=0).max() == 0) == (weight == 0.0)
    assert ("codes_tsne" in arrays) == (weight == 1.0)
    assert np.isfinite(arrays["codes_pca"]).all()
