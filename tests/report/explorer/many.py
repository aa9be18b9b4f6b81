"""A page of many small models with known numbers: sizes, weights of the KL, an autoencoder, and a second network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tests.report.explorer import fixture
from vitral.core.parameters import named
from vitral.model import Model
from vitral.report.explorer import packing
from vitral.report.explorer.content import schedule_of
from vitral.report.explorer.describe import described
from vitral.specs import Spec

EPOCHS = (0.0, 0.25, 1.0, 2.0, 3.0, 4.0)
LINEAR = {"kind": "linear", "start": 0.0, "end": 1.0, "steps": 200}


@dataclass
class One:
    """A model of the page: theta in double precision, its entry of metrics.json, its KL over the epochs (E, L)."""

    name: str
    model: Model
    theta: np.ndarray
    metrics: dict[str, Any]
    kl: np.ndarray | None


@dataclass
class Many:
    content: dict[str, Any]
    models: dict[str, One]
    images: np.ndarray


WANTED: list[tuple[str, int, list[int], dict[str, Any]]] = [
    ("latent-2-beta_1", 2, [12], {"kind": "elbo", "beta": 1.0}),
    ("latent-5-beta_1", 5, [12], {"kind": "elbo", "beta": 1.0}),
    ("latent-2-beta_4", 2, [12], {"kind": "elbo", "beta": 4.0}),
    ("autoencoder-2", 2, [12], {"kind": "reconstruction"}),
    ("latent-4-deep", 4, [8, 8], {"kind": "elbo", "beta": 1.0}),
    ("latent-4-deep_mean", 4, [8, 8], {"kind": "elbo", "beta": 784.0}),
    ("latent-4-deep_linear", 4, [8, 8], {"kind": "elbo", "beta": LINEAR}),
    ("latent-4-deep_free", 4, [8, 8], {"kind": "free_bits", "floor": 0.5}),
]  # fmt: skip


@cache
def many() -> Many:
    """The page: its first model has its encoder, the others their decoders; two seeds measured, but one of the deep."""
    rng, (images, _) = np.random.default_rng(7), fixture.digits()
    base = fixture.content()
    arrays = {name: base["arrays"][name] for name in ("images", "images_labels")}
    found, descriptions = {}, []
    for name, latent, hidden, objective in WANTED:
        network = {"kind": "mlp", "hidden": hidden}
        plain = objective["kind"] == "reconstruction"
        model = Spec(784, latent, network, network, posterior={"kind": "point" if plain else "diagonal"}).build()
        theta = model.init(int(rng.integers(1000)), "float64")
        entry = metrics(rng, name, latent, hidden, objective)
        one = One(name, model, theta, entry, None if plain else growth(rng, name, latent))
        description, own = packed(one, images, whole=not descriptions)
        found[name], arrays = one, arrays | own
        descriptions.append(description)
    content = {
        **base, "models": descriptions, "main": descriptions[0]["name"], "arrays": arrays, "golden": {},
        "metrics": {"baselines": {"mean_image": {"sse": 52.5}, "pca": {"2": {"sse": 43.25}, "5": {"sse": 35.5}}}},
    }  # fmt: skip
    return Many(content, found, images)


def metrics(rng: Any, name: str, latent: int, hidden: list[int], objective: dict[str, Any]) -> dict[str, Any]:
    """An entry as a study writes it: numbers of two seeds, or of one."""

    def test() -> dict[str, Any]:
        sse = float(rng.uniform(20, 50))
        if objective["kind"] == "reconstruction":
            return {"sse": sse, "distortion": float(rng.uniform(90, 110)), "kl": None, "active_units": latent}
        kl, distortion = float(rng.uniform(3, 25)), float(rng.uniform(80, 150))
        return {"kl": kl, "kl_se": 0.1, "distortion": distortion, "distortion_se": 0.9, "elbo": -kl - distortion,
                "elbo_se": 1.0, "sse": sse, "sse_se": 0.5, "active_units": int(rng.integers(1, latent + 1)),
                "log_px_hat": 3.0 - kl - distortion, "knn_accuracy": 0.5}  # fmt: skip

    seeds = [{"seed": seed, "test": test()} for seed in range(1 if "deep" in name else 2)]
    network = {"kind": "mlp", "hidden": hidden}
    variant = name.rsplit("-", maxsplit=1)[-1]
    return {"kind": "vae", "variant": variant, "latent": latent, "hidden": hidden, "parameters": 1000 * latent,
            "epochs": 4, "encoder": network, "decoder": network, "objective": objective, "test": seeds[0]["test"],
            "seeds": seeds, "loss_constant": 0.0}  # fmt: skip


def growth(rng: Any, name: str, latent: int) -> np.ndarray:
    """A KL that grows dimension by dimension, or with the bug falls to nothing."""
    final = rng.uniform(0.5, 4, latent)
    shares = np.linspace(0.1, 1, len(EPOCHS))[:, None]
    return (final * (1 - shares) ** 8 * 0.01 if "mean" in name else final * shares).astype(np.float32)


def packed(one: One, images: np.ndarray, *, whole: bool) -> tuple[dict[str, Any], dict[str, packing.Entry]]:
    """The description of a model, and its arrays."""
    prefix = f"{one.name}/"
    description = {"name": one.name, **described(one.model, prefix)}
    description["encoder"] = description["encoder"] if whole else None
    arrays = {
        prefix + name: packing.floats(one.theta[where].reshape(shape)).entry
        for name, (where, shape) in named(one.model.shapes).items()
        if whole or not name.startswith("encoder.")
    }
    mu, logvar = one.model.encode(one.model.views(one.theta), images.astype(np.float64))
    arrays[f"{prefix}codes"] = packing.floats(mu).entry
    if logvar is not None:
        arrays[f"{prefix}codes_logvar"] = packing.floats(logvar).entry
        arrays[f"{prefix}pulse_epochs"] = packing.floats(np.asarray(EPOCHS, np.float32)).entry
        arrays[f"{prefix}pulse_kl"] = packing.floats(one.kl).entry
    progress = [{"epoch": k, "step": 100 * k, "train": {}, "validation": {"elbo": -200.0 + 10 * k}} for k in range(5)]
    description |= {"label": one.metrics["variant"], "objective": one.metrics["objective"], "epochs": 4,
                    "metrics": one.metrics, "progress": progress, "tile_shape": [14, 14],
                    "schedule": schedule_of(one.metrics, progress)}  # fmt: skip
    return description, arrays
