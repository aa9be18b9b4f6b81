"""New rows from a model: from its prior, or around rows that it is shown; and what can be said about them.

"prior"   z ~ p(z given c)                                     x ~ p(x given z, c)
"rows"    x_i one of the rows with that c, z ~ q(z given x_i, c)     x ~ p(x given z, c)

The second starts where the decoder was trained, also where the codes of a small class lie away from the prior; its
rows stay closer to those that it was shown. In both c, the class, is what a conditional model is given.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitral.core.randomness import draw
from vitral.data import Rows
from vitral.evaluation.samples import COMPONENTS, NEIGHBOURS, balls, memorisation, nearest_rows, spread
from vitral.model import Model

STARTS = ("prior", "rows")
BLOCK = 1000  # rows made together
LOOKED_AT = 500  # made rows, and held-out rows, that are compared with all training rows
SUSPICIOUS = 0.01  # p-value of a test for copies below which it is said


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


class Compared(NamedTuple):
    """What made rows are, beside held-out rows of the same number of columns; shares, distances in units of x.

    ``copies`` is the share that equals a training row, ``nearest`` the median distance to one; ``nearer`` and its
    one-sided p-value say how often a made row is nearer to a training row than a held-out row is to its own (one half
    by chance); ``to_train`` and ``expected`` are those of ``evaluation.samples.Nearest``. ``precision`` and
    ``coverage`` compare with training rows; ``as_asked`` is the share whose nearest training row is of the class that
    was asked for. What ends in ``_held_out`` is the same of as many held-out rows: the mark to measure by.
    """

    made: int
    train: int
    held_out: int
    copies: float
    copies_held_out: float
    nearest: float
    nearest_held_out: float
    nearer: float
    nearer_p: float
    to_train: float
    to_train_expected: float
    to_train_p: float
    precision: float | None = None
    precision_held_out: float | None = None
    coverage: float | None = None
    coverage_held_out: float | None = None
    as_asked: float | None = None
    as_asked_held_out: float | None = None

    @property
    def memorised(self) -> bool:
        """Whether either test says, at one in a hundred, that made rows stick to training rows."""
        return min(self.nearer_p, self.to_train_p) < SUSPICIOUS


class Points(NamedTuple):
    """Rows as points (n, D) of one space, and their classes (n,), where they have some."""

    x: np.ndarray
    labels: np.ndarray | None = None


def points_of(rows: Rows) -> Points:
    """Rows as the encoder sees them: a class as numbers of which one is 1, what is missing as 0."""
    return Points(rows.batch(slice(None)).inputs, rows.labels)


def compared(made: Points, train: Points, held_out: Points) -> Compared:
    """Whether made rows are copies of training rows, and how like held-out rows they are.

    At most 500 of the made and of the held-out rows are looked at, against all training rows. Raises DataError where
    there are fewer than two of any.
    """
    near = memorisation(made.x, train.x, held_out.x, rows=LOOKED_AT)
    return Compared(
        made=len(made.x),
        train=len(train.x),
        held_out=len(held_out.x),
        copies=float((near.samples == 0.0).mean()),
        copies_held_out=float((near.unseen == 0.0).mean()),
        nearest=float(np.median(near.samples)),
        nearest_held_out=float(np.median(near.unseen)),
        nearer=near.auc,
        nearer_p=near.auc_p,
        to_train=near.to_train,
        to_train_expected=near.expected,
        to_train_p=near.to_train_p,
        **_fidelity(made.x, train.x, held_out.x),
        as_asked=_as_asked(made, train),
        as_asked_held_out=_as_asked(held_out, train),
    )


def _fidelity(made: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> dict[str, float]:
    """Precision and coverage of made rows, and of as many held-out rows; nothing where there are too few."""
    count = min(len(made), len(held_out), LOOKED_AT)
    real = spread(train, 2 * LOOKED_AT)
    if min(count, len(real)) <= NEIGHBOURS:
        return {}
    seen, real = [spread(made, count), spread(held_out, count)], real.astype(np.float64)
    if real.shape[1] > COMPONENTS:
        mean = real.mean(axis=0)
        axes = np.linalg.svd(real - mean, full_matrices=False)[2][:COMPONENTS].T
        real, seen = (real - mean) @ axes, [(points - mean) @ axes for points in seen]
    of_made, of_held_out = (balls(real, points) for points in seen)
    return {
        "precision": of_made.precision,
        "precision_held_out": of_held_out.precision,
        "coverage": of_made.coverage,
        "coverage_held_out": of_held_out.coverage,
    }


def _as_asked(points: Points, train: Points) -> float | None:
    """The share whose nearest training row is of their class; None without classes."""
    if points.labels is None or train.labels is None:
        return None
    nearest, _ = nearest_rows(spread(points.x, LOOKED_AT), train.x)
    return float((train.labels[nearest] == spread(points.labels, LOOKED_AT)).mean())
