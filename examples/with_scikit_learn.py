"""A VAE as an estimator: measurements of tumours, from a table to codes, outliers, holes and new rows.

    python examples/with_scikit_learn.py        half a minute or less

569 rows of 30 measurements, whose units differ by a factor of a million. Nothing is scaled by hand: the estimator
standardises the columns for itself, and every result is in the units of the data.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vitral import VAE, ConditionalVAE


def main(epochs: int) -> None:
    X, benign = load_breast_cancer(return_X_y=True)
    train, test, train_y, test_y = train_test_split(X, benign, random_state=0, stratify=benign)
    shared = {"hidden": (64,), "max_iter": epochs, "random_state": 0}

    # 1. How many numbers does a row need? A search by the likelihood of rows that were held out, in nats.
    search = GridSearchCV(VAE(**shared), {"n_components": [1, 2, 5]}, cv=2).fit(train)
    for asked, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        print(f"{asked['n_components']} numbers: log p(x) {score:8.2f} nats a row that was held out")

    # 2. Codes as features, inside a pipeline: learned without a label, used with one.
    features = make_pipeline(VAE(5, **shared), StandardScaler(), KNeighborsClassifier())
    print(f"5 of 30 numbers, accuracy {cross_val_score(features, train, train_y, cv=3).mean():.3f}")

    # 3. Outliers: fitted to benign rows alone, it finds the others without having seen one.
    detector = VAE(2, contamination=0.05, **shared).fit(train[train_y == 1])
    auc = roc_auc_score(test_y, detector.score_samples(test))
    print(f"benign rows only: area under the curve {auc:.3f}, {(detector.predict(test) == -1).sum()} rows flagged")

    # 4. Holes: NaN means "not observed", and what is there is enough for a guess at the rest.
    holes = np.where(np.random.default_rng(0).random(train.shape) < 0.2, np.nan, train)
    filler = VAE(5, missing="model", **shared).fit(holes)
    error = (filler.reconstruct(holes) - train)[np.isnan(holes)] / np.broadcast_to(train.std(axis=0), train.shape)[
        np.isnan(holes)
    ]
    print(f"a fifth missing: filled to {np.sqrt(np.mean(error**2)):.2f} standard deviations (the mean alone: 1.0)")

    # 5. New rows of a class: p(x given y), in the units of the table.
    model = ConditionalVAE(5, **shared).fit(train, train_y)
    for label, name in ((0, "malignant"), (1, "benign")):
        rows, _ = model.sample(500, y=label)
        real = X[benign == label]
        print(f"{name}: mean radius {rows[:, 0].mean():.1f} of drawn rows, {real[:, 0].mean():.1f} of real ones")

    # 6. A file without pickle, the same that the command line reads.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detector.safetensors"
        detector.save(path)
        same = np.array_equal(VAE.load(path).score_samples(test), detector.score_samples(test))
        print(f"{path.name}: {path.stat().st_size} bytes, the same scores: {same}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    main(parser.parse_args().epochs)
