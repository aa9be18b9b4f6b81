"""What vitral augment makes: rows in the units of the data with their classes, their check, and their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitral.api import TrainedModel
from vitral.applications.augmentation import Compared, Points, around_rows, compared, from_prior, points_of
from vitral.cli.console import say
from vitral.cli.options import print_json
from vitral.core.randomness import stream
from vitral.data import Contract, Data
from vitral.data.tables import decoded, outside
from vitral.errors import DataError, UsageError

MOST_IN_A_PICTURE = 400


@dataclass(frozen=True)
class Made:
    """New rows x (n, D) in units of the model, the class of each (n,) where it has one, and the model."""

    trained: TrainedModel
    x: np.ndarray
    labels: np.ndarray | None

    @property
    def names(self) -> Sequence[object] | None:
        """The class of every row, by name where classes have names."""
        return self.trained.contract.called(None if self.labels is None else self.labels.tolist())

    def stored(self) -> np.ndarray:
        """The rows as the data were stored: bytes rounded where they were bytes, else in the unit of the data."""
        contract = self.trained.contract
        data = contract.unscaled(self.x)
        if contract.stored != "uint8":
            return data.astype(self.x.dtype)
        return np.clip(np.rint(data), 0, 255).astype(np.uint8)

    def images(self) -> np.ndarray:
        """The rows as 8-bit images, (n, H, W) or (n, H, W, C): of numbers from 0 to 1, white is 1."""
        contract = self.trained.contract
        shape = contract.image_shape or ()
        levels = 255.0 * self.x if has_white(contract) else self.stored()
        images = np.clip(np.rint(levels), 0, 255).astype(np.uint8).reshape(-1, *shape)
        return images[..., 0] if shape[2:] == (1,) else images

    def columns(self) -> dict[str, np.ndarray]:
        """The rows as columns by name, the label's among them."""
        contract = self.trained.contract
        made = decoded(contract, self.x)
        if self.labels is not None and contract.label is not None:
            made[contract.label.name] = outside(contract.label, self.labels.astype(np.float64))
        return made

    def points(self) -> Points:
        """The rows as a model would read them again, once they are written."""
        if self.trained.contract.columns is not None:
            return Points(points_of(self.trained.rows(self.columns())).x, self.labels)
        return Points(points_of(self.trained.contract.of(self.stored())).x, self.labels)

    def compared(self, data: Data) -> Compared:
        """The check, against the training rows and those that were held out for the test."""
        return compared(self.points(), points_of(data.train), points_of(data.test))


@dataclass(frozen=True)
class Making:
    """What is asked for: a class for every row, or a context (n, C) for each where there are no classes."""

    trained: TrainedModel
    data: Data | None
    labels: np.ndarray | None
    context: np.ndarray | None
    seed: int
    draws: bool

    def __len__(self) -> int:
        return len(self.labels if self.labels is not None else self.context)  # type: ignore[arg-type]

    def from_prior(self) -> Made:
        """Rows from the prior, given what was asked for."""
        trained, context = self.trained, self.context
        if self.labels is not None:
            context = trained.context((len(self),), label=self.labels)
        elif trained.contract.context is None:
            context = None
        rng = stream(self.seed, "augment")
        x = from_prior(trained.model, trained.theta, len(self), rng, context=context, draws=self.draws)
        return Made(trained, x, self.labels)

    def around(self) -> Made:
        """Rows around training rows: of the class that was asked for, or of any."""
        assert self.data is not None, "there are rows to start from"
        rows, rng = self.data.train, stream(self.seed, "augment")
        if self.labels is None:
            places = rng.integers(len(rows), size=len(self))
        else:
            of_class = {label: np.flatnonzero(rows.labels == label) for label in np.unique(self.labels)}
            absent = [label for label, found in of_class.items() if not len(found)]
            if absent:
                named = (self.trained.contract.called(absent) or absent)[0]
                raise DataError(f"{self.data.name} has no training rows of class {named}: use --start prior")
            places = np.array([rng.choice(of_class[label]) for label in self.labels], np.intp)
        x = around_rows(self.trained.model, self.trained.theta, rows, places, rng, draws=self.draws)
        return Made(self.trained, x, self.labels)


def write_made(path: Path, made: Made, language: str) -> None:
    """The rows in a file, or as images in a new folder."""
    if not path.suffix:
        _folder(path, made)
        return
    from vitral.cli.pictures import content
    from vitral.persistence import write_atomically

    write_atomically(path, content(path.suffix, _for_file(path, made, language)))


