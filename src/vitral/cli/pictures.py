"""How commands write what they made: a picture or an array, by the ending of the path."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from vitral.errors import UsageError
from vitral.persistence import write_atomically

if TYPE_CHECKING:
    from vitral.api import TrainedModel


def image_shape(trained: TrainedModel) -> tuple[int, ...]:
    """The shape of the model's images; a model of plain rows has none."""
    if trained.contract.image_shape is None:
        raise UsageError("this model was trained on plain rows, not on images: write an array with -o name.npy")
    return trained.contract.image_shape


def write(path: Path, made: Any, *, quiet: bool) -> None:
    """An array as .npy, a figure as .png or .svg."""
    if isinstance(made, np.ndarray):
        content = io.BytesIO()
        np.save(content, made, allow_pickle=False)
        write_atomically(path, content.getvalue())
    else:
        from vitral.report.figures.export import png_bytes, svg_text

        write_atomically(path, png_bytes(made) if path.suffix == ".png" else svg_text(made).encode())
    if not quiet:
        click.echo(str(path))
