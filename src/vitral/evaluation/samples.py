"""How good samples are, and whether they are copies: measured without a downloaded network.

Scores compare features of samples (n, F) with features of real rows; the features are those of a classifier
trained here, or principal components where there are no labels, and the result says which. They rank models of one
data set. They are no FID and not comparable with numbers from other features. Derivation: docs/derivations/
sample_quality.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vitral.core.randomness import stream
from vitral.data import Rows
from vitral.errors import DataError
from vitral.evaluation.baselines import fit_baselines
from vitral.evaluation.classifier import Classifier
from vitral.evaluation.likelihood import side_by_side

NEIGHBOURS = 5  # k of the balls around every point (Naeem et al. 2020, section 5)
COMPARED = 5_000  # samples and real rows whose balls are compared
KERNEL = 1_000  # samples and real rows in the kernel statistic
SWAPS = 500  # permutations behind its p-value
NEAREST = 2_000  # samples, and unseen rows, whose nearest training rows are looked up
COMPONENTS = 64  # principal components, where there is no classifier
CHUNK = 500

Features = Callable[[np.ndarray], np.ndarray]


class Balls(NamedTuple):
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020)."""

    precision: float
    recall: float
    density: float
    coverage: float


class MMD(NamedTuple):
    """The unbiased squared kernel distance, its standard error, and the p-value of "both are one distribution"."""

    value: float
    standard_error: float
    p_value: float


class Nearest(NamedTuple):
    """Distances to the nearest training row, (n,) of samples and (m,) of unseen rows, and two tests for copies.

    ``auc``: how often a sample is nearer to its training row than an unseen row to its own, ``auc_p`` one-sided.
    ``to_train``: of the rows nearest to any sample, among training and unseen ones, the share that are training rows;
    ``expected`` is that share for a model that knows none of them better, ``to_train_p`` one-sided and exact.
    """

    samples: np.ndarray
    unseen: np.ndarray
    auc: float
    auc_p: float
    to_train: float
    expected: float
    to_train_p: float


def balls(real: np.ndarray, fake: np.ndarray, *, neighbours: int = NEIGHBOURS) -> Balls:
    """How samples and real rows cover each other; a ball reaches to the k-th nearest point of its own kind.

    precision: share of samples inside any real ball; recall: share of real rows inside any sample's ball;
    density: how many real balls hold a sample, over k, a mean; coverage: share of real balls that hold a sample.
    """
    fewest = min(len(real), len(fake))
    if fewest <= neighbours:
        raise DataError(f"balls of {neighbours} neighbours need more rows than that, got {fewest}: give more")
    real_reach, fake_reach = (_reach(points, neighbours) for points in (real, fake))

    def some(start: int) -> tuple[np.ndarray, ...]:
        squares = _squares(fake[start : start + CHUNK], real)
        in_real = squares < real_reach
        in_fake = squares < fake_reach[start : start + CHUNK, None]
        return in_real.sum(axis=1), in_real.any(axis=0), in_fake.any(axis=0)

    parts = side_by_side(some, range(0, len(fake), CHUNK))
    counts = np.concatenate([part[0] for part in parts])
    covered, reached = (np.any([part[k] for part in parts], axis=0) for k in (1, 2))
    return Balls(
        float((counts > 0).mean()),
        float(reached.mean()),
        float(counts.mean() / neighbours),
        float(covered.mean()),
    )


def _reach(points: np.ndarray, neighbours: int) -> np.ndarray:
    """The squared distance of every point to its k-th nearest other point, (N,)."""

    def some(start: int) -> np.ndarray:
        squares = _squares(points[start : start + CHUNK], points)
        squares[np.arange(len(squares)), start + np.arange(len(squares))] = np.inf
        return np.partition(squares, neighbours - 1, axis=1)[:, neighbours - 1]

    return np.concatenate(side_by_side(some, range(0, len(points), CHUNK)))


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs, (n, m): |a|² - 2 a b' + |b|²."""
    squares = a @ b.T
    squares *= -2.0
    squares += (a * a).sum(axis=1)[:, None]
    squares += (b * b).sum(axis=1)
    return np.maximum(squares, 0.0, out=squares)


