"""Every figure of a report: its stable name, for which models it is drawn, and the arrays it is drawn from.

The strings of a figure have the keys `figure.<name>.title`, `figure.<name>.caption` and `figure.<name>.alt`;
its files are `figures/<language>/<name>.svg` and `.png`, or `<name>-<model>` where there is one a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vitral.report.run_folder import RunFolder

MANY = 12  # models of a run beyond which not each gets a figure of its own


@dataclass(frozen=True)
class Entry:
    """`models` lists the models that get a figure of their own, [None] for one figure a run, [] for none.

    `arrays` name what is read from arrays.npz; `{model}` stands for the name of the model.
    """

    name: str
    models: Callable[[RunFolder], Sequence[str | None]]
    arrays: tuple[str, ...] = ()
    images: bool = False


@dataclass(frozen=True)
class Planned:
    """One figure of one report; `missing` names the arrays that the run folder lacks for it."""

    name: str
    model: str | None
    missing: tuple[str, ...]

    @property
    def stem(self) -> str:
        return self.name if self.model is None else f"{self.name}-{self.model}"


def _once(_: RunFolder) -> list[None]:
    return [None]


def _shows_data(run: RunFolder) -> list[None]:
    return [None] if run.data.get("shows_data", True) else []


def _with_progress(run: RunFolder) -> list[str]:
    return [name for name in run.featured if any(record.get("epoch") for record in run.progress.get(name, []))]


def _any_progress(run: RunFolder) -> list[None]:
    return [None] if _with_progress(run) else []


def _some(run: RunFolder, names: list[str]) -> list[str]:
    """Of a run of many models those that get every figure, or the first two: the explorer shows all of them."""
    if len(run.models) <= MANY:
        return names
    return [name for name in names if name in run.featured] or names[:2]


def _vaes(run: RunFolder) -> list[str]:
    return _some(run, run.vaes)


def _first_vae(run: RunFolder) -> list[str]:
    return run.vaes[:1]


def _flat(run: RunFolder) -> list[str]:
    return _some(run, [name for name in run.vaes if run.latent(name) == 2])


def _planes(run: RunFolder) -> list[str]:
    """Models whose latent plane is one picture, laid out by N(0, I); a conditional model has one for each class."""
    if run.data.get("context", "none") != "none":
        return []
    return [name for name in _flat(run) if run.plain_prior(name)]


def _flat_autoencoders(run: RunFolder) -> list[str]:
    return [name for name in run.autoencoders if run.latent(name) == 2]


def _beside(run: RunFolder) -> list[str]:
    """The plain autoencoder whose map is drawn beside the first VAE's, where both have two dimensions."""
    return _flat_autoencoders(run)[:1] if _flat(run) else []


def _larger(run: RunFolder) -> list[str]:
    return [name for name in run.featured if run.latent(name) > 2]


def _featured_vaes(run: RunFolder) -> list[str]:
    return [name for name in run.vaes if name in run.featured]


def _with_kl(run: RunFolder) -> list[None]:
    return [None] if any(run.scores(name, "test").get("kl_width_per_dimension") for name in run.vaes) else []


def _with_models(run: RunFolder) -> list[None]:
    return [None] if run.models else []


def _compared(run: RunFolder) -> list[None]:
    return [None] if any(len(table["models"]) > 1 and table.get("best") for table in run.comparison) else []


def _with_distortion(run: RunFolder) -> list[None]:
    known = [name for name in run.vaes if run.scores(name, "test").get("distortion") is not None]
    return [None] if run.comparison and len(known) > 1 else []


CATALOGUE = (
    Entry("variants", _compared),
    Entry("rate_distortion", _with_distortion),
    Entry("data_samples", _shows_data, ("data_samples",), images=True),
    Entry("loss_curves", _with_progress),
    Entry("reconstructions", _with_models, ("originals",), images=True),
    Entry("reconstruction_draws", _first_vae, ("originals", "{model}/reconstruction_draws"), images=True),
    Entry("reconstruction_history", _featured_vaes, ("originals", "{model}/history_reconstructions"), images=True),
    Entry("latent_map", _flat, ("{model}/codes",)),
    Entry("latent_map_beside", _beside, ("{model}/codes",)),
    Entry("latent_projections", _larger, ("{model}/codes_pca",)),
    Entry("kl_per_dimension", _with_kl),
    Entry("traversals", _vaes, ("{model}/traversals", "{model}/traversal_dimensions"), images=True),
    Entry("prior_samples", _vaes, ("{model}/prior_means",), images=True),
    Entry("grid_linear", _planes, ("{model}/grid_linear", "{model}/grid_linear_axis"), images=True),
    Entry("grid_quantile", _planes, ("{model}/grid_quantile", "{model}/grid_quantile_axis"), images=True),
    Entry("interpolation", _once, ("pair_blend",), images=True),
    Entry("validation_curves", _any_progress),
    Entry("test_scores", _with_models),
)


def plan(run: RunFolder) -> list[Planned]:
    """The figures of a run, in the order of the report; figures of images only where the rows are images."""
    planned = []
    for entry in CATALOGUE:
        if entry.images and not run.shows_images:
            continue
        for model in entry.models(run):
            needed = [name.format(model=model) for name in entry.arrays]
            missing = tuple(name for name in needed if name not in run.arrays)
            planned.append(Planned(entry.name, model, missing))
    return planned
