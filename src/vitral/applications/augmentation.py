"""New rows from a model: from its prior, or around rows that it is shown; and what can be said about them.

"prior"   z ~ p(z given c)                                     x ~ p(x given z, c)
"rows"    x_i one of the rows with that c, z ~ q(z given x_i, c)     x ~ p(x given z, c)

The second starts where the decoder was trained, also where the codes of a small class lie away from the prior; its
rows stay closer to those that it was shown. In both c, the class, is what a conditional model is given.
"""

from __future__ import annotations

import numpy as np

from vitral.core.randomness import draw
from vitral.data import Rows
from vitral.model import Model

STARTS = ("prior", "rows")
BLOCK = 1000  # rows made together


def from_prior(
    model: Model,
    theta: np.ndarray,
    n: int,
    rng: np.random.Generator,
    *,
    context: np.ndarray | None = None,
    draws: bool = True,
) -> np.ndarray:
    """n rows (n, D) from the prior: draws of x, or with ``draws=False`` the means of p(x given z); in units of x."""
    p, dtype = model.views(theta), theta.dtype.name
    made = []
    for start in range(0, n, BLOCK):
        count = min(BLOCK, n - start)
        c = None if context is None else context[start : start + count]
        z, x = model.sample(p, count, rng, dtype, c)
        made.append(x if draws else model.decode(p, z, c))
    return np.concatenate(made) if made else np.zeros((0, model.features), dtype)


def around_rows(
    model: Model, theta: np.ndarray, rows: Rows, places: np.ndarray, rng: np.random.Generator, *, draws: bool = True
) -> np.ndarray:
    """A new row (n, D) around each of ``rows[places]``, which bring their context; in units of x."""
    p, dtype = model.views(theta), theta.dtype.name
    made = []
    for start in range(0, len(places), BLOCK):
        batch = rows.batch(places[start : start + BLOCK], dtype)
        h = model.encoder_output(p, batch.inputs, batch.context)
        noise = draw(model.posterior.noise_shapes(1, len(h)), rng, dtype)
        z = model.posterior.sample(p.posterior, h, noise)[0].z[0]
        o = model.decoder_output(p, z, batch.context)
        made.append(model.likelihood.sample(p.likelihood, o, rng) if draws else model.likelihood.mean(p.likelihood, o))
    return np.concatenate(made) if made else np.zeros((0, model.features), dtype)
