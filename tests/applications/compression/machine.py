"""Code and decode fixed rows in a process of its own; prints what every machine has to print."""

import hashlib
import sys
from pathlib import Path

import numpy as np

from vitral.applications.compression import bitsback
from vitral.applications.compression.integer import IntegerModel
from vitral.persistence import load_tensors


def stored(path: Path) -> tuple[IntegerModel, np.ndarray, bytes]:
    """The model, the rows and their bytes that a file holds."""
    tensors, metadata = load_tensors(path, "codec")
    rows, content = tensors.pop("rows"), tensors.pop("content")
    return IntegerModel.restored(tensors, metadata["facts"]), rows, content.tobytes()


def by_ones(model: IntegerModel, content: bytes, rows: np.ndarray) -> bool:
    """Whether networks give a row alone what they give it among others."""
    h, z = model.encoded(rows), np.full((len(rows), model.latent), 517.0)
    alone = [model.encoded(rows[i : i + 1]) for i in range(len(rows))]
    drawn = [model.run("decoder", z[i : i + 1]) for i in range(len(rows))]
    return np.array_equal(h, np.concatenate(alone)) and np.array_equal(model.run("decoder", z), np.concatenate(drawn))


def main() -> None:
    for path in sys.argv[1:]:
        model, rows, content = stored(Path(path))
        again = bitsback.encoded(model, rows)
        same = np.array_equal(rows, bitsback.decoded(model, content, len(rows)))
        said = (model.digest, hashlib.sha256(again).hexdigest(), again == content, same, by_ones(model, content, rows))
        sys.stdout.write(" ".join(map(str, said)) + "\n")


if __name__ == "__main__":
    main()
