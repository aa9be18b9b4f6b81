"""How much do codes help where labels are few? MNIST with 5, 10 and 50 labels a class, all 10,000 test images.

    python benchmarks/representation.py --list               the rows: controls and models
    python benchmarks/representation.py latent-10            trains (unless it is kept), measures, writes the result
    python benchmarks/representation.py raw pca-10           the controls
    python benchmarks/representation.py --page               writes the tables of docs/representation.md

A model learns 50,000 images without labels, of thresholded pixels. Labels are drawn from a pool of 10,000 of these
images, five times; every classifier sees the features of the labelled images, and label spreading those of the pool:

    1-NN                 the nearest labelled image, by Euclidean distance
    1-NN, cosine         the same by angle
    linear probe         logistic regression
    label spreading      over the graph of ten nearest neighbours in the pool (Zhou et al. 2004)

Trained models are kept in runs/representation; measured rows are kept in the result file, one by one.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, write
from scipy.sparse import diags
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from vitral import VAE, load_data, stream
from vitral.environment import show_versions
from vitral.persistence import write_json

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "representation.json"
PAGE = DOCS / "representation.md"
FOLDER = Path("runs") / "representation"

LABELS = (5, 10, 50)  # of every class
DRAWS = 5
POOL = 10_000  # images that labels are drawn from, and over which they spread
NEIGHBOURS, KEPT, ROUNDS = 10, 0.9, 50  # of label spreading: the graph, the share of a neighbour's word, iterations
COMMON: dict[str, Any] = {"hidden": (400,), "likelihood": "bernoulli", "max_iter": 10, "batch_size": 128}
MODELS: dict[str, dict[str, Any]] = {
    "latent-5": {"n_components": 5},
    "latent-10": {"n_components": 10},
    "latent-20": {"n_components": 20},
    "latent-50": {"n_components": 50},
    "latent-10-mixture": {"n_components": 10, "spec": {"prior": {"kind": "mixture", "components": 50}}},
    "latent-10-flow": {"n_components": 10, "spec": {"prior": {"kind": "flow"}}},
}
CONTROLS = ("raw", "pca-5", "pca-10", "pca-20", "pca-50")
PUBLISHED = {
    "one-layer VAE, 1-NN (Jiang et al. 2022)": (65.6, 76.8, 86.3),
    "NPC-LV with BB-ANS (Jiang et al. 2022)": (77.6, 84.6, 91.4),
}


class Digits:
    """The images: learned without labels, the pool, and those that are judged."""

    def __init__(self, limit: int | None = None) -> None:
        data = load_data("mnist", split="official", seed=0, limit=limit)
        self.train, self.test = (bits(rows.take(slice(None))) for rows in (data.train, data.test))
        size = min(POOL, len(self.train))
        self.pool = np.linspace(0, len(self.train) - 1, size).round().astype(np.intp)
        self.labels, self.truth = data.train.labels[self.pool], data.test.labels

    def chosen(self, each: int, seed: int) -> np.ndarray:
        """Places in the pool (10 each,): so many of every class, drawn by the seed."""
        rng = stream(seed, "few labels", each)
        return np.concatenate(
            [rng.choice(np.flatnonzero(self.labels == label), each, replace=False) for label in range(10)]
        )


def bits(images: np.ndarray) -> np.ndarray:
    """Pixels above one half, as bytes of 0 and 1."""
    return (images > 0.5).astype(np.uint8)


def trained(name: str, digits: Digits, folder: Path, **changes: Any) -> tuple[VAE, float]:
    """The model of a row: kept, or trained now; and the seconds that it took."""
    path, clock = folder / f"{name}.safetensors", folder / f"{name}.json"
    if not path.exists():
        began = time.monotonic()
        model = VAE(**{**COMMON, **MODELS[name], **changes}, random_state=0).fit(digits.train)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(clock, {"seconds": time.monotonic() - began, "loss": model.loss_curve_[-1]})
        model.save(path)
    return VAE.load(path), json.loads(clock.read_text(encoding="utf-8"))["seconds"]


def features(name: str, digits: Digits, folder: Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """What a row gives its classifiers: features of the pool and of the test images, and what made them."""
    pool = digits.train[digits.pool]
    if name == "raw":
        return pool.astype(np.float32), digits.test.astype(np.float32), {"features": 784}
    if name.startswith("pca-"):
        axes = PCA(int(name[4:]), random_state=0).fit(digits.train.astype(np.float32))
        return axes.transform(pool), axes.transform(digits.test), {"features": int(name[4:])}
    model, seconds = trained(name, digits, folder)
    about = {"features": model.n_components, "training_seconds": round(seconds, 1), "settings": _settings(model)}
    return model.transform(pool), model.transform(digits.test), about


def _settings(model: VAE) -> dict[str, Any]:
    return {"spec": model.spec_.to_dict(), **{key: COMMON[key] for key in ("max_iter", "batch_size")}, "seed": 0}


def measured(pool: np.ndarray, test: np.ndarray, digits: Digits) -> dict[str, dict[str, list[float]]]:
    """Accuracies by classifier and labels a class, one for each draw of labels."""
    graph, near = _graph(pool), NearestNeighbors(n_neighbors=NEIGHBOURS).fit(pool).kneighbors(test)[1]
    found: dict[str, dict[str, list[float]]] = {}
    for each in LABELS:
        for seed in range(DRAWS):
            places = digits.chosen(each, seed)
            x, y = pool[places], digits.labels[places]
            answers = {
                "1-NN": KNeighborsClassifier(1).fit(x, y).predict(test),
                "1-NN, cosine": KNeighborsClassifier(1, metric="cosine").fit(x, y).predict(test),
                "linear probe": LogisticRegression(max_iter=2000).fit(x, y).predict(test),
                "label spreading": spread(graph, places, y)[near].sum(axis=1).argmax(axis=1),
            }
            for name, answer in answers.items():
                accuracy = float((answer == digits.truth).mean())
                found.setdefault(name, {}).setdefault(str(each), []).append(accuracy)
    return found


def _graph(points: np.ndarray) -> Any:
    """The normalised graph D^(-1/2) W D^(-1/2) of nearest neighbours, W symmetric, of zeros and ones."""
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(points).kneighbors_graph()
    both = near.maximum(near.T)
    scale = diags(1.0 / np.sqrt(np.asarray(both.sum(axis=1)).ravel()))
    return scale @ both @ scale


def spread(graph: Any, places: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Label spreading, (N, 10): F <- kept S F + (1 - kept) Y, begun at Y; rows sum to one where a label arrived."""
    known = np.zeros((graph.shape[0], 10))
    known[places, labels] = 1.0
    shares = known
    for _ in range(ROUNDS):
        shares = KEPT * (graph @ shares) + (1.0 - KEPT) * known
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)


