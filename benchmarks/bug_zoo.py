"""What a learner sees of the bugs of the zoo: a small model, really trained with each of them, beside a sound one.

    python benchmarks/bug_zoo.py             trains (about a second each) and keeps what the page shows
    python benchmarks/bug_zoo.py --matrix    examines every bug and writes the matrix of docs/bug_zoo.md, and what of it
                                             the explorer shows
    python benchmarks/bug_zoo.py --page      writes the tables of docs/bug_zoo.md from what is kept

The data are scikit-learn's digits, 8 x 8 pixels, as bits (level above 7), split at random. The model is 64-48-8-48-64
with a Bernoulli likelihood; Adam, batches of 100. Every training has the same seed, weights and noise;
one line of the library is another one meanwhile. What is called true is measured with the library put right again.
"""

from __future__ import annotations

import argparse
import base64
import json
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, write

from vitral.checks import bounds
from vitral.checks.bugs.matrix import chosen, matrix
from vitral.checks.bugs.mutations import MUTATIONS, Mutation, planted
from vitral.checks.data import labels_belong, splits_are_disjoint
from vitral.core.randomness import draw, stream
from vitral.data import Rows
from vitral.data.digits import digits
from vitral.data.splits import random
from vitral.environment import show_versions
from vitral.model import Batch
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import Adam
from vitral.persistence import write_json
from vitral.specs import Spec

HERE = Path(__file__).resolve().parent
MATRIX = HERE / "results" / "bug_zoo.json"
SYMPTOMS = HERE.parent / "src" / "vitral" / "report" / "symptoms.json"
SHIPPED = SYMPTOMS.with_name("bugs.json")  # the part of the matrix that pages show
PAGE = DOCS / "bug_zoo.md"
SEED, LATENT, WIDTH, EPOCHS, BATCH, RATE = 0, 8, 48, 60, 100, 3e-3
SHOWN, SAMPLES, DRAWS = 8, 16, 16  # images reconstructed, images generated, draws of z behind each number
BETA = {"S03": 4.0}  # what is asked for where beta is the point
AT_EVALUATION = ("Z08", "S04", "S05")  # trained soundly, and then measured with the bug


def rows(bug: str | None) -> tuple[Rows, Rows]:
    """Training and test rows, cut with the bug planted."""
    source = digits()
    bits = (source.rows.stored > 7).astype(np.uint8)
    source = replace(source, rows=Rows(bits, source.rows.labels, 1.0))
    with ExitStack() as bugs:
        if bug in ("Z12", "Z13"):
            bugs.enter_context(planted(mutation_of(bug)))
        train, _, test = random(source, SEED)
        return source.rows.select(train), source.rows.select(test)


def mutation_of(bug: str) -> Mutation:
    return next(mutation for mutation in MUTATIONS if mutation.bug == bug)


