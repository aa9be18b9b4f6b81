"""How commands write what they made: a picture or an array, by the ending of the path."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitral.cli.options import print_json, writable
from vitral.errors import MissingPackage, UsageError

if TYPE_CHECKING:
    from vitral.api import TrainedModel

PICTURES = (".png", ".svg")
TABLES = (".csv", ".parquet")


def target(path: Path, *, force: bool, tables: bool = False) -> Path:
    """Where a picture, an array or, where they are made, a table can go; a picture only where matplotlib loads."""
    return drawable(writable(path, (*PICTURES, ".npy", *(TABLES if tables else ())), force=force))


def drawable(path: Path) -> Path:
    """The same path; refuses a picture where matplotlib does not load."""
    if path.suffix in PICTURES:
        from vitral.report.page import plotting_problem

        problem = plotting_problem()
        if problem is not None:
            raise MissingPackage(
                f"matplotlib cannot be used ({problem}): install it again, or write an array with -o {path.stem}.npy"
            )
    return path


def columns_of(trained: TrainedModel, path: Path) -> bool:
    """Whether a table is to be written; refuses one of a model that knows no columns."""
    if path.suffix not in TABLES:
        return False
    if trained.contract.columns is None:
        raise UsageError(
            f"this model was trained on plain rows, which have no columns for {path.name}: use -o {path.stem}.npy"
        )
    return True


def image_shape(trained: TrainedModel) -> tuple[int, ...]:
    """The shape of the model's images; a model of plain rows has none."""
    if trained.contract.image_shape is None:
        raise UsageError(
            "this model was trained on plain rows, not on images: write an array with -o name.npy"
        )
    return trained.contract.image_shape


def write(path: Path, made: Any, *, as_json: bool, quiet: bool) -> None:
    """An array as .npy, columns as .csv or .parquet, a figure as .png or .svg; the path is the result on stdout."""
    from vitral.persistence import write_atomically

    shape = list(made.shape) if hasattr(made, "shape") else None
    if isinstance(made, dict):
        shape = [len(next(iter(made.values()))), len(made)]
    write_atomically(path, content(path.suffix, made))
    if as_json:
        print_json({"file": str(path), "shape": shape})
    elif not quiet:
        click.echo(str(path))


def content(ending: str, made: Any) -> bytes:
    """A figure, an array or columns as the bytes of a file with this ending."""
    """The bytes of a file with this ending."""
    if ending in (".png", ".svg"):
        from vitral.report.figures.export import png_bytes, svg_text

        return png_bytes(made) if ending == ".png" else svg_text(made).encode()
    if ending == ".npy":
        return _npy(made)
    if ending == ".npz":
        return _npz(made)
    if ending == ".csv":
        from vitral.data.csv_file import csv_bytes

        return csv_bytes(made)
    from vitral.data.arrow import parquet_bytes

    return parquet_bytes(made)


def _npy(array: Any) -> bytes:
    import numpy as np

    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def _npz(arrays: Any) -> bytes:
    import numpy as np

    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()
