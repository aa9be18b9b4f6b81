"""The object of the page: everything that it shows, as plain data and packed arrays. Its shape: docs/explorer.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import isqrt
from typing import Any

import numpy as np

from vitral.report.explorer import bugs, packing, strip
from vitral.report.explorer.doctor import diagnosis
from vitral.report.explorer.golden import golden
from vitral.report.explorer.packing import Entry
from vitral.report.explorer.subjects import Embedded, Subject, fitting, main_of
from vitral.report.run_folder import RunFolder
from vitral.specs import schedule

SCHEMA = 1
BUDGET, CLASSROOM = 3_000_000, 8_000_000  # characters of a page of a few models, and of one of many
FEW = 5  # models
DESCRIBED = 4000  # characters of the description of a model, and of the names of its arrays
OTHERS = 12_000  # of the strip, the golden numbers and the like
FIXED = 1000  # images whose codes are shown
REPLAYED = 500  # of them over the epochs
GREYS, TILE_GREYS = 63, 31  # of the film strip, and of the plane over the epochs
MOMENTS = 241  # at which the schedule of a weight is sampled
HALVED = 20  # pixels a side from which its tiles are shown at half their size
LEVELS = (1, 16, 255)  # scales of data that are stored as whole levels

Record = dict[str, Any]
Packer = Callable[[np.ndarray], packing.Packed]


def content(
    run: RunFolder, subjects: Sequence[Subject], *, code: int = 0, exact: bool = False, show_data: bool | None = None
) -> Record:
    """The page's object for some models of a run.

    ``code`` is how many characters the page has beside it, ``exact`` asks for 32-bit weights, and ``show_data`` False
    for a page without any image of the data (by default as the run was asked).
    """
    shows = run.data.get("shows_data", True) if show_data is None else show_data
    main = main_of(subjects)
    arrays = pictures(run, shows=shows) | codes(run, main, subjects) | recordings(run, main, subjects, shows=shows)
    arrays |= bugs.arrays()
    budget = BUDGET if len(subjects) <= FEW else CLASSROOM
    left = budget - code - size_of_numbers(run, subjects) - sum(map(packing.size_of, arrays.values()))
    models = fitting(subjects, main, left, exact=exact)
    for one in models.values():
        arrays |= one.arrays
    image = packing.unpack(arrays["images"])[0] if "images" in arrays else None
    return {
        "schema": SCHEMA,
        "strip": strip.facts(run, main.name, models[main.name].description, sorted(arrays), shows=shows),
        "data": data_entry(run, main, shows=shows),
        "models": [model_entry(run, one, models[one.name]) for one in subjects],
        "main": main.name,
        "metrics": {key: value for key, value in run.metrics.items() if key not in ("models", "data")},
        "arrays": dict(sorted(arrays.items())),
        "zoo": bugs.described(),
        "golden": vectors(main, models[main.name], image, run),
    }


def size_of_numbers(run: RunFolder, subjects: Sequence[Subject]) -> int:
    """About how many characters the numbers of the models take: their entries, their progress, and what they share."""
    known = [(run.models.get(one.name), list(run.progress.get(one.name, ()))) for one in subjects]
    shared = [value for key, value in run.metrics.items() if key not in ("models", "data")]
    text = json.dumps([known, shared, bugs.described()], separators=(",", ":"))
    return len(text) + DESCRIBED * len(subjects) + OTHERS


def data_entry(run: RunFolder, main: Subject, *, shows: bool) -> Record:
    """What is known of the data, whatever the run says."""
    keys = ("name", "split", "train", "validation", "test", "image_shape", "classes", "unit", "binarisation", "context")
    known = {key: run.data.get(key) for key in keys}
    return {**known, "features": main.model.features, "shows_data": shows}


def model_entry(run: RunFolder, subject: Subject, made: Embedded) -> Record:
    """The description of a model, and its numbers: its entry of metrics.json and its progress."""
    metrics = dict(run.models.get(subject.name) or {})
    if metrics.get("checks"):
        metrics["checks"] = {key: metrics["checks"][key] for key in ("passed", "total")}
    return {
        **made.description,
        "label": metrics.get("variant"),
        "tile_shape": list(tile_shape(run.image_shape)),
        "objective": metrics.get("objective"),
        "schedule": schedule_of(metrics, run.progress.get(subject.name, ())),
        "variance": metrics.get("variance"),
        "epochs": metrics.get("epochs"),
        "metrics": metrics,
        "progress": list(run.progress.get(subject.name, ())),
        "diagnosis": diagnosis(run, subject),
    }


def schedule_of(entry: Mapping[str, Any], progress: Sequence[Record]) -> Record | None:
    """The weight of the KL over the epochs, where it followed a schedule: {"epochs", "values"}."""
    beta = (entry.get("objective") or {}).get("beta")
    last = progress[-1] if progress else {"epoch": 0}
    if not isinstance(beta, Mapping) or not last["epoch"]:
        return None
    weight = schedule(beta)
    steps = np.linspace(0, last["step"], MOMENTS).round().astype(int)
    per_epoch = last["step"] / last["epoch"]
    values = [round(weight.at(int(step)), 6) for step in steps]
    return {"epochs": [round(float(step / per_epoch), 4) for step in steps], "values": values}


def vectors(main: Subject, made: Embedded, image: np.ndarray | None, run: RunFolder) -> Record:
    """Golden vectors of the main model, computed from the weights as the page holds them."""
    if made.description["decoder"] is None:
        return {}
    beta = strip.beta_of(run.models.get(main.name) or {})
    prefix = f"{main.name}/"
    return {main.name: golden(main.model, made.theta, image, beta=1.0 if beta is None else beta, prefix=prefix)}


def pictures(run: RunFolder, *, shows: bool) -> dict[str, Entry]:
    """The fixed images of both splits with their labels; labels of the test images in any case."""
    found: dict[str, Entry] = {}
    recorded = {**_of_old(run), **run.explorer}
    for name in ("images", "train_images"):
        if shows and name in recorded and _are_shares(recorded[name]):
            found[name] = whole_levels(recorded[name]).entry
    for name in ("images_labels", "train_labels"):
        if name in recorded and (shows or name == "images_labels"):
            found[name] = packing.integers(recorded[name], "i4").entry
    return found


def _are_shares(images: np.ndarray) -> bool:
    """Whether all numbers lie between 0 and 1, black and white on the page."""
    return bool(images.min(initial=0.0) >= 0.0 and images.max(initial=1.0) <= 1.0)


def _of_old(run: RunFolder) -> dict[str, np.ndarray]:
    """The few images of a run that was recorded before explorer.npz: its ten originals and its first training rows."""
    names = {"images": "originals", "train_images": "data_samples", "train_labels": "data_sample_labels"}
    found = {name: run.arrays[old] for name, old in names.items() if old in run.arrays and run.shows_images}
    if "codes_labels" in run.arrays:
        found["images_labels"] = run.arrays["codes_labels"][:FIXED]
    return found


def whole_levels(images: np.ndarray) -> packing.Packed:
    """Images as the whole levels that their data hold, where they do; else in 255 steps."""
    for scale in LEVELS:
        levels = np.rint(images * scale)
        if np.abs(levels - images * scale).max(initial=0.0) < 1e-4 and levels.max(initial=0.0) <= 255:
            return packing.integers(levels, "u1", scale=1.0 / scale)
    return packing.greys(images)


def codes(run: RunFolder, main: Subject, subjects: Sequence[Subject]) -> dict[str, Entry]:
    """mu and logvar of the fixed images, for every model; logvar in 256 steps but for the main one's."""
    found: dict[str, Entry] = {}
    for one in subjects:
        for name in ("codes", "codes_logvar"):
            array = run.array(f"{one.name}/{name}")
            if array is not None:
                fine = name == "codes" or one is main
                found[f"{one.name}/{name}"] = packing.spread(array[:FIXED], "i2" if fine else "u1").entry
    return found


