"""Steps 4 to 6: reconstructions, the latent space, generation."""

from __future__ import annotations

import numpy as np

from vitral.report.context import Context
from vitral.report.estimates import difference, estimate
from vitral.report.geometry import RADII, prior_mass_within, share_of_tiles_beyond
from vitral.report.markup import Html, details, join, table
from vitral.report.sections.claims import verdict
from vitral.report.sections.setup import per_pixel, root


def reconstructions(c: Context) -> Html:
    parts = [c.p("reconstructions.text"), c.figures("reconstructions"), error_table(c)]
    for name in ("reconstruction_draws", "reconstruction_history"):
        if any(planned.name == name for planned in c.planned):
            parts += [c.heading(f"{name}.heading"), c.p(f"{name}.text"), c.figures(name)]
    return join([*parts, c.notebook("reconstructions.notebook.stretch", "reconstructions.notebook.blur")])


def error_table(c: Context) -> Html:
    words, features, rows = c.words, c.run.data.get("features"), []
    for name in c.run.ordered:
        sampled, mean = estimate(c.run, name, "sse"), estimate(c.run, name, "sse_at_mean")
        pca = c.run.baseline("pca", c.run.latent(name))
        value = sampled.value if sampled else None
        gap = difference(sampled, pca)
        rows.append(
            (
                c.label(name),
                words.measured(value, sampled.error if sampled else None),
                words.number(mean.value if mean else None),
                per_pixel(c, value, features),
                root(c, value, features),
                words.number(pca),
                words.measured(gap.value, gap.error, signed=True) if gap else words.text("number.none"),
                verdict(c, gap),
            )
        )
    keys = (
        "model",
        "sse_sampled",
        "sse_at_mean",
        "per_feature",
        "rmse",
        "pca_same_size",
        "pca_gap",
        "verdict",
    )
    return table(c.html("table.errors"), [words.text(f"column.{key}") for key in keys], rows)


def latent_space(c: Context) -> Html:
    plain = all(c.run.plain_prior(name) for name in c.run.vaes)
    values = {
        "prior": c.words.text("prior.standard" if plain else "prior.other"),
        "labels": c.words.text(f"latent.labels.{'given' if c.run.data.get('context') == 'labels' else 'unused'}"),
    }
    parts = [c.p("latent.text", **values), c.figures("latent_map")]
    parts += [
        circle_table(c, name)
        for name in c.run.vaes
        if f"{name}/codes" in c.run.arrays and c.run.latent(name) == 2 and c.run.plain_prior(name)
    ]
    if any(planned.name == "latent_map_beside" for planned in c.planned):
        parts += [c.heading("latent.beside"), c.p("latent.beside.text"), c.figures("latent_map_beside")]
    if any(planned.name == "latent_projections" for planned in c.planned):
        parts += [c.heading("latent.larger"), c.p("latent.larger.text"), c.figures("latent_projections")]
    parts += [c.heading("latent.kl"), c.p("latent.kl.text"), c.figures("kl_per_dimension"), kl_summary(c)]
    parts += [kl_table(c, name) for name in c.run.vaes if c.run.scores(name, "test").get("kl_per_dimension")]
    return join(
        [
            *parts,
            c.notebook("latent.notebook.continuity", "latent.notebook.separation", "latent.notebook.axes"),
        ]
    )


def circle_table(c: Context, name: str) -> Html:
    """Mass of the prior inside each circle, and the share of the test codes (means of q) found there."""
    distance = np.linalg.norm(c.run.arrays[f"{name}/codes"], axis=1)
    rows = [
        (
            str(radius),
            c.words.percent(prior_mass_within(radius), 1),
            c.words.percent(float(np.mean(distance <= radius)), 1),
        )
        for radius in RADII
    ]
    headers = [c.words.text(f"column.{key}") for key in ("radius", "prior_mass", "code_share")]
    return table(
        c.html("table.circles", model=c.label(name), count=c.words.integer(len(distance))), headers, rows
    )


def kl_summary(c: Context) -> Html:
    words, rows = c.words, []
    for name in c.run.ordered:
        test = c.run.scores(name, "test")
        active = test.get("active_units")
        total = c.words.text("count.of", count=words.integer(active), total=c.run.latent(name))
        accuracy = words.percent(test.get("knn_accuracy"), 1)
        rows.append(
            (
                c.label(name),
                words.number(test.get("kl")),
                total if active is not None else words.number(None),
                accuracy,
            )
        )
    headers = [words.text(f"column.{key}") for key in ("model", "kl", "active", "knn")]
    caption = c.html(
        "table.latent",
        threshold=words.plain(c.run.protocol.get("active_threshold")),
        neighbours=c.run.protocol.get("neighbours") or words.text("number.none"),
    )
    return table(caption, headers, rows)


def kl_table(c: Context, name: str) -> Html:
    test, words = c.run.scores(name, "test"), c.words
    whole = test["kl_per_dimension"]
    parts = [test.get(f"kl_{part}_per_dimension") or [None] * len(whole) for part in ("location", "width")]
    order = sorted(range(len(whole)), key=lambda index: -whole[index])
    rows = [
        (str(index + 1), *(words.number(column[index], 3) for column in (whole, *parts))) for index in order
    ]
    headers = [words.text(f"column.{key}") for key in ("dimension", "kl", "kl_location", "kl_width")]
    caption = c.html("table.kl", model=c.label(name))
    return details(caption, table(caption, headers, rows))


def generation(c: Context) -> Html:
    if not c.run.shows_images:
        return c.p("generation.not_images")
    parts = [c.p("generation.text"), c.figures("prior_samples")]
    if any(planned.name == "traversals" for planned in c.planned):
        parts += [c.heading("generation.traversals"), c.p("generation.traversals.text"), c.figures("traversals")]
    flat = [planned.model for planned in c.planned if planned.name == "grid_linear"]
    if flat:
        parts += [c.heading("generation.grids"), c.p("generation.grids.text"), c.figures("grid_linear")]
        parts += [tile_table(c, name) for name in flat if f"{name}/grid_linear_axis" in c.run.arrays]
        parts += [c.figures("grid_quantile")]
    parts += [
        c.heading("generation.interpolation"),
        c.p("generation.interpolation.text"),
        c.figures("interpolation"),
    ]
    return join(
        [
            *parts,
            c.notebook("generation.notebook.means", "generation.notebook.grid", "generation.notebook.pair"),
        ]
    )


def tile_table(c: Context, name: str) -> Html:
    """How many tiles of the linear grid lie where the prior has almost nothing."""
    axis = c.run.arrays[f"{name}/grid_linear_axis"]
    rows = [
        (
            str(radius),
            c.words.percent(share_of_tiles_beyond(axis, radius), 1),
            c.words.percent(1 - prior_mass_within(radius), 1),
        )
        for radius in RADII
    ]
    headers = [c.words.text(f"column.{key}") for key in ("radius", "tiles_beyond", "mass_beyond")]
    return table(c.html("table.tiles", model=c.label(name)), headers, rows)
