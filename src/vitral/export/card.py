"""The card of a model: what it is, what it was trained on, what it was measured at, what it is not for.

Every number comes from the run; what nobody knows is said to be unknown. The licence is the user's to choose.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

WORDS = {
    "elbo": "ELBO, a lower bound on log p(x)",
    "log_px_hat": "log p(x), importance-sampled",
    "bits_per_dimension": "-log p(x), bits per dimension",
    "loss": "loss, as trained",
    "kl": "rate: KL(q(z given x), p(z))",
    "distortion": "distortion: -log p(x given z)",
    "sse": "squared error of a reconstruction, summed over a row",
    "active_units": "active latent dimensions",
    "knn_accuracy": "accuracy of nearest neighbours on the codes",
    "images": "rows measured",
    "importance_samples": "importance samples a row",
    "importance_images": "rows that were importance-sampled",
}
SPLITS = {"train": "training rows", "validation": "validation rows", "test": "test rows, never trained on"}
HUB = {"mnist": "ylecun/mnist"}  # the data set's own name in the repositories that cards are read by


def card(
    spec: Mapping[str, Any],
    parameters: int,
    contract: Mapping[str, Any],
    facts: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> str:
    """The text of README.md: a head in YAML, and the card in Markdown."""
    sections = {
        "How to use it": _use(),
        "Model": _model(spec, parameters),
        "Data": _data(contract, facts),
        "Training": _training(facts),
        "Numbers": _numbers(metrics),
        "Intended use and limits": _limits(spec, contract),
        "Licence": [
            "Choose one: write it here, and its identifier in the head of this file under `license`."
        ],
    }
    body = [line for title, lines in sections.items() for line in (f"## {title}", "", *lines, "")]
    title = f"# A variational autoencoder of {_quoted(_name(facts))}"
    return "\n".join([*_head(contract, facts), title, "", *body]).rstrip() + "\n"


def _head(contract: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    image = contract.get("image_shape") is not None
    yield "---"
    yield "# license: the licence of this model, such as mit; it is yours to choose"
    yield "library_name: vitral"
    yield f"pipeline_tag: {'unconditional-image-generation' if image else 'feature-extraction'}"
    yield from ("tags:", "- vitral", "- variational-autoencoder", "- numpy")
    if _name(facts) in HUB:
        yield from ("datasets:", f"- {HUB[_name(facts)]}")
    yield from ("---", "")


def _use() -> list[str]:
    return [
        "```python",
        "import vitral",
        "",
        'model = vitral.load("the folder that this file is in")',
        "model.sample(3)         # new rows",
        "model.encode(rows)      # codes of rows of your own",
        "```",
    ]


def _model(spec: Mapping[str, Any], parameters: int) -> list[str]:
    lines = [f"- {parameters:,} parameters; rows of {spec['features']:,} numbers, codes of {spec['latent']}"]
    lines += [
        f"- {part}: `{json.dumps(spec[part])}`"
        for part in ("encoder", "decoder", "posterior", "prior", "likelihood")
    ]
    if spec.get("context"):
        lines.append(f"- conditional: {spec['context']} numbers beside each row")
    return lines


def _data(contract: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    data = facts.get("data") or {}
    lines = [f"- set: {_quoted(_name(facts))}, split: {_quoted(data.get('split', 'not known'))}"]
    if data.get("limit"):
        lines.append(f"- at most {data['limit']:,} training rows")
    lines.append(
        f"- x is measured in: {_quoted(contract.get('unit', 'not known'))}; densities are per this unit"
    )
    if contract.get("image_shape"):
        lines.append(f"- images of {' x '.join(map(str, contract['image_shape']))}")
    if contract.get("columns"):
        names = [column["name"] for column in contract["columns"]]
        lines.append(
            f"- columns: {', '.join(map(_quoted, names[:50]))}{' and more' if len(names) > 50 else ''}"
        )
    if contract.get("binary"):
        bits = contract.get("bits")
        lines.append(
            f"- bits{'' if not bits else ', drawn from grey levels by the rule ' + _quoted(bits['rule'])}"
        )
    return lines


def _training(facts: Mapping[str, Any]) -> list[str]:
    known = {
        "recipe": "recipe",
        "objective": "objective",
        "epochs": "epochs",
        "seed": "seed",
        "second_stage": "second stage",
    }
    lines = [
        f"- {words}: {_quoted(facts[key])}" for key, words in known.items() if facts.get(key) is not None
    ]
    return [
        *(lines or ["- not known"]),
        "- in NumPy, with gradients derived by hand; no deep-learning framework",
    ]


def _numbers(metrics: Mapping[str, Any]) -> list[str]:
    """One table for each split that was measured."""
    lines = [
        "In nats a row unless said otherwise; ± is the standard error over rows; z is drawn from q(z given x)."
    ]
    tables = [split for split in SPLITS if _measured(metrics.get(split))]
    for split in tables:
        entry = metrics[split]
        lines += ["", f"| {SPLITS[split]} | value |", "|---|---|"]
        lines += [f"| {WORDS[key]} | {_value(entry, key)} |" for key in WORDS if _is_number(entry.get(key))]
    if "test" not in tables:
        lines += ["", "Not measured on test rows: `vitral evaluate` does."]
    return lines


def _measured(entry: Any) -> bool:
    return isinstance(entry, Mapping) and any(_is_number(entry.get(key)) for key in WORDS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _value(entry: Mapping[str, Any], key: str) -> str:
    value, error = entry[key], entry.get(f"{key}_se")
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f} ± {error:.3f}" if _is_number(error) else f"{value:.3f}"


def _limits(spec: Mapping[str, Any], contract: Mapping[str, Any]) -> list[str]:
    rows = "images" if contract.get("image_shape") else "rows"
    return [
        f"For {rows} like those that it was trained on: codes, reconstructions, new {rows}, likelihoods, and telling",
        "usual from unusual ones.",
        "",
        f"- It knows nothing but its training data. Other {rows} get a code and a likelihood as well, and neither need",
        "  mean anything; a density can be high where no data lie.",
        f"- New {rows} are draws from a model, not records. That none of them repeats a training row was not proved.",
        "- Whatever is one-sided in the data is one-sided in the model. It was not examined for decisions on people.",
        "- Likelihoods compare only between models of the same data, in the same unit.",
    ]


def _name(facts: Mapping[str, Any]) -> str:
    return str((facts.get("data") or {}).get("name", "data that are not named"))


def _quoted(value: Any) -> str:
    """A word of somebody else's in code marks, on one line, that cannot leave them."""
    text = value if isinstance(value, str) else json.dumps(value)
    return "`" + " ".join(text.replace("`", "'").split())[:300] + "`"
