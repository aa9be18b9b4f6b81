"""Run folders with made-up numbers: the whole schema, tiny arrays, everything drawn from one seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SIDE, STEPS, TILES = 4, 12, 15
VAES = (2, 3)
RECIPE = 'name = "synthetic"\n\n[training]\nepochs = 3\n'


def write_run(
    folder: Path,
    *,
    vaes=VAES,
    autoencoder=True,
    images=True,
    labels=True,
    shows_data=True,
    seeds=2,
    notebook=False,
    variants=None,
    name="synthetic",
) -> Path:
    """Write metrics.json, environment.json, recipe.toml, progress/ and arrays.npz.

    ``variants`` are differences to the first one in log p(x), by name, in place of models of several sizes.
    """
    rng = np.random.default_rng(7)
    kinds = {f"latent-{size}": ("vae", size) for size in vaes}
    if variants:
        kinds = {f"latent-3-{variant}": ("vae", 3) for variant in variants}
    if autoencoder:
        kinds["autoencoder-2"] = ("autoencoder", 2)
    models = {
        model: model_entry(rng, kind, size, seeds if kind == "vae" else 1)
        for model, (kind, size) in kinds.items()
    }
    metrics = {
        "schema": 1,
        "recipe": name,
        "vitral": "0.1.0",
        "seed": 0,
        "data": data_entry(images, labels, shows_data),
        "protocol": PROTOCOL,
        "baselines": baselines(rng, sorted({size for _, size in kinds.values()})),
        "models": models,
        "notebook": replay(models) if notebook else None,
    }
    if variants:
        metrics |= compared(models, variants)
    write(folder / "metrics.json", json.dumps(metrics))
    write(folder / "environment.json", json.dumps(ENVIRONMENT))
    write(folder / "recipe.toml", RECIPE)
    for model, (kind, _) in kinds.items():
        write_progress(folder, rng, model, kind, seeds if kind == "vae" else 1)
    np.savez(folder / "arrays.npz", **arrays(rng, kinds, labels=labels, shows_data=shows_data))
    return folder


def compared(models, variants):
    """What a recipe with variants adds: changes, and one table of differences, each with an error of 0.1."""
    names = [name for name in models if name.startswith("latent")]
    for name, variant in zip(names, variants, strict=True):
        models[name]["variant"] = variant
        models[name]["objective"] = {"kind": "elbo", "beta": 1.0 if variant == "standard" else 0.5}
    best = max(names, key=lambda name: list(variants.values())[names.index(name)])
    gaps = dict(zip(names, variants.values(), strict=True))

    def row(name):
        pairs = {"first": gaps[name], "best": gaps[name] - gaps[best]}
        found = {}
        for where, value in pairs.items():
            itself = name == {"first": names[0], "best": best}[where]
            for key, extra in (("elbo", -0.05), ("log_px_hat", 0.0)):
                found[f"{key}_to_{where}"] = None if itself else value + extra
                found[f"{key}_to_{where}_se"] = None if itself else 0.1
        return found

    table = {"scale": "mass", "by": "log_px_hat", "first": names[0], "best": best}
    changes = {name: {} if name == "standard" else {"model": {"prior": {"kind": name}}} for name in variants}
    return {"variants": changes, "comparison": [{**table, "models": {name: row(name) for name in names}}]}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


PROTOCOL = {
    "batch": 128,
    "optimiser": {"kind": "adam", "b1": 0.9, "b2": 0.999, "eps": 1e-8},
    "rate": 0.001,
    "dtype": "float32",
    "objective": {"kind": "elbo", "beta": 1.0, "kl": "closed"},
    "draws": 1,
    "importance_samples": 100,
    "importance_images": 50,
    "neighbours": 10,
    "neighbour_rows": 300,
    "tsne_rows": 40,
    "monitor_rows": 100,
    "active_threshold": 0.01,
}

ENVIRONMENT = {
    "vitral": "0.1.0",
    "python": "3.11.7",
    "platform": "Linux",
    "cpu": "a processor",
    "cores": 2,
    "numpy": "2.4.6",
    "blas": {"name": "openblas", "version": "0.3", "kernel": "Haswell", "threads": 2},
    "seed": 0,
    "command": "vitral study --recipe synthetic",
    "started": "2026-01-02T03:04:05+00:00",
    "wall_seconds": 83.4,
    "commit": "0123abc",
}


def data_entry(images, labels, shows_data):
    return {
        "name": "synthetic",
        "split": "official",
        "train": 300,
        "validation": 60,
        "test": 60,
        "features": SIDE * SIDE,
        "image_shape": [SIDE, SIDE] if images else None,
        "classes": list(range(10)) if labels else None,
        "unit": "pixel intensity, 0 to 1",
        "binarisation": "none",
        "shows_data": shows_data,
    }


def baselines(rng, sizes):
    pca = {str(size): {"sse": 40.0 / size, "validation_sse": 41.0 / size} for size in sizes}
    return {"mean_image": {"sse": 52.5, "validation_sse": 52.25}, "pca": pca}


def scores(rng, kind, size):
    """The numbers of one split: SSE below PCA's 40 / size, ELBO rising with the latent size."""
    sse, kl = 30.0 / size + rng.uniform(0, 0.1), 1.5 * size + rng.uniform(0, 0.1)
    loss = 100.0 - 10 * size + rng.uniform(0, 1)
    vae = kind == "vae"
    width = (np.full(size, kl / size) * 0.6).tolist()
    location = (np.full(size, kl / size) * 0.4).tolist()
    return {
        "loss": loss,
        "loss_se": 0.5,
        "elbo": -loss if vae else None,
        "elbo_se": 0.5 if vae else None,
        "elbo_same_images": -loss + 0.5 if vae else None,
        "log_px_hat": -loss + 2 if vae else None,
        "log_px_hat_se": 0.6 if vae else None,
        "importance_samples": 100 if vae else None,
        "importance_images": 50 if vae else None,
        "sse": sse,
        "sse_se": 0.2,
        "kl": kl if vae else None,
        "kl_se": 0.1 if vae else None,
        "distortion": loss - kl if vae else loss,
        "distortion_se": 0.4,
        "loss_at_mean": loss - 0.4 * size,
        "sse_at_mean": sse - 0.3 if vae else sse,
        "mu_shortcut_measured": 0.4 * size if vae else None,
        "mu_shortcut_predicted": 0.45 * size if vae else None,
        "active_units": size if vae else None,
        "kl_per_dimension": [a + b for a, b in zip(location, width, strict=True)] if vae else None,
        "kl_location_per_dimension": location if vae else None,
        "kl_width_per_dimension": width if vae else None,
        "knn_accuracy": 0.5 + 0.1 * size,
        "bits_per_dimension": 0.25 if vae else None,
        "images": 60,
    }