def mmd2(x: np.ndarray, y: np.ndarray, *, seed: int, rows: int = KERNEL, swaps: int = SWAPS) -> MMD:
    """The unbiased squared maximum mean discrepancy of x (n, F) and y (m, F) (Gretton et al. 2012, lemma 6).

    mean over i ≠ j of k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i), at most ``rows`` of each, drawn by the
    seed. k is the mean of Gaussian kernels of 1/2, 1 and 2 times the median distance. Swapping x_i with y_i gives
    the p-value.
    """
    rng = stream(seed, "kernel statistic")
    count = min(len(x), len(y), rows)
    if count < 3:
        raise DataError(f"the kernel statistic needs three rows of each or more, got {count}: give more")
    x, y = (points[rng.permutation(len(points))[:count]].astype(np.float64) for points in (x, y))
    squares = _squares(np.concatenate([x, y]), np.concatenate([x, y]))
    k = _kernel(squares)
    h = k[:count, :count] + k[count:, count:] - k[:count, count:] - k[count:, :count]
    np.fill_diagonal(h, 0.0)
    of_rows = h.sum(axis=1) / (count - 1)
    sign = rng.choice([-1.0, 1.0], (count, swaps))
    swapped = ((h @ sign) * sign).sum(axis=0) / (count * (count - 1))
    p_value = (1.0 + (swapped >= of_rows.mean()).sum()) / (1.0 + swaps)
    return MMD(float(of_rows.mean()), float(2.0 * of_rows.std(ddof=1) / np.sqrt(count)), float(p_value))


def _kernel(squares: np.ndarray) -> np.ndarray:
    """The mean of three Gaussian kernels around the median distance of different points."""
    median = float(np.median(squares[~np.eye(len(squares), dtype=bool)])) or 1.0
    return np.mean([np.exp(-0.5 * squares / (width**2 * median)) for width in (0.5, 1.0, 2.0)], axis=0)