def recordings(run: RunFolder, main: Subject, subjects: Sequence[Subject], *, shows: bool) -> dict[str, Entry]:
    """What was recorded over the epochs: of the main model everything, of the others the pulse."""
    found = _scenes(run, main.name, shows=shows)
    for one in subjects:
        for name in ("epochs", "kl", "weight", "gradient", "update", "dead"):
            array = run.explorer.get(f"{one.name}/pulse_{name}")
            if array is not None and (one is main or name in ("epochs", "kl")):
                found[f"{one.name}/pulse_{name}"] = packing.floats(array).entry
    return found


def tile_shape(shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape of a tile of the replayed plane: half of a large image's, which is drawn small 225 times."""
    height, width, *channels = shape or (1, 1)
    large = min(height, width) >= HALVED and height % 2 == width % 2 == 0
    return (height // 2, width // 2, *channels) if large else (height, width, *channels)


def tiles(planes: np.ndarray, shape: tuple[int, ...] | None) -> packing.Packed:
    """Planes of tiles (E, g g, D) in few greys, every tile as its difference to the one above it."""
    epochs, count, _ = planes.shape
    small = tile_shape(shape)
    channels = small[2] if len(small) > 2 else 1
    factor = 2 if shape and small[0] < shape[0] else 1
    parts = planes.reshape(epochs, count, small[0], factor, small[1], factor, channels)
    means = parts.mean(axis=(3, 5)).reshape(epochs, count, -1)
    return packing.greys(means, TILE_GREYS, delta=isqrt(count) * means.shape[-1])


def _scenes(run: RunFolder, name: str, *, shows: bool) -> dict[str, Entry]:
    """Codes, reconstructions and the plane of one model over the epochs."""
    packers: Mapping[str, Packer] = {
        "epochs": packing.floats,
        "kl": packing.floats,
        "codes": lambda array: packing.spread(array[:, :REPLAYED]),
        "logvar": lambda array: packing.spread(array[:, :REPLAYED]),
        "grid": lambda array: tiles(array / np.float32(255), run.image_shape),
        "reconstructions": lambda array: packing.greys(array / np.float32(255), GREYS),
    }
    found: dict[str, Entry] = {}
    for key, packer in packers.items():
        array = run.explorer.get(f"{name}/history_{key}")
        if array is not None and (shows or key != "reconstructions"):
            found[f"{name}/history_{key}"] = packer(array).entry
    return found