def model_entry(rng, kind, size, seeds):
    runs = [
        {"seed": seed, **{split: scores(rng, kind, size) for split in ("validation", "test")}}
        for seed in range(seeds)
    ]
    entry = {
        "kind": kind,
        "latent": size,
        "parameters": 1234 + size,
        "epochs": 3,
        "seed": 0,
        "hidden": [8],
        "encoder": {"kind": "mlp", "hidden": [8], "activation": "relu"},
        "decoder": {"kind": "mlp", "hidden": [8], "activation": "relu"},
        "likelihood": {"kind": "gaussian_learned", "link": "sigmoid", "floor": 1e-6}
        if kind == "vae"
        else None,
        "variance": 0.0625 if kind == "vae" else None,
        "residual_variance": 0.0625 if kind == "vae" else None,
        "loss_constant": 0.0,
        "implied_beta": 1.125 if kind == "vae" else None,
        "train": scores(rng, kind, size),
        "validation": runs[0]["validation"],
        "test": dict(runs[0]["test"]),
        "slope_at_stop": -0.75,
        "information": INFORMATION if kind == "vae" else None,
        "findings": FINDINGS if kind == "vae" and size == 3 else [],
        "checks": {"passed": 2, "total": 2, "items": CHECKS},
        "seeds": runs,
    }
    if seeds > 1 and kind == "vae":
        for key in ("elbo", "sse"):
            entry["test"][f"{key}_sd"] = float(np.std([run["test"][key] for run in runs], ddof=1))
    return entry