def nearest_rows(points: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of ``rows`` (N, D) to every point (n, D): its index (n,) and its distance (n,)."""

    def some(start: int) -> tuple[np.ndarray, np.ndarray]:
        squares = _squares(points[start : start + CHUNK], rows)
        index = squares.argmin(axis=1)
        # The difference itself: the expanded square above is no more than a rounding error for a copy.
        gap = points[start : start + CHUNK].astype(np.float64) - rows[index]
        return index, np.sqrt((gap * gap).sum(axis=1))

    parts = side_by_side(some, range(0, len(points), CHUNK))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def memorisation(
    samples: np.ndarray, train: np.ndarray, unseen: np.ndarray, *, rows: int = NEAREST
) -> Nearest:
    """Whether samples (n, D) lie closer to training rows than they should, judged by unseen rows (m, D).

    The first test (Meehan et al. 2020, section 3, without cells) is fooled by blur: a mean image is near to
    everything. The second is not. Every row counts once, however many samples it is nearest to, so that training
    rows among them are hypergeometric where training and unseen rows can be exchanged.
    """
    from scipy.stats import hypergeom, mannwhitneyu

    samples, others = spread(samples, rows), spread(unseen, rows)
    if min(len(samples), len(train), len(others)) < 2:
        raise DataError(
            "a memorisation test needs two samples, training rows and unseen rows or more: give more"
        )
    known, of_samples = nearest_rows(samples, train)
    _, of_others = nearest_rows(others, train)
    new, to_unseen = nearest_rows(samples, unseen)
    test = mannwhitneyu(of_samples, of_others, alternative="less")
    auc = 1.0 - float(test.statistic) / (len(of_samples) * len(of_others))
    nearer = of_samples < to_unseen
    wins, losses = len(np.unique(known[nearer])), len(np.unique(new[~nearer]))
    pool = len(train) + len(unseen)
    chance = hypergeom.sf(wins - 1, pool, len(train), wins + losses)
    return Nearest(
        samples=of_samples,
        unseen=of_others,
        auc=auc,
        auc_p=float(test.pvalue),
        to_train=wins / (wins + losses),
        expected=len(train) / pool,
        to_train_p=float(chance),
    )


def spread(rows: Any, count: int) -> Any:
    """At most ``count`` of the rows, evenly over all of them: files are often sorted, by writer or by difficulty."""
    return rows[even(len(rows), count)]


def even(rows: int, count: int) -> np.ndarray:
    """At most ``count`` indices, evenly over all rows."""
    return np.arange(rows) if rows <= count else np.linspace(0, rows - 1, count).round().astype(np.intp)


def principal_features(rows: Rows, components: int = COMPONENTS) -> Features:
    """Centred coordinates on the principal axes of the training rows: features that need no labels."""
    fitted = fit_baselines(rows)
    axes = fitted.axes[:, :components]
    return lambda x: (x.astype(np.float64) - fitted.mean) @ axes


def sample_quality(
    samples: np.ndarray,
    train: Rows,
    unseen: Rows,
    *,
    seed: int,
    classifier: Classifier | None = None,
    compared: int = COMPARED,
) -> dict[str, Any]:
    """Every score of samples (n, D) in the units of x, as plain data.

    Features and balls compare with ``unseen`` rows, which the model has not been trained on. With unseen rows in
    the place of the samples the same function gives the ceiling of every score.
    """
    features = principal_features(train) if classifier is None else classifier.features
    real, fake = features(unseen.take(even(len(unseen), compared))), features(samples[:compared])
    kernel = mmd2(real, fake, seed=seed)
    near = memorisation(samples, train.take(slice(None)), unseen.take(slice(None)))
    return {
        "features": "principal components" if classifier is None else "classifier",
        "feature_size": real.shape[1],
        "samples": len(fake),
        "real": len(real),
        "neighbours": NEIGHBOURS,
        **balls(real, fake)._asdict(),
        "mmd2": kernel.value,
        "mmd2_se": kernel.standard_error,
        "mmd2_p": kernel.p_value,
        **_of_nearest(near),
        **_of_labels(samples, unseen, classifier),
    }


def _of_nearest(near: Nearest) -> dict[str, float]:
    return {
        "nearest_distance": float(np.median(near.samples)),
        "nearest_distance_unseen": float(np.median(near.unseen)),
        "memorisation_auc": near.auc,
        "memorisation_auc_p": near.auc_p,
        "nearest_is_train": near.to_train,
        "nearest_is_train_expected": near.expected,
        "nearest_is_train_p": near.to_train_p,
    }


def _of_labels(samples: np.ndarray, unseen: Rows, classifier: Classifier | None) -> dict[str, Any]:
    """Which classes the classifier sees in the samples, beside the labels of the unseen rows; None without one."""
    names = ("classifier_accuracy", "labels", "label_shares", "label_shares_of_data", "label_entropy")
    if classifier is None or unseen.labels is None:
        return dict.fromkeys((*names, "label_entropy_of_data", "label_confidence"))
    chances = np.exp(classifier.log_probabilities(samples))
    shares = np.bincount(chances.argmax(axis=1), minlength=len(classifier.classes)) / len(samples)
    of_data = (unseen.labels[:, None] == classifier.classes).mean(axis=0)
    return {
        "classifier_accuracy": classifier.accuracy(unseen),
        "labels": classifier.classes.tolist(),
        "label_shares": shares.tolist(),
        "label_shares_of_data": of_data.tolist(),
        "label_entropy": _entropy(shares),
        "label_entropy_of_data": _entropy(of_data),
        "label_confidence": float(chances.max(axis=1).mean()),
    }


def _entropy(shares: np.ndarray) -> float:
    """-Σ p log p in nats."""
    p = shares[shares > 0.0]
    return float(-(p * np.log(p)).sum())
