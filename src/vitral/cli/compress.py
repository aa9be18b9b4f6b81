"""vitral compress: arrays and images into a lossless file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitral.cli import options
from vitral.cli.console import say

if TYPE_CHECKING:
    from vitral.applications.compression.integer import IntegerModel
    from vitral.applications.compression.originals import Original

ENDING = ".vitral"


@options.command(
    "compress",
    ("vitral train digits --binarise static --likelihood bernoulli --latent 8 --out runs/bits", "a model of bits"),
    ("vitral compress runs/bits digits", "its test rows, into digits.vitral"),
    ("vitral decompress digits.vitral runs/bits", "and back, into digits.npy"),
)
@click.argument("model")
@click.argument("data")
@options.model_name
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A .vitral file  [default: DATA.vitral]")
@click.option("--embed", is_flag=True, help="Put the model into the file, which then needs nothing else to be read.")
@click.option("--no-verify", is_flag=True, help="Do not decode and compare before the file takes its place.")
@options.force
@options.as_json
@options.quiet
def command(
    model: str,
    data: str,
    name: str | None,
    out: Path | None,
    embed: bool,
    no_verify: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Integers into a lossless file that a trained model makes small: docs/compression.md.

    MODEL is a model of bits or of 8-bit levels, DATA a .npy array of integers, an IDX file, a folder of PNG files of
    one size, or mnist or digits (the test rows). Without --embed the file is read with the same MODEL, and with no
    other: keep it. What zlib packs smaller, and values that the model does not know, are left to zlib.
    """
    from vitral.api import load_one
    from vitral.applications.compression.archive import compressed, embedded_size, integer_model, verify
    from vitral.cli.progress import counted
    from vitral.persistence import write_atomically

    path = options.writable(out or default_out(data), (ENDING,), force=force)
    trained = load_one(model, name)
    coder = integer_model(trained)
    original = _original(trained, data, quiet=quiet)
    with counted(quiet=quiet) as show:
        began = time.process_time()
        content = compressed(original, coder, embed=embed, name=data, announce=show)
        seconds = time.process_time() - began

        def check(written: Path) -> None:
            verify(written.read_bytes(), original, coder, show)

        write_atomically(path, content, None if no_verify else check)
    facts = _facts(path, data, original, content, coder) | {"verified": not no_verify, "processor_seconds": seconds}
    if not facts["embedded"] and facts["model"]:
        facts["embedding_adds"] = embedded_size(coder)
    _report(facts, as_json=as_json, quiet=quiet, model=" ".join([model, *(["--model", name] if name else [])]))


def default_out(data: str) -> Path:
    """The name of the data with the ending of compressed files after it."""
    given = Path(data)
    return given.with_name(given.name + ENDING) if given.name else Path(f"data{ENDING}")


def _original(trained: Any, data: str, *, quiet: bool) -> Original:
    """The array of a path, or the test rows of a named set as the model reads them."""
    from vitral.applications.compression.originals import of_array, original_of
    from vitral.cli.inputs import rows_to_use
    from vitral.data.files import NAMED

    if data not in NAMED:
        return original_of(Path(data))
    stored = rows_to_use(trained, data, quiet=quiet).stored
    return of_array(stored.reshape(len(stored), *(trained.contract.image_shape or stored.shape[1:])))


def _facts(path: Path, data: str, original: Original, content: bytes, model: IntegerModel) -> dict[str, Any]:
    """What was done, in numbers."""
    from vitral.applications.compression.container import METHODS, parsed

    header, _ = parsed(path, content)
    methods = [chunk.method for chunk in header.chunks]
    values = original.array.size
    return {
        "file": str(path), "bytes": len(content), "shape": list(header.shape), "dtype": header.dtype,
        "array_bytes": original.array.nbytes, "bits_per_value": 8 * len(content) / values if values else None,
        "chunks": {method: methods.count(method) for method in METHODS},
        "model": header.model.sha256 if header.model else None, "levels": model.levels,
        "embedded": header.model.embedded.length if header.model and header.model.embedded else 0,
    }  # fmt: skip


def _report(facts: dict[str, Any], *, as_json: bool, quiet: bool, model: str) -> None:
    if as_json:
        options.print_json(facts)
    elif not quiet:
        click.echo(facts["file"])
    if quiet or as_json:
        return
    rate = "" if facts["bits_per_value"] is None else f", {facts['bits_per_value']:.4g} bits a value"
    say(f"{facts['array_bytes']:,} bytes of numbers in {facts['bytes']:,}{rate}")
    chunks, total = facts["chunks"], sum(facts["chunks"].values())
    if chunks["model"] < total:
        say(
            f"{total - chunks['model']} of {total} chunks are left to zlib or stored: that is shorter there, or they "
            f"hold values other than the {facts['levels']} levels that the model codes"
        )
    if "embedding_adds" in facts:
        say(
            f"to read it again you need this model ({model}, SHA-256 {facts['model'][:16]}...): keep it, or put it "
            f"into the file with --embed, which adds {facts['embedding_adds']:,} bytes"
        )
