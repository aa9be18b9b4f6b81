"""W11 in the page: every moment shows what NumPy computes from the parameters of that moment."""

import io
import json

import numpy as np
import pytest

from tests.report.explorer import replay
from vitral.report.explorer.assemble import alone
from vitral.report.explorer.content import tile_shape
from vitral.specs import Spec
from vitral.study.pictures import latent_axis

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LINE = "#w11 .moment:not([hidden]) .timeline"
LAST = len(replay.EPOCHS) - 1
# Quantised on the page: codes to 16 bits over their range, tiles in 32 greys, strips in 64.
CODES, GREY_TILE, GREY_STRIP = 1e-3, 0.5 / 31 + 1e-3, 0.5 / 63 + 1e-3


@pytest.fixture(scope="module")
def recorded():
    return replay.of_tiny()


@pytest.fixture(scope="module")
def path(recorded, tmp_path_factory):
    found = tmp_path_factory.mktemp("w11") / "page.html"
    found.write_text(alone(recorded.content), encoding="utf-8")
    return found


def at_rest(view, t):
    """The codes have arrived at scene t."""
    view.page.locator("#w11 .moment:last-child").scroll_into_view_if_needed()
    return view.until(f"document.querySelector('#w11 .moment:last-child').dataset.place === '{t}'")


def drawn(view, moment):
    """The tiles of a moment (225, 196), read from the canvas that shows them."""
    return np.asarray(
        view.page.evaluate(
            """(which) => {
            const canvas = [...document.querySelectorAll("#w11 .moment .sheet canvas")].at(which);
            const copy = document.createElement("canvas");
            Object.assign(copy, {width: canvas.width, height: canvas.height});
            const context = copy.getContext("2d", {willReadFrequently: true});
            context.drawImage(canvas, 0, 0);
            const {data, width} = context.getImageData(0, 0, canvas.width, canvas.height);
            const cell = width / 15, at = (i, x, y) =>
              4 * ((Math.floor(i / 15) * cell + 2 + 2 * y) * width + (i % 15) * cell + 2 + 2 * x);
            return Array.from({length: 225}, (_, i) => Array.from({length: 196}, (_, j) =>
              data[at(i, j % 14, Math.floor(j / 14))] / 255)); }""",
            moment,
        )
    )


def halved(images):
    """Means of two by two pixels, as the tiles are kept."""
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(images), -1)


def told(view):
    return view.page.locator("#w11 .told").inner_text()


def test_every_moment_shows_what_numpy_computes_there(figure, recorded, path):
    view = figure("#w11", path=path)
    assert view.page.locator(LINE).get_attribute("aria-valuenow") == str(LAST)
    assert tuple(tile_shape((28, 28))) == (14, 14)
    seen = []
    for t in (LAST, 3, 0):
        view.set(epoch=replay.EPOCHS[t])
        at_rest(view, t)
        tiles = drawn(view, -1)
        np.testing.assert_allclose(tiles, halved(recorded.arrays["grid"][t]), atol=GREY_TILE + 1 / 255)
        seen.append(tiles)
        sigma = np.exp(0.5 * recorded.arrays["logvar"][t].astype(float)).mean()
        assert f"mean σ {sigma:.3f}" in told(view)
        assert f"KL {recorded.arrays['kl'][t].astype(float).sum():.2f} nats" in told(view)
    assert np.abs(seen[0] - seen[2]).max() > 0.3
    assert f"validation loss {110 / 4:.2f}" in view.set(epoch=1).page.locator("#w11 .told").inner_text()
    assert "loss" in view.set(epoch=0.25).page.locator("#w11 .told").inner_text().split(":")[0]

    kept = np.load(io.BytesIO(view.download("#w11 [data-export=npz]")))
    bounds = {"epochs": 0, "kl": 1e-6, "codes": CODES, "logvar": CODES, "reconstructions": GREY_STRIP}
    for name, bound in bounds.items():
        np.testing.assert_allclose(kept[name], recorded.arrays[name], atol=bound, err_msg=name)
    names = {"np": np, "r": kept}
    code = view.set(depth="code", epoch=4).page.locator("#w11 pre code").inner_text()
    exec("\n".join(line for line in code.splitlines() if "import" not in line and "np.load" not in line), names)
    np.testing.assert_allclose(names["kl"], recorded.arrays["kl"][-1], atol=1e-3)
    np.testing.assert_allclose(names["plane"][:14, :14].ravel(), halved(recorded.arrays["grid"][-1])[0], atol=GREY_TILE)
    assert names["strip"].shape == (len(replay.EPOCHS), 28, 28)


