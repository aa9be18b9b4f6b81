"""Missing values filled in: Vitral beside the imputers of scikit-learn, on tables whose removed values are known.

    python benchmarks/imputation.py                      measures what is not measured yet, keeps every part
    python benchmarks/imputation.py --tables FOLDER      with the numeric tables (.npz, X inside) of a folder as well
    python benchmarks/imputation.py --choose NAME=JSON   a variant of the defaults, on the tables of choice alone
    python benchmarks/imputation.py --page               writes the tables of docs/imputation.md
    python benchmarks/imputation.py --figure             draws digits whose lower half was taken away

Entries are removed completely at random (20 % and 50 %), or at random given another column: the larger the first one,
which is always there, the likelier holes in the others are, 30 % on average. Errors are those of the removed
entries: of numbers the root of the mean square in standard deviations of the whole column, of classes the share that is
wrong. Coverage is how often the middle 90 % of 100 draws holds the removed number. Columns are standardised for all
methods alike, so that their errors add up; each has its defaults. kNN and iterative imputation are given a column for
every class but one. The defaults of Vitral were chosen on the tables of choice and frozen before the others were looked
at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pages import DOCS, markdown, write
from sklearn import datasets
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from vitral.environment import show_versions
from vitral.estimator import VAEImputer
from vitral.persistence import write_json

RESULT = Path(__file__).resolve().parent / "results" / "imputation.json"
PAGE = DOCS / "imputation.md"
CHOICE = ("breast_cancer", "wine")  # where the defaults were chosen
REPORTED = ("diabetes", "iris", "mixed")
PATTERNS = ("random 20 %", "random 50 %", "by another column")
METHODS = ("mean", "knn", "iterative", "vitral")
SHOWN = {"mean": "mean or most frequent", "knn": "`KNNImputer`", "iterative": "`IterativeImputer`",
         "vitral": "`VAEImputer`"}  # fmt: skip
SEEDS, MOST_ROWS, DRAWS = 3, 1500, 100


class Table(NamedTuple):
    """Numbers (N, D), classes as their numbers; which columns hold classes, and how many."""

    X: np.ndarray
    classes: dict[int, int]


def mixed(seed: int = 0, rows: int = 1000) -> Table:
    """Three numbers and three classes that follow two hidden causes, one of them bent."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, rows))
    noise = rng.standard_normal((6, rows))
    columns = [
        a + 0.3 * noise[0],
        np.sin(2.0 * a) + b + 0.3 * noise[1],
        b * b + 0.3 * noise[2],
        np.digitize(a + 0.3 * noise[3], [-0.7, 0.7]),
        np.digitize(b + 0.3 * noise[4], [0.0]),
        np.digitize(a * b + 0.3 * noise[5], [-0.5, 0.0, 0.5]),
    ]
    return Table(np.stack(columns, axis=1).astype(float), {3: 3, 4: 2, 5: 4})


def read_table(name: str, folder: Path | None) -> Table:
    """A table by its name, at most 1,500 rows of it; columns that never vary are left out."""
    if name == "mixed":
        return mixed()
    if folder is not None and (folder / f"{name}.npz").exists():
        with np.load(folder / f"{name}.npz", allow_pickle=False) as archive:
            X = archive["X"].astype(float)
    else:
        X = getattr(datasets, f"load_{name}")().data
    if len(X) > MOST_ROWS:
        X = X[np.sort(np.random.default_rng(0).permutation(len(X))[:MOST_ROWS])]
    return Table(X[:, X.std(axis=0) > 1e-9 * np.abs(X).max(axis=0)], {})


def removed(X: np.ndarray, pattern: str, seed: int) -> np.ndarray:
    """Which entries are taken away, (N, D); every column keeps some, and by another column the first keeps all."""
    rng = np.random.default_rng([seed, PATTERNS.index(pattern)])
    if pattern != "by another column":
        return rng.random(X.shape) < float(pattern.split()[1]) / 100.0
    ranks = X[:, 0].argsort().argsort() / (len(X) - 1.0)
    gone = rng.random(X.shape) < 0.6 * ranks[:, None]
    gone[:, 0] = False
    return gone


def filled(method: str, holes: np.ndarray, one: Table, seed: int, options: dict[str, Any]) -> tuple[np.ndarray, Any]:
    """Holes filled by a method, (N, D), and for Vitral what measures the intervals of its draws."""
    if method == "vitral":
        return by_vitral(holes, one, seed, options)
    if method == "mean":
        made = SimpleImputer().fit_transform(holes)
        common = SimpleImputer(strategy="most_frequent").fit_transform(holes)
        for column in one.classes:
            made[:, column] = common[:, column]
        return made, None
    coded, places = one_hot(holes, one.classes)
    imputer = KNNImputer() if method == "knn" else IterativeImputer(max_iter=10, random_state=seed)
    return decoded(imputer.fit_transform(coded), places, one.classes), None


