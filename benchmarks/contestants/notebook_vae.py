"""The course notebook as a contestant: ``python notebook_vae.py IMAGES THREADS``, its formulas in float64, SGD only.

They are those of tests/reference/notebook.py, to which the tests hold Vitral's own steps.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from protocol import Stopwatch, key, serve

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "reference"))
from notebook import NotebookVAE


class Notebook:
    """The BLAS has as many threads as it takes by itself, as in the notebook."""

    def __init__(self, images: str) -> None:
        self.data = np.load(images) / 255.0
        self.trainings: dict[str, NotebookVAE] = {}

    def epoch(self, case: dict[str, Any]) -> dict[str, float]:
        legacy = np.random.RandomState(0)
        made = NotebookVAE(self.data.shape[1], case["hidden"], case["latent"], legacy)
        model = self.trainings.setdefault(key(case), made)
        with Stopwatch() as watch:
            batches = model.batches(self.data[: case["rows"]], case["batch"])
            losses = [model.step(x, model.noise(len(x)), case["rate"])[0] for x in batches]
        return {"seconds": watch.seconds, "loss": float(np.mean(losses))}


if __name__ == "__main__":
    serve(Notebook(sys.argv[1]))
