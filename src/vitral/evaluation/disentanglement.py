"""Whether single latents stand for single factors: five published scores on codes (N, L) and factors (N, F).

Each is at most 1, and is given codes and whole-number factors of the same images; a complete grid such as
``vitral.data.sprites`` serves best. Definitions and settings are those of Locatello et al. 2019 (arXiv 1811.12359),
where they leave a choice. Derivation and every deviation: docs/derivations/disentanglement.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from vitral.core.randomness import stream
from vitral.errors import DataError, UsageError, unknown

BATCH = 64  # images a vote
VOTES, TEST_VOTES = (
    10_000,
    5_000,
)  # what the classifiers of the first two scores learn from, and are tested on
BINS = 20  # of a latent, for mutual information
DEAD = 0.05  # a latent whose codes have a smaller standard deviation casts no vote
ROWS, TEST_ROWS = 5_000, 2_500  # of the table, for the classifiers of DCI and SAP
CHUNK = 500  # votes at a time


class DCI(NamedTuple):
    """Disentanglement, completeness, informativeness, and the importance (L, F) of every latent for every factor."""

    disentanglement: float
    completeness: float
    informativeness: float
    importance: np.ndarray


def scores(
    codes: np.ndarray, factors: np.ndarray, *, seed: int, ordered: Sequence[bool] | None = None
) -> dict[str, float]:
    """Every score: beta_vae, factor_vae, mig, dci_disentanglement, dci_completeness, dci_informativeness, sap.

    ``ordered`` says for each factor whether its values have an order, for SAP; None means that none has.
    """
    parts = dci(codes, factors, seed=seed)
    return {
        "beta_vae": beta_vae_score(codes, factors, seed=seed),
        "factor_vae": factor_vae_score(codes, factors, seed=seed),
        "mig": mig(codes, factors),
        "dci_disentanglement": parts.disentanglement,
        "dci_completeness": parts.completeness,
        "dci_informativeness": parts.informativeness,
        "sap": sap(codes, factors, seed=seed, ordered=ordered),
    }


def beta_vae_score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int,
    batch: int = BATCH,
    votes: int = VOTES,
    test_votes: int = TEST_VOTES,
) -> float:
    """How often a linear classifier names the factor that pairs share (Higgins et al. 2017, section 3).

    A vote draws one factor j and ``batch`` pairs of images with equal j; it sees mean |z - z'| of every latent.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    table = _Table(codes, factors)
    rng = stream(seed, "beta-VAE metric")

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        shared = rng.integers(table.factors.shape[1], size=count)
        first = rng.integers(len(table.codes), size=(count, batch))
        second = table.sharing(shared, first, rng)
        return _chunked(
            lambda a, b: np.abs(table.codes[a] - table.codes[b]).mean(axis=1), first, second
        ), shared

    seen, answers = drawn(votes)
    unseen, truth = drawn(test_votes)
    scale = StandardScaler().fit(seen)
    classifier = LogisticRegression(max_iter=1000).fit(scale.transform(seen), answers)
    return float(classifier.score(scale.transform(unseen), truth))


def factor_vae_score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int,
    batch: int = BATCH,
    votes: int = VOTES,
    test_votes: int = TEST_VOTES,
    dead: float = DEAD,
) -> float:
    """How often the latent that varies least names the factor that is held (Kim and Mnih 2018, section 4).

    A vote draws one factor and ``batch`` images with one value of it, and casts the latent of the smallest
    Var(z) / Var of all z; the majority of the votes decides which factor a latent stands for.
    """
    table = _Table(codes, factors)
    alive = np.flatnonzero(table.codes.std(axis=0, ddof=1) >= dead)
    if not len(alive):
        return 0.0
    scaled = table.codes[:, alive] / table.codes[:, alive].std(axis=0, ddof=1)
    rng = stream(seed, "FactorVAE metric")

    def counted(count: int) -> np.ndarray:
        held = rng.integers(table.factors.shape[1], size=count)
        anchors = np.broadcast_to(rng.integers(len(scaled), size=(count, 1)), (count, batch))
        rows = table.sharing(held, anchors, rng)
        cast = _chunked(lambda some: scaled[some].var(axis=1, ddof=1).argmin(axis=1), rows)
        return _contingency(cast, held, len(alive), table.factors.shape[1])

    decision = counted(votes).argmax(axis=1)
    tested = counted(test_votes)
    return float(tested[np.arange(len(alive)), decision].sum() / test_votes)