def check(id, name, measured, bound, unit, passed):
    return {"id": id, "name": name, "measured": measured, "bound": bound, "unit": unit, "passed": passed}


INFORMATION = {"marginal_kl": 1.25, "mutual_information": 3.5, "log_images": 4.1, "holes": 0.15}
FINDINGS = [
    {"kind": "dead_dimensions", "severity": "warning", "numbers": {"dead": 2, "latent": 3, "dimensions": [1, 3]}},
    {"kind": "of another version", "severity": "note", "numbers": {}},
]
CHECKS = [
    check("E03", "moments of sampled z", 1.25, 5.0, "standard errors", True),
    check("E09", "gradient, random directions", 2e-9, 1e-6, "relative error", True),
    check("E10", "ELBO - log p(x)", None, None, "", None),
]


def replay(models):
    return {
        model: {
            "published_loss_at_mean": 46.709,
            "loss_at_mean": 46.7125,
            "first_epoch": {
                "train_running": 76.386,
                "validation_at_mean": 54.893,
                "published_train_running": 76.385,
                "published_validation_at_mean": 54.892,
            },
        }
        for model in models
        if model.startswith("latent")
    }


def write_progress(folder, rng, model, kind, seeds):
    for seed in range(seeds):
        lines = [json.dumps(record(rng, epoch, kind)) for epoch in range(4)]
        stem = model if seed == 0 else f"{model}-seed{seed}"
        write(folder / "progress" / f"{stem}.jsonl", "\n".join(lines) + "\n")


def record(rng, epoch, kind):
    def terms():
        loss = 200.0 / (epoch + 1) + rng.uniform(0, 1)
        vae = kind == "vae"
        return {"loss": loss, "elbo": -loss if vae else None, "sse": loss / 4, "kl": 2.5 if vae else None}

    return {
        "epoch": epoch,
        "step": 3 * epoch,
        "seconds": 0.5 * epoch,
        "train": terms(),
        "validation": terms(),
    }


def arrays(rng, kinds, *, labels, shows_data):
    size = SIDE * SIDE

    def images(*shape):
        return rng.random((*shape, size), dtype=np.float32)

    found = {"originals": images(10), "pair_blend": images(2, STEPS)}
    if shows_data:
        found |= {"data_samples": images(16)}
    if labels:
        found |= {"originals_labels": np.arange(10), "pair_labels": np.array([[1, 7], [4, 0]])}
        found |= {"codes_labels": np.arange(60) % 10}
        found |= {"data_sample_labels": np.arange(16) % 10} if shows_data else {}
    for model, (kind, latent) in kinds.items():
        found |= {f"pca{latent}_reconstructions": images(10)}
        found |= {f"{model}/{key}": value for key, value in model_arrays(rng, images, kind, latent).items()}
    return found


def model_arrays(rng, images, kind, latent):
    found = {
        "reconstructions": images(10),
        "history_epochs": np.array([0, 1, 3]),
        "history_reconstructions": images(3, 10),
        "codes": rng.normal(size=(60, latent)).astype(np.float32),
        "interpolation": images(2, STEPS),
    }
    if latent > 2:
        found |= {"codes_pca": rng.normal(size=(60, 2)), "codes_tsne": rng.normal(size=(40, 2))}
        found |= {"codes_tsne_labels": np.arange(40) % 10}
    if kind == "autoencoder":
        return found
    found["codes_logvar"] = np.linspace(-6.0, -1.0, 60 * latent, dtype=np.float32).reshape(60, latent)
    found |= {"traversals": images(latent, STEPS), "traversal_dimensions": np.arange(latent)[::-1]}
    found |= {"reconstruction_draws": images(3, 10), "prior_means": images(40), "prior_draws": images(20)}
    if latent == 2:
        found |= {"grid_linear": images(TILES, TILES), "grid_linear_axis": np.linspace(-3, 3, TILES)}
        found |= {"grid_quantile": images(TILES, TILES), "grid_quantile_axis": np.linspace(-1.8, 1.8, TILES)}
    return found
