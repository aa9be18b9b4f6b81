"""Names of models as the report writes them, from what the run folder says about them."""

from __future__ import annotations

import re

import numpy as np

from vitral.report.language import Language
from vitral.report.run_folder import RunFolder

STRIP_ROWS = 7


def model_label(run: RunFolder, name: str, words: Language) -> str:
    """ "VAE 10-D", or the name of a variant; where two models would share that, the model's own name is added."""
    kind, latent = run.models[name].get("kind"), run.latent(name)
    variant = run.models[name].get("variant")
    if variant is not None:
        sizes = {run.latent(other) for other in run.vaes}
        label = variant_label(variant, words)
        return label if len(sizes) < 2 else words.text("model.variant", variant=label, latent=latent)
    label = words.text("model.autoencoder" if kind == "autoencoder" else "model.vae", latent=latent)
    twins = [other for other in run.of_kind(kind) if run.latent(other) == latent]
    return label if len(twins) < 2 else f"{label} ({name})"


def variant_label(variant: str, words: Language) -> str:
    """The name of a variant in the page's language where the strings know it; beta_0.5 is "β = 0.5"."""
    beta = re.fullmatch(r"beta_(\d+(?:\.\d+)?)", variant)
    if beta:
        return words.text("variant.beta", value=words.plain(float(beta[1])))
    return words.strings.get(f"variant_name.{variant}", variant.replace("_", " "))


def pca_label(latent: int, words: Language) -> str:
    return words.text("model.pca", latent=latent)


def latent_sizes(run: RunFolder) -> list[int]:
    return sorted({run.latent(name) for name in run.ordered})


def split_label(run: RunFolder, words: Language) -> str:
    """The name of the split in the language where it is one of ours, else as the recipe calls it."""
    split = str(run.data.get("split") or "")
    return words.strings.get(f"split_kind.{split}", split or words.text("number.none"))


def shown_epochs(run: RunFolder, name: str) -> dict[int, int]:
    """The epochs of a film strip and their places in its array: the first, the last, early ones more densely."""
    epochs = run.array(f"{name}/history_epochs")
    count = len(run.arrays[f"{name}/history_reconstructions"])
    numbers = range(count) if epochs is None else epochs
    places = np.unique(np.round(np.geomspace(1, count, STRIP_ROWS)).astype(int)) - 1
    return {int(numbers[place]): int(place) for place in places}


def unit_label(run: RunFolder, words: Language) -> str:
    """The unit of the data in the page's language where the strings know it, else as the run says it."""
    unit = str(run.data.get("unit") or words.text("number.none"))
    bits = re.fullmatch(r"bits, drawn from the intensities \((static|dynamic), seed (\d+)\)", unit)
    if bits:
        return words.text("data_unit.bits", how=words.text(f"binarisation.{bits[1]}"), seed=bits[2])
    return words.strings.get(f"data_unit.{unit}", unit)
