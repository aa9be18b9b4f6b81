"""W3, the latent plane: every way to move changes z and the image, and the image is the one that NumPy decodes."""

import io
import json

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import NAME, content, packed_theta
from vitral.report.explorer import packing

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLANE, IMAGE = "#w03 .plane-surface", "#w03 canvas.large"
RANGE, FIELD = "#w03 .plane-sliders input[type=range]", "#w03 .plane-sliders input.number"


@pytest.fixture(scope="module")
def exact():
    """The tiny model's mean image from the weights that the page holds, in double precision."""
    trained = vitral.load("tiny")
    _, theta = packed_theta(trained)
    p = trained.model.views(theta.astype(np.float64))
    return lambda z: trained.model.decode(p, np.asarray([z], np.float64))[0]


def holds(view, exact, z=None):
    """The page shows what NumPy decodes at its z; returns that z."""
    found = view.state()["z"]
    if z is not None:
        np.testing.assert_allclose(found, z, atol=1e-9)
    np.testing.assert_allclose(view.image(IMAGE), exact(found), atol=1e-5)
    np.testing.assert_allclose(view.image(IMAGE), view.image(IMAGE).clip(0, 1))
    return found


def test_mouse_keys_slider_and_field_move_the_point_and_the_image_is_numpys(figure, exact):
    view = figure("#w03&z=0,0")
    seen = [holds(view, exact, [0, 0])]
    seen.append(holds(view.drag(PLANE, (0.5, 0.5), (0.7, 0.4)), exact))
    assert min(seen[-1]) > 0.2
    assert view.state()["pins"] == []
    seen.append(holds(view.click(PLANE, (0.3, 0.6)), exact))
    assert len(view.state()["pins"]) == 1
    view.press(PLANE, "Home", "ArrowRight", "Shift+ArrowUp", "Control+ArrowLeft")
    seen.append(holds(view, exact, [0.04, 0.25]))
    seen.append(holds(view.slide(RANGE, -1.25), exact, [-1.25, 0.25]))
    seen.append(holds(view.type(f"{FIELD} >> nth=1", "1.75"), exact, [-1.25, 1.75]))
    seen.append(holds(view.type(f"{FIELD} >> nth=1", "nonsense"), exact, [-1.25, 1.75]))
    assert len({tuple(z) for z in seen}) == 6
    view.until("document.querySelector('#w03 [aria-live]').textContent.startsWith('z = (−1.25, 1.75)')")


def test_keys_choose_images_digits_and_draws(figure, exact):
    view = figure("#w03")
    codes = packing.unpack(content()["arrays"][f"{NAME}/codes"])
    labels = packing.unpack(content()["arrays"]["images_labels"])
    view.press(PLANE, "]", "]", "[")
    assert view.state()["image"] == 1
    np.testing.assert_allclose(holds(view, exact), codes[1], atol=5e-3)
    view.press(PLANE, "4")
    assert labels[view.state()["image"]] == 4
    before, seed = view.state()["z"], view.state()["seed"]
    view.press(PLANE, "r")
    assert view.state()["z"] != before
    assert view.state()["seed"] == seed + 1
    holds(view, exact)
    view.press(PLANE, "p", " ")
    assert view.page.locator("#w03 button[aria-pressed=true]").count() == 1
    view.until(f"Vitral.shell.state.get().z.join() !== '{','.join(map(str, view.state()['z']))}'")
    view.press(PLANE, " ")
    assert view.page.locator("#w03 button[aria-pressed=true]").count() == 0


def test_fingers_move_pinch_and_leave_pins(figure, exact):
    view = figure("#w03&z=0,0", width=360, height=780, touch=True)
    view.touch(PLANE, [(0.5, 0.5), (0.6, 0.45), (0.7, 0.4)])
    moved = holds(view, exact)
    assert moved[0] > 0.5
    span = view.page.evaluate(SPAN)
    view.touch(PLANE, [(0.45, 0.5), (0.4, 0.5), (0.3, 0.5)], [(0.55, 0.5), (0.6, 0.5), (0.7, 0.5)])
    assert view.page.evaluate(SPAN) < 0.6 * span
    assert holds(view, exact) == moved
    view.touch(PLANE, [(0.4, 0.4)])
    assert len(view.state()["pins"]) == 1


CANVAS = "document.querySelector('#w03 .plane-surface canvas')"
SPAN = "Vitral.shell.planes.find((one) => document.querySelector('#w03').contains(one.surface)).view.span"


def test_a_pin_is_dragged_brought_and_taken_away(figure, exact):
    view = figure("#w03&z=0.5,0.5&pins=1,1")
    half = view.page.evaluate(SPAN)
    at = (0.5 + 1 / (2 * half), 0.5 - 1 / (2 * half))
    view.drag(PLANE, at, (0.5, 0.5))
    np.testing.assert_allclose(view.state()["pins"], [[0, 0]], atol=0.05)
    holds(view, exact, [0.5, 0.5])
    view.page.get_by_label("Bring pin A to the cursor").click()
    assert view.state()["pins"] == [[0.5, 0.5]]
    view.page.get_by_label("Remove pin A").click()
    assert view.state()["pins"] == []


def test_every_ground_can_be_shown_and_zoomed(figure):
    view = figure("#w03&w03.forces=true")
    seen = set()
    for ground in ("none", "density", "classes", "jacobian", "tiles"):
        view.page.locator(f"#w03 input[value={ground}]").last.evaluate("(one) => one.click()")
        if ground == "jacobian":
            view.until("document.querySelector('#w03').dataset.jacobian === 'here'")
        view.settle().shot(f"w03-{ground}", "#w03")
        seen.add(view.page.evaluate(f"{CANVAS}.toDataURL().length"))
    assert len(seen) == 5
    span = view.page.evaluate(SPAN)
    view.press(PLANE, "+")
    assert view.page.evaluate(SPAN) == pytest.approx(span / 1.25)
    view.page.locator("#w03").get_by_label("Zoom in").click()
    view.page.locator("#w03").get_by_role("button", name="Whole plane").click()
    assert view.page.evaluate(SPAN) == pytest.approx(span)


def test_exports_hold_what_is_shown(figure, exact):
    view = figure("#w03&z=0.4,-1.1")
    weights = np.load(io.BytesIO(view.download("#w03 [data-export=npz]")))
    arrays, _ = packed_theta(vitral.load("tiny"))
    assert set(weights.files) == set(arrays)
    for name in arrays:
        np.testing.assert_array_equal(weights[name].astype(np.float32), packing.unpack(arrays[name]))
    kept = json.loads(view.download("#w03 [data-export=json]"))
    np.testing.assert_allclose(kept["decoded"], exact([0.4, -1.1]), atol=1e-5)
    lines = view.download("#w03 [data-export=csv]").decode().split("\r\n")
    assert lines[0] == "image,class,z1,z2"
    assert lines[-2] == "cursor,,0.4,-1.1"
    assert view.download("#w03 [data-export=png]").startswith(b"\x89PNG")
    assert b"<text" in view.download("#w03 [data-export=svg]")
    code = view.set(depth="code").page.locator("#w03 pre code").inner_text()
    names = {"np": np, "w": weights}
    exec("\n".join(line for line in code.splitlines() if "import" not in line and "np.load" not in line), names)
    np.testing.assert_allclose(names["x"][0], exact([0.4, -1.1]), atol=1e-5)
