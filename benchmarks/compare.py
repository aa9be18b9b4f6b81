"""The comparisons that docs/compare.md quotes: a recipe with variants, trained, scored and kept with its machine.

    python benchmarks/compare.py collapse networks     trains (or goes on with) runs/compare/<recipe>, keeps its numbers
    python benchmarks/compare.py                       only writes the tables of docs/compare.md from what is kept

Numbers are kept as benchmarks/results/compare-<recipe>.json; the figure of a recipe, where the page shows one, comes
out of its report.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pages import DOCS, markdown, measured, write

from vitral.persistence import write_json
from vitral.study.folder import RunFolder

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = DOCS / "compare.md"
RECIPES = ("collapse", "networks")
SHOWN = {"collapse": "kl_per_dimension"}  # which figure of its report


def trained(recipe: str, folder: Path, changes: list[str]) -> RunFolder:
    """The finished run of a recipe, begun or gone on with as far as it is not."""
    run = RunFolder(folder / recipe)
    if not run.path.exists():
        words = ["--recipe", recipe, "--out", str(run.path), *(word for one in changes for word in ("--set", one))]
    elif run.incomplete:
        words = ["--resume", str(run.path)]
    else:
        return run
    subprocess.run([sys.executable, "-m", "vitral", "compare", *words], check=True)
    return run


def keep(recipe: str, run: RunFolder) -> None:
    """The numbers of a finished run, the seconds of each model, and the machine."""
    metrics = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
    environment = json.loads((run.path / "environment.json").read_text(encoding="utf-8"))
    environment["command"] = f"python benchmarks/compare.py {recipe}"
    for model in metrics["models"].values():
        del model["checks"]["items"], model["findings"]
    seconds = {name: round(run.seconds(name) or 0.0, 1) for name in metrics["models"]}
    settings = (run.path / "recipe.toml").read_text(encoding="utf-8")
    RESULTS.mkdir(exist_ok=True)
    kept = {"environment": environment, "seconds": seconds, "settings": settings, "metrics": metrics}
    write_json(RESULTS / f"compare-{recipe}.json", kept)
    if recipe in SHOWN:
        for language, name in (("en", recipe), ("pt", f"{recipe}-pt")):
            shutil.copyfile(run.path / "figures" / language / f"{SHOWN[recipe]}.png", DOCS / "figures" / f"{name}.png")


def table(kept: dict[str, Any]) -> str:
    """One line a variant: test images, z sampled; differences paired by image."""
    metrics, environment = kept["metrics"], kept["environment"]
    protocol, data = metrics["protocol"], metrics["data"]
    first = next(iter(metrics["models"].values()))
    note = (
        f"MNIST, {data['unit']}; {data['train']:,} training and {data['test']:,} test images; {first['epochs']} epochs "
        f"of batch {protocol['batch']}, seed {metrics['seed']}, one run each. ± is a standard error over images. "
        f"log p(x): {protocol['importance_samples']} importance samples, first {protocol['importance_images']:,} test "
        f"images. Seconds are those of training and its measurements on {environment['cores']} cores of "
        f"{environment['cpu']}, which other work used too."
    )
    scores = ("ELBO, nats", "to the first", "log p(x), nats", "to the first")
    columns = ("variant", *scores, "KL, nats", "active", "seconds")
    return markdown(columns, [_row(name, kept) for name in metrics["models"]], note)


def _row(name: str, kept: dict[str, Any]) -> list[str]:
    model = kept["metrics"]["models"][name]
    test = model["test"]
    (ranking,) = [one for one in kept["metrics"]["comparison"] if name in one["models"]]
    scores = []
    for score in ("elbo", "log_px_hat"):
        difference, error = (ranking["models"][name][f"{score}_to_first{end}"] for end in ("", "_se"))
        scores += [measured(test[score], test[f"{score}_se"]), measured(difference, error, signed=True)]
    active = f"{test['active_units']} of {model['latent']}"
    return [f"`{model['variant']}`", *scores, f"{test['kl']:.2f}", active, f"{kept['seconds'][name]:.0f}"]


def write_tables() -> None:
    """Every table of docs/compare.md from what is kept."""
    for recipe in RECIPES:
        file = RESULTS / f"compare-{recipe}.json"
        if file.exists():
            write(PAGE, recipe, table(json.loads(file.read_text(encoding="utf-8"))))


def main() -> None:
    """Train, keep, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", choices=[*RECIPES, []], help="which recipes")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--folder", type=Path, default=Path("runs/compare"))
    asked = parser.parse_args()
    for recipe in asked.recipes:
        keep(recipe, trained(recipe, asked.folder, asked.changes))
    write_tables()


if __name__ == "__main__":
    main()
