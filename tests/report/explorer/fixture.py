"""The object of a small page: the shipped tiny model with some test digits, packed as a study's page is."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import vitral
from vitral.core.parameters import named
from vitral.data import load_data
from vitral.evaluation.diagnosis import diagnose
from vitral.evaluation.watch import Recorded, watch
from vitral.report.explorer import bugs, doctor, packing
from vitral.report.explorer.describe import described
from vitral.report.explorer.golden import golden

NAME, COUNT = "latent-2", 300


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Some test digits as numbers in [0, 1], and their labels."""
    rows = load_data("mnist").test
    return np.asarray(rows.take(np.arange(COUNT)), np.float32), np.asarray(rows.labels[:COUNT])


def packed_theta(trained: Any) -> tuple[dict[str, packing.Entry], np.ndarray]:
    """Weights in 8 bits, biases whole, and theta as the page holds it."""
    theta, arrays = trained.theta.copy(), {}
    for name, (where, shape) in named(trained.model.shapes).items():
        tensor = trained.theta[where].reshape(shape)
        one = packing.weights(tensor) if tensor.size > 4096 else packing.floats(tensor)
        arrays[f"{NAME}/{name}"] = one.entry
        theta[where] = packing.unpack(one.entry).ravel()
    return arrays, theta


@cache
def content() -> dict[str, Any]:
    """What `vitral.report.explorer.assemble.alone` takes."""
    trained = vitral.load("tiny")
    images, labels = digits()
    arrays, theta = packed_theta(trained)
    model = trained.model
    mu, logvar = model.encode(model.views(theta), images)
    arrays |= {
        "images": packing.integers(np.rint(images * 255), "u1", scale=1 / 255).entry,
        "images_labels": packing.integers(labels, "i4").entry,
        f"{NAME}/codes": packing.spread(mu).entry,
        f"{NAME}/codes_logvar": packing.spread(logvar).entry,
    }
    image = packing.unpack(arrays["images"])[0]
    description = {"name": NAME, **described(model, f"{NAME}/"), "epochs": 1, "metrics": {}, "progress": [],
                   "diagnosis": diagnosis()}  # fmt: skip
    return {
        "schema": 1,
        "strip": strip(description),
        "data": {
            "name": "mnist", "image_shape": [28, 28], "features": 784, "classes": 10, "unit": "grey levels / 255",
            "shows_data": True,
        },
        "models": [description], "main": NAME, "metrics": {}, "arrays": arrays | bugs.arrays(), "zoo": bugs.described(),
        "golden": {NAME: golden(model, theta, image, prefix=f"{NAME}/", evidence=False)},
    }  # fmt: skip


def diagnosis() -> dict[str, Any]:
    """Findings of invented numbers: of the end, of a rule that came and went, and of one that stayed."""
    records = [
        {"epoch": epoch, "train": {"loss": train}, "validation": {"loss": validation, "loss_at_mean": validation - 0.6}}
        for epoch, (train, validation) in enumerate([(60, 60), (40, 43), (30, 36), (27, 31), (25, 26), (22, 30)])
    ]
    dead = np.array([[0.0], [0.0], [0.3125], [0.08], [0.12], [0.0]])
    pulses = {"epochs": np.array([0, 0.25, 1, 2, 3, 4]), "dead": dead}
    entry = {"kind": "vae", "latent": 2, "test": {"kl": 0.01, "active_units": 0}}
    return doctor.written(diagnose(entry), watch(Recorded(entry, records, pulses)))


def content_of(model: Any, theta: np.ndarray, shape: tuple[int, ...]) -> dict[str, Any]:
    """The page's object of any model, with exact weights and without an image."""
    arrays = {
        f"{NAME}/{name}": packing.floats(theta[where].reshape(size)).entry
        for name, (where, size) in named(model.shapes).items()
    }
    description = {"name": NAME, **described(model, f"{NAME}/"), "epochs": 1, "metrics": {}, "progress": []}
    data = {"name": "made", "image_shape": list(shape), "features": model.features, "shows_data": False}
    return {
        "schema": 1, "strip": {"missing": ["no_images"]}, "data": data, "models": [description], "main": NAME,
        "metrics": {}, "arrays": arrays, "golden": {},
    }  # fmt: skip


def strip(description: dict[str, Any]) -> dict[str, Any]:
    """Facts of the honesty strip, as vitral.report.explorer.strip writes them."""
    return {
        "recipe": "tiny", "vitral": vitral.__version__, "commit": None, "wall_seconds": 61.0,
        "data": {"name": "mnist", "split": "official", "train": 55000, "validation": 5000, "test": 10000,
                 "binarisation": None, "unit": "grey levels / 255"},
        "model": NAME, "parameters": 202517, "epochs": 1, "latent": 2, "hidden": [128],
        "likelihood": description["likelihood"],
        "variance": 0.04, "loss_constant": None, "loss_is_likelihood": True,
        "objective": {"kind": "elbo", "beta": 1.0}, "beta": 1.0, "seed": 0, "seeds": 1,
        "checks": {"passed": 8, "total": 8},
        "quantised": {"bits": 8, "max_error": 0.01, "mean_error": 0.001, "images": 512, "encoder": True},
        "missing": ["one_seed", "one_model", "no_history"],
    }  # fmt: skip
