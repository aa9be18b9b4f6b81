"""What vitral impute does: data with holes read, a model trained on them or loaded, and the result written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vitral.api import TrainedModel, load_one
from vitral.applications.compression.originals import target
from vitral.applications.imputation import Imputed, holed, whole, whole_columns
from vitral.applications.imputation.training import Settings, Training, begin, source_of_array
from vitral.cli.console import say
from vitral.cli.inputs import class_number
from vitral.cli.options import print_json, writable
from vitral.cli.pictures import PICTURES, content, drawable, image_shape
from vitral.cli.progress import show
from vitral.cli.stopping import Stop
from vitral.data import Rows, load_data
from vitral.data.columns import Column
from vitral.data.conditioning import rows_given
from vitral.data.contract import Source
from vitral.data.files import NAMED, kind_of, read_array
from vitral.data.images import png_folder, write_png_folder
from vitral.data.labels import named, renumbered
from vitral.data.npy import open_npy
from vitral.data.opening import is_table, known, opened, texts
from vitral.data.support import check_values
from vitral.data.tables import rows_of, source_of
from vitral.errors import DataError, UsageError, unknown
from vitral.persistence import write_atomically
from vitral.study.run import Event, Stage
from vitral.training.loop import Epoch

TOLD = 10  # epochs of a training that are told, where nobody watches
HOLE = 0.5  # the grey of a hole in a picture


@dataclass(frozen=True)
class Wishes:
    """What is to be filled in besides what is missing, and how."""

    hide: str | None
    mask: Path | None
    draws: int
    samples: int
    seed: int
    language: str


@dataclass(frozen=True)
class Given:
    """Data by name: the path of a table, or an array with what of it is hidden, and what stands beside its rows."""

    name: str
    array: np.ndarray | None = None
    hidden: np.ndarray | None = None
    labels: np.ndarray | None = None
    called: Column | None = None
    side: np.ndarray | None = None
    count: int | None = None
    files: tuple[str, ...] = ()  # of a folder of images: their names, which the filled-in ones get

    def first(self, count: int | None, *, picture: bool) -> Given:
        """The same with only so many of its first rows filled in; of a picture ten."""
        if self.array is None and count is not None:
            raise UsageError("--rows is for arrays and images: a table is filled in as a whole")
        return replace(self, count=10 if picture and count is None else count)

    @property
    def ending(self) -> str:
        return Path(self.name).suffix.lower()

    def targets(self, out: Path | None, draws: int, *, force: bool) -> list[Path]:
        """Where the means go and, in files of their own, the draws; a picture shows all."""
        endings = (self.ending,) if self.array is None else (".npy", *PICTURES)
        if self.files and (out is None or not out.suffix):
            chosen = out or Path(f"{Path(self.name).resolve().name}-imputed")
            return [target(folder, "png", force=False) for folder in (chosen, *_numbered(chosen, draws))]
        chosen = out or Path(f"{Path(self.name).stem}-imputed{endings[0]}")
        if self.array is None and chosen.suffix.lower() != self.ending:
            raise UsageError(f"a table goes back into a file of its kind: use -o {chosen.stem}{self.ending}")
        path = drawable(writable(chosen, (chosen.suffix,) if self.array is None else endings, force=force))
        if path.suffix in PICTURES:
            assert self.array is not None
            if self.array.ndim < 3:
                raise UsageError(f"{self.name} holds no images, (rows, H, W): write an array with -o {path.stem}.npy")
            return [path]
        return [path, *(writable(one, (one.suffix,), force=force) for one in _numbered(path, draws))]


def _numbered(path: Path, draws: int) -> list[Path]:
    return [path.with_name(f"{path.stem}-{number + 1}{path.suffix}") for number in range(draws)]


def given_data(name: str, wishes: Wishes, *, named: bool) -> Given:
    """A table by its path, or an array; ``named`` sets, which have no holes, need a model."""
    if is_table(name):
        if wishes.hide or wishes.mask:
            raise UsageError("--hide and --mask are for arrays and images: leave cells of a table empty")
        return Given(name)
    given = _array(name, named=named)
    assert given.array is not None
    return replace(given, hidden=_hidden(given.array, wishes))


def _array(name: str, *, named: bool) -> Given:
    if name in NAMED:
        if not named:
            raise UsageError(f"{name} is whole: name a model before it and say what to --hide, or give data with holes")
        data = load_data(name)
        array = _shaped(data.test.stored, data.contract.image_shape)
        return Given(name, array, labels=data.test.labels, called=data.contract.label)
    path = Path(name)
    if not path.exists():
        raise unknown("data", name, NAMED)
    if kind_of(path) == "folder":
        return _folder(path)
    if kind_of(path) is None:
        raise UsageError(
            f"{name} is no file that vitral impute reads: give a table, .npy, .npz, IDX or a folder of PNG files"
        )
    array, labels, side = read_array(path)
    if labels is None:
        return Given(name, np.asarray(array), side=side)
    return Given(name, np.asarray(array), labels=labels.numbers, called=labels.column, side=side)


def _folder(path: Path) -> Given:
    """The images of a folder; its sub-folders are their classes."""
    images, files = png_folder(path)
    classes = [file.rpartition("/")[0] for file in files]
    labels = named(classes) if all(classes) else None
    numbers, called = (None, None) if labels is None else (labels.numbers, labels.column)
    return Given(str(path), images, labels=numbers, called=called, files=tuple(files))


def _shaped(stored: Any, shape: Sequence[int] | None) -> np.ndarray:
    return np.asarray(stored) if shape is None else np.asarray(stored).reshape(-1, *shape)


def _hidden(array: np.ndarray, wishes: Wishes) -> np.ndarray | None:
    """What --hide and --mask say, of the shape of the array or of one row."""
    if wishes.hide is not None and wishes.mask is not None:
        raise UsageError("give --hide or --mask, not both")
    if wishes.mask is not None:
        return _mask(wishes.mask, array.shape)
    if wishes.hide is None:
        return None
    if array.ndim < 3:
        raise UsageError(f"--hide is for images, got rows of {array.shape[-1]} numbers: use --mask")
    height, width = array.shape[1:3]
    hidden = np.zeros(array.shape[1:], bool)
    hidden[
        {
            "top": np.s_[: height // 2],
            "bottom": np.s_[height - height // 2 :],
            "left": np.s_[:, : width // 2],
            "right": np.s_[:, width - width // 2 :],
            "centre": np.s_[height // 4 : height - height // 4, width // 4 : width - width // 4],
        }[wishes.hide]
    ] = True
    return hidden


def _mask(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A mask from a file, true where something is to be filled in."""
    if not path.exists():
        raise DataError(f"no such file: {path}; check the path")
    mask = np.asarray(open_npy(path))
    if mask.shape not in (shape, shape[1:]) or mask.dtype.kind not in "bui" or not np.isin(mask, (0, 1)).all():
        raise DataError(
            f"{path} holds {mask.dtype} of shape {mask.shape}: give true or 1 where something is to be filled in, of "
            f"shape {shape} or {shape[1:]}"
        )
    return mask.astype(bool)


