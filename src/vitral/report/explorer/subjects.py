"""The models of a page: which are taken in whole, which with their decoder alone, and how finely.

The main model comes with encoder and decoder, so that a drawing can be encoded; the others with their decoder and the
codes of the fixed images. Weights are the bulk of a page: matrices are quantised, everything small stays as it is, and
the error that this makes in decoded images is measured and stated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

from vitral.core.parameters import named
from vitral.evaluation.latent import decoded
from vitral.model import Model
from vitral.parts.layers import Affine, Chain
from vitral.persistence import load_model
from vitral.report.explorer import packing
from vitral.report.explorer.describe import described
from vitral.report.run_folder import RunFolder

SMALL = 4096  # numbers of a tensor up to which it stays in 32 bits
FINENESS = (127, 63, 31, 15)  # levels either way from zero: 8, 7, 6 and 5 bits
PROBES, FITTED = 512, 1000  # codes at which decoded images are compared, and others for which weights are rounded

Record = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """A model that the page shows, by its name in the run; ``codes`` (n, L) are those of the fixed images."""

    name: str
    model: Model
    theta: np.ndarray
    codes: np.ndarray | None = None

    @property
    def kind(self) -> str:
        return "vae" if self.model.posterior.has_density else "autoencoder"

    @property
    def latent(self) -> int:
        return int(self.model.posterior.latent)


@dataclass(frozen=True)
class Embedded:
    """What of a model goes into the page: its description, its tensors, and theta as the page holds it."""

    description: Record
    arrays: dict[str, packing.Entry]
    theta: np.ndarray

    @property
    def size(self) -> int:
        return sum(map(packing.size_of, self.arrays.values()))


def model_path(run: RunFolder, name: str) -> Path:
    return run.path / "models" / f"{name}.safetensors"


def subjects_of(run: RunFolder) -> list[Subject]:
    """The models of a run whose files are there, in the order of the report."""
    found = []
    for name in run.ordered:
        path = model_path(run, name)
        if path.is_file():
            file = load_model(path)
            found.append(Subject(name, file.spec.build(), file.theta, run.array(f"{name}/codes")))
    return found


def main_of(subjects: Sequence[Subject]) -> Subject:
    """The model that the page is about: the first VAE of two dimensions, else the first model of all."""
    flat = [one for one in subjects if one.kind == "vae" and one.latent == 2]
    return [*flat, *subjects][0]


def embedded(subject: Subject, levels: int | None, *, whole: bool) -> Embedded:
    """A model packed at ``levels`` (None: exact 32-bit floats), with its encoder or without."""
    prefix = f"{subject.name}/"
    description = {"name": subject.name, **described(subject.model, prefix)}
    if description["decoder"] is None:
        return Embedded({**description, "quantised": None}, {}, subject.theta)
    if not whole:
        description["encoder"] = None
    theta, arrays = subject.theta.copy(), {}
    for name, where, packed in _packed(subject, levels):
        if whole or not name.startswith("encoder."):
            arrays[prefix + name] = packed.entry
            theta[where] = packing.unpack(packed.entry).ravel()
    coarse = any(entry["dtype"] == "q8" for entry in arrays.values())
    description["quantised"] = quantised(subject, theta, levels or 0, whole=whole) if coarse else None
    return Embedded(description, arrays, theta)


def _packed(subject: Subject, levels: int | None) -> Iterator[tuple[str, slice, packing.Packed]]:
    inputs = {} if levels is None else decoder_inputs(subject)
    for name, (where, shape) in named(subject.model.shapes).items():
        tensor = subject.theta[where].reshape(shape)
        exact = levels is None or tensor.size <= SMALL or tensor.ndim < 2
        yield name, where, packing.floats(tensor) if exact else packing.weights(tensor, levels, inputs.get(name))


def decoder_inputs(subject: Subject) -> dict[str, np.ndarray]:
    """What the matrices of a decoder, where it is a chain of layers, are given for many codes, by their names."""
    p, x = subject.model.views(subject.theta).decoder, _probes(subject)[1]
    found: dict[str, np.ndarray] = {}
    chain = subject.model.decoder.layers if isinstance(subject.model.decoder, Chain) else ()
    for index, (layer, views) in enumerate(zip(chain, p, strict=False)):
        if isinstance(layer, Affine):
            found[f"decoder.{index}.W"] = x
        x, _ = layer.forward(views, x)
    return found


def quantised(subject: Subject, theta: np.ndarray, levels: int, *, whole: bool) -> Record:
    """Bits a weight, and how far the page's decoder is from the model's: over all pixels of many images."""
    z, _ = _probes(subject)
    exact, page = (decoded(subject.model, vector, z) for vector in (subject.theta, theta))
    error = np.abs(exact.astype(np.float64) - page)
    return {
        "bits": round(log2(2 * levels + 2)),
        "max_error": float(error.max()),
        "mean_error": float(error.mean()),
        "images": len(z),
        "encoder": whole,
    }


def _probes(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Codes to measure at and codes to round for: of images where they are known, else points of the prior.

    They are different ones unless there are few; points of the prior are those of a low-discrepancy sequence.
    """
    if subject.codes is not None:
        z = subject.codes[: PROBES + FITTED].astype(subject.theta.dtype)
        return z[:PROBES], z[PROBES:] if len(z) >= PROBES + FITTED // 4 else z
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = qmc.Halton(subject.latent, scramble=False).random(PROBES + FITTED + 1)[1:]
    z = ndtri(points).astype(subject.theta.dtype)
    return z[:PROBES], z[PROBES:]


def fitting(subjects: Sequence[Subject], main: Subject, allowance: int, *, exact: bool) -> dict[str, Embedded]:
    """Every model as finely as ``allowance`` characters permit: the main one in 8 bits, the others all alike.

    Where even the coarsest are too many, the last ones are left without a decoder.
    """
    if exact:
        return {one.name: embedded(one, None, whole=one is main) for one in subjects}
    chosen = {main.name: embedded(main, FINENESS[0], whole=True)}
    left = allowance - chosen[main.name].size
    others = [one for one in subjects if one is not main]
    for levels in FINENESS:
        made = {one.name: embedded(one, levels, whole=False) for one in others}
        if sum(one.size for one in made.values()) <= left:
            break
    for name, one in made.items() if others else ():
        left -= one.size
        chosen[name] = one if left >= 0 or not one.arrays else without_decoder(one)
    return {one.name: chosen[one.name] for one in subjects}


def without_decoder(one: Embedded) -> Embedded:
    """A model of which only recordings are shown, because the page would grow too large."""
    reason = {"part": "budget", "kind": "decoder", "sentence": "left out to keep the page small"}
    description: Mapping[str, Any] = {**one.description, "decoder": None, "quantised": None, "reason": reason}
    return Embedded(dict(description), {}, one.theta)
