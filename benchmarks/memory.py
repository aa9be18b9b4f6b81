"""What a training on a file larger than the memory needs: python benchmarks/memory.py --out results/memory.json

A file of random float32 rows is written, and a process of its own trains one epoch on it. RLIMIT_DATA allows that
process so many bytes of memory of its own (heap and anonymous maps). The map of the file does not count: its pages
belong to the system's cache, which gives them up when anybody needs them. For the same reason RssAnon is what is
reported, and not the whole resident size, which holds as much of the file as there is room for. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MIB = 2**20
FEATURES = 784
PIECE = 4096  # rows written together


def write_rows(path: Path, mib: int) -> int:
    """A file of so many MiB of float32 rows in [0, 1), correlated so that there is something to learn."""
    import numpy as np

    rows, rng = mib * MIB // (4 * FEATURES), np.random.default_rng(0)
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, FEATURES))
    mixing = rng.random((8, FEATURES), dtype=np.float32) / 8.0
    for first in range(0, rows, PIECE):
        mapped[first : first + PIECE] = rng.random((min(PIECE, rows - first), 8), dtype=np.float32) @ mixing
    mapped.flush()
    return rows


def own_memory() -> float:
    """MiB of anonymous memory that the process has resident."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024.0
    raise SystemExit("this system does not say RssAnon in /proc/self/status")


def train_one_epoch(path: str, allowed: int) -> dict[str, Any]:
    """Train within the limit; the largest RssAnon after any step, and the losses."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (allowed * MIB, allowed * MIB))
    from vitral.data import load_data
    from vitral.specs import Spec
    from vitral.training.loop import Plan, start, train

    before, began = own_memory(), time.perf_counter()
    data = load_data(path)
    peak, opened = own_memory(), time.perf_counter() - began
    network = {"kind": "mlp", "hidden": [32]}
    model = Spec(FEATURES, 8, network, network, likelihood={"kind": "gaussian_learned"}).build()
    plan = Plan(epochs=1, batch=512)
    theta = model.init(0, plan.dtype, data.train.take(slice(0, 5000)))
    state = start(model, theta, plan)
    for _ in train(model, data, plan, state, seed=0):
        peak = max(peak, own_memory())
    losses = [record["validation"]["loss"] for record in state.history]
    return {
        "train_rows": len(data.train), "rss_anon_before_mib": before, "rss_anon_peak_mib": peak,
        "validation_loss": losses, "seconds_opening": opened, "seconds": time.perf_counter() - began,
    }  # fmt: skip


def measure(mib: int, allowed: int) -> dict[str, Any]:
    """The whole benchmark, in a folder that is taken away afterwards."""
    from vitral.environment import show_versions

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        rows = write_rows(path, mib)
        words = [sys.executable, __file__, "--train", str(path), "--allowed", str(allowed)]
        answer = subprocess.run(
            words, check=True, capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        )
    return {
        "file_mib": mib, "allowed_mib": allowed, "rows": rows, "features": FEATURES,
        **json.loads(answer.stdout), "machine": show_versions(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mib", type=int, default=1536, help="size of the file")
    parser.add_argument("--allowed", type=int, default=512, help="MiB of memory that the training may have")
    parser.add_argument("--out", type=Path, help="where the result goes, as JSON")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    found = train_one_epoch(asked.train, asked.allowed) if asked.train else measure(asked.mib, asked.allowed)
    text = json.dumps(found, indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