def trained_on(
    given: Given, columns: list[str], settings: Settings, wishes: Wishes, *, quiet: bool
) -> tuple[TrainedModel, Rows]:
    """A model trained on the data themselves, and their rows."""
    source = _source(given, columns)
    _check_holes(source.rows, given.name)
    training = begin(source, settings, wishes.seed)
    show(_events(training, given.name), Stop(), quiet=quiet)
    facts = {"kind": "vae", "epochs": training.plan.epochs, "seed": wishes.seed, "data_seed": wishes.seed}
    trained = TrainedModel(training.spec, training.model, training.theta, training.data.contract, facts)
    return trained, training.data.train.select(slice(0, given.count))


def _source(given: Given, columns: list[str]) -> Source:
    if given.array is not None:
        if columns:
            raise UsageError("--columns is for tables, got an array: leave it out")
        return source_of_array(given.array, given.name, given.hidden)
    wished = [wish.rpartition(":")[0] for wish in columns if wish.endswith((":category", ":boolean"))]
    return source_of(opened(given.name, wished), columns=columns, missing="model")


def _events(training: Training, name: str) -> Iterator[Event]:
    plan, rows = training.plan, len(training.data.train)
    yield Stage(f"training on {name}", plan.epochs * -(-rows // plan.batch))
    for event in training.events():
        if not isinstance(event, Epoch) or event.last or event.record["epoch"] % max(plan.epochs // TOLD, 1) == 0:
            yield event


def trained_for(
    given: Given, model: str, name: str | None, label: str | None, *, picture: bool
) -> tuple[TrainedModel, Rows]:
    """A model that is there, and the rows as it reads them."""
    trained = load_one(model, name)
    if picture:
        image_shape(trained)  # refuses a model of plain rows
    if given.array is None:
        contract = replace(known(trained.contract, given.name), missing=True)
        rows = rows_of(opened(given.name, texts(contract)), contract)
    else:
        rows = holed(trained.contract, given.array, given.hidden, given.name)
        rows = replace(rows, labels=_labels(given, trained), side=given.side).select(slice(0, given.count))
    check_values(rows, trained.model.likelihood, given.name)
    _check_holes(rows, given.name)
    if label is not None:
        rows = replace(rows, context=trained.context((len(rows),), label=class_number(trained, label)))
    elif trained.contract.context is not None:
        rows = rows_given(rows, trained.contract.context, given.name)
    return trained, rows


def _labels(given: Given, trained: TrainedModel) -> np.ndarray | None:
    if given.labels is None:
        return None
    return renumbered(given.labels, given.called, trained.contract.label, given.name)


def _check_holes(rows: Rows, name: str) -> None:
    if not np.isnan(rows.stored).any():
        advice = "leave the cells empty that are" if is_table(name) else "put NaN, or say with --hide or --mask what is"
        raise DataError(f"nothing is missing in {name}: {advice} to be filled in")


def write_completed(
    given: Given, paths: list[Path], trained: TrainedModel, rows: Rows, made: Imputed, language: str
) -> None:
    """The means, and the draws beside them."""
    every = (made.means, *made.draws)
    if paths[0].suffix in PICTURES:
        write_atomically(paths[0], _picture(given, paths[0], trained, rows, every, language))
        return
    for path, x in zip(paths, every, strict=True):
        if given.array is None:
            write_atomically(path, _table(Path(given.name), whole_columns(trained.contract, rows, x)))
            continue
        filled = whole(trained.contract, given.array[: len(x)], rows, x)
        if path.suffix:
            write_atomically(path, content(".npy", filled))
        else:
            write_png_folder(path, zip(given.files, filled, strict=False))


def _table(path: Path, columns: dict[str, np.ndarray]) -> bytes:
    if path.suffix.lower() == ".parquet":
        from vitral.data.arrow import filled_parquet

        return filled_parquet(path, columns)
    from vitral.data.csv_file import filled_csv

    return filled_csv(path, columns)


def _picture(
    given: Given, path: Path, trained: TrainedModel, rows: Rows, every: Sequence[np.ndarray], language: str
) -> bytes:
    """Images under one another: whole where they were known, with holes, filled in, drawn."""
    from vitral.report.figures.images import reconstruction_figure
    from vitral.report.language import language as words_of

    words, few = words_of(language), slice(0, 10)
    shape, observed = image_shape(trained), rows.take(few, "float64")
    shown = {words.text("row.holes"): np.where(np.isnan(observed), HOLE, observed)}
    if given.hidden is not None:
        assert given.array is not None
        original = given.array[: len(observed)].reshape(len(observed), -1)
        scale = trained.contract.scale if original.dtype == np.uint8 else 1.0
        shown = {words.text("row.original"): np.nan_to_num(original / scale, nan=HOLE), **shown}
    shown[words.text("row.imputed")] = every[0][few]
    for number, x in enumerate(every[1:]):
        shown[words.text("row.draw", index=number + 1)] = x[few]
    labels = trained.contract.called(None if rows.labels is None else rows.labels[few].tolist())
    title = words.text("imputation.title")
    return content(path.suffix, reconstruction_figure(shown, shape, labels=labels, title=title, language=language))


def report(paths: list[Path], rows: Rows, made: Imputed, *, as_json: bool, quiet: bool) -> None:
    """What was filled in, and how far to trust it."""
    holes, ess = np.isnan(rows.stored), made.ess[~np.isnan(made.ess)]
    counts = {"holes": int(holes.sum()), "rows_with_holes": len(ess), "rows": len(holes)}
    draws = {"median": float(np.median(ess)), "least": float(ess.min()), "rows_below_10": made.few}
    if as_json:
        print_json({"files": [str(path) for path in paths], **counts, "effective_draws": draws})
        return
    say(
        f"{counts['holes']:,} holes in {counts['rows_with_holes']:,} of {counts['rows']:,} rows filled in; effective "
        f"draws of a row: median {draws['median']:.0f}, least {draws['least']:.1f}",
        quiet=quiet,
    )
    if made.few:
        say(
            f"vitral: warning: {made.few} rows rest on fewer than 10 effective draws: use more --samples, or a model "
            "with fewer latent dimensions"
        )
    for path in paths if not quiet else ():
        click.echo(str(path))
