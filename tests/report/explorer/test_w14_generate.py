"""W14 in the page: seeded draws, their images, the mixture, and the prior mass of the tiles, against NumPy."""

import io
from itertools import pairwise
from math import erf, sqrt

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import packed_theta
from tests.report.explorer.node import in_node, in_page
from vitral.report.explorer import assemble
from vitral.report.explorer.assemble import engine_source

SHEET = "#w14 .sheet canvas"


def scripts(name):
    """The engine and one file of widgets, for Node."""
    place = next(path for path in assemble.ordered("widgets", ".js") if path.name == name)
    return f"{engine_source()}\nglobalThis.Vitral.widgets = {{}};\n{place.read_text(encoding='utf-8')}"


def density(parts, rows):
    """Σ_k w_k N(z; m_k, C_k C_kᵀ), row by row."""
    total = 0.0
    for part in parts:
        size = len(part["mean"])
        factor = np.reshape(part["C"], (size, size))
        u = np.linalg.solve(factor, (rows - part["mean"]).T)
        norm = (2 * np.pi) ** (size / 2) * np.prod(np.diag(factor))
        total += part["weight"] * np.exp(-0.5 * np.sum(u**2, axis=0)) / norm
    return total


def test_the_mixture_is_a_density_that_fits_better_round_by_round():
    random = np.random.default_rng(5)
    centres = np.array([[2.0, 0.0, 1.0], [-2.0, 1.0, 0.0], [0.0, -3.0, -1.0]])
    rows = np.concatenate([centre + random.normal(size=(60, 3)) * [0.3, 0.6, 1.0] for centre in centres])
    found = in_node(
        """const fits = [1, 2, 4, 8, 30].map((rounds) => V.widgets.fittedMixture(given.rows, {parts: 3, rounds}));
        return {fits, logs: given.rows.map((z) => V.widgets.logMixture(fits[4], z))};""",
        source=scripts("w14_mixture.js"),
        rows=rows.tolist(),
    )
    whole = [np.log(density(parts, rows)).sum() for parts in found["fits"]]
    assert all(after >= before - 1e-3 for before, after in pairwise(whole))
    np.testing.assert_allclose(found["logs"], np.log(density(found["fits"][-1], rows)), atol=1e-10)
    assert sum(part["weight"] for part in found["fits"][-1]) == pytest.approx(1)
    single = np.log(density([{"weight": 1, "mean": rows.mean(0), "C": np.linalg.cholesky(np.cov(rows.T))}], rows)).sum()
    assert whole[-1] > single + 100


def test_a_model_of_which_the_page_has_the_decoder_alone_decodes():
    trained = vitral.load("tiny")
    _, theta = packed_theta(trained)
    given = in_page(trained.model, theta)
    z = np.array([[0.4, -1.1], [0.0, 2.0]])
    kept = {name: value for name, value in given["arrays"].items() if not name.startswith("encoder.")}
    outputs = in_node(
        """const model = new E.Model({...given.description, encoder: null}, lookup);
        return model.mean(model.decode(given.z.flat()));""",
        description=given["description"], arrays=kept, z=z.tolist(),
    )  # fmt: skip
    np.testing.assert_allclose(np.reshape(outputs, (2, -1)), images_of(z), atol=1e-6)


def images_of(z):
    trained = vitral.load("tiny")
    _, theta = packed_theta(trained)
    return trained.model.decode(trained.model.views(theta.astype(float)), z)


def drawn(view, **state):
    """Change the state and wait for the images of now."""
    view.set(**state)
    view.page.wait_for_function("""() => {
        const s = Vitral.shell.state.get();
        const key = [s.model, s.seed, s["w14.temperature"], s["w14.prior"], s["w14.pixels"]].join();
        return document.querySelector("#w14 .sheet canvas").dataset.drawn === key; }""")
    found = np.load(io.BytesIO(view.settle().download("#w14 [data-export=npz]")))
    return found["z"], found["images"]


@pytest.mark.browser
@pytest.mark.slow
def test_draws_are_seeded_decoded_as_numpy_does_and_taken_hold_of(figure):
    view = figure("#w14&seed=3", touch=True)
    z, images = drawn(view)
    np.testing.assert_allclose(images, images_of(z), atol=1e-5)
    assert np.abs(z.mean(0)).max() < 0.5
    assert 0.7 < z.std() < 1.3

    view.click(SHEET, (0.35, 0.05))
    np.testing.assert_allclose(view.state()["z"], z[3], atol=1e-4)
    view.press(SHEET, "ArrowDown", "ArrowRight")
    np.testing.assert_allclose(view.state()["z"], z[14], atol=1e-4)
    view.touch(SHEET, [(0.95, 0.95), (0.95, 0.95)])
    np.testing.assert_allclose(view.state()["z"], z[99], atol=1e-4)
    np.testing.assert_allclose(view.image("#w14 canvas.large"), images[99], atol=1e-3)

    again, _ = drawn(view, seed=3)
    np.testing.assert_array_equal(again, z)
    view.page.locator("#w14 button.action").first.click()
    other, _ = drawn(view)
    assert np.abs(other - z).max() > 0.1
    still, alike = drawn(view, **{"w14.temperature": 0})
    assert np.all(still == 0)
    assert np.ptp(alike, axis=0).max() == 0

    mixed, _ = drawn(view, **{"w14.prior": "mixture", "w14.temperature": 1})
    assert "fitted mixture" in view.page.locator("#w14 .told").inner_text()
    assert not np.allclose(mixed, other)
    _, noisy = drawn(view, **{"w14.pixels": "sample"})
    np.testing.assert_allclose((noisy - images_of(mixed)).mean(), 0, atol=0.01)
    assert (noisy - images_of(mixed)).std() > 0.05

    def cdf(x):
        return 0.5 * (1 + erf(x / sqrt(2)))

    every = "() => [...document.querySelectorAll('#w14 .even canvas')].every((one) => one.dataset.drawn)"
    view.page.wait_for_function(every)
    view.click("#w14 .even canvas", (0.5 / 15, 0.5 / 15))
    assert view.state()["z"] == [-3, 3]
    corner = 100 * (cdf(-3 + 3 / 14) - cdf(-3 - 3 / 14)) ** 2
    assert f"{corner:.4f}%" in view.page.locator("#w14 .look > div > .readout, #w14 .look .readout").last.inner_text()
