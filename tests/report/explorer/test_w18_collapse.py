"""W18 in the page: the ridges are the KL that was recorded, at its scale, and every count and sum is NumPy's."""

import io
import json
import re

import numpy as np
import pytest

from tests.report.explorer import fixture
from tests.report.explorer.many import EPOCHS, many
from vitral.report.explorer.assemble import alone

DEEP = ["latent-4-deep", "latent-4-deep_mean", "latent-4-deep_linear", "latent-4-deep_free"]
END = len(EPOCHS) - 1


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    found = tmp_path_factory.mktemp("w18") / "page.html"
    found.write_text(alone(many().content), encoding="utf-8")
    return found


def heights(view, panel):
    """How high every ridge of a panel stands over its base at every moment, in pixels: (dimensions, moments)."""
    paths = view.page.locator(f"#w18 .ridge-panel:nth-child({panel + 1}) .ridge .ground").all()
    rows = []
    for path in paths:
        points = np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path.get_attribute("d")), float)
        rows.append(points[-1, 1] - points[:-2, 1])
    return np.array(rows)


@pytest.mark.browser
@pytest.mark.slow
def test_ridges_are_the_recorded_kl_at_one_scale(figure, path):
    made = many()
    view = figure("#w18&w18.group=0&depth=numbers", path=path)
    view.page.locator("#w18 .ridge-panels").scroll_into_view_if_needed()
    view.until("document.querySelectorAll('#w18 svg.ridges').length === 4")
    scales = []
    for i, name in enumerate(DEEP):
        kl = made.models[name].kl.astype(float)
        inward = kl[:, np.argsort(kl[END], kind="stable")].T  # the fullest dimension is the last drawn, in front
        drawn = heights(view, i)
        assert drawn.shape == inward.shape
        if "mean" not in name:
            scales.append(drawn.sum() / inward.sum())
            np.testing.assert_allclose(drawn, inward * scales[-1], atol=0.12)
        else:
            assert np.abs(drawn).max() < 0.5
    np.testing.assert_allclose(scales, scales[0], rtol=0.02)

    kept = np.load(io.BytesIO(view.download("#w18 [data-export=npz]")))
    for t, epoch in ((END, -1), (2, 1.0)):
        view.set(epoch=epoch)
        for i, name in enumerate(DEEP):
            kl = made.models[name].kl.astype(float)
            np.testing.assert_array_equal(kept[f"{name}/kl"], made.models[name].kl)
            read = view.page.locator(f"#w18 .ridge-panel:nth-child({i + 1}) .readout").first.inner_text()
            assert f"{kl[t].sum():.2f} nats, {(kl[t] > 0.01).sum()} of 4 dimensions" in read

    # Only moments up to the cursor are drawn solid; dragging over a panel moves it, and chooses the training.
    solid = view.page.locator("#w18 .ridge-panel:nth-child(2) .ridge .reached").first.get_attribute("d")
    assert len(re.findall("[ML]", solid)) == 3
    view.drag("#w18 .ridge-panel:nth-child(3) .ridge-place", (0.1, 0.3), (0.76, 0.3))
    assert view.state()["epoch"] == 3
    assert view.state()["w18.chosen"] == DEEP[2]
    view.slide("#w18 input[type=range]", 0.0)
    assert view.state()["epoch"] == 0
    view.page.locator("#w18 button", has_text="Play").click()
    view.until(f"Vitral.shell.state.get().epoch === {EPOCHS[END]}")

    # The bug: flat, and nothing left.
    view.page.locator("#w18 .ridge-name").nth(1).click()
    view.settle()
    assert "784" in view.page.locator("#w18 .ridge-name").nth(1).inner_text()
    told = view.page.locator("#w18 .told").inner_text()
    assert "all 4 dimensions collapsed" in told
    view.page.locator("#w18 .answers button").last.click()
    used = (made.models[DEEP[0]].kl[END] > 0.01).sum()
    assert f"{used} of 4" in view.page.locator("#w18 .verdict").inner_text()
    assert view.page.locator("#w18 .answer.right").inner_text() == "Nearly all"

    lines = view.set(depth="code").page.locator("#w18 pre code").inner_text()
    names = {"np": np, "r": kept}
    exec("\n".join(line for line in lines.splitlines() if "import" not in line and "np.load" not in line), names)
    np.testing.assert_allclose(names["total"], made.models[DEEP[1]].kl.sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(names["held"], (made.models[DEEP[1]].kl > 0.01).sum(axis=1))


@pytest.mark.browser
@pytest.mark.slow
def test_two_images_and_their_reconstructions_are_as_far_apart_as_numpy_says(figure, path):
    made = many()
    view = figure("#w18&image=3", path=path, width=360, language="pt-BR", touch=True)
    view.page.locator("#w18 .ridge-panels").scroll_into_view_if_needed()
    kept = json.loads(view.download("#w18 [data-export=json]"))["trainings"]
    labels = fixture.digits()[1]
    other = next(i for i in range(4, 300) if labels[i] != labels[3])
    x = made.images[[3, other]].astype(float)
    for one, name in zip(kept, DEEP, strict=True):
        model, p = made.models[name].model, made.models[name].model.views(made.models[name].theta)
        images = model.decode(p, model.encode(p, x)[0])
        assert one["pair"]["given"] == pytest.approx(((x[0] - x[1]) ** 2).sum(), rel=1e-5)
        assert one["pair"]["made"] == pytest.approx(((images[0] - images[1]) ** 2).sum(), rel=1e-4)
    view.touch("#w18 .ridge-panel:nth-child(1) .ridge-place", [(0.9, 0.3), (0.5, 0.3), (0.28, 0.3)])
    assert view.state()["epoch"] == 1
    assert "KL" in view.page.locator("#w18 .chart-place").first.get_attribute("aria-label")
    assert view.overflow() == []
    assert view.axe() == []
    view.set(**{"w18.group": 1})
    assert view.page.locator("#w18 .ridge-panel").count() == 2


@pytest.mark.browser
@pytest.mark.slow
def test_a_page_of_one_training_says_so(figure):
    assert "no two trainings" in figure("#w18").page.locator("#w18 .absent").inner_text()
