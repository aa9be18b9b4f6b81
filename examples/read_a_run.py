"""What a finished run holds, back in Python: numbers, models, arrays.

vitral study --recipe digits --out runs/digits
python examples/read_a_run.py runs/digits
"""

from __future__ import annotations

import argparse

import numpy as np

import vitral


def main(folder: str) -> None:
    run = vitral.load(folder)
    metrics = run.metrics
    print(f"recipe {metrics['recipe']}: {metrics['data']['name']}, {metrics['data']['test']} test images")
    for name, entry in metrics["models"].items():
        test = entry["test"]
        elbo = "no ELBO" if test["elbo"] is None else f"ELBO {test['elbo']:.2f} ± {test['elbo_se']:.2f} nats"
        print(f"  {name:<16} {elbo}, squared error {test['sse']:.2f}, {test['active_units']} active units")

    # Any model of the run: encode, decode, sample.
    best = max(
        (n for n, m in metrics["models"].items() if m["kind"] == "vae"),
        key=lambda n: metrics["models"][n]["latent"],
    )
    model = run.model(best)
    with np.load(run.path / "arrays.npz", allow_pickle=False) as arrays:
        originals = arrays["originals"]
    again = model.reconstruct(originals)
    error = ((originals - again) ** 2).sum(axis=1).mean()
    print(f"{best}: squared error of {len(originals)} test images at z = mu: {error:.2f}")
    print(f"{best}: three new rows from the prior, shape {model.sample(3, seed=1).shape}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    main(parser.parse_args().folder)
