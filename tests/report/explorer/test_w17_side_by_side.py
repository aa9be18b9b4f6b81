"""W17 in the page: every model decodes what NumPy decodes, and means and spreads over seeds are those of the run."""

import csv
import io
import json

import numpy as np
import pytest

from tests.report.explorer.many import many
from vitral.report.explorer.assemble import alone

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    found = tmp_path_factory.mktemp("w17") / "page.html"
    found.write_text(alone(many().content), encoding="utf-8")
    return found


def cell(name):
    """The place of a model's button in the table: rows are autoencoder, beta 1, beta 4; columns K = 2 and 5."""
    places = {"autoencoder-2": (1, 1), "latent-2-beta_1": (2, 1), "latent-5-beta_1": (2, 2), "latent-2-beta_4": (3, 1)}
    row, column = places[name]
    return f"#w17 .side-by-side tbody tr:nth-child({row}) td:nth-child({column + 1}) button"


def decoded(one, z):
    return one.model.decode(one.model.views(one.theta), np.asarray([z]))[0]


def code(one, image):
    mu, _ = one.model.encode(one.model.views(one.theta), image[None].astype(float))
    return mu[0]


FIRST = ["autoencoder-2", "latent-2-beta_1", "latent-5-beta_1", "latent-2-beta_4"]


def test_one_cursor_drives_all_models_and_each_decodes_as_numpy_does(figure, path):
    made = many()
    view = figure("#w17&image=4", path=path)
    view.page.locator("#w17 .side-by-side").scroll_into_view_if_needed()
    assert view.page.locator("#w17 .model-cell").count() == len(FIRST)
    for name in FIRST:
        image = decoded(made.models[name], code(made.models[name], made.images[4]))
        np.testing.assert_allclose(view.image(f"{cell(name)} canvas"), image, atol=1e-4)
        error = ((made.images[4] - image) ** 2).sum()
        assert view.page.locator(f"{cell(name)} .cell-error").inner_text() == f"{error:.1f}"

    view.set(**{"w17.mode": "cursor", "z": [0.7, -1.2]})
    for name in FIRST:
        one = made.models[name]
        z = np.zeros(one.model.posterior.latent)
        z[:2] = 0.7, -1.2
        np.testing.assert_allclose(view.image(f"{cell(name)} canvas"), decoded(one, z), atol=1e-5)
    view.type("#w17 .few-sliders input.number >> nth=0", "-0.5")
    assert view.state()["z"] == [-0.5, -1.2]
    np.testing.assert_allclose(
        view.image(f"{cell('autoencoder-2')} canvas"), decoded(made.models["autoencoder-2"], [-0.5, -1.2]), atol=1e-5
    )

    view.set(**{"w17.mode": "draw"})
    kept = json.loads(view.download("#w17 [data-export=json]"))["models"]
    draws = {name: np.asarray(kept[name]["z"]) for name in FIRST}
    np.testing.assert_allclose(draws["latent-5-beta_1"][:2], draws["latent-2-beta_4"])
    np.testing.assert_allclose(draws["autoencoder-2"], draws["latent-2-beta_4"])
    for name in FIRST:
        image = decoded(made.models[name], draws[name])
        np.testing.assert_allclose(view.image(f"{cell(name)} canvas"), image, atol=1e-5)
    before = view.image(f"{cell('latent-2-beta_1')} canvas")
    view.page.locator("#w17 button.action:visible").first.click()
    assert np.abs(view.settle().image(f"{cell('latent-2-beta_1')} canvas") - before).max() > 1e-4

    lines = view.set(depth="code", **{"w17.chosen": "latent-5-beta_1"}).page.locator("#w17 pre code").inner_text()
    found = np.load(io.BytesIO(view.download("#w17 button.weights")))
    names = {"np": np, "w": found}
    exec("\n".join(line for line in lines.splitlines() if line.startswith(("z =", "o =", "x ="))), names)
    np.testing.assert_allclose(names["x"][0], view.image("#w17 canvas.large"), atol=1e-4)