def mig(codes: np.ndarray, factors: np.ndarray, *, bins: int = BINS) -> float:
    """The mutual information gap, a mean over factors (Chen et al. 2018, equation 6).

    (I(z_a; v) - I(z_b; v)) / H(v), where a and b know most about v, each latent cut into ``bins`` of equal width.
    """
    return float(mig_of_factors(codes, factors, bins=bins).mean())


def mig_of_factors(codes: np.ndarray, factors: np.ndarray, *, bins: int = BINS) -> np.ndarray:
    """The mutual information gap of every factor, (F,)."""
    table = _Table(codes, factors)
    information = mutual_information(table.codes, table.factors, bins=bins)
    entropy = np.array([_entropy(np.bincount(factor)) for factor in table.factors.T])
    return _gap(information) / entropy


def mutual_information(codes: np.ndarray, factors: np.ndarray, *, bins: int = BINS) -> np.ndarray:
    """I(binned z_l; v_f) in nats for every latent and factor, (L, F), from counts: H(z) + H(v) - H(z, v)."""
    cut = np.stack([np.digitize(z, np.histogram_bin_edges(z, bins)[1:-1]) for z in codes.T])
    pairs = [[_contingency(z, v, bins, int(v.max()) + 1) for v in factors.T] for z in cut]
    return np.array(
        [
            [
                _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0)) - _entropy(joint)
                for joint in of_latent
            ]
            for of_latent in pairs
        ]
    )


def dci(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int,
    rows: int = ROWS,
    test_rows: int = TEST_ROWS,
    trees: str = "forest",
) -> DCI:
    """Disentanglement, completeness, informativeness (Eastwood and Williams 2018, section 2).

    Trees that predict a factor from all latents give the importance R (L, F) of each; informativeness is their
    mean accuracy on rows that they have not seen. "forest" is the paper's random forest, "boosting" what Locatello
    et al. 2019 use, some twenty times slower.
    """
    if trees not in _TREES:
        raise unknown("trees", trees, _TREES)
    table = _Table(codes, factors)
    known, unseen = table.split(rows, test_rows, stream(seed, "DCI"))
    importance, accuracy = [], []
    for factor in table.factors.T:
        fitted = _TREES[trees](seed).fit(table.codes[known], factor[known])
        importance.append(fitted.feature_importances_)
        accuracy.append(fitted.score(table.codes[unseen], factor[unseen]))
    R = np.stack(importance, axis=1)
    return DCI(_concentration(R), _concentration(R.T), float(np.mean(accuracy)), R)


def sap(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int,
    ordered: Sequence[bool] | None = None,
    rows: int = ROWS,
    test_rows: int = TEST_ROWS,
) -> float:
    """The separated attribute predictability, a mean over factors (Kumar et al. 2018, section 3).

    The best latent's score less the second best's. An ordered factor is scored by R² of a line through one latent,
    another by the accuracy on unseen rows of a linear support vector machine that sees one latent.
    """
    table = _Table(codes, factors)
    count = table.factors.shape[1]
    ordered = (False,) * count if ordered is None else tuple(ordered)
    if len(ordered) != count:
        raise UsageError(f"ordered needs one truth value a factor, got {len(ordered)} for {count} factors")
    known, unseen = table.split(rows, test_rows, stream(seed, "SAP"))
    z = table.codes / np.maximum(table.codes.std(axis=0), np.finfo(float).tiny)
    columns = [
        _straight(z, v) if in_order else _separable(z, v, known, unseen, seed)
        for v, in_order in zip(table.factors.T, ordered, strict=True)
    ]
    return float(_gap(np.stack(columns, axis=1)).mean())


