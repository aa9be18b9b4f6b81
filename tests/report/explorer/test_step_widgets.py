"""The widgets of the training step in a real browser: gradients are NumPy's, and the printed code computes them."""

import csv
import io

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import NAME, digits, packed_theta
from vitral.core.parameters import named
from vitral.model import Batch
from vitral.parts.objectives import ELBO
from vitral.report.explorer.golden import noise

pytestmark = [pytest.mark.browser, pytest.mark.slow]
IMAGE = 4
FORWARD, GRADIENT = 1e-5, 1e-4


@pytest.fixture(scope="module")
def numpy_step():
    """The loss of the image at the noise of the page, and its gradient by tensor, in double precision."""
    trained = vitral.load("tiny")
    model, theta = trained.model, packed_theta(trained)[1].astype(np.float64)
    row = digits()[0][IMAGE].astype(np.float64)
    eps = noise(1, "explorer eps", 1000 * (IMAGE + 1), 2)
    gradient = np.zeros_like(theta)
    loss, backward = model.loss(model.views(theta), Batch(row[None], row[None]), {"eps": eps[None, None]}, ELBO(), 1)
    backward(model.views(gradient))
    tensors = {f"{NAME}/{name}": gradient[where].reshape(shape) for name, (where, shape) in named(model.shapes).items()}
    return float(loss), tensors


def close(found, wanted, tolerance):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())


def in_sight(view, selector):
    view.page.locator(selector).first.evaluate("(one) => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    view.page.wait_for_timeout(200)
    return view.settle()


def exported(view, widget, name, folder):
    """Both files of a figure where its code looks for them."""
    for way in ("json", "npz"):
        (folder / f"{name}.{way}").write_bytes(view.download(f"#{widget} [data-export={way}]"))


# ---- W8, one training step under the microscope


def test_the_step_and_the_code_that_it_prints_are_numpys(figure, numpy_step, tmp_path, monkeypatch):
    view = figure(f"#w08&image={IMAGE}&depth=code&w08.stage=99")
    exported(view, "w08", "training-step", tmp_path)
    listing = view.page.locator("#w08 .listing li").all_inner_texts()
    loss, gradient = numpy_step
    weights = np.load(tmp_path / "training-step.npz")
    for name, wanted in gradient.items():
        close(weights["gradient " + name], wanted, GRADIENT)
    monkeypatch.chdir(tmp_path)
    ran = {}
    exec("\n".join(listing), ran)
    close(ran["loss"], loss, FORWARD)
    assert ran["g"].keys() == gradient.keys()
    for name, wanted in gradient.items():
        close(ran["g"][name], wanted, GRADIENT)
    step = ran["given"]["step"]
    assert step["predicted"] == pytest.approx(-step["rate"] * sum((one**2).sum() for one in gradient.values()))
    assert step["change"] == pytest.approx(step["predicted"], rel=0.5)
    assert f"from {loss:.3f}" in view.page.locator("#w08 .told").inner_text().replace("−", "-")


def test_stages_are_walked_by_keys_buttons_finger_and_slider(figure):
    view = in_sight(figure("#w08", width=360, touch=True), "#w08 .microscope")
    desk = "#w08 .microscope"
    view.press(desk, "ArrowRight", " ", "ArrowLeft")
    assert view.state()["w08.stage"] == 1
    view.page.locator("#w08").get_by_role("button", name="On ›").click()
    assert view.settle().state()["w08.stage"] == 2
    view.slide("#w08 .slider input[type=range]", 6)  # people count from 1
    assert view.state()["w08.stage"] == 5
    cell = "#w08 .step-columns .cell >> nth=1"
    view.page.locator(cell).evaluate("(one) => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    view.touch(cell, [(0.5, 0.5)])
    last_backward = view.state()["w08.stage"]
    view.press(desk, "End")
    assert view.state()["w08.stage"] == last_backward + 1  # the step follows the derivative by the image
    view.press(desk, "Home", "ArrowRight")
    assert view.page.locator("#w08 .stage-figures canvas").count() == 1
    assert view.overflow() == []


# ---- W10, nudge a weight


def test_the_checks_and_the_printed_check_are_numpys(figure, numpy_step, tmp_path, monkeypatch, capsys):
    view = in_sight(figure(f"#w10&image={IMAGE}&depth=code"), "#w10 .look")
    view.page.locator("#w10 table td").first.wait_for(state="attached", timeout=60_000)
    rows = list(csv.DictReader(io.StringIO(view.download("#w10 [data-export=csv]").decode())))
    _, gradient = numpy_step
    assert {row["tensor"] for row in rows} == {name.removeprefix(f"{NAME}/") for name in gradient}
    for row in rows:
        wanted = gradient[f"{NAME}/{row['tensor']}"]
        room = GRADIENT * np.linalg.norm(wanted)
        assert float(row["analytic"]) == pytest.approx(wanted.flat[int(row["place"])], rel=GRADIENT, abs=1e-2 * room)
        assert float(row["numeric"]) == pytest.approx(wanted.flat[int(row["place"])], rel=1e-2, abs=room)
    before = {(row["tensor"], row["place"]) for row in rows}
    exported(view, "w10", "gradient-check", tmp_path)
    monkeypatch.chdir(tmp_path)
    code = view.page.locator("#w10 pre code").inner_text()
    exec(code, {})
    largest = gradient[f"{NAME}/encoder.0.W"]
    assert float(capsys.readouterr().out) == pytest.approx(largest.flat[np.abs(largest).argmax()], rel=1e-3)
    view.page.locator("#w10").get_by_role("button", name="another 20").click()
    view.page.locator("#w10 [role=status]", has_text="weights checked").last.wait_for(timeout=60_000)
    again = list(csv.DictReader(io.StringIO(view.download("#w10 [data-export=csv]").decode())))
    assert {(row["tensor"], row["place"]) for row in again} != before


def test_a_weight_is_chosen_by_pointer_finger_keys_list_and_slider(figure):
    view = in_sight(figure("#w10", width=360, touch=True), "#w10 canvas")
    seen = []

    def entry():
        seen.append(view.state()["w10.entry"])
        return seen[-1]

    view.click("#w10 canvas", (0.13, 0.13))
    assert entry() >= 0
    view.touch("#w10 canvas", [(0.62, 0.4)])
    assert entry() not in seen[:-1]
    view.press("#w10 canvas", "ArrowRight")
    assert entry() not in seen[:-1]
    view.slide("#w10 .slider input[type=range]", 7)
    assert entry() == 7
    view.page.locator("#w10 select").select_option(index=1)
    assert view.settle().state()["w10.tensor"] == "encoder.0.b"
    view.slide("#w10 .beside.even .slider input[type=range] >> nth=1", -6)
    view.page.locator("#w10 .told", has_text="10⁻⁶").wait_for(timeout=60_000)
    assert view.overflow() == []
