"""A table with numbers, classes and holes: trained, encoded, scored, filled in and sampled, in its own columns.

    python examples/table_with_holes.py --epochs 30

The rows are made here, so that what is right is known: height follows sex, and visits follow age. A seventh of the
heights and some cities are missing.
"""

from __future__ import annotations

import argparse

import numpy as np

import vitral
from vitral.data.tables import likelihood_for
from vitral.training.loop import Epoch, Plan, start, train

ROWS = 2000


def people(seed: int) -> dict[str, np.ndarray]:
    """Columns by name; a pandas or polars frame would do as well."""
    rng = np.random.default_rng(seed)
    tall, age = rng.integers(0, 2, ROWS), rng.integers(18, 90, ROWS)
    table = {
        "age": age,
        "height": 163.0 + 14.0 * tall + rng.normal(0.0, 5.0, ROWS),
        "sex": np.array(["f", "m"], dtype=object)[tall],
        "city": np.array(["Rio", "Bonn", "Oslo"], dtype=object)[rng.integers(0, 3, ROWS)],
        "visits": rng.poisson(age / 15.0),
    }
    table["height"][::7] = np.nan
    table["city"][::11] = None
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    epochs = parser.parse_args().epochs

    table = people(seed=0)
    data = vitral.load_data(table, columns=["*", "visits:count"], missing="model")
    for column in data.contract.columns:
        print(f"{column.name:>8}  {column.kind:<9} {', '.join(map(str, column.categories))}".rstrip())

    networks = {"encoder": {"hidden": [64]}, "decoder": {"hidden": [64]}}
    likelihood = likelihood_for(data.contract.columns)
    spec = vitral.Spec(5, 3, likelihood=likelihood, inputs=data.contract.inputs, **networks)
    model, plan = spec.build(), Plan(epochs=epochs, batch=64, rate=3e-3)
    state = start(model, model.init(0, data=data.train.take(slice(None))), plan)
    for event, _ in train(model, data, plan, state, seed=0):
        if isinstance(event, Epoch) and (event.last or event.record["epoch"] % 10 == 0):
            print(f"epoch {event.record['epoch']}: validation ELBO {event.record['validation']['elbo']:.2f} nats")

    trained = vitral.TrainedModel(spec, model, state.result(plan), data.contract, {})
    holes = np.isnan(table["height"])
    filled = trained.impute(table).values["height"][holes]
    for sex in ("f", "m"):
        mean = filled[table["sex"][holes] == sex].mean()
        print(f"height filled in for {sex}: {mean:.1f} on average")

    usual = {"age": [40], "height": [177.0], "sex": ["m"], "city": ["Rio"], "visits": [3]}
    for name, height in (("usual", 177.0), ("a giant", 240.0), ("no height", np.nan)):
        print(f"log p of a row, {name}: {trained.score(usual | {'height': [height]})[0]:.1f} nats")

    print("three new rows:")
    for row in zip(*trained.sample(3, seed=1).values(), strict=True):
        print("   ", *row)


if __name__ == "__main__":
    main()
