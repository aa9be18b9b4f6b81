"""Do made rows help a classifier? Few digits of each class, and tables with few rows of one class.

    python benchmarks/augmentation.py digits                    MNIST with 5, 10 and 50 images a class
    python benchmarks/augmentation.py tables                    tables that come with scikit-learn, and made ones
    python benchmarks/augmentation.py tables --tables FOLDER    and those of ADBench in a folder (NAME.npz with X and y)
    python benchmarks/augmentation.py --page                    writes the tables of docs/augmentation.md

Every measured cell is written at once; a run that was stopped goes on where it was. ``--seeds 3`` does fewer draws,
``--minutes 2`` ends after the cell that passes them.

Digits: pixels above one half; the classifiers are judged on the 10,000 test images. Every method fills each class up to
100 images. Tables: columns are scaled on the training rows, at most 1,000 common and 40 rare; classifiers are
judged on the two fifths that were held out. Methods see training rows alone, and have their default settings. The
defaults of VAEOverSampler were chosen on the first half of the ADBench tables in alphabetical order.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, write
from representation import Digits
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from vitral import ConditionalVAE, stream
from vitral.environment import show_versions
from vitral.persistence import write_json

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "augmentation.json"
PAGE = DOCS / "augmentation.md"

LABELS = (5, 10, 50)  # images of every class
FILLED = 100  # of every class, once a method has added its own
COMMON, RARE, JUDGED = 1000, 40, 5000  # rows of a table, at most
SIDE = 28
OF_DIGITS = ("none", "shifts of one pixel", "SMOTE", "VAE, around rows", "VAE, from the prior")
OF_TABLES = ("none", "RandomOverSampler", "SMOTE", "VAEOverSampler")
Rows = tuple[np.ndarray, np.ndarray]
Grouped = dict[tuple[str, str, str], list[Any]]  # by what a cell is of, method and classifier


def few_digits_model() -> ConditionalVAE:
    """The model of a few hundred images of bits: about 1,500 steps, whatever their number."""
    return ConditionalVAE(8, hidden=(200,), likelihood="bernoulli")


def shifted(x: np.ndarray, y: np.ndarray, seed: int) -> Rows:
    """Every class filled up with copies that are moved by one pixel, along or across or both."""
    rng = stream(seed, "shifts")
    images, labels = [x], [y]
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        places = rng.choice(own, FILLED - len(own))
        moves = rng.integers(-1, 2, (len(places), 2))
        pairs = zip(x[places].reshape(-1, SIDE, SIDE), moves, strict=True)
        images.append(np.stack([np.roll(image, move, (0, 1)).ravel() for image, move in pairs]))
        labels.append(np.full(len(places), label))
    return np.concatenate(images), np.concatenate(labels)


def of_digits(each: int, seed: int) -> dict[str, Callable[[np.ndarray, np.ndarray], Rows]]:
    """Every way to fill up the classes of digits, by name."""
    from imblearn.over_sampling import SMOTE

    from vitral import VAEOverSampler

    filling = {"sampling_strategy": dict.fromkeys(range(10), FILLED), "random_state": seed}
    model = few_digits_model().set_params(max_iter=max(1500 * 16 // (10 * each), 50))
    return {
        "none": lambda x, y: (x, y),
        "shifts of one pixel": lambda x, y: shifted(x, y, seed),
        # As numbers with fractions: between bytes it would count differences modulo 256.
        "SMOTE": lambda x, y: SMOTE(k_neighbors=min(5, each - 1), **filling).fit_resample(x.astype(float), y),
        "VAE, around rows": VAEOverSampler(estimator=model, draws=False, **filling).fit_resample,
        "VAE, from the prior": VAEOverSampler(estimator=model, draws=False, start="prior", **filling).fit_resample,
    }


def of_tables(rare: int, seed: int) -> dict[str, Callable[[np.ndarray, np.ndarray], Rows]]:
    """Every way to fill up the rare class of a table, by name."""
    from imblearn.over_sampling import SMOTE, RandomOverSampler

    from vitral import VAEOverSampler

    return {
        "none": lambda x, y: (x, y),
        "RandomOverSampler": RandomOverSampler(random_state=seed).fit_resample,
        "SMOTE": SMOTE(k_neighbors=min(5, rare - 1), random_state=seed).fit_resample,
        "VAEOverSampler": VAEOverSampler(random_state=seed).fit_resample,
    }


def judges(seed: int, *, network: bool) -> dict[str, Any]:
    """The classifiers, unfitted."""
    logistic = {"logistic regression": LogisticRegression(max_iter=2000)}
    if network:
        third = MLPClassifier((128,), max_iter=300, random_state=seed)
        return {**logistic, "kNN": KNeighborsClassifier(3), "network": third}
    return {**logistic, "kNN": KNeighborsClassifier(5), "random forest": RandomForestClassifier(100, random_state=seed)}


def digits_cell(digits: Digits, each: int, method: str, seed: int) -> dict[str, float]:
    """Test accuracy of every classifier after one method, with labels drawn by the seed."""
    places = digits.chosen(each, seed)
    x, y = of_digits(each, seed)[method](digits.train[digits.pool][places], digits.labels[places])
    machines = judges(seed, network=True)
    return {name: float(machine.fit(x, y).score(digits.test, digits.truth)) for name, machine in machines.items()}


def built_in() -> dict[str, Rows]:
    """Tables of scikit-learn, one of two classes made rare, and two that are made."""
    cancer, wine, digits = (load(return_X_y=True) for load in (load_breast_cancer, load_wine, load_digits))
    kinds = {"n_samples": 3000, "n_features": 20, "n_informative": 6, "random_state": 0}
    return {
        "breast cancer": (cancer[0], (cancer[1] == 0).astype(int)),
        "wine": (wine[0], (wine[1] == 2).astype(int)),
        "digit 8": (digits[0], (digits[1] == 8).astype(int)),
        "made, one cluster": make_classification(weights=[0.97], n_clusters_per_class=1, **kinds),
        "made, three clusters": make_classification(weights=[0.97], n_clusters_per_class=3, **kinds),
    }


RARER = {"breast cancer": 15, "wine": 8, "digit 8": 15}  # rare rows that are kept for training


def all_tables(folder: Path | None) -> dict[str, Rows]:
    """The built-in tables, and those of a folder, where one is named."""
    found = built_in()
    files = [] if folder is None else sorted(folder.glob("*.npz"), key=_called)
    for file in files:
        with np.load(file) as content:
            found[_called(file)] = (content["X"].astype(np.float64), content["y"].astype(int))
    return found


def _called(file: Path) -> str:
    return "ADBench " + file.stem.partition("_")[2].lower()


def table_cell(name: str, table: Rows, method: str, seed: int) -> dict[str, dict[str, float]]:
    """Average precision and balanced accuracy of every classifier after one method, on held-out rows."""
    x, y = table
    train, test = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    rng = stream(seed, "rows of a table")
    rare = rng.permutation(train[y[train] == 1])[: RARER.get(name, RARE)]
    chosen = np.concatenate([rare, rng.permutation(train[y[train] == 0])[:COMMON]])
    test = rng.permutation(test)[:JUDGED]
    scaler = StandardScaler().fit(x[chosen])
    made, labels = of_tables(len(rare), seed)[method](scaler.transform(x[chosen]), y[chosen])
    held, truth, found = scaler.transform(x[test]), y[test], {}
    for judge, machine in judges(seed, network=False).items():
        machine.fit(made, labels)
        found[judge] = {
            "average_precision": float(average_precision_score(truth, machine.predict_proba(held)[:, 1])),
            "balanced_accuracy": float(balanced_accuracy_score(truth, machine.predict(held))),
        }
    return found


def cells(part: str, seeds: int, folder: Path | None) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The cells of a part by name, each with the function that measures it."""
    if part == "digits":
        digits = Digits()
        for seed in range(seeds):
            for each in LABELS:
                for method in OF_DIGITS:
                    yield f"{each}/{method}/{seed}", partial(digits_cell, digits, each, method, seed)
        return
    for name, table in all_tables(folder).items():
        for seed in range(seeds):
            for method in OF_TABLES:
                yield f"{name}/{method}/{seed}", partial(table_cell, name, table, method, seed)


