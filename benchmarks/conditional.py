"""Does a conditional model make the digit that it is asked for? An independent classifier of real digits says.

    python benchmarks/conditional.py                             trains (or goes on), classifies, writes the result
    python benchmarks/conditional.py --prior standard_normal     the same with another prior, for comparison
    python benchmarks/conditional.py --page                      writes the table of docs/conditional.md

The model of the recipe ``conditional`` makes 100 images of every class. Two classifiers that have seen real digits
only, one grey levels and one bits, judge its decoder means and its true draws. Their own accuracy on real test images
of the same kind stands beside: a share can hardly pass it by much, unless the model avoids the difficult digits.
Models train in runs/conditional/<prior>, with a checkpoint after every epoch.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, measured, write
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from vitral.api import TrainedModel, load_one
from vitral.data import Data, binarised, load_data
from vitral.environment import show_versions
from vitral.persistence import write_json
from vitral.study import folder as folders
from vitral.study.jobs import open_data
from vitral.study.recipes import Recipe, load_recipe, to_toml
from vitral.study.run import train_all
from vitral.training.loop import Epoch

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "conditional.json"
PAGE = DOCS / "conditional.md"
EACH = 100  # images of every class


def trained(recipe: Recipe, data: Data, path: Path) -> tuple[TrainedModel, list[dict[str, Any]]]:
    """The model of the recipe and its progress: from its run folder, trained there first as far as it is not."""
    if not path.exists():
        folders.create(path, to_toml(recipe), "python benchmarks/conditional.py", force=False)
    run, name = folders.RunFolder(path), f"latent-{recipe.model.latents[0]}"
    if run.incomplete:
        for event in train_all(recipe, data, folders.reopen(path)):
            if isinstance(event, Epoch):
                validation = event.record["validation"]
                print(f"epoch {event.record['epoch']}: validation ELBO {validation['elbo']:.2f} nats", flush=True)
        run.finish()
    return load_one(path, name), run.records(name)


def classifier(data: Data, seed: int) -> tuple[MLPClassifier, float]:
    """A network with one hidden layer, trained on real images alone, and its accuracy on real test images."""
    machine = MLPClassifier((256,), early_stopping=True, n_iter_no_change=4, max_iter=60, random_state=seed)
    machine.fit(data.train.take(slice(None)), data.train.labels)
    return machine, float(machine.score(data.test.take(slice(None)), data.test.labels))


def judged(machine: MLPClassifier, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The share of images that the classifier takes for the class that was asked for, with its standard error."""
    right = machine.predict(images) == labels
    share = float(right.mean())
    of_class = {str(label): float(right[labels == label].mean()) for label in np.unique(labels)}
    return {
        "share": share,
        "standard_error": float(np.sqrt(share * (1.0 - share) / len(right))),
        "images": len(right),
        "of_class": of_class,
    }


def judged_samples(model: TrainedModel, grey: Data, bits: Data, seed: int) -> dict[str, Any]:
    """Means judged by the classifier of grey levels, draws by that of bits; and with labels moved, for scale."""
    labels = np.repeat(np.asarray(model.classes), EACH)
    made = {
        "decoder_means": (grey, model.prior_means(len(labels), seed=seed, label=labels)),
        "draws": (bits, model.sample(len(labels), seed=seed, label=labels)),
    }
    found: dict[str, Any] = {}
    for name, (real, images) in made.items():
        machine, accuracy = classifier(real, seed)
        found[name] = {
            "classifier_accuracy_on_real_test_images": accuracy,
            **judged(machine, images, labels),
            "share_with_labels_moved_by_one_class": judged(machine, images, np.roll(labels, EACH))["share"],
        }
    return found


def row(recipe: Recipe, path: Path, seed: int) -> dict[str, Any]:
    """One model, trained and judged, with everything that its numbers depend on."""
    data, began, d = open_data(recipe), time.monotonic(), recipe.data
    with threadpool_limits(1):
        model, records = trained(recipe, data, path)
        grey = load_data(d.name, split=d.split, seed=recipe.training.seed, limit=d.limit or None)
        found = judged_samples(model, grey, binarised(grey, "static", seed=recipe.training.seed), seed)
    last = records[-1]
    return {
        **found,
        "images_of_each_class": EACH,
        "seed": seed,
        "classifier": "scikit-learn MLPClassifier, 256 hidden units, early stopping on a tenth of the training rows",
        "training": {
            "epochs": last["epoch"],
            "updates": last["step"],
            "seconds": round(sum(record["seconds"] for record in records), 1),
            "validation_elbo": last["validation"]["elbo"],
            "validation_kl": last["validation"]["kl"],
        },
        "wall_seconds_of_this_sitting": round(time.monotonic() - began, 1),
        "threads": 1,
        "settings": recipe.to_dict(),
        "environment": show_versions(),
    }


def table(results: dict[str, Any]) -> str:
    """What the page shows: one line a prior."""
    columns = ("prior", "decoder means as asked", "draws as asked", "classifiers on real images", "images", "updates")
    environment = next(iter(results["rows"].values()))["environment"]
    note = f"One thread of {environment['cpu']} that others used too: the minutes of two rows do not compare."
    return markdown((*columns, "minutes"), [_cells(prior, one) for prior, one in results["rows"].items()], note)


def _cells(prior: str, one: dict[str, Any]) -> list[str]:
    means, draws, training = one["decoder_means"], one["draws"], one["training"]
    shares = [f"{measured(100 * kind['share'], 100 * kind['standard_error'], 1)} %" for kind in (means, draws)]
    real = ", ".join(f"{100 * kind['classifier_accuracy_on_real_test_images']:.1f} %" for kind in (means, draws))
    counts = [f"{means['images']:,}", f"{training['updates']:,}", f"{training['seconds'] / 60:.0f}"]
    return [f"`{prior}`", *shares, real, *counts]


def main() -> None:
    """Train, judge, write."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--prior", default="flow", help="flow, standard_normal, conditional or mixture")
    asked.add_argument("--folder", type=Path, default=Path("runs") / "conditional", help="where models are kept")
    asked.add_argument("--out", type=Path, default=RESULT, help="where the result is written")
    asked.add_argument("--seed", type=int, default=0, help="of the images and of the classifiers")
    asked.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    asked.add_argument("--page", action="store_true", help="write the table of the page, train nothing")
    options = asked.parse_args()
    if options.page:
        results = json.loads(options.out.read_text(encoding="utf-8"))
        write(PAGE, "conditional", table(results))
        return
    changes = [] if options.prior == "flow" else [f"model.prior.kind={options.prior}"]
    recipe = load_recipe("conditional", [*changes, *options.changes])
    entry = row(recipe, options.folder / options.prior, options.seed)
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"schema": 1, "rows": {}}
    results["question"] = "share of images that a classifier of real digits takes for the class that was asked for"
    results["rows"] = dict(sorted({**results["rows"], options.prior: entry}.items()))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.out, results)
    for name in ("decoder_means", "draws"):
        one = entry[name]
        print(
            f"{name}: {one['share']:.3f} ± {one['standard_error']:.3f} of {one['images']} as asked; "
            f"the classifier on real test images: {one['classifier_accuracy_on_real_test_images']:.4f}"
        )


if __name__ == "__main__":
    main()
