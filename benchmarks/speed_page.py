"""What benchmarks/speed.py measured, as docs/speed.md, its figure and the README's table show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, markdown, write

KEPT = Path(__file__).resolve().parent / "results" / "speed.json"
PAGE, README, FIGURE = DOCS / "speed.md", DOCS.parent / "README.md", DOCS / "figures" / "speed.png"
IMAGES = 48_000  # an epoch, to which shorter ones are scaled
TITLES = {
    "vitral": "Vitral",
    "vitral-fast": "Vitral with `[fast]`",
    "notebook": "the course notebook, float64",
    "pytorch": "PyTorch",
    "pytorch-fused": "PyTorch, fused optimiser",
    "pytorch-compile": "PyTorch, `torch.compile`",
    "pytorch-kept": "PyTorch, freed memory kept",
    "jax": "JAX, an epoch in one scan",
}
MAIN = {"network": "dense", "hidden": 400, "latent": 20, "optimiser": "adam", "batch": 128, "rows": IMAGES}
STUDY, NOTEBOOK = MAIN, MAIN | {"optimiser": "sgd", "latent": 2}
DRAWN = {
    "vitral": "#0072B2",
    "vitral-fast": "#56B4E9",
    "pytorch": "#D55E00",
    "pytorch-fused": "#E69F00",
    "jax": "#009E73",
}

Kept = dict[str, Any]
Answers = list[dict[str, Any]]


def found(kept: Kept, who: str, measurement: str, **values: Any) -> Answers:
    """What a contestant answered to a question with these values, epochs scaled to 48,000 images; or nothing."""
    for result in kept["results"]:
        one = result["case"]
        if (result["measurement"], result["who"]) == (measurement, who) and values.items() <= (one | result).items():
            scale = IMAGES / one["rows"] if result["do"] == "epoch" else 1.0
            return [answer | {"seconds": scale * answer["seconds"]} for answer in result["answers"]]
    return []


def contestants(kept: Kept) -> list[str]:
    """Who took part, in the order of the titles."""
    present = {result["who"] for result in kept["results"]}
    return [who for who in TITLES if who in present]


def middle(answers: Answers, what: str = "seconds") -> float:
    return float(np.median([answer[what] for answer in answers]))


def digits(value: float) -> str:
    """Three digits: 1.80, 27.6, 395, 1,400."""
    return f"{value:,.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"


def short(answers: Answers, unit: float = 1.0) -> str:
    """The median; a dash where nothing was asked."""
    return digits(middle(answers) / unit) if answers else "–"


def spread(answers: Answers, unit: float = 1.0) -> str:
    """The median and, in brackets, the least and the most of the rounds."""
    if not answers:
        return "–"
    times = [answer["seconds"] / unit for answer in answers]
    return f"{short(answers, unit)} ({digits(min(times))} to {digits(max(times))})"


def machine(kept: Kept) -> str:
    facts, blas = kept["machine"], kept["machine"]["blas"]
    others = "".join(f", {name} {version}" for name, version in kept["peers"].items())
    return (
        f"{facts['cores']} cores of {facts['cpu']}, {blas['name']} {blas['version']} with its {blas['kernel']} kernel; "
        f"Python {facts['python']}, NumPy {facts['numpy']}{others}; {kept['date']}. Medians of {kept['rounds']} rounds "
        "in which all take turns."
    )


def named(case: dict[str, Any]) -> str:
    return f"{ {'adam': 'Adam', 'sgd': 'SGD'}[case['optimiser']]}, L = {case['latent']}"


def epochs(kept: Kept) -> str:
    """The case of the default study and that of the course notebook, for everybody."""
    rows = [
        [TITLES[who], *(spread(found(kept, who, "epoch", **case)) for case in (STUDY, NOTEBOOK))]
        for who in contestants(kept)
    ]
    note = f"784-400-L-400-784, batch 128, 48,000 images, float32; in brackets least and most. {machine(kept)}"
    return markdown(("seconds an epoch", named(STUDY), named(NOTEBOOK)), rows, note)


def grid(kept: Kept) -> str:
    """Every batch, optimiser and latent size."""
    asked = [who for who in contestants(kept) if found(kept, who, "epoch", **MAIN | {"batch": 512})]
    rows = []
    for batch in (32, 128, 512):
        for optimiser in ("adam", "sgd"):
            for latent in (2, 20):
                case = MAIN | {"batch": batch, "optimiser": optimiser, "latent": latent}
                times = [short(found(kept, who, "epoch", **case)) for who in asked]
                rows.append([str(batch), named(case), *times])
    return markdown(("batch", "", *(TITLES[who] for who in asked)), rows, "Seconds an epoch, medians; as above.")


def conv(kept: Kept) -> str:
    """The convolutional model."""
    batches, rows = (32, 128, 512), []
    for who in contestants(kept):
        answers = [found(kept, who, "epoch", network="conv", batch=batch) for batch in batches]
        if any(answers):
            rows.append([TITLES[who], *map(spread, answers)])
    note = "4 x 4 kernels of stride 2 with 32 and 64 channels, L = 20, Adam; scaled from 4,800 images to 48,000."
    return markdown(("seconds an epoch", *(f"batch {batch}" for batch in batches)), rows, note)


def limit(kept: Kept) -> str:
    """The step's matrix products alone, and what share of an epoch they are."""
    rows = []
    for case in (one | {"batch": batch} for batch in (128, 512) for one in (STUDY, NOTEBOOK)):
        alone, *ours = (found(kept, who, "limit", **case) for who in ("products", "vitral", "vitral-fast"))
        shares = [f"{middle(alone) / middle(epoch):.0%}" if epoch else "–" for epoch in ours]
        speed = f"{middle(alone, 'gigaflop') / middle(alone):.0f}"
        rows.append([str(case["batch"]), named(case), spread(alone), speed, *shares])
    columns = ("batch", "", "products alone, seconds", "GFLOP/s", "share of Vitral's epoch", "of `[fast]`'s")
    return markdown(columns, rows, "The same shapes and the same kernel, each core with its share of the rows.")


