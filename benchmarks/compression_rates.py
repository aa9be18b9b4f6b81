"""How close the codec comes to the ELBO of its model, what every overhead is, and how long it takes.

    python benchmarks/compression_rates.py bits=MODEL levels=MODEL     both, or one of them
    python benchmarks/compression_rates.py bits=MODEL --python PYTHON  also decodes with another interpreter
    python benchmarks/compression_rates.py                             only writes the table of docs/compression.md

All 10,000 MNIST test images: "levels" as they are, "bits" with a pixel v at 1 where RandomState(0).random_sample() <
v / 255. Coded by one process and decoded by others: with one thread and two, with other kernels of OpenBLAS, and with
NumPy's own vector units off. A rate counts every byte that the codec writes (initial bits, heads, header); the model
is not in it, and its size stands beside. Finished parts are kept, and a run that was stopped goes on with the next.
benchmarks/compression.py has the whole file beside other compressors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, write

from vitral.api import TrainedModel, load_one
from vitral.applications.compression.ans import Message
from vitral.applications.compression.bitsback import decoded, encoded
from vitral.applications.compression.integer import IntegerModel, quantised
from vitral.core.randomness import stream
from vitral.data import load_data
from vitral.environment import show_versions
from vitral.model import Batch
from vitral.parts.objectives import ELBO
from vitral.persistence import load_tensors, save_tensors, write_json

RESULT = Path(__file__).resolve().parent / "results" / "compression_rates.json"
ROUNDS, DRAWS, BLOCK = 3, 5, 500
CHUNKS = (16_384, 4_096, 1_000)
SUBJECTS = ("bits", "levels")
ELSEWHERE = 2_000  # images that other processes decode
MACHINES = {
    "one thread": {"OPENBLAS_NUM_THREADS": "1"},
    "two threads": {"OPENBLAS_NUM_THREADS": "2"},
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "Prescott": {"OPENBLAS_CORETYPE": "Prescott"},
    "no vector units of NumPy": {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX"},
}


def test_rows(name: str) -> np.ndarray:
    """The test images (10,000, 784) as levels, or as the published bits."""
    levels = np.asarray(load_data("mnist", split="official").test.stored)
    if name == "levels":
        return levels
    return (np.random.RandomState(0).random_sample(levels.shape) < levels / 255.0).astype(np.uint8)


def elbo_bits(trained: TrainedModel, rows: np.ndarray, scale: float) -> float:
    """The negative ELBO of the model in floating point, bits a pixel; the mean of some draws of z for every row."""
    p, x, total = trained.model.views(trained.theta), (rows / scale).astype("float32"), 0.0
    for at in range(0, len(x), BLOCK):
        some = x[at : at + BLOCK]
        rng = stream(0, "rate", at)
        shapes = trained.model.posterior.noise_shapes(DRAWS, len(some))
        noise = {key: rng.standard_normal(shape).astype("float32") for key, shape in shapes.items()}
        total += float(trained.model.loss(p, Batch(some, some), noise, ELBO(), 1)[0])
    return total / rows.size / math.log(2.0)


def ideal_bits(model: IntegerModel, rows: np.ndarray) -> float:
    """What the integer model's own probabilities ask for, bits a pixel: no heads, no header, no initial bits."""
    message, total = Message.empty(), 0.0
    for at in range(0, len(rows), BLOCK):
        some = rows[at : at + BLOCK].astype(np.int64)
        message.widen(512)
        h, above, every_z = model.encoded(some), None, []
        for latents in model.latents:
            prior = model.prior(above)
            q = model.posterior(h, above, prior)
            bucket = q.pop(message)
            total += model.depth * bucket.size - q.bits_of(bucket)
            above = model.z(bucket.reshape(len(some), latents), prior)
            every_z.append(above)
        total += model.likelihood(np.concatenate(every_z[::-1], axis=1)).bits_of(some.ravel())
    return total / rows.size


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, the median of its wall seconds, and the least of its processor seconds."""
    walls, processor = [], []
    for _ in range(ROUNDS):
        wall, used = time.perf_counter(), time.process_time()
        made = work()
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - used)
    return made, float(np.median(walls)), min(processor)


def stored(path: Path, model: IntegerModel, content: bytes) -> None:
    """The model and the bytes in one file, for another process."""
    tensors = {**model.tensors(), "content": np.frombuffer(content, np.uint8)}
    save_tensors(path, tensors, {"kind": "codec", "vitral": "0", "facts": model.facts()})


def child(path: Path, n: int) -> None:
    """The digest of the rows that a file holds: what the other process prints."""
    tensors, metadata = load_tensors(path, "codec")
    content = tensors.pop("content").tobytes()
    rows = decoded(IntegerModel.restored(tensors, metadata["facts"]), content, n)
    print(np.__version__, hashlib.sha256(rows.tobytes()).hexdigest())


def elsewhere(path: Path, rows: np.ndarray, variables: dict[str, str], python: str) -> dict[str, Any]:
    """Whether another process decodes the very rows."""
    line = [python, str(Path(__file__).resolve()), "--child", str(path), str(len(rows))]
    done = subprocess.run(line, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"same": False, "said": done.stderr[-300:]}
    version, digest = done.stdout.split()
    return {"same": digest == hashlib.sha256(rows.astype(np.uint8).tobytes()).hexdigest(), "numpy": version}


def usable(variables: dict[str, str]) -> bool:
    """SkylakeX needs AVX-512, Haswell AVX2."""
    wanted = {"SkylakeX": "avx512f", "Haswell": "avx2"}.get(variables.get("OPENBLAS_CORETYPE", ""), "")
    cpuinfo = Path("/proc/cpuinfo")
    return not wanted or (cpuinfo.exists() and wanted in cpuinfo.read_text(encoding="utf-8"))


def facts(trained: TrainedModel, model: IntegerModel) -> dict[str, Any]:
    """What the numbers belong to."""
    sizes = sum(tensor.nbytes for tensor in model.tensors().values())
    return {
        "integer_model": {"sha256": model.digest, "bytes_uncompressed": sizes},
        "bounds": {key: [one.bound for one in layers] for key, layers in model.networks.items()},
        "training": {key: trained.facts.get(key) for key in ("recipe", "epochs", "seed")},
        "spec": trained.spec.to_dict(),
        "images": 10_000,
        "rounds": ROUNDS,
    }


def rate(model: IntegerModel, rows: np.ndarray) -> dict[str, Any]:
    """All rows in one piece: bytes, and seconds each way."""
    content, there, there_used = timed(lambda: encoded(model, rows))
    again, back, back_used = timed(lambda: decoded(model, content, len(rows)))
    if not np.array_equal(again, rows):
        raise AssertionError("what comes back is not what went in")
    return {
        "bytes": len(content),
        "bits_per_pixel": 8 * len(content) / rows.size,
        "encode_seconds": there,
        "decode_seconds": back,
        "encode_processor_seconds": there_used,
        "decode_processor_seconds": back_used,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def in_chunks(model: IntegerModel, rows: np.ndarray) -> dict[str, float]:
    """Bits a pixel where rows are coded in pieces that do not know of each other."""
    rates = {}
    for size in CHUNKS:
        parts = [encoded(model, rows[at : at + size]) for at in range(0, len(rows), size)]
        rates[str(size)] = 8 * sum(map(len, parts)) / rows.size
    return rates


def on_machines(model: IntegerModel, rows: np.ndarray, pythons: list[str]) -> dict[str, Any]:
    """Whether the bytes are decoded alike by other processes, each a machine of its own kind."""
    asked = {key: (variables, sys.executable) for key, variables in MACHINES.items()}
    asked |= {f"another interpreter, {number}": ({}, python) for number, python in enumerate(pythons, 1)}
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "codec.safetensors"
        stored(file, model, encoded(model, rows))
        return {
            key: elsewhere(file, rows, variables, python) if usable(variables) else {"left_out": "no such unit here"}
            for key, (variables, python) in asked.items()
        }


def measure(name: str, path: str, pythons: list[str], results: dict[str, Any], out: Path) -> None:
    """Every part that is not there yet for this very model, each kept as soon as it is."""
    trained, rows = load_one(path), test_rows(name)
    model = quantised(trained)
    known = facts(trained, model)
    if results.get(name, {}).get("integer_model") != known["integer_model"]:
        results[name] = {}
    parts = {
        "coded": lambda: rate(model, rows),
        "elbo_bits_per_pixel": lambda: elbo_bits(trained, rows, model.levels - 1.0),
        "ideal_bits_per_pixel": lambda: ideal_bits(model, rows),
        "decoded_elsewhere": lambda: {"images": ELSEWHERE, **on_machines(model, rows[:ELSEWHERE], pythons)},
        "bits_per_pixel_in_chunks": lambda: in_chunks(model, rows),
    }
    for part, work in parts.items():
        if part not in results[name]:
            results[name] |= {part: work(), **known}
            results[name] |= {"date": datetime.now(UTC).date().isoformat(), "environment": show_versions()}
            write_json(out, results)
            print(name, part, json.dumps(results[name][part]), flush=True)


def table(results: dict[str, Any]) -> str:
    """The table of the page: from the bound to the bytes, bits a pixel."""
    subjects = [results[name] for name in SUBJECTS]
    lines = {
        "-ELBO of the model, floating point": [one["elbo_bits_per_pixel"] for one in subjects],
        "what the model in integers asks for": [one["ideal_bits_per_pixel"] for one in subjects],
        "coded, initial bits and heads included": [one["coded"]["bits_per_pixel"] for one in subjects],
        **{
            f"the same in chunks of {size:,} rows": [one["bits_per_pixel_in_chunks"][str(size)] for one in subjects]
            for size in CHUNKS[1:]
        },
    }
    rows = [[name, *(f"{value:.4f}" for value in values)] for name, values in lines.items()]
    return markdown(("bits a pixel", "binarised", "8-bit"), rows, _note(results))


def _note(results: dict[str, Any]) -> str:
    answers = {name: _answers(results[name]) for name in SUBJECTS}
    wrong = [key for found in answers.values() for key, one in found.items() if not one["same"]]
    if wrong:
        raise AssertionError(f"decoded otherwise with {', '.join(wrong)}: no table is written")
    ways = ", ".join(key for key in MACHINES if key in answers["bits"])
    versions = " and ".join(sorted({one["numpy"] for found in answers.values() for one in found.values()}))
    return (
        f"10,000 MNIST test images; the ELBO is the mean of {DRAWS} draws of z for every image. The first "
        f"{ELSEWHERE:,} were decoded to the same bytes by other processes: {ways}; NumPy {versions}."
    )


def _answers(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What other processes said, without those that this machine cannot be."""
    asked = result["decoded_elsewhere"]
    return {key: one for key, one in asked.items() if key != "images" and "same" in one}


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]))
        return
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("models", nargs="*", metavar="bits=MODEL|levels=MODEL")
    asked.add_argument("--python", action="append", default=[], help="another interpreter that can import vitral")
    asked.add_argument("--out", type=Path, default=RESULT)
    options = asked.parse_args()
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for one in options.models:
        name, _, path = one.partition("=")
        measure(name, path, options.python, results, options.out)
    if options.out == RESULT:
        write(DOCS / "compression.md", "rates", table(results))


if __name__ == "__main__":
    main()
