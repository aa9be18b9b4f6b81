"""Anomaly scores on 18 tables and on MNIST, beside other detectors in the same run, and two controls.

    python benchmarks/anomaly.py --tables FOLDER              every detector but PyOD's VAE (goes on where it was)
    python benchmarks/anomaly.py --tables FOLDER --peer PYTHON    PyOD's VAE, by a Python that has pyod and torch
    python benchmarks/anomaly.py --digits                     one digit of MNIST against the nine others
    python benchmarks/anomaly.py --page                       writes the tables of docs/anomaly.md

FOLDER holds ADBench's files such as 6_cardio.npz (X, y). The protocol is that of Livernoche et al. (ICLR 2024): seeds 0
to 4; fewer than 1,000 rows are resampled to 1,000 with replacement, more than 50,000 subsampled; standardised by the
training rows. "unsupervised": a bootstrap of all rows, tested on all rows. "normal": the first half of the normal rows
in the order of the file, tested on the rest. Defaults everywhere, and the same for every table. The detectors beside
ours are PyOD's with its defaults (kNN: distance to the fifth neighbour; LOF: 20 neighbours; 100 trees).

The defaults were chosen on the FIRST nine tables alone and frozen (docs/log.md) before the SECOND were looked at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, write
from sklearn.metrics import average_precision_score, roc_auc_score
from threadpoolctl import threadpool_limits

from vitral.applications import anomaly
from vitral.core.randomness import stream
from vitral.data import load_data
from vitral.environment import show_versions
from vitral.estimator import VAE
from vitral.persistence import write_json

HERE = Path(__file__).resolve().parent
RESULT, BY_PEER, DIGITS = (HERE / "results" / f"anomaly{what}.json" for what in ("", "-peer", "-digits"))
PAGE = DOCS / "anomaly.md"
CONTESTANT = HERE / "contestants" / "pyod_vae.py"
FIRST = "annthyroid breastw cardio fault glass ionosphere letter mnist optdigits".split()
SECOND = "pendigits satellite shuttle smtp thyroid vowels wbc wilt wpbc".split()
PROTOCOLS = ("unsupervised", "normal")
SEEDS = range(5)
LEAST, MOST = 1_000, 50_000
SCORES = ("bound", "likelihood", "reconstruction", "error", "latent", "states", "neighbours")
PEER = "PyOD VAE"
NAMES = {
    "bound": "**Vitral, the default** (`bound`)",
    **{score: f"Vitral, `{score}`" for score in SCORES[1:]},
    "kNN once": "kNN, every training row once",
    "constant": "control: constant decoder",
    "untrained": "control: untrained network",
}
PUBLISHED = {  # mean AUROC over these 18 tables, Livernoche et al. 2024
    "unsupervised": {"VAE": 73.77, "PCA": 72.73, "isolation forest": 79.22, "kNN": 79.37, "best of 26 (MCD)": 81.76},
    "normal": {"VAE": 75.98, "PCA": 74.94, "kNN": 85.38, "best of 26 (ICL)": 86.54},
}

Cut = tuple[np.ndarray, np.ndarray, np.ndarray]  # training rows, test rows, and which of those are anomalies


def tables(folder: Path) -> dict[str, Path]:
    """The file of every table, by its name; refuses a folder that lacks one."""
    found = {path.stem.partition("_")[2].lower(): path for path in folder.glob("*_*.npz")}
    missing = [name for name in (*FIRST, *SECOND) if name not in found]
    if missing:
        raise SystemExit(f"{folder} has no file of {', '.join(missing)}: give the folder of ADBench's classical tables")
    return {name: found[name] for name in (*FIRST, *SECOND)}


def rows_of(path: Path) -> int:
    """How many rows the protocol leaves of a table."""
    with np.load(path, allow_pickle=False) as file:
        return min(max(len(file["y"]), LEAST), MOST)


def cut(path: Path, protocol: str, seed: int) -> Cut:
    """The rows of a table as one protocol and seed have them."""
    with np.load(path, allow_pickle=False) as file:
        X, y = np.asarray(file["X"], np.float64), np.asarray(file["y"]).astype(int)
    rng = stream(seed, f"rows of {path.stem}")
    if len(X) < LEAST:
        drawn = rng.integers(0, len(X), LEAST)
        X, y = X[drawn], y[drawn]
    elif len(X) > MOST:
        drawn = rng.permutation(len(X))[:MOST]
        X, y = X[drawn], y[drawn]
    if protocol == "unsupervised":
        X = _standardised(X, X)
        return X[rng.integers(0, len(X), len(X))], X, y
    normal = np.flatnonzero(y == 0)
    half = len(normal) // 2
    test = np.concatenate([normal[half:], np.flatnonzero(y == 1)])
    return _standardised(X[normal[:half]], X[normal[:half]]), _standardised(X[normal[:half]], X[test]), y[test]


def _standardised(train: np.ndarray, X: np.ndarray) -> np.ndarray:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (X - mean) / np.where(deviation > 1e-12, deviation, 1.0)


def ours(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Every score of one fit of PyODVAE with its defaults; the first is that of its own decision function."""
    from vitral import PyODVAE

    vae = PyODVAE(random_state=seed).fit(train).vae_
    known = (vae.spec_.build(), vae.theta_)
    seen, usual = (
        anomaly.evidence(*known, vae.contract_.rows(X), seed=vae.seed_) for X in (test, train[: anomaly.USUAL_ROWS])
    )
    return {score: anomaly.SCORES[score](seen, usual) for score in SCORES}


