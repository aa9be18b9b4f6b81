"""scikit-learn's digits: 1,797 images of 8 x 8 pixels with levels 0 to 16. Not MNIST."""

from __future__ import annotations

import numpy as np

from vitral.data.contract import Contract, Rows, Source


def digits() -> Source:
    """All 1,797 rows; x = level / 16."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    rows = Rows(bunch.data.astype(np.uint8), bunch.target.astype(np.int64), 16.0)
    contract = Contract(64, (8, 8), "uint8", 16.0, 0.0, 1.0, "pixel intensity, 0 to 1 (level / 16)")
    return Source("digits", rows, contract)
