"""From a run folder to each figure of the catalogue: picks the numbers and arrays, names the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from vitral.report.catalogue import Planned
from vitral.report.estimates import estimate, seed_values
from vitral.report.figures.comparison import Point, scores_figure
from vitral.report.figures.curves import Track, loss_figure, validation_figure
from vitral.report.figures.grid import latent_grid_figure
from vitral.report.figures.images import image_gallery, reconstruction_figure
from vitral.report.figures.interpolation import interpolation_figure
from vitral.report.figures.kl import Dimensions, kl_figure
from vitral.report.figures.latent_map import latent_map_figure, projection_figure
from vitral.report.figures.variants import Row, Spot, rate_distortion_figure, variants_figure
from vitral.report.labels import latent_sizes, model_label, pca_label, shown_epochs
from vitral.report.language import Language
from vitral.report.run_folder import RunFolder


def draw(run: RunFolder, planned: Planned, words: Language) -> Figure:
    """The figure that the catalogue plans, in one language."""
    return DRAW[planned.name](run, planned.model, words)


def _title(name: str, words: Language, **values: object) -> str:
    return words.text(f"figure.{name}.title", **values)


def _data_samples(run: RunFolder, _: str | None, words: Language) -> Figure:
    return image_gallery(
        run.arrays["data_samples"], run.image_shape, columns=8, labels=run.array("data_sample_labels"),
        title=_title("data_samples", words), language=words,
    )  # fmt: skip


def _track(run: RunFolder, name: str, words: Language) -> Track:
    constant = run.models[name].get("loss_constant") or 0.0
    return Track(model_label(run, name, words), run.progress[name], constant, run.seed_progress(name))


def _baselines(run: RunFolder, words: Language, sizes: list[int]) -> dict[str, float]:
    """Squared errors on validation rows, which is what the curves show."""
    found = {words.text("model.mean_image"): run.baseline("mean_image", split="validation_")}
    found |= {pca_label(size, words): run.baseline("pca", size, "validation_") for size in sizes}
    return {name: value for name, value in found.items() if value is not None}


def _loss_curves(run: RunFolder, name: str, words: Language) -> Figure:
    baselines = _baselines(run, words, [run.latent(name)])
    title = _title("loss_curves", words, model=model_label(run, name, words))
    return loss_figure(_track(run, name, words), baselines=baselines, title=title, language=words)


def _validation_curves(run: RunFolder, _: str | None, words: Language) -> Figure:
    tracks = [_track(run, name, words) for name in run.ordered if run.progress.get(name)]
    baselines = _baselines(run, words, latent_sizes(run))
    return validation_figure(
        tracks, baselines=baselines, title=_title("validation_curves", words), language=words
    )


def _reconstructions(run: RunFolder, _: str | None, words: Language) -> Figure:
    rows = {words.text("row.original"): run.arrays["originals"]}
    for size in latent_sizes(run):
        rows |= _named(pca_label(size, words), run.array(f"pca{size}_reconstructions"))
        for name in run.ordered:
            if run.latent(name) == size:
                rows |= _named(model_label(run, name, words), run.array(f"{name}/reconstructions"))
    return reconstruction_figure(
        rows, run.image_shape, labels=run.array("originals_labels"), title=_title("reconstructions", words),
        language=words,
    )  # fmt: skip


def _named(label: str, images: np.ndarray | None) -> dict[str, np.ndarray]:
    return {} if images is None else {label: images}


def _reconstruction_draws(run: RunFolder, name: str, words: Language) -> Figure:
    rows = {words.text("row.original"): run.arrays["originals"]}
    rows |= _named(words.text("row.at_mean"), run.array(f"{name}/reconstructions"))
    for index, images in enumerate(run.arrays[f"{name}/reconstruction_draws"], start=1):
        rows[words.text("row.draw", index=index)] = images
    title = _title("reconstruction_draws", words, model=model_label(run, name, words))
    return reconstruction_figure(
        rows, run.image_shape, labels=run.array("originals_labels"), title=title, language=words
    )


def _reconstruction_history(run: RunFolder, name: str, words: Language) -> Figure:
    strip = run.arrays[f"{name}/history_reconstructions"]
    rows = {words.text("row.original"): run.arrays["originals"]}
    for epoch, place in shown_epochs(run, name).items():
        rows[words.text("row.epoch", epoch=epoch)] = strip[place]
    title = _title("reconstruction_history", words, model=model_label(run, name, words))
    return reconstruction_figure(
        rows, run.image_shape, labels=run.array("originals_labels"), title=title, language=words
    )


def _labels_of(run: RunFolder, count: int) -> np.ndarray | None:
    labels = run.array("codes_labels")
    return labels if labels is not None and len(labels) == count else None


def _latent_map(run: RunFolder, name: str, words: Language) -> Figure:
    codes = run.arrays[f"{name}/codes"]
    heading = words.text("map.title", model=model_label(run, name, words), count=words.integer(len(codes)))
    labels, prior = _labels_of(run, len(codes)), [run.plain_prior(name)]
    return latent_map_figure([(heading, codes)], labels, prior=prior, language=words)


def _latent_map_beside(run: RunFolder, name: str, words: Language) -> Figure:
    pair = [next(other for other in run.vaes if run.latent(other) == 2), name]
    maps = [
        (model_label(run, one, words), run.arrays[f"{one}/codes"])
        for one in pair
        if f"{one}/codes" in run.arrays
    ]
    prior = [one == pair[0] and run.plain_prior(one) for one in pair if f"{one}/codes" in run.arrays]
    labels = _labels_of(run, len(maps[0][1]))
    return latent_map_figure(
        maps, labels, prior=prior, title=_title("latent_map_beside", words), language=words
    )


def _latent_projections(run: RunFolder, name: str, words: Language) -> Figure:
    points = run.arrays[f"{name}/codes_pca"]
    views = [("pca", points, _labels_of(run, len(points)))]
    if f"{name}/codes_tsne" in run.arrays:
        views.append(("tsne", run.arrays[f"{name}/codes_tsne"], run.array(f"{name}/codes_tsne_labels")))
    title = _title("latent_projections", words, model=model_label(run, name, words))
    return projection_figure(views, title=title, language=words)


def _kl_per_dimension(run: RunFolder, _: str | None, words: Language) -> Figure:
    models = []
    for name in run.vaes:
        test = run.scores(name, "test")
        parts = [test.get(f"kl_{part}_per_dimension") for part in ("location", "width")]
        if all(parts):
            models.append(Dimensions(model_label(run, name, words), *parts, test.get("active_units")))
    threshold = words.plain(run.protocol.get("active_threshold"))
    return kl_figure(models, title=_title("kl_per_dimension", words, threshold=threshold), language=words)


def _prior_samples(run: RunFolder, name: str, words: Language) -> Figure:
    """Means in rows of ten; under each of the first rows the true draws from the same z."""
    means, draws = run.arrays[f"{name}/prior_means"], run.array(f"{name}/prior_draws")
    rows: dict[str, np.ndarray] = {}
    for start in range(0, len(means) - len(means) % 10, 10):
        span = {"first": start + 1, "last": start + 10}
        rows[words.text("row.prior_mean", **span)] = means[start : start + 10]
        if draws is not None and len(draws) >= start + 10:
            rows[words.text("row.prior_draw", **span)] = draws[start : start + 10]
    title = _title("prior_samples", words, model=model_label(run, name, words))
    return reconstruction_figure(rows, run.image_shape, title=title, language=words)


def _grid(spacing: str) -> Callable[[RunFolder, str, Language], Figure]:
    def grid(run: RunFolder, name: str, words: Language) -> Figure:
        title = _title(f"grid_{spacing}", words, model=model_label(run, name, words))
        return latent_grid_figure(
            run.arrays[f"{name}/grid_{spacing}"], run.arrays[f"{name}/grid_{spacing}_axis"], run.image_shape,
            spacing=spacing, title=title, language=words,
        )  # fmt: skip

    return grid


def _interpolation(run: RunFolder, _: str | None, words: Language) -> Figure:
    blend = run.arrays["pair_blend"]
    ways = {words.text("row.blend"): blend}
    for name in run.ordered:
        ways |= _named(model_label(run, name, words), run.array(f"{name}/interpolation"))
    pairs = [{way: frames[index] for way, frames in ways.items()} for index in range(len(blend))]
    labels = run.array("pair_labels")
    ends = None if labels is None else [(first, last) for first, last in labels]
    return interpolation_figure(
        pairs, run.image_shape, ends=ends, title=_title("interpolation", words), language=words
    )


def _test_scores(run: RunFolder, _: str | None, words: Language) -> Figure:
    errors = _error_points(run, words)  # none where the values are names of categories
    panels = [(words.text("scores.sse"), words.text("axis.squared_error"), errors)] if errors else []
    for key in ("elbo", "log_px_hat"):
        points = [_point(run, name, key, model_label(run, name, words), words) for name in run.vaes]
        found = [point for point in points if point is not None]
        if found:
            panels.append((words.text(f"scores.{key}"), words.text("axis.nats"), found))
    return scores_figure(panels, title=_title("test_scores", words), language=words)


def _error_points(run: RunFolder, words: Language) -> list[Point]:
    points: list[Point | None] = [_reference(words.text("model.mean_image"), run.baseline("mean_image"))]
    for size in latent_sizes(run):
        points.append(_reference(pca_label(size, words), run.baseline("pca", size)))
        for name in run.ordered:
            if run.latent(name) == size:
                points += _model_errors(run, name, words)
    return [point for point in points if point is not None]


def _model_errors(run: RunFolder, name: str, words: Language) -> list[Point | None]:
    label = model_label(run, name, words)
    if name in run.autoencoders:
        return [_point(run, name, "sse", label, words)]
    sampled = _point(run, name, "sse", words.text("row.sampled", model=label), words)
    return [sampled, _point(run, name, "sse_at_mean", words.text("row.at_mu", model=label), words)]


def _reference(label: str, value: float | None) -> Point | None:
    return None if value is None else Point(label, value)


def _point(run: RunFolder, name: str, key: str, label: str, _: Language) -> Point | None:
    measured = estimate(run, name, key)
    if measured is None:
        return None
    seeds = seed_values(run, name, key)
    error = measured.error or None
    return Point(label, measured.value, error, seeds if len(seeds) > 1 else (), run.ordered.index(name))


def _variants(run: RunFolder, _: str | None, words: Language) -> Figure:
    panels = []
    for table in run.comparison:
        if len(table["models"]) > 1 and table.get("best"):
            heading = words.strings.get(f"scale_name.{table['scale']}", table["scale"])
            rows = [_compared(run, table, name, words) for name in table["models"]]
            panels.append((heading, rows))
    return variants_figure(panels, title=_title("variants", words), language=words)


def _compared(run: RunFolder, table: dict, name: str, words: Language) -> Row:
    found = table["models"][name]
    pairs = {key: (found.get(f"{key}_to_first"), found.get(f"{key}_to_first_se")) for key in ("log_px_hat", "elbo")}
    return Row(model_label(run, name, words), first=name == table["first"], **pairs)


def _rate_distortion(run: RunFolder, _: str | None, words: Language) -> Figure:
    """The largest table of models that share a scale; a curve through them where only beta tells them apart."""
    names = max((table["models"] for table in run.comparison), key=len)
    tests = {name: run.scores(name, "test") for name in names}
    spots = [
        Spot(model_label(run, name, words), test["kl"], test["distortion"])
        for name, test in tests.items()
        if test.get("kl") is not None and test.get("distortion") is not None
    ]
    joined = all(_only_beta(changes) for changes in run.variants.values())
    return rate_distortion_figure(spots, joined=joined, title=_title("rate_distortion", words), language=words)


def _only_beta(changes: dict) -> bool:
    objective = (changes.get("training") or {}).get("objective") or {}
    others = set(changes) - {"training"} or set(changes.get("training") or {}) - {"objective"}
    return not others and objective.get("kind", "elbo") == "elbo" and not isinstance(objective.get("beta", 1.0), dict)


def _traversals(run: RunFolder, name: str, words: Language) -> Figure:
    """The first test image moved along one dimension a row, the dimension with the most KL on top."""
    frames, dimensions = run.arrays[f"{name}/traversals"], run.arrays[f"{name}/traversal_dimensions"]
    kl = run.scores(name, "test").get("kl_per_dimension")
    rows = {}
    for place, dimension in enumerate(dimensions):
        values = {"index": int(dimension) + 1, "kl": "" if kl is None else words.number(kl[dimension])}
        rows[words.text("row.traversal" if kl is None else "row.traversal_kl", **values)] = frames[place]
    title = _title("traversals", words, model=model_label(run, name, words))
    return reconstruction_figure(rows, run.image_shape, title=title, language=words)


DRAW: dict[str, Callable[..., Figure]] = {
    "data_samples": _data_samples,
    "loss_curves": _loss_curves,
    "reconstructions": _reconstructions,
    "reconstruction_draws": _reconstruction_draws,
    "reconstruction_history": _reconstruction_history,
    "latent_map": _latent_map,
    "latent_map_beside": _latent_map_beside,
    "latent_projections": _latent_projections,
    "kl_per_dimension": _kl_per_dimension,
    "prior_samples": _prior_samples,
    "grid_linear": _grid("linear"),
    "grid_quantile": _grid("quantile"),
    "interpolation": _interpolation,
    "validation_curves": _validation_curves,
    "test_scores": _test_scores,
    "traversals": _traversals,
    "variants": _variants,
    "rate_distortion": _rate_distortion,
}
