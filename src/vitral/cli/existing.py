"""Models that exist already, measured alike: one seed, one number of samples, their own test rows or named ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vitral.api import Run, TrainedModel, load
from vitral.cli.inputs import final_objective, model_data
from vitral.data import Data
from vitral.errors import UsageError
from vitral.study.comparison import SCALES, Scored, scale_of, tables
from vitral.study.folder import RunFolder
from vitral.study.jobs import Job, Trained
from vitral.study.recipes import EvaluationPart
from vitral.study.results import entry_of
from vitral.training.loop import Plan

Measured = tuple[list[dict[str, Any]], dict[str, dict[str, Any]], dict[str, float | None]]


def measure_all(
    paths: tuple[str, ...],
    data_name: str | None,
    asked: EvaluationPart,
    seed: int,
    announce: Callable[[str], None],
    *,
    quiet: bool,
) -> Measured:
    """Comparison tables, the entry of every model, and the seconds that each trained where its run says so."""
    found = _opened(paths)
    if len(found) < 2:
        raise UsageError(f"a comparison needs two models, got {len(found)}: name another model file or run folder")
    scored, entries, seconds = [], {}, {}
    for name, (trained, seconds[name]) in found.items():
        announce(name)
        data = model_data(trained, data_name, quiet=quiet)
        kind, plan = trained.facts.get("kind", "vae"), Plan(objective=final_objective(trained))
        job = Job(name, kind, 0, trained.spec, plan, seed)
        records = [{"step": 10**9, "epoch": trained.facts.get("epochs")}]
        entry, images = entry_of(asked, data, Trained(job, trained.model, trained.theta, records))
        entries[name] = {**entry, "data": described(trained, data)}
        scale = f"{SCALES[scale_of(trained.model, data)]}; {described(trained, data)}"
        scored.append(Scored(name, scale, [images]))
    return tables(scored), entries, seconds


def _opened(paths: tuple[str, ...]) -> dict[str, tuple[TrainedModel, float | None]]:
    """Every model that the paths hold, by a name of its own, with the seconds of its training."""
    found: dict[str, tuple[TrainedModel, float | None]] = {}
    for path in paths:
        opened = load(path)
        if isinstance(opened, Run):
            several = len(opened.names) > 1 or len(paths) > 1
            for name in opened.names:
                label = f"{opened.path.name}/{name}" if several else name
                found[_free(label, found)] = (opened.model(name), RunFolder(opened.path).seconds(name))
        else:
            file = Path(path)
            found[_free(file.stem, found)] = (opened, RunFolder(file.parent.parent).seconds(file.stem))
    return found


def _free(name: str, taken: dict[str, Any]) -> str:
    """The name, numbered where another model has it."""
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def records_beside(path: Path, name: str | None) -> list[dict[str, Any]]:
    """The progress of a model of a run folder, or of a model file inside one; empty where there is none."""
    if not path.is_dir():
        return RunFolder(path.parent.parent).records(path.stem)
    names = [name] if name is not None else [file.stem for file in (path / "models").glob("*.safetensors")]
    return RunFolder(path).records(names[0]) if len(names) == 1 else []


def described(trained: TrainedModel, data: Data) -> str:
    """Which rows a likelihood was measured on, in the words that tell comparable ones from others."""
    contract, bits = trained.contract, data.contract.bits
    parts = [f"{data.name}, {data.split} split, {len(data.test)} test rows of {contract.features}"]
    parts.append(data.contract.unit if bits is None else f"{bits.rule} binarisation, seed {bits.seed}")
    if contract.context is not None:
        parts.append(f"given {contract.context.kind}")
    return ", ".join([*parts, f"rows {_fingerprint(data)}"])


def _fingerprint(data: Data) -> str:
    """Eight digits that say whether two sets of test rows are the same."""
    import hashlib

    digest, stored = hashlib.sha256(), data.test.stored
    for start in range(0, len(stored), data.test.height):
        digest.update(np.ascontiguousarray(stored[start : start + data.test.height]).tobytes())
    return digest.hexdigest()[:8]


def picture(path: Path, comparison: list[dict[str, Any]], language: str) -> None:
    """The differences to the first model of each table, as a figure."""
    from vitral.cli.pictures import write
    from vitral.report.figures.variants import Row, variants_figure
    from vitral.report.language import language as words_of

    words = words_of(language)
    panels = []
    for table in comparison:
        rows = [
            Row(name, first=name == table["first"],
                **{key: (row[f"{key}_to_first"], row[f"{key}_to_first_se"]) for key in ("log_px_hat", "elbo")})
            for name, row in table["models"].items()
        ]  # fmt: skip
        if len(rows) > 1 and table["best"] is not None:
            panels.append((table["scale"].partition(";")[0] if len(comparison) > 1 else "", rows))
    if not panels:
        raise UsageError("no two of these models have numbers that compare, so there is nothing to draw: leave -o out")
    figure = variants_figure(panels, title=words.text("variants.title"), language=language)
    write(path, figure, as_json=False, quiet=True)
