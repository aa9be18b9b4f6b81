"""PyOD's own VAE with its defaults, in a process of its own: python pyod_vae.py FOLDER SEED.

FOLDER holds rows.npz (train, test); scores.npy is written beside it. Needs pyod and torch.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from pyod.models.vae import VAE


def main() -> None:
    place, seed = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    with np.load(place / "rows.npz", allow_pickle=False) as rows:
        train, test = rows["train"], rows["test"]
    detector = VAE(random_state=seed, verbose=0).fit(train)
    np.save(place / "scores.npy", np.asarray(detector.decision_function(test), np.float64), allow_pickle=False)


if __name__ == "__main__":
    main()
