"""The numbers of a recipe, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from vitral.errors import UsageError
from vitral.specs import positive


def check_numbers(recipe: Any) -> None:
    """Refuse numbers of a recipe that are not positive, whole or finite where they must be."""
    t, e = recipe.training, recipe.evaluation
    epochs = t.epochs if isinstance(t.epochs, tuple) else (t.epochs,)
    whole = {"batch": t.batch, "shards": t.shards, "seeds": t.seeds, "monitor_rows": t.monitor_rows}
    for name, value in [("training.epochs", value) for value in epochs] + [
        (f"training.{k}", v) for k, v in whole.items()
    ]:
        positive(name, value)
    if not isinstance(t.rate, Mapping):
        positive("training.rate", t.rate, float)
    for name, value, limit in (("clip", t.clip, inf), ("average", t.average, 1.0)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < limit:
            what = "a finite number of at least 0" if limit == inf else "a number of at least 0 and below 1"
            raise UsageError(f"training.{name} must be {what}, got {value!r}: 0 switches it off")
    for name in ("draws", "neighbours", "neighbour_rows"):
        positive(f"evaluation.{name}", getattr(e, name))
    least_zero = {
        "data.limit": recipe.data.limit,
        "training.patience": t.patience,
        "training.seed": t.seed,
    }
    names = ("importance_samples", "importance_images", "tsne_rows", "information_images")
    names += ("sample_images", "amortisation_images")
    least_zero |= {f"evaluation.{name}": getattr(e, name) for name in names}
    for name, value in least_zero.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UsageError(f"{name} must be a whole number of at least 0, got {value!r}: 0 switches it off")
