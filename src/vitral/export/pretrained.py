"""A folder that carries a model to others: its file, its configuration as JSON, and a card. No network.

The three names are those that model repositories use: ``model.safetensors``, ``config.json`` and ``README.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vitral import __version__
from vitral.errors import FileError, ResourceError, UsageError
from vitral.export.card import card
from vitral.persistence import (
    FORMAT_VERSION,
    HEADER_LIMIT,
    ModelFile,
    load_model,
    save_model,
    write_atomically,
    write_json,
)
from vitral.persistence.header import json_object
from vitral.specs import Spec

MODEL, CONFIG, CARD = "model.safetensors", "config.json", "README.md"


class Contents(NamedTuple):
    """What goes into such a folder."""

    spec: Spec
    theta: np.ndarray
    contract: Mapping[str, Any]
    facts: Mapping[str, Any]
    metrics: Mapping[str, Any]


def save_pretrained(folder: Path, contents: Contents, *, overwrite: bool = False) -> list[Path]:
    """Write the three files, and return their paths.

    Raises UsageError where one of them exists and ``overwrite`` is False, or the folder is something else;
    ResourceError where it cannot be written.
    """
    paths = [folder / name for name in (MODEL, CONFIG, CARD)]
    there = [path.name for path in paths if path.exists()]
    if there and not overwrite:
        raise UsageError(
            f"{folder} holds {' and '.join(there)} already: choose another folder, or "
            "overwrite them with overwrite=True (--force)"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"cannot make the folder {folder}: {error.strerror or error}; choose another"
        ) from error
    spec, theta, contract, facts, metrics = contents
    save_model(paths[0], spec, theta, contract, facts, __version__, metrics)
    described = {"spec": spec.to_dict(), "contract": contract, "facts": facts, "metrics": metrics}
    about = {"library_name": "vitral", "vitral": __version__, "format_version": FORMAT_VERSION}
    write_json(paths[1], _plain({**about, **described}))
    text = card(spec.to_dict(), spec.build().parameters, contract, facts, metrics)
    write_atomically(paths[2], text.encode())
    return paths


def is_pretrained(folder: Path) -> bool:
    """Whether a folder holds a model in this way."""
    return (folder / MODEL).exists() and (folder / CONFIG).exists()


def load_pretrained(folder: Path) -> ModelFile:
    """The model of such a folder; refused where configuration and weights are not of one model."""
    file, config = load_model(folder / MODEL), _config(folder / CONFIG)
    for key, inside in (("spec", file.spec.to_dict()), ("contract", _plain(file.contract))):
        if config.get(key) != inside:
            raise FileError(
                f"{folder / CONFIG} says another {key} than {MODEL} beside it: they are not of one model; restore both"
            )
    return file


def _config(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > HEADER_LIMIT:
            raise FileError(
                f"{path} has {size:,} bytes, and at most {HEADER_LIMIT:,} are read; give another folder"
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}; check the folder"
        ) from error
    return json_object(path, text, len(text), "its text")


def _plain(value: Any) -> Any:
    """JSON for everybody: tuples are lists, and a number that does not exist is null."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
