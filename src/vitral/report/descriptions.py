"""Alternative texts of the figures: what a reader who cannot see a figure would need from it, in numbers."""

from __future__ import annotations

from collections.abc import Callable

from vitral.report.catalogue import Planned
from vitral.report.labels import latent_sizes, model_label, pca_label, shown_epochs
from vitral.report.language import Language
from vitral.report.run_folder import RunFolder

Values = dict[str, object]


def alternative(run: RunFolder, planned: Planned, words: Language) -> str:
    """The alternative text of one figure in one language."""
    values = VALUES.get(planned.name, _nothing)(run, planned.model, words)
    model = model_label(run, planned.model, words) if planned.model else ""
    return words.text(f"figure.{planned.name}.alt", **({"model": model} | values))


def _nothing(run: RunFolder, model: str | None, words: Language) -> Values:
    return {}


def _data_samples(run: RunFolder, _: str | None, words: Language) -> Values:
    labels = run.array("data_sample_labels")
    listed = words.text("number.none") if labels is None else ", ".join(str(label) for label in labels)
    return {"count": len(run.arrays["data_samples"]), "labels": listed}


def _loss_curves(run: RunFolder, name: str, words: Language) -> Values:
    records = [record for record in run.progress[name] if record.get("epoch")]
    first, last = records[0], records[-1]
    return {
        "first_epoch": first["epoch"],
        "last_epoch": last["epoch"],
        "first": words.number(first["validation"].get("loss")),
        "last": words.number(last["validation"].get("loss")),
        "train": words.number((last.get("train") or {}).get("loss")),
        "sse": words.number(last["validation"].get("sse")),
    }


def _squared_errors(run: RunFolder, key: str, words: Language) -> str:
    parts = []
    for size in latent_sizes(run):
        if run.baseline("pca", size) is not None:
            parts.append(f"{pca_label(size, words)} {words.number(run.baseline('pca', size), 1)}")
        for name in run.ordered:
            if run.latent(name) == size:
                parts.append(
                    f"{model_label(run, name, words)} {words.number(run.scores(name, 'test').get(key), 1)}"
                )
    return "; ".join(parts)


def _reconstructions(run: RunFolder, _: str | None, words: Language) -> Values:
    return {"count": len(run.arrays["originals"]), "errors": _squared_errors(run, "sse_at_mean", words)}


def _reconstruction_draws(run: RunFolder, name: str, words: Language) -> Values:
    test = run.scores(name, "test")
    return {"at_mean": words.number(test.get("sse_at_mean")), "sampled": words.number(test.get("sse"))}


def _reconstruction_history(run: RunFolder, name: str, words: Language) -> Values:
    return {"epochs": words.listed([str(epoch) for epoch in shown_epochs(run, name)])}


def _latent_map(run: RunFolder, name: str, words: Language) -> Values:
    test = run.scores(name, "test")
    return {
        "count": words.integer(len(run.arrays[f"{name}/codes"])),
        "neighbours": run.protocol.get("neighbours") or words.text("number.none"),
        "accuracy": words.percent(test.get("knn_accuracy"), 1),
    }


def _latent_map_beside(run: RunFolder, name: str, words: Language) -> Values:
    vae = next(other for other in run.vaes if run.latent(other) == 2)
    return {
        "vae_accuracy": words.percent(run.scores(vae, "test").get("knn_accuracy"), 1),
        "accuracy": words.percent(run.scores(name, "test").get("knn_accuracy"), 1),
    }


def _kl_per_dimension(run: RunFolder, _: str | None, words: Language) -> Values:
    parts = [
        words.text(
            "figure.kl_per_dimension.part",
            model=model_label(run, name, words),
            kl=words.number(run.scores(name, "test").get("kl")),
            active=words.integer(run.scores(name, "test").get("active_units")),
            total=run.latent(name),
        )
        for name in run.vaes
    ]
    return {"parts": "; ".join(parts)}


def _grid(run: RunFolder, name: str, words: Language) -> Values:
    return {"count": len(next(run.arrays[key] for key in run.arrays if key.startswith(f"{name}/grid_")))}


def _interpolation(run: RunFolder, _: str | None, words: Language) -> Values:
    labels = run.array("pair_labels")
    pairs = [] if labels is None else [words.text("interpolation.pair", first=a, last=b) for a, b in labels]
    return {"pairs": words.listed(pairs) or words.text("number.none")}


def _validation_curves(run: RunFolder, _: str | None, words: Language) -> Values:
    parts = []
    for name in run.ordered:
        if run.progress.get(name):
            last = run.progress[name][-1]["validation"]
            parts.append(
                words.text(
                    "figure.validation_curves.part",
                    model=model_label(run, name, words),
                    elbo=words.number(last.get("elbo")),
                    sse=words.number(last.get("sse")),
                )
            )
    return {"parts": "; ".join(parts)}


def _test_scores(run: RunFolder, _: str | None, words: Language) -> Values:
    return {
        "mean_image": words.number(run.baseline("mean_image"), 1),
        "errors": _squared_errors(run, "sse", words),
    }


def _variants(run: RunFolder, _: str | None, words: Language) -> Values:
    parts = []
    for table in run.comparison:
        for name, found in table["models"].items():
            if found.get("log_px_hat_to_first", found.get("elbo_to_first")) is not None:
                key = "log_px_hat" if found.get("log_px_hat_to_first") is not None else "elbo"
                value, error = found[f"{key}_to_first"], found.get(f"{key}_to_first_se")
                parts.append(f"{model_label(run, name, words)} {words.measured(value, error, signed=True)}")
    first = next((table["first"] for table in run.comparison), None)
    label = words.text("number.none") if first is None else model_label(run, first, words)
    return {"first": label, "parts": "; ".join(parts)}


def _rate_distortion(run: RunFolder, _: str | None, words: Language) -> Values:
    parts = [
        words.text(
            "figure.rate_distortion.part",
            model=model_label(run, name, words),
            rate=words.number(run.scores(name, "test").get("kl"), 1),
            distortion=words.number(run.scores(name, "test").get("distortion"), 1),
        )
        for name in run.vaes
    ]
    return {"parts": "; ".join(parts)}


def _traversals(run: RunFolder, name: str, words: Language) -> Values:
    dimensions = run.arrays[f"{name}/traversal_dimensions"]
    return {"count": len(dimensions), "first": int(dimensions[0]) + 1}


VALUES: dict[str, Callable[..., Values]] = {
    "data_samples": _data_samples,
    "loss_curves": _loss_curves,
    "reconstructions": _reconstructions,
    "reconstruction_draws": _reconstruction_draws,
    "reconstruction_history": _reconstruction_history,
    "latent_map": _latent_map,
    "latent_map_beside": _latent_map_beside,
    "kl_per_dimension": _kl_per_dimension,
    "grid_linear": _grid,
    "grid_quantile": _grid,
    "interpolation": _interpolation,
    "validation_curves": _validation_curves,
    "test_scores": _test_scores,
    "traversals": _traversals,
    "variants": _variants,
    "rate_distortion": _rate_distortion,
}