def row(name: str, digits: Digits, folder: Path) -> dict[str, Any]:
    """One row of the table, with everything that its numbers depend on."""
    pool, test, about = features(name, digits, folder)
    return {
        **about,
        "accuracy": measured(pool, test, digits),
        "test_images": len(test),
        "pool": len(pool),
        "draws": DRAWS,
        "date": datetime.now(UTC).date().isoformat(),
        "environment": show_versions(),
    }


def table(results: dict[str, Any]) -> str:
    """Mean and spread (one standard deviation of the draws) of every row and classifier, in percent."""
    rows = [[f"*{name}*", "", *[f"{value:.1f}" for value in values]] for name, values in PUBLISHED.items()]
    for name in (*CONTROLS, *MODELS):
        for classifier, by_labels in results["rows"].get(name, {}).get("accuracy", {}).items():
            rows.append([f"`{name}`", classifier, *[_cell(by_labels[str(each)]) for each in LABELS]])
    one = next(iter(results["rows"].values()))
    note = (
        f"Test accuracy in percent on {one['test_images']:,} images: mean and standard deviation over "
        f"{one['draws']} draws of the labels; one training of each model. "
        "The published rows, in italics, judge 1,000 images."
    )
    return markdown(("features", "classifier", *[f"{each} labels a class" for each in LABELS]), rows, note)


def _cell(values: list[float]) -> str:
    return f"{100 * np.mean(values):.1f} ± {100 * np.std(values, ddof=1):.1f}"


def main() -> None:
    """Train what is not kept, measure, write."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("rows", nargs="*", metavar="ROW", help="rows to measure; what is measured stays")
    asked.add_argument("--folder", type=Path, default=FOLDER, help="where models are kept")
    asked.add_argument("--out", type=Path, default=RESULT, help="where the result is written")
    asked.add_argument("--limit", type=int, help="images in all, for a short try")
    asked.add_argument("--list", action="store_true", help="print the rows")
    asked.add_argument("--page", action="store_true", help="write the table of the page, train nothing")
    options = asked.parse_args()
    if options.list:
        print(*CONTROLS, *MODELS, sep="\n")
        return
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"schema": 1, "rows": {}}
    if options.page:
        write(PAGE, "representation", table(results))
        return
    strange = set(options.rows) - {*CONTROLS, *MODELS}
    if strange:
        asked.error(f"no such row: {', '.join(sorted(strange))}; --list shows them")
    digits = Digits(options.limit)
    for name in options.rows:
        if name in results["rows"]:
            continue
        results["rows"][name] = row(name, digits, options.folder)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(options.out, results)
        for classifier, by_labels in results["rows"][name]["accuracy"].items():
            print(f"{name:20} {classifier:16}", *[_cell(values) for values in by_labels.values()], flush=True)


if __name__ == "__main__":
    main()
