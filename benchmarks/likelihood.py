"""Published test log-likelihoods on binarised MNIST, against Vitral: one row a recipe, resumed where it was left.

    python benchmarks/likelihood.py one-layer-vae        trains (or goes on), estimates, writes the result
    python benchmarks/likelihood.py --list               the rows, and how far each got
    python benchmarks/likelihood.py --page               the learning curves, towards the published numbers, and the
                                                         table of docs/benchmarks.md

A row trains in runs/likelihood/<row>, with a checkpoint after every epoch. Test images are binarised once, by the
seed of the recipe. The estimate is importance sampling with 5,000 draws from q for each of the 10,000 test images.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pages import DOCS, markdown, measured, write

from vitral import __version__
from vitral.data import Data, load_data
from vitral.data.batches import steps_per_epoch
from vitral.data.binarisation import binarised
from vitral.environment import show_versions
from vitral.evaluation.latent import active_units, codes
from vitral.evaluation.likelihood import log_px_hat, per_image, standard_error
from vitral.model import Model
from vitral.parts.objectives import ELBO
from vitral.persistence import load_tensors, save_model, save_tensors, write_json
from vitral.study.jobs import Job, jobs, open_data
from vitral.study.recipes import Recipe, load_recipe
from vitral.training.checkpoints import Saved, load_checkpoint, refuse_another, save_checkpoint
from vitral.training.loop import Epoch, TrainState, start, train

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "likelihood.json"
PAGE, FIGURE = DOCS / "benchmarks.md", DOCS / "figures" / "likelihood.png"
SAMPLES = 5000
SLICE = 250  # test images estimated between two saves
REDRAWS, REDRAW_SAMPLES, REDRAW_IMAGES = 5, 200, 2000


class Anchor(NamedTuple):
    """A published negative log-likelihood in nats an image, and where it stands; ``own`` where it is this model's."""

    published: float
    source: str
    own: bool = True


ANCHORS = {
    "one-layer-vae": Anchor(86.76, "Burda et al. 2016, table 1: VAE, k = 1, one stochastic layer"),
    "one-layer-iwae-5": Anchor(85.54, "Burda et al. 2016, table 1: IWAE, k = 5, one stochastic layer"),
    "gated-standard": Anchor(84.45, "Norouzi et al. 2020, table 1: VAE with a Gaussian prior (sd .12)"),
    "gated-vamp": Anchor(82.43, "Norouzi et al. 2020, table 1: VAE with a VampPrior (sd .06)"),
    "gated-mixture": Anchor(82.43, "no published row for a mixture: the VampPrior's, for scale", own=False),
    "gated-flow": Anchor(82.43, "no published row for a flow: the VampPrior's, for scale", own=False),
}


class Sitting(NamedTuple):
    """One row at work: its recipe, its data, its model, and the folder that it is kept in."""

    recipe: Recipe
    data: Data
    job: Job
    model: Model
    folder: Path

    @property
    def steps(self) -> int:
        return steps_per_epoch(len(self.data.train), self.job.plan.batch)


def sit_down(row: str, folder: Path, changes: list[str]) -> Sitting:
    """Open a row: recipe, data, and where it was left."""
    recipe = load_recipe(str(HERE / "recipes" / f"{row}.toml"), changes)
    data = open_data(recipe)
    (job,) = jobs(recipe, data)
    folder = folder / row
    folder.mkdir(parents=True, exist_ok=True)
    return Sitting(recipe, data, job, job.spec.build(), folder)


def trained(sitting: Sitting) -> TrainState:
    """Train to the end of the plan from the last checkpoint, an epoch at a time."""
    checkpoint, clock = sitting.folder / "checkpoint.safetensors", time.monotonic()
    asked = {"recipe": sitting.recipe.name, "seed": sitting.job.seed}
    plan, seconds = sitting.job.plan, _seconds(sitting.folder)
    if checkpoint.exists():
        saved = load_checkpoint(checkpoint)
        refuse_another(checkpoint, saved.asked, asked)
        state = saved.state
    else:
        first = sitting.data.train.take(slice(0, 5000), plan.dtype)
        state = start(sitting.model, sitting.model.init(sitting.job.seed, plan.dtype, first), plan)
    for event, _ in train(sitting.model, sitting.data, plan, state, seed=sitting.job.seed):
        if isinstance(event, Epoch):
            save_checkpoint(checkpoint, Saved(state, asked))
            took, clock = time.monotonic() - clock, time.monotonic()
            seconds += took
            write_json(sitting.folder / "seconds.json", {"seconds": seconds})
            validation = event.record["validation"]
            print(
                f"{sitting.recipe.name}: epoch {event.record['epoch']}, {event.record['step']} updates, "
                f"validation -ELBO {-validation['elbo']:.2f}, KL {validation['kl']:.2f}, {took:.1f} s",
                flush=True,
            )
    return state