def test_timeline_film_curve_and_play_move_the_moment(figure, path):
    view = figure("#w11", path=path)
    view.page.emulate_media(reduced_motion="reduce")

    def epoch(t):
        at_rest(view, t)
        assert view.state()["epoch"] == pytest.approx(replay.EPOCHS[t])
        assert view.page.locator(LINE).get_attribute("aria-valuenow") == str(t)

    view.click(LINE, (0.25, 0.5))
    epoch(1)
    view.drag(LINE, (0.25, 0.5), (0.6, 0.5))
    epoch(3)
    view.press(LINE, "ArrowRight", "ArrowRight", "ArrowLeft")
    epoch(4)
    view.press(LINE, "Home")
    epoch(0)
    view.press(LINE, " ")
    view.until(f"Vitral.shell.state.get().epoch === {replay.EPOCHS[-1]}")
    epoch(LAST)
    view.until("document.querySelector('#w11 button[aria-pressed=true]') === null")

    across = len(replay.EPOCHS) + 1
    view.click("#w11 .film canvas", (3.5 / across, 0.25))
    epoch(2)
    assert view.state()["image"] == 2
    view.press("#w11 .film canvas", "ArrowDown", "ArrowRight")
    epoch(3)
    assert view.state()["image"] == 3
    view.press("#w11 .chart-place", "ArrowRight", "ArrowRight", "ArrowRight")
    assert view.state()["epoch"] in replay.EPOCHS

    axis = latent_axis("quantile")
    view.click("#w11 .moment:last-child .sheet canvas", (4.5 / 15, 0.5 / 15))
    np.testing.assert_allclose(view.state()["z"], [axis[4], axis[-1]], atol=1e-4)


def test_two_moments_stand_side_by_side_and_are_kept_in_the_address(figure, recorded, path):
    address = "#w11&w11.two=true&w11.from=0&epoch=2&w11.codes=ellipses"
    view = figure(address, path=path, width=360, language="pt-BR", touch=True)
    before, after = drawn(view, 0), drawn(view, 1)
    np.testing.assert_allclose(before, halved(recorded.arrays["grid"][0]), atol=GREY_TILE + 1 / 255)
    np.testing.assert_allclose(after, halved(recorded.arrays["grid"][4]), atol=GREY_TILE + 1 / 255)
    widths = [np.exp(0.5 * recorded.arrays["logvar"][t].astype(float)).mean() for t in (0, 4)]
    assert "σ médio {:.3f} → {:.3f}".format(*widths).replace(".", ",") in told(view).replace(".", ",")
    view.touch("#w11 .moment:first-child .timeline", [(0.1, 0.5), (0.3, 0.5), (0.42, 0.5)])
    assert view.state()["w11.from"] == pytest.approx(0.25)
    assert view.state()["epoch"] == 2
    assert view.overflow() == []
    assert view.axe() == []
    view.shot("w11-two-pt", "#w11")

    view.page.locator("#w11 .answers button").first.click()
    wide = [np.exp(0.5 * recorded.arrays["logvar"][t].astype(float)).mean() for t in (0, LAST)]
    verdict = view.page.locator("#w11 .verdict").inner_text()
    assert f"{wide[1]:.3f}".replace(".", ",") in verdict
    right = "Encolher" if wide[1] < 0.9 * wide[0] else "Ficar como estão" if wide[1] < 1.1 * wide[0] else "Crescer"
    assert view.page.locator("#w11 .answer.right").inner_text() == right


def spec(latent, **posterior):
    network = {"kind": "mlp", "hidden": [12]}
    return Spec(784, latent, network, network, **posterior).build()


@pytest.mark.parametrize(
    "latent, posterior, images", [(5, {}, True), (1, {}, False), (3, {"posterior": {"kind": "point"}}, True)]
)
def test_other_models_show_what_they_have(figure, tmp_path, latent, posterior, images):
    model = spec(latent, **posterior)
    made = replay.of_model(model, model.init(3, "float32"), images=images)
    path = tmp_path / "page.html"
    path.write_text(alone(made.content), encoding="utf-8")
    view = figure("#w11&w11.two=true&w11.from=0", path=path)
    assert view.page.locator("#w11 .moment:last-child .plane").count() == (latent > 1)
    assert view.page.locator("#w11 .film").count() == images
    assert view.page.locator("#w11 .moment .sheet").count() == 0
    assert told(view)
    table = json.loads(view.download("#w11 [data-export=json]"))
    if "kl" in made.arrays:
        assert table["a"]["kl"] == pytest.approx(made.arrays["kl"][0].astype(float).sum(), rel=1e-5)
    else:
        assert table["b"]["each"] is None
    if latent > 2:
        view.click("#w11 .moment:last-child .plane-surface", (0.5, 0.5))
        z = view.state()["z"]
        weight = made.arrays["kl"][-1] if "kl" in made.arrays else made.arrays["codes"][-1].var(axis=0)
        first, second = sorted(np.argsort(weight)[-2:])
        assert len(z) == latent
        assert abs(z[first]) < 0.1
        assert abs(z[second]) < 0.1


def test_a_page_without_a_recording_says_so(figure):
    view = figure("#w11")
    assert "no recording" in view.page.locator("#w11 .absent").inner_text()
