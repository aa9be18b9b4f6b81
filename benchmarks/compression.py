"""How small `vitral compress` makes the MNIST test images, beside the compressors that everybody has, on the same rows.

    python benchmarks/compression.py --bits MODEL --levels MODEL   everything; a model of bits, a model of 8-bit levels
    python benchmarks/compression.py                               the others alone, and the models that are kept
    python benchmarks/compression.py --page                        only writes the table of docs/compression.md

All 10,000 test images. "bits": pixel v is 1 where numpy.random.RandomState(0).random_sample() < v / 255; "levels":
the images themselves. A rate counts every byte of the file or files, and so in a Vitral file header, table, initial
bits and checksums; the model is not in it, and its size stands beside. A Vitral file is written by one process, read
by another and compared as bytes with what went in; all others are read back and compared too. Seconds are those of the
processor, on one thread, so that what else a machine does counts for nobody: the median of three rounds, or one round
where that takes longer than two seconds. Finished parts are kept in results/compression.json, and are not measured
again unless --again is given.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pages import DOCS, markdown, write
from PIL import Image

from vitral.api import load_one
from vitral.applications.compression.archive import embedded_size, integer_model
from vitral.data import load_data
from vitral.environment import show_versions
from vitral.persistence import write_json

RESULT = Path(__file__).resolve().parent / "results" / "compression.json"
PAGE = DOCS / "compression.md"
SIDE, ACROSS, ROUNDS, LONG = 28, 100, 3, 2.0
SUBJECTS = ("bits", "levels")


class Contestant(NamedTuple):
    """A compressor: rows (n, 784) to files, and these back."""

    encode: Callable[[np.ndarray], list[bytes]]
    decode: Callable[[list[bytes]], np.ndarray]


def test_rows() -> dict[str, np.ndarray]:
    """The test images (10,000, 784), as bits and as they are."""
    levels = np.asarray(load_data("mnist", split="official").test.stored)
    drawn = np.random.RandomState(0).random_sample(levels.shape) < levels / 255.0
    return {"bits": drawn.astype(np.uint8), "levels": levels}


def bytes_of(
    subject: str, compress: Callable[[bytes], bytes], decompress: Callable[[bytes], bytes]
) -> dict[str, Contestant]:
    """A compressor of bytes, given a byte a pixel, and bits also as eight pixels a byte."""

    def unpacked(files: list[bytes]) -> np.ndarray:
        rows = np.frombuffer(decompress(files[0]), np.uint8).reshape(-1, SIDE * SIDE // 8)
        return np.unpackbits(rows, axis=1)

    plain = Contestant(
        lambda rows: [compress(rows.tobytes())],
        lambda files: np.frombuffer(decompress(files[0]), np.uint8).reshape(-1, SIDE * SIDE),
    )
    tight = Contestant(lambda rows: [compress(np.packbits(rows, axis=1).tobytes())], unpacked)
    return {"a byte a pixel": plain} | ({"eight pixels a byte": tight} if subject == "bits" else {})


def mosaic(rows: np.ndarray) -> np.ndarray:
    """All images as one picture, a hundred in a line."""
    down = len(rows) // ACROSS
    return rows.reshape(down, ACROSS, SIDE, SIDE).swapaxes(1, 2).reshape(down * SIDE, ACROSS * SIDE)


def rows_of(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(-1, SIDE, ACROSS, SIDE).swapaxes(1, 2).reshape(-1, SIDE * SIDE)


def saved(image: np.ndarray, black: bool, **options: Any) -> bytes:
    """A picture of levels, or of bits as black and white, in a format of images."""
    content = io.BytesIO()
    picture = Image.fromarray(255 * image if black else image)
    if black and options["format"] == "PNG":
        picture = picture.convert("1")
    picture.save(content, **options)
    return content.getvalue()


def opened(content: bytes, black: bool) -> np.ndarray:
    levels = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    return levels // 255 if black else levels


def pictures(subject: str) -> dict[str, dict[str, Contestant]]:
    """PNG as a file an image and as one picture of all; WebP as one picture."""
    black = subject == "bits"
    png = {"format": "PNG", "optimize": True}
    webp = {"format": "WEBP", "lossless": True, "quality": 100, "method": 6, "exact": True}
    one, all_of = "10,000 files", "one picture of all"
    return {
        "PNG": {
            one: Contestant(
                lambda rows: [saved(row.reshape(SIDE, SIDE), black, **png) for row in rows],
                lambda files: np.stack([opened(file, black).ravel() for file in files]),
            ),
            all_of: Contestant(
                lambda rows: [saved(mosaic(rows), black, **png)], lambda files: rows_of(opened(files[0], black))
            ),
        },
        "WebP lossless": {
            all_of: Contestant(
                lambda rows: [saved(mosaic(rows), black, **webp)], lambda files: rows_of(opened(files[0], black))
            )
        },
    }


def contestants(subject: str) -> dict[str, dict[str, Contestant]]:
    """Every compressor by its name and by what it is given."""
    import zstandard

    made = {
        "gzip -9": (lambda raw: gzip.compress(raw, 9, mtime=0), gzip.decompress),
        "bz2 -9": (lambda raw: bz2.compress(raw, 9), bz2.decompress),
        "xz -9e": (lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME), lzma.decompress),
        "zstd -19": (zstandard.ZstdCompressor(level=19).compress, zstandard.ZstdDecompressor().decompress),
    }
    return {who: bytes_of(subject, *both) for who, both in made.items()} | pictures(subject)


def timed(work: Callable[[Any], Any], given: Any) -> tuple[Any, float]:
    """What comes of it, and seconds of the processor."""
    began = time.process_time()
    return work(given), time.process_time() - began


def measured(contestant: Contestant, rows: np.ndarray) -> dict[str, Any]:
    """Bytes and seconds each way; what comes back is compared."""
    there, back = [], []
    for _ in range(ROUNDS):
        files, seconds = timed(contestant.encode, rows)
        there.append(seconds)
        again, seconds = timed(contestant.decode, files)
        back.append(seconds)
        if not np.array_equal(again, rows):
            raise AssertionError("what comes back is not what went in")
        if there[0] + back[0] > LONG:
            break
    return _entry(sum(map(len, files)), rows, there, back)


def _entry(size: int, rows: np.ndarray, there: list[float], back: list[float]) -> dict[str, Any]:
    seconds = {"compress_seconds": float(np.median(there)), "decompress_seconds": float(np.median(back))}
    return {"bytes": size, "bits_per_pixel": 8 * size / rows.size, **seconds}


def ours(model: str, rows: np.ndarray) -> dict[str, Any]:
    """Written by `vitral compress` in one process, read by another, and compared byte for byte."""
    there, back = [], []
    with tempfile.TemporaryDirectory() as made:
        before, file, after = (Path(made) / name for name in ("rows.npy", "rows.vitral", "again.npy"))
        np.save(before, rows.reshape(-1, SIDE, SIDE))
        for _ in range(ROUNDS):
            answer = _told("compress", model, before, "-o", file, "--no-verify", "--force")
            there.append(answer["processor_seconds"])
            back.append(_told("decompress", file, model, "-o", after, "--force")["processor_seconds"])
            if after.read_bytes() != before.read_bytes():
                raise AssertionError("what comes back is not what went in")
            if there[0] + back[0] > LONG:
                break
    trained = load_one(model)
    kept = {"embedding_adds": embedded_size(integer_model(trained)), "sha256": answer["model"]}
    kept |= {key: trained.facts[key] for key in ("epochs", "epochs_asked") if key in trained.facts}
    facts = {"chunks": answer["chunks"], "model": kept | {"spec": trained.spec.to_dict()}}
    return _entry(answer["bytes"], rows, there, back) | facts


def _told(*words: Any) -> dict[str, Any]:
    """What a command of Vitral answers, in a process of its own with one thread."""
    line = [sys.executable, "-m", "vitral", *map(str, words), "--json", "--quiet"]
    variables = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(line, capture_output=True, text=True, check=True, env=variables)
    return dict(json.loads(done.stdout))


def table(results: dict[str, Any]) -> str:
    """The table of the page."""
    names: dict[tuple[str, str], None] = {}
    for subject in SUBJECTS:
        names |= {(one["who"], one["given"]): None for one in results[subject].values()}
    order = sorted(names, key=lambda name: name[0] == "vitral compress")
    rows = [[f"{who}, {given}", *_cells(results, f"{who}, {given}")] for who, given in order]
    columns = ("bits a pixel", "s to compress", "s to decompress")
    head = ("", *(f"binarised: {one}" for one in columns), *(f"8-bit: {one}" for one in columns))
    return markdown(head, rows, _note(results))


def _cells(results: dict[str, Any], name: str) -> list[str]:
    cells = []
    for subject in SUBJECTS:
        one = results[subject].get(name)
        cells += ["–"] * 3 if one is None else [
            f"{one['bits_per_pixel']:.3f}", f"{one['compress_seconds']:.2f}", f"{one['decompress_seconds']:.2f}",
        ]  # fmt: skip
    return cells


def _note(results: dict[str, Any]) -> str:
    machine = results["machine"]
    said = [
        f"All 10,000 MNIST test images, every byte of every file counted; s: seconds of one core of {machine['cpu']}, "
        f"Python {machine['python']}, NumPy {machine['numpy']}; {results['date']}."
    ]
    for subject, title in zip(SUBJECTS, ("bits", "8-bit levels"), strict=True):
        for one in results[subject].values():
            if "model" in one:
                said.append(
                    f"The model of {title} is not in its file; embedded it would add "
                    f"{one['model']['embedding_adds']:,} bytes to {one['bytes']:,}."
                )
                done, asked = (one["model"].get(key) for key in ("epochs", "epochs_asked"))
                if asked is not None and done < asked:
                    said.append(f"It was trained for {done} of the {asked} epochs of its recipe.")
    return " ".join(said)


def measure(results: dict[str, Any], models: dict[str, str | None], only: str, *, again: bool) -> None:
    """Everything that is not kept yet, each part kept as soon as it is there."""
    for subject, rows in test_rows().items():
        kept = results.setdefault(subject, {})
        for who, forms in contestants(subject).items():
            for given, contestant in forms.items():
                if only in who and (again or f"{who}, {given}" not in kept):
                    kept[f"{who}, {given}"] = {"who": who, "given": given, **measured(contestant, rows)}
                    _keep(results, f"{subject}: {who}, {given}", kept[f"{who}, {given}"])
        if (model := models[subject]) is not None:
            name = "vitral compress, a model file"
            who, given = name.split(", ")
            kept[name] = {"who": who, "given": given, **ours(model, rows)}
            _keep(results, f"{subject}: {name}", kept[name])


def _keep(results: dict[str, Any], name: str, one: dict[str, Any]) -> None:
    results |= {"date": datetime.now(UTC).date().isoformat(), "machine": show_versions(), "rounds": ROUNDS}
    write_json(RESULT, results)
    print(f"{name}: {one['bits_per_pixel']:.4f} bits a pixel, {one['compress_seconds']:.2f} s there, "
          f"{one['decompress_seconds']:.2f} s back", flush=True)  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--bits", help="a model file or run folder of binarised MNIST")
    asked.add_argument("--levels", help="a model file or run folder of 8-bit MNIST")
    asked.add_argument("--only", default="", help="of the others, those with this in their name")
    asked.add_argument("--again", action="store_true", help="measure the others anew")
    asked.add_argument("--page", action="store_true", help="only write the table")
    options = asked.parse_args()
    results = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    if not options.page:
        measure(results, {"bits": options.bits, "levels": options.levels}, options.only, again=options.again)
    write(PAGE, "compression", table(results))


if __name__ == "__main__":
    main()