def test_numbers_are_means_over_seeds_with_their_spread(figure, path):
    made = many()
    view = figure("#w17&depth=numbers", path=path)
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(view.download("#w17 [data-export=csv]").decode()))}
    assert list(rows) == FIRST
    for name in ("latent-2-beta_1", "latent-5-beta_1", "latent-2-beta_4"):
        seeds = [one["test"] for one in made.models[name].metrics["seeds"]]
        for key in ("kl", "distortion", "elbo", "sse", "active_units", "log_px_hat"):
            values = np.array([one[key] for one in seeds])
            assert float(rows[name][key]) == pytest.approx(values.mean())
            assert float(rows[name][key + "_spread"]) == pytest.approx(values.std(ddof=1))
        assert float(rows[name]["elbo"]) == pytest.approx(-float(rows[name]["kl"]) - float(rows[name]["distortion"]))
    assert rows["autoencoder-2"]["kl"] == ""
    assert rows["latent-2-beta_4"]["beta"] == "4"

    view.page.locator(cell("latent-5-beta_1")).click()
    view.settle()
    assert view.state()["w17.chosen"] == "latent-5-beta_1"
    told = view.page.locator("#w17 .told").inner_text()
    assert f"rate {float(rows['latent-5-beta_1']['kl']):.2f} nats" in told
    assert f"ELBO −{-float(rows['latent-5-beta_1']['elbo']):.2f} nats" in told

    # The points of the plot, in order of their rate: arrows go along it, and a tap on one chooses it.
    vaes = sorted((name for name in FIRST if rows[name]["kl"]), key=lambda name: float(rows[name]["kl"]))
    view.set(**{"w17.chosen": vaes[0]})
    view.press("#w17 .beside .chart-place", "ArrowRight")
    assert view.state()["w17.chosen"] == vaes[1]
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        view.press("#w17 .beside .chart-place", key)
    assert view.state()["w17.chosen"] == vaes[1]
    plot = "#w17 .beside .chart-place"
    around, ring = view.page.evaluate(
        """(plot) => [plot, plot + " svg .chosen"].map(
            (one) => document.querySelector(one).getBoundingClientRect().toJSON())""",
        plot,
    )  # at one moment: tables and pictures that come later move both
    at = [(ring[a] + ring[size] / 2 - around[a]) / around[size] for a, size in (("x", "width"), ("y", "height"))]
    view.set(**{"w17.chosen": vaes[0]})
    view.click(plot, (at[0], at[1]))
    assert view.state()["w17.chosen"] == vaes[1]
    assert view.page.locator("#w17 .beside svg .iso").count() > 1

    view.page.locator("#w17 summary").last.click()
    table = view.page.locator("#w17 .chart .data table").last.inner_text()
    assert "43.25" in table
    assert "52.5" in table
    assert "the same network" in view.page.locator("#w17 .question").inner_text().lower()
    view.page.locator("#w17 .answers button").first.click()
    sigma = {
        name: np.exp(0.5 * one.model.encode(one.model.views(one.theta), made.images.astype(float))[1]).mean()
        for name, one in made.models.items()
        if name in ("latent-2-beta_1", "latent-2-beta_4")
    }
    verdict = view.page.locator("#w17 .verdict").inner_text()
    assert f"{sigma['latent-2-beta_1']:.3f} at β = 1" in verdict
    assert f"{sigma['latent-2-beta_4']:.3f} at β = 4" in verdict
    ratio = sigma["latent-2-beta_4"] / sigma["latent-2-beta_1"]
    right = "Shrink" if ratio < 0.95 else "Grow" if ratio > 1.05 else "Stay as they are"
    assert view.page.locator("#w17 .answer.right").inner_text() == right


def test_another_network_is_another_comparison_on_a_phone_in_portuguese(figure, path):
    view = figure("#w17&w17.family=1", path=path, width=360, language="pt-BR", touch=True)
    view.page.locator("#w17 .side-by-side").scroll_into_view_if_needed()
    assert view.page.locator("#w17 .side-by-side tbody tr").count() == 4
    assert "sementes: 1" in view.page.locator("#w17 .budget").inner_text()
    view.set(**{"w17.family": 0})
    assert view.page.locator("#w17 .model-cell").count() == len(FIRST)
    assert view.overflow() == []
    assert view.axe() == []
    view.page.locator("#w17 button", has_text="em todas as figuras").click()
    assert view.state()["model"] == view.state()["w17.chosen"]


def test_a_page_of_one_model_says_so(figure):
    assert "one model" in figure("#w17").page.locator("#w17 .absent").inner_text()
