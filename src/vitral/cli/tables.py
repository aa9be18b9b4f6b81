"""Tables of several models on a terminal: their numbers, and their differences in standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NUMBERS = (("log_px_hat", "log p(x), nats"), ("elbo", "ELBO, nats"))
PLAIN = (
    ("kl", "rate", 2),
    ("distortion", "distortion", 2),
    ("active_units", "active", 0),
    ("marginal_kl", "KL q(z)", 2),
)
SHORT = {"log_px_hat": "log p(x)", "elbo": "ELBO"}
GAPS = (("log_px_hat", "first"), ("elbo", "first"), ("log_px_hat", "best"))

Models = Mapping[str, Mapping[str, Any]]


def compared(tables: list[dict[str, Any]], models: Models, seconds: Mapping[str, float | None]) -> str:
    """One block for every scale: the numbers of its models, then the differences."""
    blocks = []
    for table in tables:
        own = {name: models[name] for name in table["models"]}
        width = max(22, *(len(name) + 2 for name in own))
        lines = [f"# {table['scale']}"] if len(tables) > 1 else []
        blocks.append("\n".join([*lines, *_numbers(own, seconds, width), *_gaps(table, width)]))
    if len(tables) > 1:
        blocks.append("Likelihoods of different scales do not compare: each block stands alone.")
    return "\n\n".join(blocks)


def _numbers(models: Models, seconds: Mapping[str, float | None], width: int) -> list[str]:
    test = next(iter(models.values()))["test"]
    title = "test set, z sampled"
    lines = [
        f"{title:<{width}}"
        + "".join(f"{label:>20}" for _, label in NUMBERS)
        + "".join(f"{label:>11}" for _, label, _ in PLAIN)
        + f"{'parameters':>12}{'seconds':>9}"
    ]
    for name, model in models.items():
        cells = [f"{_measured(model['test'], key):>20}" for key, _ in NUMBERS]
        block = {**model["test"], "marginal_kl": (model.get("information") or {}).get("marginal_kl")}
        cells += [f"{_plain(block.get(key), digits):>11}" for key, _, digits in PLAIN]
        cells.append(f"{model['parameters']:>12,}{_plain(seconds.get(name), 0):>9}")
        lines.append(f"{name:<{width}}" + "".join(cells))
    if test.get("importance_samples"):
        count, images = test["importance_samples"], test["importance_images"]
        lines.append(f"log p(x): {count} importance samples an image, the first {images} test images")
    return lines


def _gaps(table: Mapping[str, Any], width: int) -> list[str]:
    """Differences paired by image, each with its error and how many errors it is."""
    if table["best"] is None or len(table["models"]) < 2:
        return []
    shown = [(key, where) for key, where in GAPS if where == "first" or table["best"] != table["first"]]
    labels = [f"{SHORT[key]} - {where}" for key, where in shown]
    lines = ["", f"{'differences by image':<{width}}" + "".join(f"{label:>27}" for label in labels)]
    for name, row in table["models"].items():
        cells = [_gap(row, f"{key}_to_{where}") for key, where in shown]
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>27}" for cell in cells))
    return [*lines, f"first: {table['first']}; best: {table['best']}, by {SHORT[table['by']]}; se: standard errors"]


def _gap(row: Mapping[str, Any], key: str) -> str:
    value, error = row[key], row[f"{key}_se"]
    if value is None:
        return "-"
    times = f" ({abs(value) / error:.1f} se)" if error else ""
    return f"{value:+.2f} ± {error or 0.0:.2f}{times}"


def _measured(test: Mapping[str, Any], key: str) -> str:
    value, error = test.get(f"{key}_mean", test.get(key)), test.get(f"{key}_se")
    if value is None:
        return "-"
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"


def _plain(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
