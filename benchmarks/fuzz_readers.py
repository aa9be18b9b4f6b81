"""The readers that `fuzz.py` feeds, each with the valid files that it damages."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import warnings
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

import vitral
from vitral.applications.compression.archive import compressed, decompressed
from vitral.applications.compression.container import Block, assembled, crc_of, parsed
from vitral.applications.compression.integer import IntegerModel, quantised
from vitral.applications.compression.originals import of_array
from vitral.applications.compression.salvage import salvaged
from vitral.core.parameters import named
from vitral.data import load_data
from vitral.data.arrow import parquet_bytes
from vitral.data.images import FORMATS, image_folder
from vitral.data.labels import read_labels
from vitral.data.refusals import EXPANSION, SMALL
from vitral.errors import FileError, MissingPackage
from vitral.parts.optimisers import Adam
from vitral.persistence import load_model, load_tensors, save_model, save_tensors
from vitral.persistence.tensors import encoded as tensor_bytes
from vitral.report.run_folder import read_run
from vitral.specs import Spec
from vitral.study.recipes import load_recipe, to_toml
from vitral.training.checkpoints import FACTS, Saved, load_checkpoint, save_checkpoint
from vitral.training.loop import Plan, start

ROWS = np.arange(60, dtype=np.float32).reshape(12, 5) / 60.0


class Reader(NamedTuple):
    """How a file is read, what it is called, valid ones, and how many bytes a file may explain in memory."""

    name: str
    file: str
    read: Callable[[Path], Any]
    seeds: Callable[[], list[bytes]]
    explains: Callable[[bytes], int] = len


def saved(write: Callable[..., None], *arrays: Any, **named: Any) -> bytes:
    content = io.BytesIO()
    write(content, *arrays, **named)
    return content.getvalue()


@cache
def arrays() -> list[bytes]:
    images = (255 * ROWS).astype(np.uint8).reshape(12, 5, 1)
    return [saved(np.save, one) for one in (ROWS, images, np.asfortranarray(ROWS), ROWS.astype(">f8"))]


@cache
def archives() -> list[bytes]:
    labels = np.arange(12) % 3
    return [
        saved(np.savez, x=ROWS, y=labels),
        saved(np.savez_compressed, x=ROWS, y=labels),
        saved(np.savez, ROWS),
    ]


@cache
def idx_files() -> list[bytes]:
    images = (255 * ROWS).astype(np.uint8)
    numbers = ROWS.reshape(12, 5, 1).astype(">f4")
    return [bytes([0, 0, 8, 2]) + sizes_of(images), bytes([0, 0, 13, 3]) + sizes_of(numbers)]


def sizes_of(array: np.ndarray) -> bytes:
    return b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


@cache
def packed_idx_files() -> list[bytes]:
    return [gzip.compress(content, mtime=0) for content in idx_files()]


@cache
def pictures() -> list[bytes]:
    """Grey and coloured, in every format that is read."""
    levels = np.arange(144, dtype=np.uint8)
    grey, coloured = (PIL.Image.fromarray(levels.reshape(shape)) for shape in ((12, 12), (6, 8, 3)))
    return [saved(image.save, format=kind) for kind in FORMATS for image in (grey, coloured)]


def pixels(content: bytes) -> int:
    """Four bytes for each pixel that an image announces, of those that are not refused before they are decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return max(len(content), 4 * image.width * image.height)
        except Exception:  # whatever Pillow says of it, it is the reader that is judged
            return len(content)


@cache
def label_texts() -> list[bytes]:
    return ["\n".join(words).encode() for words in ("012012012012", ["não", "sim", "talvez"] * 4)]


@cache
def label_arrays() -> list[bytes]:
    return [saved(np.save, labels) for labels in (np.arange(12) % 3, np.array(["no", "yes", "both"] * 4))]


def small_spec() -> Spec:
    return Spec(features=5, latent=2, encoder={"hidden": [4]}, decoder={"hidden": [4]})


@cache
def models() -> list[bytes]:
    fixture = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "model-format-1.safetensors"
    spec = small_spec()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        contract = load_data_of(ROWS).contract.to_dict()
        save_model(path, spec, spec.build().init(0), contract, {"kind": "vae"}, vitral.__version__)
        return [path.read_bytes(), fixture.read_bytes()]


def load_data_of(rows: np.ndarray) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, rows)
        return load_data(str(path))