def _for_file(path: Path, made: Made, language: str) -> Any:
    """What a file of this kind holds of the rows."""
    from vitral.cli.pictures import PICTURES, columns_of, image_shape
    from vitral.cli.sample import picture

    shape = made.trained.contract.image_shape
    if path.suffix in PICTURES:
        return picture(made.x, image_shape(made.trained), made.names, True, language)
    if columns_of(made.trained, path):
        return made.columns()
    stored = made.stored()
    stored = stored if shape is None else stored.reshape(-1, *shape)
    if path.suffix == ".npz":
        return {"x": stored} if made.names is None else {"x": stored, "y": np.asarray(made.names)}
    return stored


def check_form(path: Path, trained: TrainedModel, labels: np.ndarray | None, count: int) -> None:
    """Refuse, before anything is made, a form that cannot hold it."""
    from vitral.cli.pictures import PICTURES, columns_of, image_shape

    columns_of(trained, path)
    if path.suffix in PICTURES or not path.suffix:
        image_shape(trained)
    if path.suffix in PICTURES and count > MOST_IN_A_PICTURE:
        raise UsageError(
            f"a picture shows at most {MOST_IN_A_PICTURE} images, got {count}: ask for fewer, or use -o {path.stem}.npz"
        )
    if not path.suffix:
        _check_folder(path, trained, labels)
    classes = 0 if labels is None else len(np.unique(labels))
    if path.suffix == ".npy" and classes > 1:
        raise UsageError(
            f"{path.name} has no place for the labels of {classes} classes: use -o {path.stem}.npz, or one class "
            "with --label"
        )


def has_white(contract: Contract) -> bool:
    """Whether rows of the model are grey levels from 0 to 1."""
    return contract.location is None and (contract.low, contract.high) == (0.0, 1.0)


def _check_folder(path: Path, trained: TrainedModel, labels: np.ndarray | None) -> None:
    """Refuse numbers that are no grey levels, and names of classes that are none of a folder."""
    if not has_white(trained.contract) and trained.contract.stored != "uint8":
        raise UsageError(f"no grey level is known for the numbers of this model's images: use -o {path.name}.npz")
    for name in trained.contract.called(None if labels is None else np.unique(labels).tolist()) or ():
        text = str(name)
        if text != text.strip(" .") or not text or set(text) & set('<>:"/\\|?*') or not text.isprintable():
            raise UsageError(f"the class {text!r} cannot be the name of a folder: use -o {path.name}.npz")


def _folder(path: Path, made: Made) -> None:
    """Images as PNG files, in a folder for each class where there are some; the folder appears when it is whole."""
    from vitral.data.images import write_png_folder

    images = made.images()
    homes = [""] * len(images) if made.names is None else [f"{name}/" for name in made.names]
    names = [f"{home}{number:06}.png" for number, home in enumerate(homes)]
    write_png_folder(path, zip(names, images, strict=True))


def report(path: Path, made: Made, found: Compared | None, *, as_json: bool, quiet: bool) -> None:
    """The path on stdout, or all numbers as JSON; what was found in words on stderr."""
    import click

    if as_json:
        counts = None if made.names is None else {str(name): n for name, n in Counter(made.names).items()}
        check = None if found is None else {**found._asdict(), "memorised": found.memorised}
        print_json({"file": str(path), "rows": len(made.x), "classes": counts, "check": check})
        return
    for sentence in sentences(found) if found is not None else ():
        say(sentence, quiet=quiet)
    if not quiet:
        click.echo(str(path))


def sentences(found: Compared) -> list[str]:
    """What was found, in words."""
    said = [
        f"copies: {found.copies:.1%} equal a training row (held-out rows: {found.copies_held_out:.1%}); the nearest "
        f"lies at {found.nearest:.3g} (held-out rows: {found.nearest_held_out:.3g}), median"
    ]
    if found.memorised:
        said.append(
            "closer than chance: these rows lie nearer to training rows than held-out rows do "
            f"(p = {min(found.nearer_p, found.to_train_p):.1g}); do not take them for new people or new data"
        )
    if found.precision is not None:
        said.append(
            f"likeness: precision {found.precision:.2f} and coverage {found.coverage:.2f} "
            f"(held-out rows: {found.precision_held_out:.2f} and {found.coverage_held_out:.2f})"
        )
    if found.as_asked is not None:
        said.append(
            f"classes: {found.as_asked:.1%} have a nearest training row of the class that was asked for "
            f"(held-out rows: {found.as_asked_held_out:.1%})"
        )
    return said
