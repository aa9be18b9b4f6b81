"""The bug zoo inside the page: the bugs that were trained with, their symptoms, and what every law measured of them.

Nothing is computed here: ``symptoms.json`` and ``bugs.json`` are written by ``benchmarks/bug_zoo.py``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from vitral.report import checks
from vitral.report.explorer import packing
from vitral.report.explorer.packing import Entry
from vitral.report.language import languages
from vitral.report.zoo import name_of, place_of, sound_of, symptom, symptoms

Record = dict[str, Any]
GREYS = 15  # steps of the small images
SAMPLES = 8  # generated images of each training


@cache
def matrix() -> Record:
    """What every law of its family measured of every bug with changed lines."""
    source = resources.files("vitral.report").joinpath("bugs.json")
    return json.loads(source.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def described() -> Record:
    """The zoo as plain data: bugs in the order of the trainings, each told in every language."""
    kept, order = symptoms(), list(symptoms()["runs"])
    bugs = [one for one in matrix()["bugs"] if one["id"] in order]
    told = {f"{bug['family']}.{law}": check for bug in bugs for law, check in bug["laws"].items()}
    return {
        **{key: kept[key] for key in ("epochs", "seed", "latent", "shape", "shown", "data", "date")},
        **{key: matrix()[key] for key in ("caught", "total")},
        "samples": SAMPLES,
        "bugs": [_bug(bug, order) for bug in bugs],
        "laws": {
            key: {words.tag: [checks.check_name(check, words), checks.unit_name(check, words)] for words in languages()}
            for key, check in told.items()
        },
    }


def _bug(bug: Record, order: Sequence[str]) -> Record:
    runs = symptoms()["runs"]
    sound = next(name for name, run in runs.items() if run is sound_of(bug["id"]))
    laws = {law: [check["measured"], check["bound"], check["passed"]] for law, check in bug["laws"].items()}
    return {
        "id": bug["id"], "family": bug["family"], "run": order.index(bug["id"]), "sound": order.index(sound),
        "laws": laws, "lines": [[line["right"], line["wrong"], line["file"]] for line in bug["lines"]],
        "seen": {words.tag: [place_of(words, *place) for place in bug["seen"]] for words in languages()},
        "name": {words.tag: name_of(bug, words) for words in languages()},
        "symptom": {words.tag: symptom(bug["id"], words) for words in languages()},
    }  # fmt: skip


def arrays() -> dict[str, Entry]:
    """Curves (runs, epochs), NaN after one has burst; images (runs, images, pixels) of the same test rows and draws."""
    runs, kept = list(symptoms()["runs"].values()), symptoms()
    pixels = int(np.prod(kept["shape"]))
    made = {
        f"zoo/{key}": packing.floats(np.array([_padded(run[key], kept["epochs"]) for run in runs])).entry
        for key in ("loss", "kl")
    }
    for key, count in (("reconstructions", kept["shown"]), ("samples", SAMPLES)):
        levels = np.stack([_images(run[key], pixels)[:count] for run in runs])
        made[f"zoo/{key}"] = packing.greys(levels / 255, GREYS).entry
    return made | {"zoo/originals": packing.greys(_images(kept["originals"], pixels) / 255, 1).entry}


def _padded(values: Sequence[float | None], length: int) -> list[float]:
    known = [np.nan if value is None else value for value in values]
    return known + [np.nan] * (length - len(known))


def _images(packed: str, pixels: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), np.uint8).reshape(-1, pixels)