@cache
def checkpoints() -> list[bytes]:
    model = small_spec().build()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_checkpoint(path, Saved(start(model, model.init(0), Plan(optimiser=Adam())), {"recipe": "x"}))
        return [path.read_bytes()]


# What lies under the digest of a file can be hostile too, from whoever knows how to compute one. These readers put
# damaged text where a whole file has its metadata, or a checkpoint its facts, and read that file.


@cache
def metadata() -> list[bytes]:
    spec = small_spec()
    contract = load_data_of(ROWS).contract.to_dict()
    facts = {"kind": "model", "vitral": vitral.__version__, "spec": spec.to_dict(), "contract": contract}
    return [json.dumps({**facts, "facts": {"kind": "vae"}, "metrics": {}}).encode()]


@cache
def tensors() -> dict[str, np.ndarray]:
    model = small_spec().build()
    theta = model.init(0)
    return {name: theta[where].reshape(shape) for name, (where, shape) in named(model.shapes).items()}


def read_metadata(path: Path) -> Any:
    whole = path.with_suffix(".safetensors")
    save_tensors(whole, tensors(), table_of(path))
    return vitral.load(whole)


@cache
def facts() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.safetensors"
        path.write_bytes(checkpoints()[0])
        return [load_tensors(path, "checkpoint")[0][FACTS].tobytes()]


def read_facts(path: Path) -> Any:
    whole = path.with_suffix(".safetensors")
    whole.write_bytes(checkpoints()[0])
    parts = load_tensors(whole, "checkpoint")[0] | {FACTS: np.frombuffer(path.read_bytes(), np.uint8)}
    save_tensors(whole, parts, {"kind": "checkpoint"})
    return load_checkpoint(whole)


# Compressed files: as they are, and with damage under right checksums, in the header, in what the chunks hold, and in
# what the model in the file says of itself.


@cache
def coder() -> IntegerModel:
    mlp = {"hidden": [4], "activation": "relu"}
    spec = Spec(features=60, latent=2, encoder=mlp, decoder=mlp, likelihood="bernoulli")
    model, contract = spec.build(), load_data_of((ROWS > 0.5).astype(np.uint8)).contract
    return quantised(vitral.TrainedModel(spec, model, 0.01 * model.init(0), contract, {"kind": "vae"}))


@cache
def compressed_files() -> list[bytes]:
    """Coded by the model that is in the file, and, since it does not know the values, by zlib."""
    bits = (vitral.stream(0, "bits").random((12, 60)) < 0.5).astype(np.uint8)
    levels = (9 * bits).astype(">i2")
    return [compressed(of_array(rows), coder(), embed=True) for rows in (bits, levels)]


def read_compressed(path: Path) -> Any:
    """As it is; and where that is refused, what can be salvaged."""
    content = path.read_bytes()
    try:
        return decompressed(path, content, coder())
    except FileError:
        return salvaged(path, content, coder())


def pieces_of(content: bytes) -> tuple[Any, list[bytes]]:
    return parsed("a valid file", content)


@cache
def compressed_headers() -> list[bytes]:
    return [pieces_of(compressed_files()[0])[0].to_bytes()]


def read_header(path: Path) -> Any:
    """A valid file whose header is this one, under right checksums."""
    _, blocks = pieces_of(compressed_files()[0])

    class Header(NamedTuple):
        text: bytes

        def to_bytes(self) -> bytes:
            return self.text

    whole = path.with_suffix(".vitral")
    whole.write_bytes(assembled(Header(path.read_bytes()), blocks))  # type: ignore[arg-type]
    return read_compressed(whole)


@cache
def compressed_chunks() -> list[bytes]:
    return [pieces_of(compressed_files()[0])[1][-1]]


def read_chunk(path: Path) -> Any:
    """A valid file whose last chunk is this, under a right checksum."""
    header, blocks = pieces_of(compressed_files()[0])
    content = path.read_bytes()
    chunk = header.chunks[-1]._replace(length=len(content), crc=crc_of(content), method="model")
    changed = replace(header, chunks=(*header.chunks[:-1], chunk))
    whole = path.with_suffix(".vitral")
    whole.write_bytes(assembled(changed, [*blocks[:-1], content]))
    return read_compressed(whole)


@cache
def integer_facts() -> list[bytes]:
    return [json.dumps(coder().facts()).encode()]


