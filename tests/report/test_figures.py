"""Every figure has its labels in both languages, one grey scale, and axes that read the right way."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from tests.report.synthetic import write_run
from vitral.errors import DataError
from vitral.report import image_gallery, interpolation_figure, latent_grid_figure, reconstruction_figure
from vitral.report.catalogue import CATALOGUE, Planned, plan
from vitral.report.figures.draw import DRAW, draw
from vitral.report.figures.export import png_bytes, svg_text
from vitral.report.figures.images import mosaic, shaped
from vitral.report.figures.style import CLASS_COLOURS, styled
from vitral.report.geometry import prior_mass_within, share_of_tiles_beyond
from vitral.report.labels import shown_epochs
from vitral.report.language import language
from vitral.report.run_folder import read_run

STEMS = [
    "data_samples",
    *(f"loss_curves-{model}" for model in ("latent-2", "latent-3", "autoencoder-2")),
    "reconstructions",
    "reconstruction_draws-latent-2",
    "reconstruction_history-latent-2",
    "reconstruction_history-latent-3",
    "latent_map-latent-2",
    "latent_map_beside-autoencoder-2",
    "latent_projections-latent-3",
    "kl_per_dimension",
    "traversals-latent-2",
    "traversals-latent-3",
    "prior_samples-latent-2",
    "prior_samples-latent-3",
    "grid_linear-latent-2",
    "grid_quantile-latent-2",
    "interpolation",
    "validation_curves",
    "test_scores",
]


def planned(run, stem):
    return next(figure for figure in plan(run) if figure.stem == stem)


@cache
def drawn_once(folder, stem, code):
    run = read_run(folder)
    return laid_out(draw(run, planned(run, stem), language(code)))


def drawn(run, stem, code):
    """A figure of the synthetic run, laid out so that its tick labels have their texts."""
    return drawn_once(run.path, stem, code)


def laid_out(figure):
    with styled():
        figure.draw_without_rendering()
    return figure


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def test_the_plan_names_every_figure_of_the_report(run):
    assert [figure.stem for figure in plan(run)] == STEMS


def test_every_figure_of_the_catalogue_can_be_drawn_and_has_strings():
    for entry in CATALOGUE:
        assert entry.name in DRAW
        for part in ("title", "caption", "alt"):
            assert f"figure.{entry.name}.{part}" in language("en").strings


@pytest.mark.parametrize("stem", STEMS)
def test_every_figure_is_labelled_in_both_languages(run, stem):
    """Titles and labels differ between the languages, every axis with numbers has a label, no axis is off."""
    english, portuguese = drawn(run, stem, "en"), drawn(run, stem, "pt")
    heading = (
        language("pt")
        .text(f"figure.{planned(run, stem).name}.title", model="", threshold="0,01")
        .split(":")[0]
    )
    if planned(run, stem).name != "latent_map":
        assert any(heading in text for text in texts(portuguese))
    assert set(texts(portuguese)) - set(texts(english))
    for figure in (english, portuguese):
        assert figure.axes
        for axes in figure.axes:
            assert axes.axison
        labelled = [axes for axes in figure.axes if axes.get_xlabel() or axes.get_ylabel() or row_names(axes)]
        assert labelled or stem == "data_samples"


def row_names(axes):
    return [label.get_text() for label in axes.get_yticklabels() if label.get_text()]


def test_units_stand_on_the_axes_of_the_curves(run):
    loss = drawn(run, "loss_curves-latent-2", "en")
    assert [axes.get_ylabel() for axes in loss.axes] == [*["nats per image"] * 3, "squared error per image"]
    assert {axes.get_xlabel() for axes in loss.axes} == {"epoch"}


def test_an_autoencoder_shows_no_kl(run):
    assert len(drawn(run, "loss_curves-autoencoder-2", "en").axes) == 2


@pytest.mark.parametrize(
    "stem", [stem for stem in STEMS if "samples" in stem or "grid" in stem or "recon" in stem]
)
def test_every_image_is_drawn_on_the_scale_from_black_0_to_white_1(run, stem):
    pictures = [image for axes in drawn(run, stem, "en").axes for image in axes.images]
    assert pictures
    for picture in pictures:
        assert picture.get_clim() == (0, 1)
        assert picture.get_cmap().name == "gray"


def test_a_faint_image_stays_faint():
    """Pixels of 0.2 are drawn at 0.2, not stretched to white."""
    figure = image_gallery(np.full((3, 4), 0.2), (2, 2))
    tile = figure.axes[0].images[0].get_array()[:2, :2]
    assert np.allclose(tile, 0.2)


def test_the_grid_grows_upwards_and_to_the_right():
    """Row 0 is the largest z2, at the top; column 0 the smallest z1, at the left; the arrows agree."""
    axis = np.linspace(-3, 3, 3)
    grid = np.zeros((3, 3, 4))
    grid[0, 2] = 1.0
    figure = latent_grid_figure(grid, axis, (2, 2), title="grid")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["−3.00", "0.00", "3.00"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["3.00", "0.00", "−3.00"]
    assert list(axes.get_yticks()) == sorted(axes.get_yticks())
    assert axes.get_ylim()[0] > axes.get_ylim()[1], (
        "pixel rows run downwards, so the first label is at the top"
    )
    assert axes.images[0].get_array()[0, -1] == 1.0
    assert axes.get_xlabel() == "Latent dimension 1 →"
    assert axes.get_ylabel() == "Latent dimension 2 →"
    assert axes.yaxis.label.get_rotation() == 90, "turned by 90 degrees, an arrow to the right points up"


def test_circles_of_the_prior_stand_at_their_radius_on_the_linear_grid_only():
    axis = np.linspace(-3, 3, 7)
    linear = latent_grid_figure(np.zeros((7, 7, 4)), axis, (2, 2))
    ticks = linear.axes[0].get_xticks()
    per_unit = ticks[4] - ticks[3]
    radii = sorted({patch.get_width() / 2 / per_unit for patch in linear.axes[0].patches})
    assert radii == pytest.approx([1, 2, 3])
    assert not latent_grid_figure(np.zeros((7, 7, 4)), axis, (2, 2), spacing="quantile").axes[0].patches


def test_prior_mass_and_tiles_agree_with_their_closed_forms():
    assert prior_mass_within(1) == pytest.approx(0.39347, abs=1e-5)
    assert prior_mass_within(3) == pytest.approx(0.98889, abs=1e-5)
    assert share_of_tiles_beyond(np.linspace(-3, 3, 15), 3) == pytest.approx(76 / 225)


def test_the_map_has_circles_only_where_there_is_a_prior(run):
    beside = drawn(run, "latent_map_beside-autoencoder-2", "pt")
    assert [len(axes.patches) for axes in beside.axes] == [3, 0]
    assert "1σ: 39%" in texts(beside)


def test_dots_of_a_map_are_one_picture_and_axes_have_equal_units(run):
    figure = drawn(run, "latent_map-latent-2", "en")
    (axes,) = figure.axes
    assert all(collection.get_rasterized() for collection in axes.collections)
    assert axes.get_aspect() == 1


def test_classes_are_told_by_glyph_as_well_as_colour(run):
    figure = drawn(run, "latent_map-latent-2", "en")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [str(digit) for digit in range(10)]
    markers = [handle.get_marker() for handle in legend.legend_handles]
    assert len(set(markers)) == 10


PROTANOPE = [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]
DEUTERANOPE = [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]


def cielab(linear):
    """Linear RGB to CIELAB, white point D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(linear @ to_xyz.T / [0.9505, 1.0, 1.089]).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("eyes", [np.eye(3), PROTANOPE, DEUTERANOPE], ids=["all", "protanope", "deuteranope"])