def measure(part: str, seeds: int, folder: Path | None, out: Path, minutes: float) -> bool:
    """Measure what is not there yet, cell by cell; whether all of it is there now."""
    began, wanted = time.monotonic(), list(cells(part, seeds, folder))
    names = [key.rsplit("/", 2)[0] for key, _ in wanted]
    for key, cell in wanted:
        results = _read(out)
        if key in results[part]["cells"]:
            continue
        if time.monotonic() - began > 60.0 * minutes:
            return False
        results[part]["cells"][key] = cell()
        results[part]["names"] = list(dict.fromkeys([*results[part].get("names", ()), *names]))
        results[part] |= {"date": datetime.now(UTC).date().isoformat(), "environment": show_versions()}
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json(out, results)
        print(part, key, json.dumps(results[part]["cells"][key]), flush=True)
    return True


def _read(out: Path) -> dict[str, Any]:
    if out.exists():
        return dict(json.loads(out.read_text(encoding="utf-8")))
    return {"schema": 1, "digits": {"cells": {}}, "tables": {"cells": {}}}


def _grouped(part: dict[str, Any], methods: tuple[str, ...]) -> Grouped:
    """Cells by what they are of, method and classifier: those of the seeds that every method has been measured with."""
    found: Grouped = {}
    for key, by_judge in part["cells"].items():
        what, method, seed = key.rsplit("/", 2)
        if all(f"{what}/{other}/{seed}" in part["cells"] for other in methods):
            for judge, value in by_judge.items():
                found.setdefault((what, method, judge), []).append(value)
    return found