def untrained(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The same network as it is drawn: one step of no length."""
    from vitral import PyODVAE

    detector = PyODVAE(random_state=seed, steps=1, batch_size=len(train), learning_rate=1e-30).fit(train)
    return {"untrained": detector.decision_function(test)}


def constant(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """What a decoder that has collapsed to a constant would say: the squared distance from the training mean."""
    return {"constant": ((test - train.mean(axis=0)) ** 2).sum(axis=1)}


def neighbours_once(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """kNN without the copies that resampling makes: with them a row of a small table is its own fifth neighbour."""
    return {"kNN once": others("kNN")(np.unique(train, axis=0), test, seed)["kNN"]}


def others(name: str) -> Callable[[np.ndarray, np.ndarray, int], dict[str, np.ndarray]]:
    """A detector of PyOD with its defaults."""

    def scores(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        from pyod.models.ecod import ECOD
        from pyod.models.iforest import IForest
        from pyod.models.knn import KNN
        from pyod.models.lof import LOF
        from pyod.models.pca import PCA

        made = {
            "isolation forest": lambda: IForest(random_state=seed),
            "kNN": KNN,
            "PCA": lambda: PCA(random_state=seed),
            "ECOD": ECOD,
            "LOF": LOF,
        }
        return {name: made[name]().fit(train).decision_function(test)}

    return scores


CONTESTANTS: dict[str, Callable[[np.ndarray, np.ndarray, int], dict[str, np.ndarray]]] = {
    "bound": ours,
    "constant": constant,
    "untrained": untrained,
    **{name: others(name) for name in ("isolation forest", "kNN", "PCA", "ECOD", "LOF")},
    "kNN once": neighbours_once,
}


def by_peer(python: str) -> Callable[[np.ndarray, np.ndarray, int], dict[str, np.ndarray]]:
    """PyOD's VAE in a process of its own, by a Python that has torch."""

    def scores(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        with tempfile.TemporaryDirectory() as place:
            np.savez(Path(place) / "rows.npz", train=train, test=test)
            subprocess.run([python, str(CONTESTANT), place, str(seed)], check=True, stdout=subprocess.DEVNULL)
            return {PEER: np.load(Path(place) / "scores.npy", allow_pickle=False)}

    return scores


def measured(answer: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Area under the ROC curve and average precision, in percent; scores that are NaN count as 0, as published."""
    scores = np.nan_to_num(scores)
    made = {"auroc": roc_auc_score(answer, scores), "ap": average_precision_score(answer, scores)}
    return {name: round(100.0 * float(value), 3) for name, value in made.items()}


def kept(file: Path) -> dict[str, Any]:
    """What has been measured so far, by table or by digit."""
    return dict(json.loads(file.read_text(encoding="utf-8"))["measured"]) if file.exists() else {}


def save(file: Path, found: dict[str, Any]) -> None:
    """All that has been measured, with the machine and the versions that it was measured by."""
    write_json(file, {"measured": found, "environment": show_versions(), "date": time.strftime("%Y-%m-%d")})


def of_tables() -> dict[str, Any]:
    """Ours and the others, with the peer's beside them where it has run."""
    done = kept(RESULT)
    for protocol, entries in kept(BY_PEER).items():
        for name, seeds in entries.items():
            for seed, entry in seeds.items():
                done[protocol][name].setdefault(seed, {}).update(entry)
    return done


def jobs(found: dict[str, Path], seeds: list[int]) -> Iterator[tuple[str, str, int]]:
    for seed in seeds:
        for name in found:
            for protocol in PROTOCOLS:
                yield protocol, name, seed


def run(
    found: dict[str, Path], contestants: dict[str, Any], seeds: list[int], seconds: float, file: Path
) -> None:
    """Whatever has not been measured yet, until the time is up; kept after every table."""
    began, done = time.monotonic(), kept(file)
    for protocol, name, seed in jobs(found, seeds):
        entry = done.setdefault(protocol, {}).setdefault(name, {}).setdefault(str(seed), {})
        left = [contestant for contestant in contestants if contestant not in entry]
        if not left:
            continue
        train, test, answer = cut(found[name], protocol, seed)
        for contestant in left:
            start = time.perf_counter()
            with threadpool_limits(1):
                scores = contestants[contestant](train, test, seed)
            spent = round(time.perf_counter() - start, 2)
            entry.update({kind: {**measured(answer, each), "seconds": spent} for kind, each in scores.items()})
        save(file, done)
        print(protocol, name, seed, {kind: entry[kind]["seconds"] for kind in left}, flush=True)
        if time.monotonic() - began > seconds:
            return


def one_digit(digit: int, images: dict[str, np.ndarray], seed: int) -> dict[str, dict[str, float]]:
    """A model of one digit, all test images scored; a tenth of its training images is held out for ``states``."""
    own = images["train"][images["train_labels"] == digit]
    own = own[stream(seed, "held out", digit).permutation(len(own))]
    train, held = own[len(own) // 10 :], own[: len(own) // 10]
    likelihood = {"kind": "gaussian_learned", "link": "sigmoid"}
    spec = {"image_shape": (28, 28), "steps": 800}
    vae = VAE(16, hidden=(256,), likelihood=likelihood, batch_size=128, learning_rate=2e-3, spec=spec)
    vae.set_params(random_state=seed).fit(train)
    answer = images["test_labels"] != digit
    kinds = ("relative_error", "error", "bound", "likelihood", "states")
    return {kind: measured(answer, vae.anomaly_score(images["test"], kind, usual=held)) for kind in kinds}


def digits(seed: int = 0) -> None:
    """Ten models, one for each digit; kept after each."""
    data, done = load_data("mnist"), kept(DIGITS)
    both = (data.train, data.validation)
    images = {
        "train": np.concatenate([part.stored for part in both]),
        "train_labels": np.concatenate([part.labels for part in both]),
        "test": data.test.stored,
        "test_labels": data.test.labels,
    }
    for digit in range(10):
        if str(digit) not in done:
            with threadpool_limits(1):
                done[str(digit)] = one_digit(digit, images, seed)
            save(DIGITS, done)
            print("digit", digit, done[str(digit)]["relative_error"], flush=True)


def means(done: dict[str, Any], protocol: str, method: str, names: list[str], key: str) -> np.ndarray | None:
    """The mean over tables of every seed that has been measured on all of them; None where there is none."""
    entries = done[protocol]
    whole = [seed for seed in map(str, SEEDS) if all(method in entries[name].get(seed, {}) for name in names)]
    if not whole:
        return None
    return np.array([np.mean([entries[name][seed][method][key] for name in names]) for seed in whole])


def _cell(values: np.ndarray | None) -> str:
    if values is None:
        return "–"
    return f"{values.mean():.2f}" + (f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else "")


def methods(done: dict[str, Any]) -> list[str]:
    """Everything that was measured, ours first."""
    seen = {kind for table in done["unsupervised"].values() for seed in table.values() for kind in seed}
    order = ["bound", "isolation forest", "kNN", "kNN once", "PCA", "ECOD", "LOF", "constant", "untrained", *SCORES[1:]]
    return [kind for kind in order if kind in seen]


def summary_table(done: dict[str, Any]) -> str:
    """Means over the tables, both halves apart, and what was published on the same eighteen."""
    rows, every = [], [*FIRST, *SECOND]
    for protocol in PROTOCOLS:
        for method in methods(done):
            cells = [_cell(means(done, protocol, method, half, "auroc")) for half in (every, FIRST, SECOND)]
            precision = _cell(means(done, protocol, method, every, "ap"))
            rows.append([protocol, NAMES.get(method, method), *cells, precision])
        for name, value in PUBLISHED[protocol].items():
            rows.append([protocol, f"*published: {name}*", f"{value:.2f}", "", "", ""])
    note = (
        "Mean AUROC in percent, then mean average precision; mean ± standard deviation over seeds: five, or one where "
        "no deviation stands. The defaults were chosen on the first half and frozen. Published: Livernoche et al., "
        "2024, on these tables, by this protocol."
    )
    return markdown(("trained", "detector", "18 tables", "first half", "second half", "precision"), rows, note)


def peer_table(done: dict[str, Any]) -> str:
    """PyOD's VAE on the tables where it has run, ours on the same, and how long a fit takes."""
    rows = []
    for protocol in PROTOCOLS:
        entries = done[protocol]
        names = [name for name in (*FIRST, *SECOND) if PEER in entries[name].get("0", {})]
        for method in (PEER, "bound", "constant"):
            one = [entries[name]["0"][method] for name in names]
            auroc, seconds = (np.mean([entry[key] for entry in one]) for key in ("auroc", "seconds"))
            rows.append([protocol, NAMES.get(method, method), str(len(names)), f"{auroc:.2f}", f"{seconds:.1f}"])
    note = "Mean AUROC in percent over the same tables, and seconds on one thread of a busy machine; seed 0."
    return markdown(("trained", "detector", "tables", "AUROC", "seconds a table"), rows, note)


def each_table(done: dict[str, Any]) -> str:
    """AUROC of every table: ours, the neighbours, and the two controls."""
    shown = ["bound", "kNN", "kNN once", "isolation forest", "constant", "untrained"]
    rows = []
    for name in (*FIRST, *SECOND):
        cells = [
            _cell(means(done, protocol, method, [name], "auroc")) for protocol in PROTOCOLS for method in shown
        ]
        rows.append([name, *cells])
    columns = [f"{protocol}: {method}" for protocol in PROTOCOLS for method in shown]
    return markdown(("table", *columns), rows, "AUROC in percent, mean ± standard deviation over the seeds.")


def digits_table(done: dict[str, Any]) -> str:
    """One digit against the others."""
    kinds = list(done["0"])
    rows = [
        [f"`{kind}`", *(f"{done[str(digit)][kind]['auroc']:.1f}" for digit in range(10)),
         f"{np.mean([done[str(digit)][kind]['auroc'] for digit in range(10)]):.2f}"]
        for kind in kinds
    ]  # fmt: skip
    note = "AUROC in percent over all 10,000 test images: the digit of the model against the others; seed 0."
    return markdown(("score", *map(str, range(10)), "mean"), rows, note)


TABLES = {
    "anomaly": (summary_table, of_tables),
    "anomaly-peer": (peer_table, of_tables),
    "anomaly-tables": (each_table, of_tables),
    "anomaly-digits": (digits_table, lambda: kept(DIGITS)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=Path, help="folder of ADBench's .npz files")
    parser.add_argument("--peer", help="a Python that has pyod and torch: runs PyOD's VAE, and nothing else")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--only", nargs="+", help="these contestants", choices=list(CONTESTANTS))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so long")
    parser.add_argument("--most-rows", type=int, default=MOST, help="leave out tables of more rows")
    parser.add_argument("--digits", action="store_true")
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    if asked.tables is not None:
        names = asked.only or list(CONTESTANTS)
        chosen = {PEER: by_peer(asked.peer)} if asked.peer else {name: CONTESTANTS[name] for name in names}
        found = {name: path for name, path in tables(asked.tables).items() if rows_of(path) <= asked.most_rows}
        run(found, chosen, asked.seeds, asked.seconds, BY_PEER if asked.peer else RESULT)
    if asked.digits:
        digits()
    if asked.page:
        for name, (table, load) in TABLES.items():
            write(PAGE, name, table(load()))


if __name__ == "__main__":
    main()
