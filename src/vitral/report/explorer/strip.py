"""The facts of the honesty strip: what was trained on what, for how long, how it was checked, and what is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vitral.report.run_folder import RunFolder

Record = dict[str, Any]
MODEL = ("parameters", "epochs", "latent", "hidden", "likelihood", "loss_is_likelihood", "loss_constant", "variance")
DATA = ("name", "split", "train", "validation", "test", "binarisation", "unit")


def facts(run: RunFolder, main: str, description: Record, arrays: Sequence[str], *, shows: bool) -> Record:
    """The strip of a page about the model ``main`` of a run."""
    entry = run.models.get(main) or {}
    checks = entry.get("checks")
    return {
        "recipe": run.metrics.get("recipe"),
        "vitral": run.metrics.get("vitral"),
        "commit": run.environment.get("commit"),
        "wall_seconds": run.environment.get("wall_seconds"),
        "data": {key: run.data.get(key) for key in DATA} | {"unit": unit_of(run.data.get("unit"))},
        "model": main,
        **{key: entry.get(key) for key in MODEL},
        "likelihood": description["likelihood"],
        "objective": entry.get("objective"),
        "beta": beta_of(entry),
        "seed": entry.get("seed", run.metrics.get("seed")),
        "seeds": len(entry.get("seeds") or [None]),
        "checks": {key: checks[key] for key in ("passed", "total")} if checks else None,
        "quantised": description["quantised"],
        "missing": missing(run, main, description, arrays, shows=shows),
    }


def beta_of(entry: Mapping[str, Any]) -> float | None:
    """The weight of the KL at the end of training, where the objective names one number or a schedule that ends."""
    objective = entry.get("objective") or {}
    if objective.get("kind") == "reconstruction":
        return 0.0
    beta = objective.get("beta", 1.0)
    return beta.get("end") if isinstance(beta, Mapping) else beta


def unit_of(unit: str | None) -> str | None:
    """What a number of the data means: a key of the page's strings for pictures, the data's own words for others."""
    known = {"pixel intensity": "intensity", "bits": "bits"}
    return next((key for start, key in known.items() if (unit or "").startswith(start)), unit)


def missing(run: RunFolder, main: str, description: Record, arrays: Sequence[str], *, shows: bool) -> list[str]:
    """Keys of what this page cannot show, each of which has a sentence in the page's strings."""
    entry = run.models.get(main) or {}
    found = {
        "not_computed": description["decoder"] is None,
        "no_images": "images" not in arrays,
        "withheld": not shows,
        "few_images": shows and "images" in arrays and "train_images" in arrays and not run.explorer,
        "no_codes": f"{main}/codes" not in arrays,
        "no_history": f"{main}/history_codes" not in arrays,
        "no_plane": description["latent"] != 2,
        "no_density": description["kind"] != "vae",
        "loss_only": entry.get("loss_is_likelihood") is False,
        "no_measures": not entry.get("test"),
        "no_checks": not entry.get("checks"),
        "one_seed": len(entry.get("seeds") or [None]) < 2,
        "one_model": len(run.models) < 2,
        "no_labels": "images_labels" not in arrays,
    }
    return [key for key, absent in found.items() if absent]
