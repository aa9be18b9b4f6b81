"""W2, draw your digit: the sheet, MNIST's rule and what the model makes of a drawing, against NumPy."""

import io
import json

import numpy as np
import pytest

import vitral
from tests.report.explorer import fixture, models
from tests.report.explorer.fixture import digits, packed_theta
from tests.report.explorer.node import in_node
from vitral.model import Batch
from vitral.report.explorer import assemble
from vitral.report.explorer.golden import noise

PAD = "#w02 .pad"


def drawing(body, shape=(28, 28), **given):
    """What JavaScript returns that has the sheet's functions as P and the paper of a shape as paper."""
    sheet = next(path for path in assemble.ordered("widgets", ".js") if path.name == "drawing_sheet.js")
    source = f"{assemble.engine_source()}\nVitral.widgets = {{}};\n{sheet.read_text(encoding='utf-8')}"
    head = "const P = V.widgets.paper, paper = P.paper(given.shape);"
    return in_node(head + body, source=source, arrays={}, shape=list(shape), **given)


def placed_as_mnist(sheet, k, side, shape):
    """MNIST's rule, written again: averages over areas inside the box, then whole pixels to the centre of mass."""
    rows, columns = (np.flatnonzero((sheet > 0.5 / 255).any(axis)) for axis in (1, 0))
    ink = sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    step = max(ink.shape) / side
    total = np.pad(ink.cumsum(0).cumsum(1), ((1, 0), (1, 0)))  # the ink above and to the left of every corner

    def below(y, x):
        (r, v), (c, u) = divmod(min(y, len(ink)), 1), divmod(min(x, ink.shape[1]), 1)
        r, c = int(r), int(c)
        s, d = min(r + 1, len(ink)), min(c + 1, ink.shape[1])
        upper = (1 - u) * total[r, c] + u * total[r, d]
        return (1 - v) * upper + v * ((1 - u) * total[s, c] + u * total[s, d])

    height, width = (int(np.ceil(n / step - 1e-9)) for n in ink.shape)
    edges = np.array([[below(r * step, c * step) for c in range(width + 1)] for r in range(height + 1)])
    small = np.diff(np.diff(edges, axis=0), axis=1) / step**2
    image = np.zeros(shape)
    at = []
    for axis, length in enumerate(small.shape):
        mass = (small.sum(1 - axis) * np.arange(length)).sum() / small.sum()
        at.append(int(np.clip(np.floor(shape[axis] // 2 - mass + 0.5), 0, shape[axis] - length)))
    image[at[0] : at[0] + height, at[1] : at[1] + width] = small
    return image


# ---- the sheet, in Node


def test_the_digits_of_mnist_already_stand_where_the_rule_puts_them():
    images = digits()[0][:120]
    found = drawing(
        "const sheet = P.sheets(paper, (i) => given.images[i]); const side = P.usualSide(given.images, given.shape);"
        "return { side, placed: given.images.map((_, i) => P.centred(paper, sheet('i' + i), side)) };",
        images=images.tolist(),
    )
    assert found["side"] == 20
    same = np.abs(np.asarray(found["placed"]) - images).max(axis=1) < 1e-6
    assert same.mean() > 0.98  # a few have their centre of mass between two pixels
    assert (~same).sum() <= 2


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (20, 31)])
def test_the_rule_is_that_of_numpy_and_forgets_where_and_how_large_a_drawing_was(shape):
    side = round(min(shape) * 5 / 7)
    found = drawing(
        """const sheet = P.sheets(paper, () => null);
        const line = (size, x, y, d) => P.lineText("p", d * size, [[0.1, 0.1], [0.5, 0.2], [0.2, 0.9]].map(([a, b]) =>
          [x + Math.round(size * a * paper.columns), y + Math.round(size * b * paper.rows)]));
        return [[1, 0, 0], [0.5, 0, 0], [0.5, 37, 21]].map(([size, x, y]) => {
          const cells = sheet(line(size, x, y, given.shape[0] / 7));
          return { cells, k: paper.k, drawn: P.asDrawn(paper, cells), placed: P.centred(paper, cells, given.side) };
        });""",
        shape,
        side=side,
    )
    for one in found:
        k = one["k"]
        cells = np.asarray(one["cells"]).reshape(shape[0] * k, shape[1] * k)
        wanted = placed_as_mnist(cells, k, side, shape)
        np.testing.assert_allclose(np.reshape(one["placed"], shape), wanted, atol=1e-5)
        np.testing.assert_allclose(
            np.reshape(one["drawn"], shape), cells.reshape(shape[0], k, shape[1], k).mean((1, 3)), atol=1e-6
        )
        rows, columns = np.nonzero(wanted > 0.5 / 255)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == side
    large, small, moved = (np.asarray(one["placed"]) for one in found)
    np.testing.assert_allclose(moved, small, atol=1e-6)
    assert np.abs(large - small).mean() < 0.05 < np.abs(np.asarray(found[0]["drawn"]) - found[1]["drawn"]).mean()


def test_a_line_is_ink_within_its_radius_and_an_eraser_takes_it_away():
    cells = drawing(
        "const line = P.lineText('p', 3, [[20, 30], [80, 70]]);"
        "const sheet = P.sheets(paper, () => null);"
        "return [line, line + '~' + P.lineText('e', 3, [[20, 30], [80, 70]])].map((made) => sheet(made));"
    )
    inked, rubbed = (np.asarray(one).reshape(112, 112) for one in cells)
    y, x = np.indices((112, 112)) + 0.5
    a, b = np.array([20, 30.0]), np.array([80, 70.0])
    along = np.clip(((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / ((b - a) @ (b - a)), 0, 1)
    distance = np.hypot(x - a[0] - along * (b - a)[0], y - a[1] - along * (b - a)[1])
    np.testing.assert_allclose(inked, np.clip(6 + 0.5 - distance, 0, 1), atol=1e-6)
    np.testing.assert_allclose(rubbed, np.minimum(inked, 1 - inked), atol=1e-6)


def test_moves_turns_and_thickness_obey_their_laws():
    image = digits()[0][3]
    found = drawing(
        """const sheet = P.sheets(paper, () => given.image);
        const made = (...steps) => steps.reduce((text, step) => P.withStep(text, step), "i0");
        const texts = [made(), made("m2_0", "m-2_0"), made("m3_-1"), made("r90", "r90", "r90", "r90"), made("r90"),
          made("r30", "m1_2", "r-30"), made("t1"), made("t1", "t-1"), made("t-1")];
        return { texts, cells: texts.map((text) => sheet(text)), undone: P.withoutLast(made("m3_-1")) };""",
        image=image.tolist(),
    )
    start, back, moved, around, quarter, bent, thick, neither, thin = (
        np.asarray(one).reshape(112, 112) for one in found["cells"]
    )
    assert [found["texts"][i] for i in (1, 3, 7)] == ["i0", "i0~r360", "i0"]
    assert found["undone"] == "i0"
    np.testing.assert_allclose(start, np.kron(image.reshape(28, 28), np.ones((4, 4))), atol=1e-7)
    np.testing.assert_array_equal(back, start)
    np.testing.assert_array_equal(neither, start)
    np.testing.assert_allclose(moved, np.roll(np.roll(start, 12, 1), -4, 0), atol=1e-6)
    np.testing.assert_allclose(around, start, atol=1e-6)
    np.testing.assert_allclose(quarter, np.rot90(start, -1), atol=1e-6)
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))  # moved while it was turned: along its own axes
    mass = [np.array([(one * np.indices(one.shape)[a]).sum() / one.sum() for a in (1, 0)]) for one in (start, bent)]
    np.testing.assert_allclose(mass[1] - mass[0], [4 * cos + 8 * sin, 8 * cos - 4 * sin], atol=0.05)
    assert (thick >= start).all()
    assert (thin <= start).all()
    assert thin.sum() < start.sum() < thick.sum()
    np.testing.assert_allclose(thick[1:-1, 1:-1].max(), start.max())


def test_a_text_of_nonsense_leaves_the_sheet_as_it_was():
    cells = drawing(
        "const sheet = P.sheets(paper, () => null);"
        "return ['zz~i7~m1~r~t999~p~pzz~e1', ''].map((made) => [...sheet(made)].filter((one) => one !== 0).length);"
    )
    assert cells == [0, 0]


# ---- the widget, in the browser


@pytest.fixture(scope="module")
def costs():
    """Code, KL and mean reconstruction of an image over the page's 32 draws, in double precision."""
    trained = vitral.load("tiny")
    model, p = trained.model, trained.model.views(packed_theta(trained)[1].astype(np.float64))
    eps = np.array([noise(1, "explorer eps", k, 2) for k in range(32)])

    def of(image):
        row = np.asarray(image, np.float64)[None]
        terms, _, _ = model.run(p, Batch(row, row), {"eps": eps[:, None]})
        return {"mu": terms.mu[0], "logvar": terms.logvar[0], "kl": terms.kl[0].sum(), "recon": -terms.log_px.mean()}

    return of


def told(view):
    return json.loads(view.download("#w02 [data-export=json]"))


def agrees(view, costs, z=1e-9):
    """Both ways are costed as NumPy does, and the chosen one is the image of the page."""
    found = told(view)
    for way in ("drawn", "centred"):
        one, wanted = found[way], costs(found[way]["x"])
        for key in ("mu", "logvar", "kl", "recon"):
            np.testing.assert_allclose(one[key], wanted[key], rtol=1e-5, atol=1e-5)
        assert one["loss"] == pytest.approx(one["recon"] + one["kl"])
    assert view.state()["image"] == -1
    np.testing.assert_allclose(found[found["way"]]["x"], view.page.evaluate("[...Vitral.shell.currentImage()]"))
    np.testing.assert_allclose(view.state()["z"], found[found["way"]]["mu"], atol=z)
    sheet = np.reshape(found["sheet"]["values"], found["sheet"]["shape"])
    if sheet.max() > 0.01:
        wanted = placed_as_mnist(sheet, found["cells_a_pixel"], found["side"], (28, 28)).ravel()
        np.testing.assert_allclose(found["centred"]["x"], wanted, atol=1e-5)
    return found


@pytest.mark.browser
@pytest.mark.slow
def test_mouse_finger_and_keys_draw_and_numpy_says_what_it_costs(figure, costs):
    view = figure("#w02&depth=numbers", touch=True)
    assert view.state()["image"] == 0  # nothing is taken from the page before something is drawn
    view.drag(PAD, (0.6, 0.2), (0.62, 0.8))
    assert len(agrees(view, costs)["made"].split("~")) == 2
    view.page.locator("#w02").get_by_role("button", name="Empty sheet").click()
    blank = agrees(view, costs)
    assert sum(blank["sheet"]["values"]) == sum(blank["centred"]["x"]) == 0
    view.touch(PAD, [(0.2, 0.2), (0.3, 0.3), (0.25, 0.5), (0.4, 0.5)])
    one = agrees(view, costs)
    assert one["side"] == 20
    shown = view.page.locator("#w02 .drawn-both tr", has_text="KL").locator("td").all_inner_texts()
    assert shown == [f"{one[way]['kl']:.2f}" for way in ("drawn", "centred")]
    view.press(PAD, "ArrowRight", "ArrowRight", "Shift+ArrowDown")
    assert view.state()["w02.made"].endswith("~m2_0.25")
    agrees(view, costs)
    view.press(PAD, "r", "r", "R", "+", "Backspace")
    assert view.state()["w02.made"].endswith("~m2_0.25~r10")
    agrees(view, costs)
    view.page.locator("#w02 .pad-tools button").nth(6).click()
    assert view.state()["w02.made"].endswith("~t1")
    before = np.sum(agrees(view, costs)["sheet"]["values"])
    view.page.locator("#w02 input[value=e]").evaluate("(one) => one.click()")
    view.drag(PAD, (0.1, 0.3), (0.6, 0.3))
    assert np.sum(agrees(view, costs)["sheet"]["values"]) < before
    view.page.locator("#w02 .toggle").first.click()
    found = agrees(view, costs)
    assert found["way"] == "drawn"
    sentence = view.page.locator("#w02 .told").inner_text()
    assert f"{found['drawn']['recon']:.1f} + KL {found['drawn']['kl']:.2f}" in sentence
    kept = view.settle().page.evaluate("Vitral.shell.rememberPlace(), location.hash")
    again = figure(kept)
    np.testing.assert_array_equal(told(again)["sheet"]["values"], found["sheet"]["values"])
    assert agrees(again, costs, z=1e-4)["way"] == "drawn"  # an address has four decimals of z


@pytest.mark.browser
@pytest.mark.slow
def test_an_image_is_taken_by_keys_moved_and_shown_to_cost_more(figure, costs):
    view = figure("#w02&image=3&w02.centred=false", width=360, language="pt-BR")
    labels = digits()[1]
    view.page.locator("#w02").get_by_role("button", name="Começar com a imagem acima").click()
    np.testing.assert_allclose(agrees(view, costs)["drawn"]["x"], digits()[0][3], atol=1e-6)
    view.press(PAD, "]")
    np.testing.assert_allclose(agrees(view, costs)["drawn"]["x"], digits()[0][4], atol=1e-6)
    view.press(PAD, "7")
    seven = agrees(view, costs)
    assert labels[int(seven["made"][1:])] == 7
    np.testing.assert_allclose(seven["drawn"]["x"], seven["centred"]["x"], atol=1e-6)
    view.press(PAD, *["ArrowUp"] * 3)
    moved = agrees(view, costs)
    np.testing.assert_allclose(moved["centred"]["x"], seven["centred"]["x"], atol=1e-6)
    assert moved["drawn"]["loss"] > seven["drawn"]["loss"]
    text = view.page.locator("#w02 .told").inner_text()
    assert f"{moved['drawn']['kl']:.2f}".replace(".", ",") in text
    assert view.overflow() == []

    first = digits()[0][:50].reshape(50, 28, 28)
    shifted = np.zeros_like(first)
    shifted[:, :, 4:] = first[:, :, :-4]
    known, other = ([costs(one.ravel())["kl"] for one in some] for some in (first, shifted))
    ratio = np.mean(other) / np.mean(known)
    view.page.locator("#w02 .answer").nth(0 if ratio < 0.98 else 1 if ratio <= 1.02 else 2).click()
    verdict = view.page.locator("#w02 .verdict").inner_text()
    assert verdict.startswith("Sim.")
    assert f"{np.mean(known):.2f} → {np.mean(other):.2f}".replace(".", ",") in verdict


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("way", ["centred", "drawn"])
def test_the_printed_lines_run_and_give_what_is_shown(figure, tmp_path, monkeypatch, way):
    view = figure(f"#w02&depth=code&w02.centred={'true' if way == 'centred' else 'false'}")
    for kind in ("json", "npz"):
        (tmp_path / f"drawing.{kind}").write_bytes(view.download(f"#w02 [data-export={kind}]"))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(view.page.locator("#w02 pre code").inner_text(), names)
    found = told(view)[way]
    np.testing.assert_allclose(names["x"], found["x"], atol=1e-6)
    for key in ("mu", "logvar", "kl", "recon"):
        np.testing.assert_allclose(names[key], found[key], rtol=1e-5, atol=1e-5)
    rows = np.genfromtxt(io.BytesIO(view.download("#w02 [data-export=csv]")), delimiter=",", names=True)
    np.testing.assert_allclose(rows[way], found["x"])
    np.testing.assert_allclose(rows["decoded"], found["mean"])


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["conv_bernoulli", "conv_gate", "autoencoder", "conv_gaussian_colours_odd_sizes"])
def test_pages_of_other_shapes_and_models_and_without_images(figure, tmp_path, kind):
    """8 by 8 pixels, three latent dimensions, a plain autoencoder, colours: no page has an image of its own."""
    spec = models.MODELS[kind]
    model = spec.build()
    shape = spec.image_shape or (3, 4)
    path = tmp_path / "page.html"
    path.write_text(assemble.alone(fixture.content_of(model, models.trained_like(model), shape)), encoding="utf-8")
    view = figure("#w02", path=path)
    if len(shape) > 2:
        assert "colours" in view.page.locator("#w02 .absent").inner_text()
        return
    view.drag(PAD, (0.2, 0.2), (0.5, 0.8))
    found = told(view)
    assert found["side"] == round(min(shape) * 20 / 28)
    assert len(found["centred"]["mu"]) == spec.latent
    assert np.isfinite(found["centred"]["recon"])
    assert (found["centred"]["kl"] is None) == (kind == "autoencoder")
    assert view.page.evaluate("Vitral.shell.currentImage().length") == np.prod(shape)