class _Table:
    """Codes and factors, checked, and the rows that share a value of a factor."""

    def __init__(self, codes: np.ndarray, factors: np.ndarray) -> None:
        codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
        if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
            raise DataError(
                f"codes (N, L) and factors (N, F) must have one row an image, got {codes.shape} and {factors.shape}"
            )
        if not np.isfinite(codes).all():
            raise DataError("codes must be finite numbers, got NaN or infinity: train the model again")
        values = [np.unique(column, return_inverse=True) for column in factors.T]
        if any(len(known) < 2 for known, _ in values):
            raise DataError(
                "every factor must take two values or more, and one of these takes one: leave it out"
            )
        self.codes = codes
        self.factors = np.stack([place.reshape(-1) for _, place in values], axis=1)
        self._order = [np.argsort(column, kind="stable") for column in self.factors.T]
        self._count = [np.bincount(column) for column in self.factors.T]

    def sharing(self, chosen: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For every row of a vote (V, B) a random row with the same value of the vote's factor (V,)."""
        drawn, found = rng.random(rows.shape), np.empty(rows.shape, np.intp)
        for factor, (order, count) in enumerate(zip(self._order, self._count, strict=True)):
            votes = chosen == factor
            value = self.factors[rows[votes], factor]
            first = np.cumsum(count) - count
            found[votes] = order[first[value] + (drawn[votes] * count[value]).astype(np.intp)]
        return found

    def split(self, rows: int, test_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Random rows to learn from and others to test on; of a small table two thirds and one third."""
        rows = min(rows, 2 * len(self.codes) // 3)
        order = rng.permutation(len(self.codes))
        return order[:rows], order[rows : rows + test_rows]


def _chunked(function: Any, *arrays: np.ndarray) -> np.ndarray:
    """The function of some votes at a time, so that memory does not grow with their number."""
    return np.concatenate(
        [function(*(array[k : k + CHUNK] for array in arrays)) for k in range(0, len(arrays[0]), CHUNK)]
    )


def _contingency(a: np.ndarray, b: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """How often each pair of whole numbers occurs, (rows, columns)."""
    return np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns)


def _entropy(counts: np.ndarray) -> float:
    """-Σ p log p in nats."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def _gap(scores: np.ndarray) -> np.ndarray:
    """The best score of each column (L, F) less the second best; a single latent has none to be compared with."""
    best = np.sort(np.concatenate([np.zeros((1, scores.shape[1])), scores]), axis=0)
    return best[-1] - best[-2]


def _concentration(R: np.ndarray) -> float:
    """Σ_i rho_i (1 - H(R_i / Σ R_i) / log n): how far each row (n,) lies on one entry, weighted by its sum rho."""
    if R.shape[1] < 2:
        return 1.0
    rows = [1.0 - _entropy(row) / np.log(len(row)) if row.sum() > 0.0 else 0.0 for row in R]
    return float(np.dot(rows, R.sum(axis=1)) / R.sum())


def _forest(seed: int) -> Any:
    """Twenty trees that see every latent at every split; leaves of ten rows keep noise from being split."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(20, max_features=None, min_samples_leaf=10, random_state=seed)


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(random_state=seed)


_TREES = {"forest": _forest, "boosting": _boosting}


def _straight(z: np.ndarray, v: np.ndarray) -> np.ndarray:
    """R² of the line from each latent to an ordered factor, (L,); 0 for a constant latent."""
    z, v = z - z.mean(axis=0), v - v.mean()
    spread = (z * z).sum(axis=0)
    product = (z * v[:, None]).sum(axis=0) ** 2
    return np.divide(product, spread * (v @ v), out=np.zeros_like(spread), where=spread > 0.0)


def _separable(z: np.ndarray, v: np.ndarray, known: np.ndarray, unseen: np.ndarray, seed: int) -> np.ndarray:
    """Accuracy of a linear support vector machine that sees one latent, (L,)."""
    from sklearn.svm import LinearSVC

    def accuracy(column: np.ndarray) -> float:
        machine = LinearSVC(C=0.01, class_weight="balanced", random_state=seed).fit(column[known], v[known])
        return float(machine.score(column[unseen], v[unseen]))

    return np.array([accuracy(latent[:, None]) for latent in z.T])