def _seconds(folder: Path) -> float:
    """Seconds of training so far, over all sittings."""
    file = folder / "seconds.json"
    return float(json.loads(file.read_text(encoding="utf-8"))["seconds"]) if file.exists() else 0.0


def estimated(sitting: Sitting, theta: np.ndarray, updates: int) -> tuple[np.ndarray, float]:
    """log p_hat of every test image, saved as it grows, and the seconds that it took in all."""
    file = sitting.folder / f"estimates-{updates}.safetensors"
    done, seconds = np.empty(0), 0.0
    if file.exists():
        tensors, facts = load_tensors(file, "estimates")
        done, seconds = tensors["log_px_hat"].copy(), facts["seconds"]
    while len(done) < len(sitting.data.test):
        clock = time.monotonic()
        rows = sitting.data.test.select(slice(len(done), len(done) + SLICE))
        more = log_px_hat(sitting.model, theta, rows, samples=SAMPLES, seed=len(done))
        done, seconds = np.concatenate([done, more]), seconds + time.monotonic() - clock
        save_tensors(file, {"log_px_hat": done}, {"kind": "estimates", "seconds": seconds})
        print(f"{len(done)} test images: NLL {-done.mean():.3f} ± {standard_error(done):.3f}", flush=True)
    return done, seconds


def redrawn(sitting: Sitting, theta: np.ndarray) -> list[float]:
    """The estimate of fewer images over several draws of their bits: what the binarisation contributes."""
    d, found = sitting.recipe.data, []
    grey = load_data(d.name, split=d.split)
    for seed in range(1, REDRAWS + 1):
        rows = binarised(grey, "static", seed=seed).test.select(slice(0, REDRAW_IMAGES))
        values = log_px_hat(sitting.model, theta, rows, samples=REDRAW_SAMPLES, seed=seed)
        found.append(-float(values.mean()))
    return found


def result(sitting: Sitting, state: TrainState) -> dict[str, Any]:
    """Everything that is reported of a row."""
    theta = state.result(sitting.job.plan)
    estimates, seconds = estimated(sitting, theta, state.step)
    test = per_image(sitting.model, theta, sitting.data.test, ELBO(), seed=0, purpose="evaluate test")
    redraws = redrawn(sitting, theta)
    anchor = ANCHORS[sitting.recipe.name]
    nll = -float(estimates.mean())
    return {
        "published": anchor.published,
        "source": anchor.source,
        "nll": nll,
        "nll_se": standard_error(estimates),
        "nll_minus_published": nll - anchor.published,
        "importance_samples": SAMPLES,
        "images": len(estimates),
        "seeds": [sitting.job.seed],
        "negative_elbo": -float(test["elbo"].mean()),
        "rate": float(test["kl"].mean()),
        "distortion": -float(test["log_px"].mean()),
        "active_units": active_units(codes(sitting.model, theta, sitting.data.test)[0]),
        "redraws_of_the_test_bits": {
            "seeds": list(range(1, REDRAWS + 1)),
            "images": REDRAW_IMAGES,
            "importance_samples": REDRAW_SAMPLES,
            "nll": redraws,
            "sd": float(np.std(redraws, ddof=1)),
        },
        "updates": state.step,
        "epochs": len(state.history) - 1,
        "epochs_asked": sitting.job.plan.epochs,
        "parameters": sitting.model.parameters,
        "training_seconds": round(_seconds(sitting.folder), 1),
        "estimation_seconds": round(seconds, 1),
        "settings": sitting.recipe.to_dict(),
        "curve": [[record["step"], -record["validation"]["elbo"]] for record in state.history[1:]],
        "environment": show_versions(),
    }


