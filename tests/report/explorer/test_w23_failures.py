"""W23 in the page: the worst images and the strangers, held against NumPy; and what a page without images says."""

import csv
import io
import json
import re

import numpy as np
import pytest

import vitral
from tests.report.explorer.bench import ran
from tests.report.explorer.fixture import COUNT, NAME, content, digits, packed_theta
from vitral.model import Batch
from vitral.report.explorer import packing
from vitral.report.explorer.assemble import alone
from vitral.report.explorer.golden import noise, uniform

pytestmark = [pytest.mark.browser, pytest.mark.slow]
DRAWS = 16
READY = """((body) => (body.dataset.strangers || '').includes('blank')
    && Number(body.dataset.scored) === Vitral.shell.page.count)(document.querySelector('#w23-body'))"""


@pytest.fixture(scope="module")
def numpy_scores():
    """bound, reconstruction and KL of rows, in double precision, with the page's noise."""
    trained = vitral.load("tiny")
    model, p = trained.model, trained.model.views(packed_theta(trained)[1].astype(np.float64))
    eps = noise(0, "explorer gallery", 0, 2 * DRAWS).reshape(DRAWS, 2)

    def scores(x):
        draws = {"eps": np.repeat(eps[:, None], len(x), axis=1)}
        terms, _, _ = model.run(p, Batch(x, x), draws)
        log_w = model.log_weights(p, Batch(x, x), draws)
        return np.logaddexp.reduce(log_w, 0) - np.log(DRAWS), -terms.log_px.mean(0), terms.kl.sum(-1)

    return scores


def table(view):
    rows = list(csv.DictReader(io.StringIO(view.download("#w23 [data-export=csv]").decode())))
    return [{**row, **{key: float(row[key]) for key in ("bound", "reconstruction", "kl")}} for row in rows]


def strangers(source, other, mean):
    """Some of them, written a second time."""
    square = source.reshape(28, 28)
    shifted = np.zeros((28, 28))
    shifted[7:, 7:] = square[:-7, :-7]
    across = np.floor(7 * (np.arange(28) + 0.5) / 28)
    order = np.argsort(uniform(0, "explorer stranger shuffle", 0, 784), kind="stable")
    made = {
        "blank": np.zeros(784), "full": np.ones(784), "inverted": 1 - source, "turned": square[::-1, ::-1],
        "shifted": shifted, "stripes": np.tile(across % 2, 28), "checker": (across[:, None] + across) % 2,
        "dimmed": source / 2, "average": mean,
        "noise": uniform(0, "explorer stranger noise", 0, 784), "shuffled": source[order],
        "halves": np.concatenate([source[:392], other[392:]]),
    }  # fmt: skip
    return {name: np.ravel(values) for name, values in made.items()}


def test_scores_are_those_of_numpy_and_the_printed_lines_give_them(figure, numpy_scores, tmp_path, monkeypatch):
    view = figure("#w23&depth=code&image=5").until(READY, 60)
    view.until(f"document.querySelector('#w23-body').dataset.scored === '{COUNT}'", 60)
    rows = table(view)
    images = digits()[0].astype(np.float64)
    tested = [row for row in rows if row["kind"] == "test"]
    wanted = numpy_scores(images)
    for key, values in zip(("bound", "reconstruction", "kl"), wanted, strict=True):
        np.testing.assert_allclose([row[key] for row in tested], values, rtol=1e-5, atol=1e-5)
    found = {row["image"]: row for row in rows if row["kind"] == "stranger"}
    mine = strangers(images[5], images[6], images.mean(0))
    for name, x in mine.items():
        shown = [found[name][key] for key in ("bound", "reconstruction", "kl")]
        assert shown == pytest.approx([float(values[0]) for values in numpy_scores(x[None])], rel=1e-5), name
    told = json.loads(view.download("#w23 [data-export=json]"))
    assert told["worst"] == np.argsort(wanted[0], kind="stable")[:24].tolist()
    ranks = {one["name"]: one for one in told["strangers"]}
    for name in ("blank", "inverted", "average"):
        bound, _, kl = (float(values[0]) for values in numpy_scores(mine[name][None]))
        assert ranks[name]["below"] == pytest.approx(100 * (wanted[0] < bound).mean())
        assert ranks[name]["kl_above"] == pytest.approx(100 * (wanted[2] > kl).mean())

    (tmp_path / "failure-gallery.npz").write_bytes(view.download("#w23 [data-export=npz]"))
    monkeypatch.chdir(tmp_path)
    said = {}
    ran(view.page.locator("#w23 pre code").text_content(), said)
    np.testing.assert_allclose(said["bound"], [one["bound"] for one in told["strangers"]], rtol=1e-6)

    right = 0 if ranks["blank"]["bound"] > np.median(wanted[0]) else 1
    view.page.locator("#w23 .answer").nth(right).click()
    verdict = view.page.locator("#w23 .verdict").inner_text()
    assert verdict.startswith("Yes.")
    assert f"{ranks['blank']['below']:.1f}%" in verdict

    view.set(**{"w23.order": "kl"})
    told = json.loads(view.download("#w23 [data-export=json]"))
    assert told["worst"] == np.argsort(-wanted[2], kind="stable")[:24].tolist()
    view.set(**{"w23.order": "misplaced"})
    worst = json.loads(view.download("#w23 [data-export=json]"))["worst"]
    codes, labels = packing.unpack(content()["arrays"][f"{NAME}/codes"]).astype(float), digits()[1]
    for i in worst:
        order = np.argsort(((codes - codes[i]) ** 2).sum(1))[1:16]
        assert np.bincount(labels[order]).argmax() != labels[i]