def test_class_colours_stay_apart_for_eyes_of_every_kind(eyes):
    """Simulated with the matrices of Viénot, Brettel and Mollon (1999) on linear light."""
    linear = np.array([to_rgb(colour) for colour in CLASS_COLOURS]) ** 2.2
    seen = cielab(np.clip(linear @ np.array(eyes).T, 0, 1))
    gaps = np.linalg.norm(seen[:, None] - seen[None], axis=-1)[np.triu_indices(len(seen), 1)]
    assert gaps.min() > 20


def test_codes_without_labels_are_drawn_without_classes(run):
    kept = {name: value for name, value in run.arrays.items() if "labels" not in name}
    for stem in ("latent_map-latent-2", "latent_projections-latent-3", "reconstructions", "interpolation"):
        figure = draw(replace(run, arrays=kept), planned(run, stem), language("en"))
        assert not figure.legends


def test_portuguese_ticks_have_a_decimal_comma(run):
    figure = drawn(run, "kl_per_dimension", "pt")
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert any("," in tick for tick in ticks)
    assert not any("." in tick for tick in ticks)


def test_dimensions_are_sorted_and_split_into_location_and_width(run):
    figure = drawn(run, "kl_per_dimension", "en")
    location, width = figure.axes[1].containers
    tops = [low.get_height() + high.get_height() for low, high in zip(location, width, strict=True)]
    assert tops == sorted(tops, reverse=True)
    assert tops == pytest.approx(sorted(run.scores("latent-3", "test")["kl_per_dimension"], reverse=True))


def test_scores_show_baselines_errors_and_seeds(run):
    figure = drawn(run, "test_scores", "en")
    names = [
        label.get_text().replace("\N{NO-BREAK SPACE}", " ") for label in figure.axes[0].get_yticklabels()
    ]
    assert names == [
        "mean image", "PCA 2", "VAE 2D, z sampled", "VAE 2D, z = μ", "Autoencoder 2D",
        "PCA 3", "VAE 3D, z sampled", "VAE 3D, z = μ",
    ]  # fmt: skip
    assert len(figure.axes) == 3
    assert len(figure.axes[1].containers) == 2


def test_the_blend_stands_over_the_paths_of_the_models(run):
    figure = drawn(run, "interpolation", "en")
    assert len(figure.axes) == 2
    assert row_names(figure.axes[0])[0] == "pixel blend"
    assert figure.axes[0].get_title(loc="left") == "1 → 7"