def _counted(grouped: Grouped, what: str) -> str:
    """How many there are of each, such as "3 draws" or "1 to 3 draws"."""
    counts = sorted({len(values) for values in grouped.values()})
    some = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{some} {what}{'' if counts == [1] else 's'}"


def digits_table(results: dict[str, Any]) -> str:
    """Accuracy in percent by classifier and method, and the gain over no method, paired by draw."""
    grouped, rows = _grouped(results["digits"], OF_DIGITS), []
    for judge in judges(0, network=True):
        for method in OF_DIGITS:
            rows.append([judge, method, *[_gained(grouped, str(each), method, judge) for each in LABELS]])
    note = (
        f"Test accuracy in percent, {_counted(grouped, 'draw')} of the labels: mean, standard deviation where there "
        "are several, and in brackets the difference to no augmentation."
    )
    return markdown(("classifier", "augmentation", *[f"{each} a class" for each in LABELS]), rows, note)


def _gained(grouped: Grouped, each: str, method: str, judge: str) -> str:
    """Mean, spread, and the difference to no augmentation; a dash where nothing is measured."""
    values, plain = (100 * np.array(grouped.get((each, kind, judge), [])) for kind in (method, "none"))
    if not len(values):
        return "–"
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    gain = "" if method == "none" else f" ({values.mean() - plain.mean():+.1f})".replace("-", "−")
    return f"{values.mean():.1f}{spread}{gain}"


def tables_table(results: dict[str, Any], halves: tuple[str, ...] = ("built in", "first half", "second half")) -> str:
    """Means over tables, the halves of ADBench apart."""
    grouped, rows = _grouped(results["tables"], OF_TABLES), []
    for half in halves:
        names = _names(results["tables"]["names"], half)
        for judge in judges(0, network=False):
            for method in OF_TABLES:
                values = {name: _means(grouped, name, method, judge) for name in names}
                smote = {name: _means(grouped, name, "SMOTE", judge) for name in names}
                whole = [name for name in names if values[name] and smote[name]]
                if not whole:
                    continue
                pairs = np.array([(values[name], smote[name]) for name in whole])
                better = int((pairs[:, 0, 0] > pairs[:, 1, 0]).sum())
                shown = [f"{100 * value:.1f}" for value in pairs[:, 0].mean(axis=0)]
                count = "" if method == "SMOTE" else f"{better} of {len(whole)}"
                rows.append([f"{half} ({len(whole)})", judge, method, *shown, count])
    note = (
        f"Means in percent over the tables of each group, {_counted(grouped, 'split')} of each; the last column counts "
        "tables whose average precision is higher than with SMOTE."
    )
    columns = ("tables", "classifier", "over-sampling", "average precision", "balanced accuracy", "better than SMOTE")
    return markdown(columns, rows, note)


def _names(names: list[str], half: str) -> list[str]:
    adbench = sorted(name for name in names if name.startswith("ADBench"))
    middle = (len(adbench) + 1) // 2
    parts = {"built in": [name for name in names if name not in adbench], "first half": adbench[:middle]}
    return parts.get(half, adbench[middle:])


def _means(
    grouped: Grouped, name: str, method: str, judge: str
) -> tuple[float, ...] | None:
    values = grouped.get((name, method, judge))
    if not values:
        return None
    return tuple(float(np.mean([value[key] for value in values])) for key in ("average_precision", "balanced_accuracy"))


def main() -> None:
    """Measure, or write the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("part", nargs="?", choices=("digits", "tables"))
    asked.add_argument("--tables", type=Path, help="a folder of further tables")
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--minutes", type=float, default=1e9, help="stop after the cell that passes them")
    asked.add_argument("--out", type=Path, default=RESULT)
    asked.add_argument("--page", action="store_true", help="write the tables of the page, measure nothing")
    options = asked.parse_args()
    if options.page:
        results = _read(options.out)
        write(PAGE, "digits", digits_table(results))
        write(PAGE, "tables", tables_table(results))
    elif options.part is None:
        asked.error("say digits or tables, or --page")
    elif not measure(options.part, options.seeds, options.tables, options.out, options.minutes):
        print("more is left: run it again to go on")


if __name__ == "__main__":
    main()
