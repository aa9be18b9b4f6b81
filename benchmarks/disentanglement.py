"""Do beta-VAE and beta-TC VAE disentangle the factors of sprites better than the VAE? Every score, several seeds.

    python benchmarks/disentanglement.py                 trains what is not trained yet, scores, writes the result
    python benchmarks/disentanglement.py --set training.epochs=2 --folder runs/try

The scores of perfect codes (the factors themselves) and of random codes stand beside them, as the ends of the scale.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, measured, write

from vitral.core.randomness import stream
from vitral.data import sprites
from vitral.data.binarisation import binarised
from vitral.data.contract import Data
from vitral.environment import show_versions
from vitral.evaluation.disentanglement import scores
from vitral.evaluation.latent import active_units, codes
from vitral.evaluation.likelihood import per_image
from vitral.parts.objectives import ELBO
from vitral.persistence import write_json
from vitral.study import folder as folders
from vitral.study.jobs import open_data
from vitral.study.recipes import Recipe, load_recipe, to_toml
from vitral.study.run import Trained, train_all
from vitral.training.loop import Epoch

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "disentanglement.json"
SEED = 0  # of the scores
TITLES = {
    "beta_vae": "beta-VAE metric",
    "factor_vae": "FactorVAE metric",
    "mig": "MIG",
    "dci_disentanglement": "DCI disentanglement",
    "dci_completeness": "DCI completeness",
    "dci_informativeness": "DCI informativeness",
    "sap": "SAP",
}


def trained(recipe: Recipe, data: Data, folder: Path) -> list[Trained]:
    """Every variant and seed of the recipe; those that the folder holds are loaded."""
    run = folders.RunFolder(folder)
    if not folder.exists():
        run = folders.create(folder, to_toml(recipe), "python benchmarks/disentanglement.py", force=False)
    elif run.incomplete:
        run = folders.reopen(folder)
    events = train_all(recipe, data, run)
    while True:
        try:
            event = next(events)
        except StopIteration as done:
            run.finish()
            return list(done.value)
        if isinstance(event, Epoch) and event.last:
            print(f"trained, validation -ELBO {-event.record['validation']['elbo']:.2f} nats", flush=True)


def scored(one: Trained, data: Data, whole: Any, factors: np.ndarray) -> dict[str, Any]:
    """Scores of the codes of every sprite, and what the model is worth on the test rows."""
    mu, _ = codes(one.model, one.theta, whole)
    test = per_image(one.model, one.theta, data.test, ELBO(), seed=one.job.seed, purpose="evaluate test")
    found = scores(mu, factors, seed=SEED, ordered=sprites.ORDERED)
    print(f"{one.job.name}: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()), flush=True)
    return {
        "seed": one.job.seed,
        "scores": found,
        "rate": float(test["kl"].mean()),
        "distortion": -float(test["log_px"].mean()),
        "active_units": active_units(mu),
    }


def ends_of_the_scale(factors: np.ndarray, latent: int) -> dict[str, dict[str, float]]:
    """The scores of the factors themselves, and of numbers that know nothing."""
    noise = stream(SEED, "random codes").standard_normal((len(factors), latent))
    found = {"perfect": factors.astype(float), "random": noise}
    return {name: scores(z, factors, seed=SEED, ordered=sprites.ORDERED) for name, z in found.items()}


def spread(entries: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over seeds of every score."""
    names = entries[0]["scores"]
    values = {name: np.array([entry["scores"][name] for entry in entries]) for name in names}
    return {
        name: {"mean": float(of.mean()), "sd": float(of.std(ddof=1)) if len(of) > 1 else float("nan")}
        for name, of in values.items()
    }


def table(results: dict[str, Any]) -> str:
    """What docs/benchmarks.md shows: the ends of the scale, then one line a model, mean ± sd over seeds."""
    names = tuple(results["scale"]["perfect"])
    rows = [[f"{end} codes", *(f"{scale[name]:.2f}" for name in names), "–"] for end, scale in results["scale"].items()]
    for model, entry in results["models"].items():
        found = [measured(entry["scores"][name]["mean"], entry["scores"][name]["sd"]) for name in names]
        bound = [one["rate"] + one["distortion"] for one in entry["seeds"]]
        rows.append([f"`{model}`", *found, measured(float(np.mean(bound)), float(np.std(bound, ddof=1)), 1)])
    seeds, training = len(next(iter(results["models"].values()))["seeds"]), results["settings"]["training"]
    note = (
        f"sprites, {results['images']:,} images, {results['settings']['model']['latents'][0]} latents, "
        f"{training['epochs']} epochs of batch {training['batch']}; mean ± standard deviation over {seeds} seeds; "
        f"-ELBO of held-out images in nats."
    )
    return markdown(("codes", *(TITLES[name] for name in names), "-ELBO"), rows, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--folder", type=Path, default=Path("runs/disentanglement"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked, clock = parser.parse_args(), time.monotonic()
    recipe = load_recipe(str(HERE / "recipes" / "disentanglement.toml"), asked.changes)
    data, factors = open_data(recipe), sprites.grid().factors
    every = Data("sprites", "whole", *(sprites.sprites().rows,) * 3, sprites.sprites().contract)
    whole = binarised(every, recipe.data.binarise, seed=recipe.training.seed).test
    models: dict[str, list[dict[str, Any]]] = {}
    for one in trained(recipe, data, asked.folder):
        models.setdefault(one.job.variant, []).append(scored(one, data, whole, factors))
    entry = {
        "schema": 1,
        "images": len(factors),
        "settings": recipe.to_dict(),
        "scale": ends_of_the_scale(factors, recipe.model.latents[0]),
        "models": {name: {"seeds": entries, "scores": spread(entries)} for name, entries in models.items()},
        "wall_seconds": round(time.monotonic() - clock, 1),
        "environment": show_versions(),
    }
    asked.out.parent.mkdir(exist_ok=True)
    write_json(asked.out, entry)
    if asked.out == RESULTS:
        write(DOCS / "benchmarks.md", "disentanglement", table(entry))


if __name__ == "__main__":
    main()