def trained(bug: str | None, train: Rows, beta: float, epochs: int) -> tuple[Any, np.ndarray, dict[str, list]]:
    """A model, its weights, and the curves as the training itself reports them."""
    network = {"kind": "mlp", "hidden": [WIDTH]}
    model = Spec(64, LATENT, network, network, likelihood="bernoulli").build()
    x, optimiser, objective = train.take(slice(None)), Adam(), ELBO(beta)
    theta = model.init(SEED, "float32", x)
    state, step, curves = optimiser.start(theta), 0, {"loss": [], "kl": []}
    with ExitStack() as bugs:
        if bug is not None and bug not in AT_EVALUATION:
            bugs.enter_context(planted(mutation_of(bug)))
        for epoch in range(epochs):
            order, sums = stream(SEED, "order", epoch).permutation(len(x)), np.zeros(2)
            batches = np.array_split(order, len(x) // BATCH)
            for some in batches:
                step += 1
                sums += _step(model, theta, state, x[some], objective, optimiser, step)
            curves["loss"].append(_number(sums[0] / len(batches)))
            curves["kl"].append(_number(sums[1] / len(batches)))
            if curves["loss"][-1] is None:
                break
    return model, theta, curves


def _step(model, theta, state, x, objective, optimiser, step) -> np.ndarray:
    """One update; the loss and the KL that it reports."""
    noise = draw(model.posterior.noise_shapes(1, len(x)), stream(SEED, "noise", step), "float32")
    p, grad = model.views(theta), np.zeros_like(theta)
    terms, _, _ = model.run(p, Batch(x, x), noise)
    loss, backward = model.loss(p, Batch(x, x), noise, objective, len(x))
    backward(model.views(grad))
    optimiser.step(theta, grad, state, t=step, rate=RATE)
    return np.array([float(loss), float(terms.kl.sum(axis=-1).mean())])


def measured(model: Any, theta: np.ndarray, test: Rows) -> dict[str, Any]:
    """What is true of a model on the test rows, by the library as it is now: -ELBO, its terms, the KL by dimension."""
    x = test.take(slice(None), "float64")
    p = model.views(theta.astype("float64"))
    noise = draw(model.posterior.noise_shapes(DRAWS, len(x)), stream(SEED, "measure"), "float64")
    elbo = bounds.elbo_rows(model, p, x, noise)
    terms, _, _ = model.run(p, Batch(x, x), noise)
    dimensions = terms.kl.mean(axis=0)
    codes, _ = model.encode(p, x)
    kept = labels_belong(codes, test.labels, stream(SEED, "neighbours"))
    return {
        "loss": _number(-elbo.mean()),
        "reconstruction": _number(-terms.log_px.mean()),
        "kl": _number(dimensions.sum()),
        "kl_per_dimension": [_number(value) for value in dimensions],
        "active": int((dimensions > 0.1).sum()),
        "sigma": _number(np.exp(0.5 * terms.logvar).mean()),
        "neighbours": _number(kept.bound),
        "chance": _number(kept.measured),
    }


def pictures(model: Any, theta: np.ndarray, x: np.ndarray) -> dict[str, str]:
    """Reconstructions of a few images at a drawn z, and decoder means of draws from the prior, as base64 of bytes."""
    p = model.views(theta)
    noise = draw(model.posterior.noise_shapes(1, len(x)), stream(SEED, "pictures"), "float32")
    _, o, _ = model.run(p, Batch(x, x), noise)
    z = stream(SEED, "samples").standard_normal((SAMPLES, LATENT)).astype("float32")
    return {
        "reconstructions": _bytes(model.likelihood.mean(p.likelihood, o[0])),
        "samples": _bytes(model.likelihood.mean(p.likelihood, model.decoder_output(p, z, None))),
    }


def _bytes(x: np.ndarray) -> str:
    levels = np.clip(255 * np.nan_to_num(x), 0, 255).astype(np.uint8)
    return base64.b64encode(levels.tobytes()).decode("ascii")


def _number(value: Any) -> float | None:
    """Five digits of a number, or None where it is none."""
    return float(f"{float(value):.5g}") if np.isfinite(value) else None


def symptom(bug: str | None, beta: float = 1.0, epochs: int = EPOCHS) -> dict[str, Any]:
    """Everything that is shown of one training."""
    train, test = rows(bug)
    with np.errstate(all="ignore"):
        model, theta, curves = trained(bug, train, beta, epochs)
        entry = {"beta": beta, **curves, "test": measured(model, theta, test)}
        if bug is not None:
            with planted(mutation_of(bug)):
                entry["reported"] = measured(model, theta, test)["loss"]
        shared = splits_are_disjoint(train, test)
        entry["shared"], entry["shared_by_chance"] = _number(shared.measured), _number(shared.bound)
        return entry | pictures(model, theta, test.take(slice(0, SHOWN)))


def all_symptoms(epochs: int = EPOCHS) -> dict[str, Any]:
    """The sound models and every bug with changed lines, with the date and the machine."""
    began, (_, test) = time.perf_counter(), rows(None)
    runs = {f"sound {beta:g}": symptom(None, beta, epochs) for beta in {1.0, *BETA.values()}}
    for mutation in MUTATIONS:
        runs[mutation.bug] = symptom(mutation.bug, BETA.get(mutation.bug, 1.0), epochs)
        print(mutation.bug, runs[mutation.bug]["loss"][-1], runs[mutation.bug]["test"], flush=True)
    return {
        "schema": 1, "command": "python benchmarks/bug_zoo.py", "date": time.strftime("%Y-%m-%d"), "seed": SEED,
        "epochs": epochs, "batch": BATCH, "rate": RATE, "latent": LATENT, "width": WIDTH, "shown": SHOWN,
        "samples": SAMPLES, "shape": [8, 8], "data": "digits", "machine": machine(),
        "seconds": round(time.perf_counter() - began, 1), "originals": _bytes(test.take(slice(0, SHOWN))), "runs": runs,
    }  # fmt: skip


def machine() -> dict[str, Any]:
    versions = show_versions()
    return {key: versions[key] for key in ("vitral", "python", "numpy", "platform", "cpu")}


def compact(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The matrix without what it would say again and again: names and units once a law, three entries a check."""
    laws: dict[str, Any] = {}
    for bug in found:
        known = laws.setdefault(bug["family"], {})
        for law, check in bug["laws"].items():
            if law not in known or not known[law]["unit"]:
                known[law] = {key: check[key] for key in ("id", "name", "unit")}
            bug["laws"][law] = [check["measured"], check["bound"], check["passed"]]
    keys = ("id", "name", "family", "says", "caught_by", "laws")
    return {"laws": laws, "bugs": [{key: bug[key] for key in keys} for bug in found]}


def shipped(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The bugs with changed lines as the explorer's page shows them: what each law measured, the lines, the places."""
    caught = sum(any(check["passed"] is False for check in bug["laws"].values()) for bug in found)
    bugs = [
        {**{key: bug[key] for key in ("id", "name", "family", "seen")},
         "lines": [{key: line[key] for key in ("file", "right", "wrong")} for line in bug["lines"]],
         "laws": {law: {**{key: check[key] for key in ("name", "unit", "passed")},
                        **{key: None if check[key] is None else _number(check[key]) for key in ("measured", "bound")}}
                  for law, check in bug["laws"].items()}}
        for bug in found if bug["lines"]
    ]  # fmt: skip
    return {"schema": 1, "command": "python benchmarks/bug_zoo.py --matrix", "caught": caught, "total": len(found),
            "bugs": bugs}  # fmt: skip


def table(kept: dict[str, Any]) -> str:
    """Every bug, the law meant for it with its number, the others that see it, and how many of its family do not."""
    lines = []
    for bug in kept["bugs"]:
        first, *others = bug["caught_by"]
        blind = [law for law, (_, _, passed) in bug["laws"].items() if passed is True]
        number = said(*bug["laws"][first], kept["laws"][bug["family"]][first]["unit"])
        also = ", ".join(f"`{law}`" for law in others) or "–"
        lines.append([bug["id"], bug["name"], bug["family"], f"`{first}`", number, also, str(len(blind))])
    note = f"{len(kept['bugs'])} bugs; {kept['machine']['cpu']}, NumPy {kept['machine']['numpy']}; {kept['date']}."
    columns = ("id", "bug", "family", "caught by", "measured (bound)", "also seen by", "laws that do not see it")
    return markdown(columns, lines, note)


def said(measured: float | None, bound: float, passed: bool, unit: str) -> str:
    """1.2e+03 (5 standard errors)"""
    value = "∞" if measured is None else f"{measured:.2g}"
    return f"{value} ({bound:.2g} {unit})".replace("-", "−")


def symptoms_table(kept: dict[str, Any]) -> str:
    """Of every training: what it reports, and what is true of the model on test rows."""
    def cell(value: float | None) -> str:
        written = "–" if value is None else f"{value:.3g}" if abs(value) >= 1e6 else f"{value:.1f}"
        return written.replace("-", "−")

    lines = []
    for name, run in kept["runs"].items():
        test = run["test"]
        lines.append([name, cell(run["loss"][-1]), cell(run["kl"][-1]), cell(run.get("reported")), cell(test["loss"]),
                      cell(test["reconstruction"]), cell(test["kl"]), f"{test['active']} of {kept['latent']}"])
    note = (
        f"Digits as bits, {kept['epochs']} epochs, seed {kept['seed']}, one training each; nats an image; "
        f"{kept['machine']['cpu']}; {kept['date']}. Active: a KL above 0.1 nats."
    )
    reported = ("last training loss as reported", "KL as reported", "test −ELBO as reported")
    columns = ("planted", *reported, "test −ELBO, true", "reconstruction", "KL, true", "active")
    return markdown(columns, lines, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--matrix", action="store_true", help="examine every bug instead of training")
    parser.add_argument("--page", action="store_true", help="only write the tables")
    asked = parser.parse_args()
    if asked.matrix:
        found = matrix(chosen(()), announce=print)
        write_json(SHIPPED, shipped(found))
        write_json(MATRIX, {"schema": 1, "command": "python benchmarks/bug_zoo.py --matrix",
                            "date": time.strftime("%Y-%m-%d"), "seed": 0, "machine": machine(), **compact(found)})
    elif not asked.page:
        write_json(SYMPTOMS, all_symptoms())
    for name, file, make in (("bugs", MATRIX, table), ("symptoms", SYMPTOMS, symptoms_table)):
        if file.exists():
            write(PAGE, name, make(json.loads(file.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
