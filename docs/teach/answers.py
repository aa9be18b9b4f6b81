"""The key to the worksheets, in both languages, from the two runs that they ask for.

    python docs/teach/answers.py runs/first runs/heavy --to key     the key to the runs of a class, into a folder
    python docs/teach/answers.py runs/first runs/heavy --keep       their numbers become those of this page
    python docs/teach/answers.py                                    only rewrites the page from the kept numbers

No number of the page is typed by hand: the tests run this again and compare.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from vitral.report.language import language

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / "results" / "worksheets.json"
WORDS = json.loads((HERE / "answers.json").read_text(encoding="utf-8"))  # the texts, by language
ASKED = ("epochs", "variance", "residual_variance", "information", "test", "checks")
GRADIENT = "gradient, random directions"


def numbers(first: dict[str, Any], heavy: dict[str, Any]) -> dict[str, tuple[float, int]]:
    """Every number of the key with its decimals, from the metrics of the two runs."""
    return sheet_one(first) | sheet_two(first) | sheet_three(first, heavy) | sheet_four(first)


def sheet_one(run: dict[str, Any]) -> dict[str, tuple[float, int]]:
    model, data = run["models"]["latent-2"], run["data"]
    test, mean, pca = model["test"], run["baselines"]["mean_image"]["sse"], run["baselines"]["pca"]["2"]["sse"]
    steps = math.ceil(data["train"] / run["protocol"]["batch"])
    return {
        "mean": (mean, 2), "pca": (pca, 2), "sse": (test["sse"], 2),
        "pca_share": (100 * (1 - pca / mean), 1), "sse_share": (100 * (1 - test["sse"] / mean), 1),
        **{name: (test[name], 2) for name in ("distortion", "kl", "loss", "elbo")},
        "variance": (model["variance"], 4), "peak": (1 / math.sqrt(2 * math.pi * model["variance"]), 2),
        "bits": (test["kl"] / math.log(2), 2), "classes": (len(data["classes"]), 0),
        "class_bits": (math.log2(len(data["classes"])), 2),
        "se": (test["elbo_se"], 2), "half_se": (test["elbo_se"] / 2, 2),
        "images": (data["train"], 0), "batch": (run["protocol"]["batch"], 0), "an_epoch": (steps, 0),
        "steps": (steps * model["epochs"], 0), "epochs": (model["epochs"], 0),
    }  # fmt: skip


def sheet_two(run: dict[str, Any]) -> dict[str, tuple[float, int]]:
    model = run["models"]["latent-2"]
    test, about = model["test"], model["information"]
    costs = test["kl_per_dimension"]
    dearest = costs.index(max(costs))
    return {
        "dearest": (dearest + 1, 0), "dearest_kl": (costs[dearest], 2),
        "dearest_location": (test["kl_location_per_dimension"][dearest], 2),
        "mutual": (about["mutual_information"], 2), "marginal": (about["marginal_kl"], 2), "rate": (about["kl"], 2),
        "holes": (100 * about["holes"], 1), "holes_of_forty": (40 * about["holes"], 1),
        "hidden": (test["mu_shortcut_measured"], 2), "predicted": (test["mu_shortcut_predicted"], 2),
        "knn": (100 * test["knn_accuracy"], 1), "chance": (100 / len(run["data"]["classes"]), 0),
        "ae_difference": (run["models"]["autoencoder-2"]["test"]["sse"] - test["sse"], 2),
    }  # fmt: skip


def sheet_three(first: dict[str, Any], heavy: dict[str, Any]) -> dict[str, tuple[float, int]]:
    before, now = (run["models"]["latent-2"]["test"] for run in (first, heavy))
    residual = first["models"]["latent-2"]["residual_variance"]
    error = math.hypot(before["elbo_se"], now["elbo_se"])
    return {
        "heavy_kl": (now["kl"], 2), "heavy_sse": (now["sse"], 2), "heavy_elbo": (now["elbo"], 2),
        "elbo_errors": (abs(now["elbo"] - before["elbo"]) / error, 1), "sse_change": (now["sse"] - before["sse"], 2),
        "active": (first["models"]["latent-10"]["test"]["active_units"], 0),
        "heavy_active": (heavy["models"]["latent-10"]["test"]["active_units"], 0),
        "residual": (residual, 4), "implied": (1 / (2 * residual), 1),
    }  # fmt: skip


def sheet_four(run: dict[str, Any]) -> dict[str, tuple[float, int]]:
    checks = run["models"]["latent-2"]["checks"]
    gradient = next(item for item in checks["items"] if item["name"] == GRADIENT)
    return {
        "passed": (checks["passed"], 0), "total": (checks["total"], 0),
        "gradient": (gradient["measured"], -1), "gradient_bound": (gradient["bound"], -1),
    }  # fmt: skip


def page(kept: dict[str, Any], code: str) -> str:
    """The whole page in one language."""
    words, found = language(code), numbers(kept["first"], kept["heavy"])
    values = {
        name: words.plain(value, 1) if digits < 0 else words.number(value, digits)
        for name, (value, digits) in found.items()
    }
    own = WORDS[code]
    values["sse_direction"] = own["down" if found["sse_change"][0] < 0 else "up"]
    lines = [f"# {own['title']}", "", own["note"].format(**kept["environment"])]
    for key, answer in own["answers"].items():
        if key.endswith("a"):
            lines += ["", f"## {own['sheet']} {key[0]}", ""]
        lines.append(f"- **{key}** {answer.format(**values)}")
    return "\n".join(lines) + "\n"


def write(kept: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for code, name in (("en", "answers.md"), ("pt", "answers.pt.md")):
        (folder / name).write_text(page(kept, code), encoding="utf-8", newline="\n")


def read(first: Path, heavy: Path) -> dict[str, Any]:
    """What the key needs of two runs."""
    runs = [json.loads((path / "metrics.json").read_text(encoding="utf-8")) for path in (first, heavy)]
    environment = json.loads((first / "environment.json").read_text(encoding="utf-8"))
    kept = {name: environment[name] for name in ("cpu", "numpy")} | {"seed": runs[0]["seed"]}
    return {"environment": kept, "first": needed(runs[0]), "heavy": needed(runs[1])}


def needed(run: dict[str, Any]) -> dict[str, Any]:
    """Without what no question asks about."""
    return {**{key: run[key] for key in ("data", "protocol", "baselines")}, "models": _models(run["models"])}


def _models(models: dict[str, Any]) -> dict[str, Any]:
    kept = {name: {key: model[key] for key in ASKED if key in model} for name, model in models.items()}
    for model in kept.values():
        items = [item for item in model["checks"]["items"] if item["name"] == GRADIENT]
        model["checks"] = model["checks"] | {"items": items}
    return kept


def main(runs: list[Path], to: Path, keep: bool) -> None:
    kept = read(*runs) if runs else json.loads(KEPT.read_text(encoding="utf-8"))
    if keep:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    write(kept, to)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", help="runs/first and runs/heavy")
    parser.add_argument("--to", type=Path, default=HERE, help="folder for the two pages")
    parser.add_argument("--keep", action="store_true", help="keep these numbers as those of the documentation")
    given = parser.parse_args()
    if len(given.runs) not in (0, 2):
        parser.error("give both runs, runs/first and runs/heavy, or none")
    main(**vars(given))