def cold(kept: Kept) -> str:
    """From the start of a process to the end of its first epoch, and the memory it took."""
    rows = []
    for who in contestants(kept):
        answers = [found(kept, who, "cold", **case) for case in (STUDY, NOTEBOOK)]
        if all(answers):
            memory = [f"{middle(answers[0], what):.0f}" for what in ("peak_mb", "together_mb")]
            rows.append([TITLES[who], *map(spread, answers), *memory])
    columns = ("seconds to the end of the first epoch", named(STUDY), named(NOTEBOOK), "peak, MB", "together, MB")
    note = (
        "A new process every time, batch 128, 48,000 images. Peak: the most that the first process held. Together: "
        "what all processes of a contestant hold after the epoch, shared pages counted once."
    )
    return markdown(columns, rows, note)


def inference(kept: Kept) -> str:
    """One image, many images, and importance sampling."""
    asked = [who for who in contestants(kept) if found(kept, who, "inference")]
    rows = []
    for network in ("dense", "conv"):
        for do in ("encode", "decode"):
            for count, title, unit in ((1, "one image, µs", 1e-6), (10_000, "10,000 images, ms", 1e-3)):
                question = {"do": do, "network": network, "rows": count}
                times = [spread(found(kept, who, "inference", **question), unit) for who in asked]
                rows.append([f"{network}, {do} {title}", *times])
    times = [spread(found(kept, who, "importance")) for who in asked]
    rows.append(["dense, log p(x) of 20 images from 5,000 samples each, s", *times])
    return markdown(("", *(TITLES[who] for who in asked)), rows, "Pixels to posterior means, means to pixels; L = 20.")


TABLES = {"epochs": epochs, "grid": grid, "conv": conv, "limit": limit, "cold": cold, "inference": inference}


def readme(kept: Kept) -> str:
    """The main numbers in one table."""
    rows = []
    for who in contestants(kept):
        if who not in ("pytorch-compile", "pytorch-kept"):
            answers = (
                found(kept, who, "epoch", **STUDY),
                found(kept, who, "epoch", **NOTEBOOK),
                found(kept, who, "epoch", network="conv", batch=128),
                found(kept, who, "cold", **STUDY),
            )
            rows.append([TITLES[who], *map(short, answers)])
    columns = ("seconds an epoch", named(STUDY), named(NOTEBOOK), "convolutions", "first epoch, from a cold start")
    note = f"48,000 images, batch 128; 784-400-L-400-784, and two convolutions each way. {machine(kept)}"
    return markdown(columns, rows, note)


def scaling(kept: Kept, who: str, name: str) -> list[tuple[int, float]]:
    """Images per second against one value of the case, all others as in the main one (rows: always 9,600, or any)."""
    points = {}
    for result in kept["results"]:
        case = result["case"]
        alike = all(case[key] == MAIN[key] for key in MAIN.keys() - {name, "rows"})
        same_rows = name == "rows" or case["rows"] == 9_600
        if (result["measurement"], result["who"]) == ("scaling", who) and alike and same_rows:
            points[case[name]] = case["rows"] / middle(result["answers"])
    return sorted(points.items())


def draw(kept: Kept, file: Path) -> None:
    """Images per second against hidden width, batch and data size, a line for each contestant."""
    import matplotlib.pyplot as plt

    panels = {"hidden": "hidden units", "batch": "images in a batch", "rows": "images in an epoch"}
    figure, axes = plt.subplots(1, 3, figsize=(11.0, 3.6), sharey=True, layout="constrained")
    for axis, (name, label) in zip(axes, panels.items(), strict=True):
        for who in (who for who in contestants(kept) if who in DRAWN):
            across, up = zip(*scaling(kept, who, name), strict=True)
            axis.plot(across, up, "o-", color=DRAWN[who], markersize=4, label=TITLES[who].replace("`", ""))
        axis.set(xscale="log", yscale="log", xlabel=label)
        axis.set_xticks(across, [f"{tick:,}" for tick in across])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("images per second")
    ticks = [5_000, 10_000, 20_000, 50_000]
    axes[0].set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(file, dpi=160)
    plt.close(figure)


def write_all() -> None:
    """Every table and the figure, from what is kept."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    for name, table in TABLES.items():
        write(PAGE, name, table(kept))
    write(README, "speed", readme(kept))
    draw(kept, FIGURE)