def test_traversals_name_their_dimension_and_its_kl(run):
    """The top row is the dimension that the array says comes first, counted from 1."""
    names = row_names(drawn(run, "traversals-latent-3", "pt").axes[0])
    kl = run.scores("latent-3", "test")["kl_per_dimension"]
    assert names[0] == f"z3: {language('pt').number(kl[2])} nats"
    assert len(names) == 3


def test_many_models_share_the_figure_of_the_kl_in_rows_of_three(tmp_path):
    folder = write_run(tmp_path / "run", variants=dict.fromkeys(["standard", "vamp", "flow", "iwae"], 0.0))
    figure = laid_out(draw(read_run(folder), Planned("kl_per_dimension", None, ()), language("en")))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "standard normal prior", "VampPrior", "flow prior", "IWAE",
    ]  # fmt: skip
    assert figure.axes[0].get_ylabel() == figure.axes[3].get_ylabel() == "nats per image"


def test_true_draws_stand_under_the_means_of_the_same_codes(run):
    names = row_names(drawn(run, "prior_samples-latent-2", "en").axes[0])
    assert names[:2] == ["mean, z 1–10", "draw, z 1–10"]
    assert names[-1] == "mean, z 31–40"


def test_colour_images_keep_their_colours():
    figure = reconstruction_figure({"original": np.tile([1.0, 0.0, 0.0], (2, 4))}, (2, 2, 3))
    picture = figure.axes[0].images[0].get_array()
    assert picture.shape == (2, 5, 3)
    assert tuple(picture[0, 0]) == (1.0, 0.0, 0.0)


def test_a_mosaic_keeps_rows_columns_and_white_gutters():
    tiles = np.zeros((2, 3, 4, 4), np.float32)
    tiles[1, 2] = 0.5
    picture = mosaic(tiles)
    assert picture.shape == (9, 14)
    assert np.all(picture[4] == 1.0)
    assert np.all(picture[5:, 10:] == 0.5)


def test_one_channel_is_grey_and_a_wrong_shape_is_refused():
    assert shaped(np.zeros((3, 16)), (4, 4, 1)).shape == (3, 4, 4)
    with pytest.raises(DataError, match=r"rows of 16 values do not fill images of shape \(5, 5\): need 25"):
        shaped(np.zeros((3, 16)), (5, 5))


def test_a_gallery_with_a_short_last_row_leaves_white():
    figure = image_gallery(np.zeros((3, 4)), (2, 2), columns=2, labels=[7, 8, 9], language="pt")
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["classe 9", ""]
    assert np.all(figure.axes[1].images[0].get_array()[:, 3:] == 1.0)


def test_classes_stand_by_their_names_cut_short_where_they_do_not_fit():
    names = ["cat", "a very long name of a class", 7]
    figure = image_gallery(np.zeros((10, 36)), (6, 6), columns=10, labels=[*names, *range(7)])
    texts = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert (texts[0], texts[2]) == ("cat", "class 7")
    assert texts[1].endswith("…")
    assert names[1].startswith(texts[1][:-1])
    wide = image_gallery(np.zeros((3, 36)), (6, 6), columns=3, labels=names)
    assert wide.axes[0].get_xticklabels()[1].get_text() == names[1]


def test_general_functions_take_plain_arrays():
    frames = np.zeros((5, 4))
    figure = interpolation_figure([{"pixels": frames, "latent": frames}], (2, 2), ends=[(3, 8)])
    assert row_names(figure.axes[0]) == ["pixels", "latent"]


@pytest.mark.parametrize("stem", ["latent_map-latent-2", "loss_curves-latent-2", "prior_samples-latent-2"])
def test_the_same_run_gives_the_same_bytes(run, stem):
    first, second = (draw(run, planned(run, stem), language("en")) for _ in range(2))
    assert svg_text(first) == svg_text(second)
    assert png_bytes(first) == png_bytes(second)
    assert "<dc:date>" not in svg_text(first)


def test_drawing_leaves_the_parameters_of_the_caller_alone(run):
    before = dict(matplotlib.rcParams)
    svg_text(draw(run, planned(run, "reconstructions"), language("en")))
    assert dict(matplotlib.rcParams) == before


def test_parameters_of_the_caller_do_not_change_a_figure(run):
    plain = svg_text(draw(run, planned(run, "validation_curves"), language("en")))
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30, "svg.hashsalt": "other"}):
        assert svg_text(draw(run, planned(run, "validation_curves"), language("en"))) == plain


def test_a_film_strip_has_the_first_and_the_last_epoch_and_few_rows(run):
    history = {
        "latent-2/history_epochs": np.arange(40),
        "latent-2/history_reconstructions": np.zeros((40, 10, 16)),
    }
    longer = replace(run, arrays=run.arrays | history)
    epochs = list(shown_epochs(longer, "latent-2"))
    assert (epochs[0], epochs[-1]) == (0, 39)
    assert len(epochs) <= 7
    figure = draw(longer, planned(run, "reconstruction_history-latent-2"), language("en"))
    assert row_names(figure.axes[0])[1:] == [f"epoch {epoch}" for epoch in epochs]
