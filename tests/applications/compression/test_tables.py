"""Tables are the same on every machine: no entry lies so near to a rounding boundary that a libm could move it."""

from types import SimpleNamespace

import numpy as np
import pytest

from vitral.applications.compression import tables
from vitral.core.parameters import Views
from vitral.parts.likelihoods import BetaBinomial
from vitral.parts.likelihoods.counts import LOG_SHAPE

MADE = {
    "latents": tables.latent_tables,
    "deviations": lambda: tables.deviation_table(None, -1.0),
    "bounded deviations": lambda: tables.deviation_table(7.0, 1.0),
    "bits": tables.bernoulli_table,
}
ERROR = 1e-14  # relative to an entry; functions are wrong by a few 1e-16 of it, cumulated masses by a few more


@pytest.mark.parametrize("name", MADE)
def test_no_entry_is_nearer_to_a_boundary_than_functions_are_wrong(name, monkeypatch):
    """Where a file names its model by a digest, another machine has to make the same tables of the same weights."""
    gaps = []

    def rint(values):
        values = np.asarray(values)
        distance = np.abs(values - 0.5 - np.rint(values - 0.5))
        gaps.append((distance / np.maximum(np.abs(values), 1.0))[values != np.rint(values)].min())
        return np.rint(values)

    own = SimpleNamespace(**{one: getattr(np, one) for one in dir(np) if not one.startswith("__")})
    del own.floor, own.ceil, own.trunc  # a share of exactly 1 is a boundary of theirs
    own.rint = rint
    monkeypatch.setattr(tables, "np", own)
    MADE[name]()
    assert gaps
    assert min(gaps) > ERROR, gaps


def test_levels_come_from_shapes_that_no_machine_rounds_differently():
    """Behind the shapes there are only products, quotients and sums in one order."""
    o = (np.arange(2 * tables.SHAPE_REACH << tables.SHAPE) + 0.5) / 2.0**tables.SHAPE - tables.SHAPE_REACH
    exact = np.exp(LOG_SHAPE.value(o))
    for wrong in (1.0 - 1e-13, 1.0 + 1e-13):
        np.testing.assert_array_equal((exact * wrong).astype(np.float32), tables.shapes())


def test_levels_have_the_masses_of_the_likelihood():
    o = (np.arange(2 * tables.SHAPE_REACH << tables.SHAPE) + 0.5) / 2.0**tables.SHAPE - tables.SHAPE_REACH
    pairs = np.stack(np.meshgrid(o, o, indexing="ij"), axis=-1).reshape(-1, 2)
    masses = np.exp(BetaBinomial().log_masses(Views({}), pairs))[:, 0]
    table = tables.beta_binomial_table()
    assert (table[:, 0] == 0).all()
    assert (table[:, -1] == 2**tables.LEVEL).all()
    given = (np.diff(table, axis=1) - 1) / (2.0**tables.LEVEL - 256)
    np.testing.assert_allclose(given, masses, rtol=1e-5, atol=1.01 * 2.0**-tables.LEVEL)
