"""A run folder read for showing: metrics, environment, recipe, progress and arrays, as they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vitral.data.npz import Archive
from vitral.errors import DataError, FileError, ResourceError

SCHEMA = 1
Record = dict[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """What one run left behind. `progress` is keyed by the stem of each progress file, `explorer` is explorer.npz."""

    path: Path
    metrics: Record
    environment: Record
    recipe: str
    progress: Mapping[str, list[Record]]
    arrays: Mapping[str, np.ndarray]
    explorer: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def models(self) -> dict[str, Record]:
        return self.metrics.get("models") or {}

    @property
    def data(self) -> Record:
        return self.metrics.get("data") or {}

    @property
    def protocol(self) -> Record:
        return self.metrics.get("protocol") or {}

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        shape = self.data.get("image_shape")
        return tuple(shape) if shape else None

    @property
    def shows_images(self) -> bool:
        return self.image_shape is not None

    @property
    def variants(self) -> dict[str, Record]:
        """What each variant of the recipe changes, in the recipe's order; empty where there are none."""
        return self.metrics.get("variants") or {}

    @property
    def comparison(self) -> list[Record]:
        """Tables of models that share a scale, each with differences to its first and its best."""
        return self.metrics.get("comparison") or []

    def of_kind(self, kind: str) -> list[str]:
        """Names of the models of one kind, by latent size, variants in the recipe's order."""
        order = list(self.variants)

        def place(name: str) -> tuple[int, int, str]:
            variant = self.models[name].get("variant")
            return self.latent(name), order.index(variant) if variant in order else -1, name

        return sorted((name for name, model in self.models.items() if model.get("kind") == kind), key=place)

    def seconds(self, name: str) -> float | None:
        """How long a model trained, measuring included: the sum over its epochs."""
        found = [record.get("seconds") for record in self.progress.get(name, [])]
        return sum(found) if found and None not in found else None

    @property
    def vaes(self) -> list[str]:
        return self.of_kind("vae")

    @property
    def autoencoders(self) -> list[str]:
        return self.of_kind("autoencoder")

    @property
    def ordered(self) -> list[str]:
        return [*self.vaes, *self.autoencoders]

    def plain_prior(self, name: str) -> bool:
        """Whether a model's prior is N(0, I), which circles, quantiles and shares of mass are about."""
        return (self.models[name].get("prior") or {}).get("kind", "standard_normal") == "standard_normal"

    def plain(self, name: str) -> bool:
        """Whether both a model's posterior and its prior are the plain ones."""
        posterior = (self.models[name].get("posterior") or {}).get("kind", "diagonal")
        return self.plain_prior(name) and posterior in ("diagonal", "point")

    @property
    def featured(self) -> list[str]:
        """The models that get every figure: all of them, or of many variants the first and the best of each table."""
        if not self.variants:
            return self.ordered
        chosen = {table.get(place) for table in self.comparison for place in ("first", "best")}
        return [name for name in self.ordered if name in chosen or name in self.vaes[:1]]

    def latent(self, name: str) -> int:
        return int(self.models[name].get("latent") or 0)

    def scores(self, name: str, split: str) -> Record:
        return self.models[name].get(split) or {}

    def baseline(self, kind: str, latent: int | None = None, split: str = "") -> float | None:
        """Squared error per image of `mean_image` or of `pca` with `latent` components."""
        entry = (self.metrics.get("baselines") or {}).get(kind) or {}
        if latent is not None:
            entry = entry.get(str(latent)) or {}
        return entry.get(f"{split}sse")

    def seed_progress(self, name: str) -> list[list[Record]]:
        """Records of the further seeds of a model, in the order of their seeds."""
        prefix = f"{name}-seed"
        found = [stem for stem in self.progress if stem.startswith(prefix) and stem[len(prefix) :].isdigit()]
        return [self.progress[stem] for stem in sorted(found, key=lambda stem: int(stem[len(prefix) :]))]

    def array(self, name: str) -> np.ndarray | None:
        return self.arrays.get(name)


def read_run(path: str | Path) -> RunFolder:
    """Read a run folder; only `metrics.json` is required."""
    folder = Path(path)
    metrics = _json(folder / "metrics.json", required=True)
    if int(metrics.get("schema", 0)) > SCHEMA:
        raise FileError(
            f"{folder / 'metrics.json'} has schema {metrics['schema']}, this version reads up to {SCHEMA}: "
            "update vitral to report on this run"
        )
    recipe = folder / "recipe.toml"
    return RunFolder(
        path=folder,
        metrics=metrics,
        environment=_json(folder / "environment.json", required=False),
        recipe=recipe.read_text(encoding="utf-8") if recipe.is_file() else "",
        progress={file.stem: _lines(file) for file in sorted((folder / "progress").glob("*.jsonl"))},
        arrays=_arrays(folder / "arrays.npz"),
        explorer=_arrays(folder / "explorer.npz"),
    )


def _json(path: Path, *, required: bool) -> Record:
    if not path.is_file():
        if required:
            raise FileError(f"no {path.name} in {path.parent}: a report needs the folder of a finished run")
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileError(f"{path} is not readable as JSON ({error}): run the study again") from error
    if not isinstance(content, dict):
        raise FileError(
            f"{path} must hold one JSON object, got {type(content).__name__}: run the study again"
        )
    return content


def _lines(path: Path) -> list[Record]:
    """The records of a progress file; a last line that a stop cut short is left out."""
    records = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for position, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if position < len(lines):
                raise FileError(f"{path}, line {position}, is not readable as JSON: {error}") from error
    return records


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        return {}
    try:
        with Archive(path) as archive:
            return archive.read(archive.names)
    except DataError as error:
        raise FileError(f"{error}, or run the study again") from error


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text with line feeds on every system, so that equal runs give equal bytes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ResourceError(f"cannot write {path}: {error.strerror or error}") from error
