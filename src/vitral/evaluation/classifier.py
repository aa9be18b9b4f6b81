"""A small classifier, trained here on the labelled training rows: what it sees in an image measures samples.

loss = Σ_n (logsumexp_c o_nc - o_n,label) / N        do = (softmax(o) - 1[c = label]) / N

No network is downloaded, so its features are those of this data set; its accuracy on unseen rows is a number of
the report. Numbers from it compare models of one data set, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitral.core.arrays import logsumexp
from vitral.core.parameters import Views, count, cut
from vitral.core.randomness import stream
from vitral.data import Rows
from vitral.errors import DataError
from vitral.parts.layers import Affine, Chain, ReLU
from vitral.parts.optimisers import Adam

HIDDEN = (256, 64)  # the last is the number of features
STEPS, BATCH, RATE = 3_000, 128, 1e-3  # the rate falls to zero, linearly
BLOCK = 5_000


@dataclass(frozen=True)
class Classifier:
    """Two hidden layers of ReLU; ``features`` are the activations of the second, (N, 64)."""

    body: Chain
    head: Affine
    theta: np.ndarray
    classes: np.ndarray
    mean: np.ndarray
    scale: float

    def views(self) -> Views:
        return cut(self.theta, {"body": self.body.shapes, "head": self.head.shapes})

    def standardised(self, x: np.ndarray) -> np.ndarray:
        return (x.astype(np.float32) - self.mean) / np.float32(self.scale)

    def features(self, x: np.ndarray) -> np.ndarray:
        """What the classifier sees in x (N, D): (N, 64), float32."""
        p = self.views()
        blocks = (self.standardised(x[k : k + BLOCK]) for k in range(0, len(x), BLOCK))
        return np.concatenate([self.body.forward(p.body, block)[0] for block in blocks])

    def log_probabilities(self, x: np.ndarray) -> np.ndarray:
        """log p(class given x), (N, C)."""
        o, _ = self.head.forward(self.views().head, self.features(x))
        return o - logsumexp(o, 1)[:, None]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The likeliest label of every row, (N,)."""
        return self.classes[self.log_probabilities(x).argmax(axis=1)]

    def accuracy(self, rows: Rows) -> float:
        """The share of rows whose label is predicted."""
        right = [
            self.predict(rows.take(slice(k, k + BLOCK))) == rows.labels[k : k + BLOCK]
            for k in range(0, len(rows), BLOCK)
        ]
        return float(np.concatenate(right).mean())


def train_classifier(rows: Rows, *, seed: int, steps: int = STEPS) -> Classifier:
    """A classifier of these labelled rows: Adam on minibatches of 128, equal seeds give equal bits."""
    if rows.labels is None:
        raise DataError("a classifier learns from labels, and these rows have none: use the PCA features")
    classes, answers = np.unique(rows.labels, return_inverse=True)
    made = _untrained(rows, classes, seed)
    p, gradient, optimiser = made.views(), np.zeros_like(made.theta), Adam()
    g = cut(gradient, {"body": made.body.shapes, "head": made.head.shapes})
    state, rng = optimiser.start(made.theta), stream(seed, "classifier batches")
    for step in range(steps):
        index = rng.integers(len(rows), size=min(BATCH, len(rows)))
        gradient[...] = 0.0
        _, backward = loss(made, p, made.standardised(rows.take(index)), answers.reshape(-1)[index])
        backward(g)
        optimiser.step(made.theta, gradient, state, t=step + 1, rate=RATE * (1.0 - step / steps))
    return made


def loss(
    classifier: Classifier, p: Views, x: np.ndarray, answers: np.ndarray
) -> tuple[float, Callable[[Views], None]]:
    """The mean cross-entropy of standardised rows in nats, and its way back into ``g``."""
    h, body_backward = classifier.body.forward(p.body, x)
    o, head_backward = classifier.head.forward(p.head, h)
    rows, total = np.arange(len(x)), logsumexp(o, 1)

    def backward(g: Views) -> None:
        do = np.exp(o - total[:, None])
        do[rows, answers] -= 1.0
        do /= len(x)
        body_backward(head_backward(do, g.head), g.body)

    return float((total - o[rows, answers]).mean()), backward


def _untrained(rows: Rows, classes: np.ndarray, seed: int) -> Classifier:
    """The network at its start, with the mean of every feature and one scale for all."""
    width = rows.stored.shape[1]
    body = Chain((Affine(width, HIDDEN[0]), ReLU(), Affine(HIDDEN[0], HIDDEN[1]), ReLU()))
    head = Affine(HIDDEN[1], len(classes), "lecun")
    shapes = {"body": body.shapes, "head": head.shapes}
    theta = np.zeros(count(shapes), np.float32)
    p, rng = cut(theta, shapes), stream(seed, "classifier")
    body.init(p.body, rng)
    head.init(p.head, rng)
    mean, scale = _moments(rows)
    return Classifier(body, head, theta, classes, mean, scale)


def _moments(rows: Rows) -> tuple[np.ndarray, float]:
    """The mean of every feature, and the root of the mean variance."""
    sums, squares = np.zeros(rows.stored.shape[1]), 0.0
    for start in range(0, len(rows), BLOCK):
        x = rows.take(slice(start, start + BLOCK), "float64")
        sums += x.sum(axis=0)
        squares += float((x * x).sum())
    mean = sums / len(rows)
    variance = squares / sums.size / len(rows) - float((mean * mean).mean())
    return mean.astype(np.float32), float(np.sqrt(max(variance, np.finfo(np.float32).tiny)))