def report(row: str, entry: dict[str, Any]) -> None:
    """Put one row into the results, the others untouched."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"schema": 1, "rows": {}}
    results["rows"][row] = entry
    results["rows"] = dict(sorted(results["rows"].items()))
    RESULTS.parent.mkdir(exist_ok=True)
    write_json(RESULTS, results)


def table() -> None:
    """The rows, how far each got, and how far from the published number it stands."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else {}
    for row, anchor in ANCHORS.items():
        if row not in rows:
            print(f"{row:18} published {anchor.published:.2f}  not run")
            continue
        entry = rows[row]
        print(
            f"{row:18} published {anchor.published:.2f}  NLL {entry['nll']:.2f} ± {entry['nll_se']:.2f} "
            f"({entry['nll_minus_published']:+.2f})  {entry['updates']} updates, {entry['epochs']} epochs, "
            f"{entry['training_seconds'] / 60:.0f} min"
        )


def page_table(results: dict[str, Any]) -> str:
    """What docs/benchmarks.md shows: one line a row, the published number beside it."""
    columns = ("row", "published", "NLL, nats", "difference", "-ELBO, nats", "KL", "active", "updates", "epochs")
    rows = []
    for row, entry in results["rows"].items():
        rows.append([
            f"`{row}`",
            f"{entry['published']:.2f}{'' if ANCHORS[row].own else ' (VampPrior)'}",
            measured(entry["nll"], entry["nll_se"]),
            f"{entry['nll_minus_published']:+.2f}".replace("-", "−"),
            f"{entry['negative_elbo']:.2f}",
            f"{entry['rate']:.2f}",
            f"{entry['active_units']} of {entry['settings']['model']['latents'][0]}",
            f"{entry['updates']:,}",
            f"{entry['epochs']}",
        ])  # fmt: skip
    one = next(iter(results["rows"].values()))
    spreads = [entry["redraws_of_the_test_bits"]["sd"] for entry in results["rows"].values()]
    note = (
        f"NLL: {one['importance_samples']:,} importance samples for each of {one['images']:,} test images, binarised "
        f"once with seed {one['settings']['training']['seed']}; ± is a standard error over images; one training run a "
        f"row. Other draws of the bits of the first {REDRAW_IMAGES:,} images move the mean by a standard deviation of "
        f"{min(spreads):.2f} to {max(spreads):.2f} nats. Training on one thread of {one['environment']['cpu']}."
    )
    return markdown(columns, rows, note)


def figure() -> None:
    """Learning curves: -ELBO of the validation images, then the estimate of the test images beside the published."""
    from vitral.report.figures.style import FAINT, SERIES, new_figure, styled

    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    with styled():
        drawn = new_figure(7.4, 4.6)
        axes = drawn.add_subplot()
        for colour, (row, entry) in zip(SERIES, rows.items(), strict=False):
            updates, bound = np.array(entry["curve"]).T
            said = f"{row}: {entry['nll']:.2f}, published {entry['published']:.2f}"
            said += "" if ANCHORS[row].own else " (VampPrior)"
            axes.plot(updates, bound, color=colour, lw=1.2, label=said)
            axes.plot(updates[-1], entry["nll"], "o", color=colour)
            axes.axhline(entry["published"], color=colour, ls=":", lw=1.2)
        limits = {"xscale": "log", "xlim": (1e3, None), "ylim": (80, 106)}
        axes.set(xlabel="updates", ylabel="nats per image", title="Dynamically binarised MNIST", **limits)
        axes.legend(title="-log p(x) of the test images", alignment="left", loc="upper right")
        what = "curves: -ELBO of validation images; dots: -log p(x) of test images; dotted: published"
        axes.text(0.01, 0.02, what, transform=axes.transAxes, color=FAINT, fontsize=8)
        drawn.savefig(FIGURE, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ANCHORS, []], help="which rows")
    parser.add_argument("--list", action="store_true", help="show how far each row got")
    parser.add_argument("--page", action="store_true", help="draw the learning curves, write the table of the page")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--folder", type=Path, default=Path("runs/likelihood"))
    asked = parser.parse_args()
    for row in asked.rows:
        sitting = sit_down(row, asked.folder, asked.changes)
        state = trained(sitting)
        facts = {"kind": "vae", "recipe": row, "epochs": len(state.history) - 1, "seed": sitting.job.seed}
        contract, theta = sitting.data.contract.to_dict(), state.result(sitting.job.plan)
        save_model(sitting.folder / "model.safetensors", sitting.job.spec, theta, contract, facts, __version__)
        report(row, result(sitting, state))
    if asked.list or asked.rows:
        table()
    if asked.page:
        figure()
        write(PAGE, "likelihood", page_table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