def test_a_tap_makes_an_image_the_one_of_all_figures_and_the_address_brings_it_back(figure):
    view = figure("#w23&image=5", touch=True, width=360).until(READY, 60)
    view.page.locator("#w23 [data-stranger=inverted]").click()
    view.settle()
    assert (view.state()["image"], view.state()["w23.stranger"], view.state()["w23.source"]) == (-1, "inverted", 5)
    np.testing.assert_allclose(view.image("#w23 .pair-of-images canvas"), 1 - digits()[0][5], atol=1e-6)
    assert "Inverted" in view.page.locator("#w23 .told").inner_text()
    mu = view.page.evaluate("Array.from(Vitral.shell.currentCode().mu)")
    np.testing.assert_allclose(view.state()["z"], mu)
    view.press("#w23 [data-stranger=blank]", "Enter")
    assert view.image("#w23 .pair-of-images canvas").max() == 0
    hashed = view.page.evaluate("Vitral.shell.state.hash('w23')")
    view.press("#w23 .sheet canvas", "Home", "ArrowRight")
    worst = json.loads(view.download("#w23 [data-export=json]"))["worst"]
    assert (view.state()["image"], view.state()["w23.stranger"]) == (worst[1], "")
    np.testing.assert_allclose(view.image("#w23 .pair-of-images canvas"), digits()[0][worst[1]], atol=1e-6)
    view.touch("#w23 .sheet canvas", [(0.5 / 8, 0.5 / 3)])
    assert view.state()["image"] == worst[0]
    assert view.overflow() == []
    again = figure(re.sub(r"z=[^&]*", "z=0.5,-0.5", hashed)).until(READY, 60)
    assert again.state()["z"] == [0.5, -0.5]
    assert (again.state()["image"], again.state()["w23.stranger"], again.state()["w23.source"]) == (-1, "blank", 5)
    assert again.image("#w23 .pair-of-images canvas").max() == 0
    again.page.evaluate("Vitral.shell.useDrawing(new Float32Array(784).fill(0.25))")
    again.until("Vitral.shell.state.get()['w23.stranger'] === ''")
    again.until("document.querySelector('#w23 .told').textContent.startsWith('A drawing: log')")


def test_a_page_without_images_scores_the_strangers_that_need_none(figure, tmp_path, numpy_scores):
    bare = {key: value for key, value in content().items() if key != "arrays"}
    left = {name: one for name, one in content()["arrays"].items() if "images" not in name}
    path = tmp_path / "bare.html"
    path.write_text(alone({**bare, "arrays": left, "golden": {}}), encoding="utf-8")
    view = figure("#w23", path=path, language="pt-BR").until(READY, 60)
    rows = {row["image"]: row for row in table(view)}
    assert set(rows) == {"blank", "full", "grey", "checker", "stripes", "letter", "shirt", "noise"}
    assert rows["blank"]["bound"] == pytest.approx(float(numpy_scores(np.zeros((1, 784)))[0][0]), rel=1e-5)
    view.page.locator("#w23 [data-stranger=letter]").click()
    assert "A letra A" in view.settle().page.locator("#w23 .told").inner_text()
    assert view.page.locator("#w23 .absent:visible").count() == 1
