"""A page with a recording of a training that is known: the weights of a model grow to what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import vitral
from tests.report.explorer import fixture
from vitral.core.parameters import named
from vitral.report.explorer import packing
from vitral.report.explorer.content import tile_shape, tiles
from vitral.report.explorer.describe import described
from vitral.study import pictures

NAME, SHOWN, FILMED = fixture.NAME, 500, 10
EPOCHS = (0.0, 0.0625, 0.25, 1.0, 2.0, 4.0)


@dataclass
class Replay:
    """What the page must show: arrays as NumPy computes them, before they are packed; and the page's object."""

    content: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    progress: list[dict[str, Any]] = field(default_factory=list)


def weights(theta: np.ndarray, t: int) -> np.ndarray:
    """The parameters at scene t."""
    return theta * ((t + 1) / len(EPOCHS))


def progress() -> list[dict[str, Any]]:
    """Losses that fall, epoch by epoch."""
    return [
        {"epoch": epoch, "step": 100 * epoch, "train": {"loss": 100 / (1 + epoch) ** 2, "sse": 50 / (1 + epoch)},
         "validation": {"loss": 110 / (1 + epoch) ** 2, "sse": 55 / (1 + epoch)}}
        for epoch in range(5)
    ]  # fmt: skip


def scenes(model: Any, theta: np.ndarray, images: np.ndarray) -> dict[str, np.ndarray]:
    """The history of a model, (E, ...), as a study records it."""
    found: dict[str, list[np.ndarray]] = {}
    for t in range(len(EPOCHS)):
        now = weights(theta, t)
        p = model.views(now)
        mu, logvar = model.encode(p, images)
        one = {"codes": mu, "reconstructions": model.decode(p, mu[:FILMED])}
        if logvar is not None:
            one |= {"logvar": logvar, "kl": 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(axis=0)}
        if model.posterior.latent == 2:
            axis = pictures.latent_axis("quantile")
            one["grid"] = pictures.latent_grid(model, now, axis).reshape(len(axis) ** 2, -1)
        for name, array in one.items():
            found.setdefault(name, []).append(np.asarray(array, np.float32))
    return {"epochs": np.asarray(EPOCHS, np.float32), **{name: np.stack(list_) for name, list_ in found.items()}}


def packed(name: str, history: dict[str, np.ndarray], shape: tuple[int, ...]) -> dict[str, packing.Entry]:
    """The history as the page holds it."""
    ways = {
        "codes": packing.spread, "logvar": packing.spread, "grid": lambda array: tiles(array, shape),
        "reconstructions": lambda array: packing.greys(array, 63),
    }  # fmt: skip
    found = {f"{name}/history_{key}": ways.get(key, packing.floats)(array).entry for key, array in history.items()}
    if "kl" in history:
        found |= {f"{name}/pulse_kl": packing.floats(history["kl"]).entry}
        found |= {f"{name}/pulse_epochs": packing.floats(history["epochs"]).entry}
    return found


def of_tiny() -> Replay:
    """The page of the tiny model with a recording of all kinds."""
    trained, (images, _) = vitral.load("tiny"), fixture.digits()
    base = fixture.content()
    history = scenes(trained.model, trained.theta, images)
    description = {**base["models"][0], "tile_shape": list(tile_shape((28, 28))), "progress": progress()}
    arrays = base["arrays"] | packed(NAME, history, (28, 28))
    return Replay({**base, "models": [description], "arrays": arrays}, history, progress())


def of_model(model: Any, theta: np.ndarray, *, images: bool = True) -> Replay:
    """The page of any model of digits, weights whole; without images it has no reconstructions of them either."""
    base, (x, _) = fixture.content(), fixture.digits()
    history = scenes(model, theta, x)
    if not images:
        history.pop("reconstructions")
    arrays = {
        f"{NAME}/{name}": packing.floats(theta[where].reshape(shape)).entry
        for name, (where, shape) in named(model.shapes).items()
    }
    mu, logvar = model.encode(model.views(theta), x)
    arrays |= packed(NAME, history, (28, 28)) | {f"{NAME}/codes": packing.spread(mu).entry}
    arrays |= {f"{NAME}/codes_logvar": packing.spread(logvar).entry} if logvar is not None else {}
    if images:
        arrays |= {name: base["arrays"][name] for name in ("images", "images_labels")}
    description = {"name": NAME, **described(model, f"{NAME}/"), "epochs": 4, "metrics": {}, "progress": [],
                   "tile_shape": [14, 14]}  # fmt: skip
    return Replay({**base, "models": [description], "arrays": arrays, "golden": {}}, history)