def one_hot(X: np.ndarray, classes: dict[int, int]) -> tuple[np.ndarray, list[slice]]:
    """Numbers as they are, and 0 or 1 for every class but the last, which the others together would give away."""
    pieces, places, start = [], [], 0
    for column in range(X.shape[1]):
        values = X[:, column : column + 1]
        if column in classes:
            values = np.where(np.isnan(values), np.nan, values == np.arange(classes[column] - 1))
        pieces.append(values)
        places.append(slice(start, start + values.shape[1]))
        start += values.shape[1]
    return np.concatenate(pieces, axis=1), places


def decoded(made: np.ndarray, places: list[slice], classes: dict[int, int]) -> np.ndarray:
    """One column each again: of classes the one with the largest number, the last having what is left of 1."""
    columns = []
    for number, at in enumerate(places):
        own = made[:, at]
        if number in classes:
            own = np.column_stack([own, 1.0 - own.sum(axis=1)]).argmax(axis=1)[:, None]
        columns.append(own)
    return np.concatenate(columns, axis=1)


def by_vitral(holes: np.ndarray, one: Table, seed: int, options: dict[str, Any]) -> tuple[np.ndarray, Any]:
    """Filled by ``VAEImputer`` with its defaults, and the middle 90 % of its draws with the effective draws."""
    likelihood: Any = "auto"
    if one.classes:
        columns = [
            {"kind": "categorical", "classes": one.classes[column]} if column in one.classes else "gaussian"
            for column in range(holes.shape[1])
        ]
        likelihood = {"kind": "mixed", "columns": columns}
    imputer = VAEImputer(likelihood=likelihood, random_state=seed, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few effective draws: they are reported below
        made = imputer.fit_transform(holes)
        draws = np.stack(imputer.draw(holes, DRAWS))
    low, high = np.percentile(draws, (5.0, 95.0), axis=0)
    return made, (low, high, imputer.effective_sample_size(holes))


def errors(made: np.ndarray, beside: Any, one: Table, gone: np.ndarray) -> dict[str, float]:
    """Error of numbers in standard deviations, of classes as a share, and of Vitral how its draws cover."""
    numbers = np.array([column not in one.classes for column in range(one.X.shape[1])])
    found = {"rmse": float(np.sqrt((((made - one.X)[:, numbers])[gone[:, numbers]] ** 2).mean()))}
    if one.classes:
        found["wrong"] = float((made != one.X)[:, ~numbers][gone[:, ~numbers]].mean())
    if beside is not None:
        low, high, ess = beside
        inside = (low <= one.X) & (high >= one.X)
        found["coverage"] = float(inside[:, numbers][gone[:, numbers]].mean())
        found["effective_draws"] = float(np.nanmedian(ess))
        found["few_effective_draws"] = float((ess < 10.0).sum() / (~np.isnan(ess)).sum())
    return found


def standardised(one: Table) -> Table:
    """Columns of numbers with mean 0 and standard deviation 1, so that errors of columns add up."""
    X = one.X.copy()
    for column in range(X.shape[1]):
        if column not in one.classes:
            X[:, column] = (X[:, column] - X[:, column].mean()) / X[:, column].std()
    return Table(X, one.classes)


def measured(one: Table, pattern: str, seed: int, method: str, options: dict[str, Any]) -> dict[str, float]:
    """One method on one table with one set of holes."""
    gone = removed(one.X, pattern, seed)
    holes = np.where(gone, np.nan, one.X)
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # IterativeImputer says that ten rounds, its default, were not enough
        made, beside = filled(method, holes, one, seed, options)
    return {**errors(made, beside, one, gone), "seconds": round(time.monotonic() - began, 2)}


def parts(names: list[str], methods: list[str], seeds: int) -> Iterator[tuple[str, str, int, str]]:
    """Everything that is to be measured, seed by seed: a run that is stopped has all tables."""
    for seed in range(seeds):
        for name in names:
            for pattern in PATTERNS:
                for method in methods:
                    yield name, pattern, seed, method


def main() -> None:
    """Measure what is missing, write after every part."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--tables", type=Path, help="a folder of .npz tables")
    asked.add_argument("--only", default="", help="names of tables, with commas")
    asked.add_argument("--choose", default="", metavar="NAME=JSON", help="a variant of the defaults")
    asked.add_argument("--seeds", type=int, default=SEEDS, help="how many sets of holes")
    asked.add_argument("--minutes", type=float, default=np.inf, help="stop after so many; the next call goes on")
    asked.add_argument("--out", type=Path, default=RESULT)
    asked.add_argument("--page", action="store_true")
    asked.add_argument("--figure", action="store_true")
    options = asked.parse_args()
    kept = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {"schema": 1, "parts": {}}
    if options.page:
        write(PAGE, "imputation", table(kept))
        return
    if options.figure:
        for language, ending in (("en", ""), ("pt", "-pt")):
            figure = DOCS / "figures" / f"imputation{ending}.png"
            words = f"impute tiny mnist --hide bottom --draws 2 --samples 5000 --force --language {language} -o"
            subprocess.run([sys.executable, "-m", "vitral", *words.split(), str(figure)], check=True)
        return
    variant, _, said = options.choose.partition("=")
    extra = [] if options.tables is None else sorted(file.stem for file in options.tables.glob("*.npz"))
    names = [name for name in options.only.split(",") if name] or [*CHOICE, *([] if variant else (*REPORTED, *extra))]
    methods = [f"vitral {variant}"] if variant else list(METHODS)
    given, end = json.loads(said) if said else {}, time.monotonic() + 60.0 * options.minutes
    for name, pattern, seed, method in parts(names, methods, options.seeds):
        key = " | ".join((name, pattern, str(seed), method))
        if key in kept["parts"]:
            continue
        if time.monotonic() > end:
            break
        one = standardised(read_table(name, options.tables))
        found = measured(one, pattern, seed, method.split()[0], given)
        kept["parts"][key] = {**found, "rows": one.X.shape[0], "columns": one.X.shape[1]}
        kept |= {"environment": show_versions(), "date": datetime.now(UTC).date().isoformat()}
        kept["settings"] = {**kept.get("settings", {}), method: given, "defaults": plain_defaults()}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(options.out, kept)
        print(key, {name: round(value, 4) for name, value in found.items()}, flush=True)


def plain_defaults() -> dict[str, Any]:
    """What ``VAEImputer()`` is."""
    given = VAEImputer().get_params()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


Cells = Callable[[str, str, str], list[float]]


def cells(kept: dict[str, Any], quantity: str) -> Cells:
    """A function of table, pattern and method that gives the measured numbers of all seeds."""

    def of(name: str, pattern: str, method: str) -> list[float]:
        keys = (" | ".join((name, pattern, str(seed), method)) for seed in range(SEEDS))
        found = (kept["parts"].get(key, {}).get(quantity) for key in keys)
        return [value for value in found if value is not None]

    return of


def table(kept: dict[str, Any]) -> str:
    """What the page shows: one line a pattern, table and kind of error; the best in bold."""
    names = list(dict.fromkeys(key.split(" | ")[0] for key in kept["parts"]))
    lines = []
    for pattern in PATTERNS:
        for name in [*CHOICE, *sorted(set(names) - set(CHOICE))]:
            lines += [line for quantity in ("rmse", "wrong") if (line := _line(kept, name, pattern, quantity))]
    columns = ("removed", "table", *SHOWN.values(), "draws cover", "sets of holes")
    environment = kept["environment"]
    note = (
        "Errors of the removed entries: numbers in standard deviations of their column, classes as a share; ± is the "
        "standard deviation over the sets of holes, each with a seed of its own for the model. Bold: the smallest. "
        f"Draws cover: the share of removed numbers in the middle 90 % of {DRAWS} draws. One thread of "
        f"{environment['cpu']}, {kept['date']}."
    )
    return markdown(columns, lines, note)


def _line(kept: dict[str, Any], name: str, pattern: str, quantity: str) -> list[str] | None:
    """One table with one pattern, or nothing where a method has not been measured."""
    found = {method: cells(kept, quantity)(name, pattern, method) for method in METHODS}
    count = min(map(len, found.values()))
    if count == 0:
        return None
    best = min(found, key=lambda method: np.mean(found[method][:count]))
    shown = {method: _spread(own[:count]) for method, own in found.items()}
    covered = cells(kept, "coverage")(name, pattern, "vitral")[:count]
    cover = f"{100 * np.mean(covered):.0f} %" if quantity == "rmse" else "–"
    what = called(name) + (", classes" if quantity == "wrong" else "")
    texts = [f"**{text}**" if method == best else text for method, text in shown.items()]
    return [pattern, what, *texts, cover, str(count)]


def _spread(values: list[float]) -> str:
    """Mean ± standard deviation; of one value, the value."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


def called(name: str) -> str:
    """What a line of the page begins with."""
    return f"{name} (chosen on)" if name in CHOICE else name


if __name__ == "__main__":
    main()