def read_integer_model(path: Path) -> Any:
    """A valid file with a model in it that says this of itself, under right checksums and its own digest."""
    header, blocks = pieces_of(compressed_files()[0])
    facts = table_of(path)
    weights = zlib.compress(tensor_bytes(path, coder().tensors(), {"kind": "codec", "facts": facts}))
    made = IntegerModel.restored(coder().tensors(), facts)
    size = len(zlib.decompress(weights))
    reference = replace(header.model, sha256=made.digest, embedded=Block(len(weights), crc_of(weights), size))
    whole = path.with_suffix(".vitral")
    whole.write_bytes(assembled(replace(header, model=reference), [weights, *blocks[1:]]))
    return decompressed(whole, whole.read_bytes(), None)


def whole_file(content: bytes) -> int:
    """The file is held, taken apart, and what a chunk or a model makes of it."""
    return 8 * (len(content) + len(compressed_files()[0]))


def table_of(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (ValueError, TypeError, RecursionError) as error:
        raise FileError("no table to begin with") from error


@cache
def recipes() -> list[bytes]:
    return [to_toml(load_recipe(name)).encode() for name in ("train", "digits", "collapse")]


@cache
def run_arrays() -> list[bytes]:
    return [saved(np.savez_compressed, codes=ROWS, grid=np.zeros((3, 4)))]


@cache
def texts() -> list[bytes]:
    numbers = "\n".join(f"{i},{i / 7:.3f},{'red' if i % 3 else 'blue'},{i % 2 == 0}" for i in range(12))
    decimals = "\n".join(f"{i};{i},5;{'' if i else 1}" for i in range(12))
    return [f"n,x,colour,flag\n{numbers}\n".encode(), f"n;x;hole\n{decimals}\n".encode()]


@cache
def parquets() -> list[bytes]:
    try:
        return [parquet_bytes({"x": np.arange(12.0), "word": np.array(["a", "b", None] * 4, dtype=object)})]
    except MissingPackage:
        return []


def read_table(path: Path) -> Any:
    return load_data(str(path), missing="model")


def promised(content: bytes) -> int:
    return max(EXPANSION * len(content), SMALL)


def cells(content: bytes) -> int:
    return 64 * len(content)  # a cell of two bytes is a text of fifty while it is read, and a number of eight


def whole_model(content: bytes) -> int:
    return 3 * (len(content) + len(models()[0]))  # it is made, written and read


def whole_checkpoint(content: bytes) -> int:
    return 3 * (len(content) + len(checkpoints()[0]))


def read_arrays_of_run(path: Path) -> Any:
    (path.parent / "metrics.json").write_text('{"schema": 1, "models": {}}', encoding="utf-8")
    return read_run(path.parent)


READERS = {
    reader.name: reader
    for reader in (
        Reader("npy", "rows.npy", lambda path: load_data(str(path)), arrays),
        Reader("npz", "rows.npz", lambda path: load_data(str(path)), archives),
        Reader("idx", "rows.idx", lambda path: load_data(str(path)), idx_files),
        Reader("idx.gz", "rows.idx.gz", lambda path: load_data(str(path)), packed_idx_files, promised),
        Reader("image", "image", lambda path: image_folder(path.parent), pictures, pixels),
        Reader("label_text", "labels.csv", lambda path: read_labels(path, len(ROWS)), label_texts, cells),
        Reader("label_array", "labels.npy", lambda path: read_labels(path, len(ROWS)), label_arrays, cells),
        Reader("csv", "rows.csv", read_table, texts, cells),
        *([Reader("parquet", "rows.parquet", read_table, parquets, cells)] if parquets() else []),
        Reader("model", "m.safetensors", load_model, models),
        Reader("checkpoint", "c.safetensors", load_checkpoint, checkpoints),
        Reader("metadata", "m.json", read_metadata, metadata, whole_model),
        Reader("facts", "c.json", read_facts, facts, whole_checkpoint),
        Reader("compressed", "c.vitral", read_compressed, compressed_files, whole_file),
        Reader("compressed_header", "c.json", read_header, compressed_headers, whole_file),
        Reader("compressed_chunk", "c.bin", read_chunk, compressed_chunks, whole_file),
        Reader("integer_model", "c.json", read_integer_model, integer_facts, whole_file),
        Reader("recipe", "r.toml", lambda path: load_recipe(str(path)), recipes),
        Reader("run", "arrays.npz", read_arrays_of_run, run_arrays),
    )
}
