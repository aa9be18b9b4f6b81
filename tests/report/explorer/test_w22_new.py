"""W22 in the page: nearest images and the test for copies, held against NumPy and Vitral's own measurement."""

import io
import json

import numpy as np
import pytest

import vitral
from tests.report.explorer.bench import ran
from tests.report.explorer.fixture import NAME, content, digits, packed_theta
from vitral.data import load_data
from vitral.evaluation.samples import memorisation
from vitral.report.explorer import packing
from vitral.report.explorer.assemble import alone
from vitral.report.explorer.golden import noise

pytestmark = [pytest.mark.browser, pytest.mark.slow]
READY = "(document.querySelector('#w22-body').dataset.measured || '') !== ''"
DRAWS, TRAINED = 200, 150


@pytest.fixture(scope="module")
def trained():
    model = vitral.load("tiny").model
    return model, model.views(packed_theta(vitral.load("tiny"))[1].astype(np.float64))


@pytest.fixture(scope="module")
def generated(trained):
    model, views = trained
    z = np.stack([noise(0, "explorer copies", i, 2) for i in range(DRAWS)])
    return z, np.asarray(model.decode(views, z), np.float64)


@pytest.fixture(scope="module")
def training():
    rows = load_data("mnist").train
    return np.asarray(rows.take(np.arange(TRAINED)), np.float32), np.asarray(rows.labels[:TRAINED])


@pytest.fixture
def page_of(tmp_path):
    def make(images, labels, **changes):
        one = content()
        train = {"train_images": packing.floats(images).entry, "train_labels": packing.integers(labels, "i4").entry}
        path = tmp_path / "page.html"
        path.write_text(alone({**one, **changes, "arrays": one["arrays"] | train}), encoding="utf-8")
        return path

    return make


def measured(view):
    """Once it is seen, and everything was found."""
    view.page.locator("#w22").scroll_into_view_if_needed()
    return view.until(READY, 120)


def report(view):
    return json.loads(view.download("#w22 [data-export=json]"))


def distances(x, rows):
    return np.sqrt(((x - rows.astype(np.float64)) ** 2).sum(-1))


def held_against(near, x, rows):
    wanted = np.sort(distances(x, rows))[:5]
    np.testing.assert_allclose([one["distance"] for one in near], wanted, rtol=1e-5, atol=1e-6)
    for one in near:
        assert distances(x, rows[one["index"]]) == pytest.approx(one["distance"], rel=1e-5, abs=1e-6)


def test_neighbours_and_the_share_of_training_images_are_those_of_numpy(
    figure, page_of, trained, generated, training, tmp_path, monkeypatch
):
    (model, views), (train, labels), (test, classes) = trained, training, digits()
    view = measured(figure("#w22&depth=code&z=0.4,-1.1", path=page_of(train, labels)))
    found = report(view)
    x = model.decode(views, np.array([[0.4, -1.1]]))[0]
    held_against(found["near"]["pixels.train"], x, train)
    held_against(found["near"]["pixels.test"], x, test)
    codes = {"train": model.encode(views, train)[0], "test": model.encode(views, test)[0]}
    for split, own in codes.items():
        held_against(found["near"][f"codes.{split}"], np.array([0.4, -1.1]), own)

    known = [np.sort(distances(one, train))[1] for one in train]
    unseen = np.array([distances(one, train).min() for one in test])
    np.testing.assert_allclose(found["known"], known, rtol=1e-5)
    np.testing.assert_allclose(found["unseen"], unseen, rtol=1e-5)
    assert found["nearer"] == pytest.approx((unseen < found["distance"]["train"]).mean())
    to_train = np.array([one["train"]["distance"] for one in found["made"]])
    np.testing.assert_allclose(to_train, [distances(one, train).min() for one in generated[1]], rtol=1e-5)
    ours = memorisation(generated[1], train, test)
    assert found["copied"]["share"] == pytest.approx(ours.to_train)
    assert found["copied"]["expected"] == pytest.approx(ours.expected) == TRAINED / (TRAINED + len(test))
    told = view.page.locator("#w22 .told").inner_text()
    assert f"{found['distance']['train']:.2f}" in told
    assert f"{100 * found['nearer']:.1f}%" in told

    def printed():
        (tmp_path / "memorised-or-new.npz").write_bytes(view.download("#w22 [data-export=npz]"))
        monkeypatch.chdir(tmp_path)
        said = {}
        ran(view.page.locator("#w22 pre code").text_content(), said)
        said.pop("d").close()
        return said

    said = printed()
    np.testing.assert_allclose(said["nearest_train"], [one["distance"] for one in found["near"]["pixels.train"]])
    assert said["share"] == pytest.approx(ours.to_train)

    share = found["copied"]
    verdict = 0 if share["share"] < share["expected"] - share["beside"] else 1
    verdict = 2 if share["share"] > share["expected"] + share["beside"] else verdict
    view.page.locator("#w22 .answer").nth(verdict).click()
    assert f"{100 * share['share']:.1f}%" in view.page.locator("#w22 .verdict").inner_text()
    assert view.page.locator("#w22 .verdict").inner_text().startswith("Yes.")

    view.set(**{"w22.what": "image", "image": 7})
    found = report(view)
    held_against(found["near"]["pixels.train"], test[7], train)
    held_against(found["near"]["pixels.test"], test[7], np.where(np.arange(len(test))[:, None] == 7, 9, test))
    others = np.delete(unseen, 7)
    assert found["nearer"] == pytest.approx((others < found["distance"]["train"]).sum() / len(test))
    np.testing.assert_allclose(printed()["nearest_test"], [one["distance"] for one in found["near"]["pixels.test"]])
    rows = np.genfromtxt(io.BytesIO(view.download("#w22 [data-export=csv]")), delimiter=",", skip_header=1, usecols=5)
    assert len(rows) == 20
    shown = view.page.locator("#w22 .sheet").nth(1).locator("xpath=following-sibling::p[1]").inner_text()
    assert shown.endswith(" ".join(str(classes[one["index"]]) for one in found["near"]["pixels.test"]))


def test_neighbours_are_chosen_by_tap_and_arrows_and_copies_are_found(figure, page_of, generated, training):
    z, images = generated
    copies = np.concatenate([images[20:60], training[0][:60]]).astype(np.float32)
    path = page_of(copies, np.zeros(len(copies), np.int64))
    view = measured(figure("#w22", path=path, touch=True, width=360))
    share = report(view)["copied"]
    assert share["share"] > share["expected"] + 2 * share["beside"]
    view.page.locator("#w22 button.action").nth(1).click()
    state = view.settle().state()
    assert 20 <= state["w22.draw"] < 60
    np.testing.assert_allclose(state["z"], z[state["w22.draw"]], atol=1e-4)
    found = report(view)
    assert found["near"]["pixels.train"][0]["index"] == state["w22.draw"] - 20
    assert found["distance"]["train"] < 0.01
    assert found["nearer"] == 0
    assert "as near" in view.page.locator("#w22 .told").inner_text()
    np.testing.assert_allclose(view.image("#w22 .trio canvas"), images[state["w22.draw"]], atol=1e-3)

    view.touch("#w22 .sheet >> nth=1", [(0.5, 0.5)])
    assert (view.state()["w22.beside"], view.state()["w22.place"]) == ("pixels.test", 2)
    view.press("#w22 .sheet canvas >> nth=1", "ArrowRight")
    assert view.state()["w22.place"] == 3
    neighbour = view.image("#w22 .trio figure:nth-child(2) canvas")
    wanted = report(view)["near"]["pixels.test"][3]
    np.testing.assert_allclose(neighbour, digits()[0][wanted["index"]], atol=1e-6)
    gap = view.image("#w22 .trio figure:nth-child(3) canvas")
    assert np.sqrt((gap**2).sum()) == pytest.approx(wanted["distance"], rel=1e-4)
    view.page.locator("#w22 button.action").first.click()
    assert view.settle().state()["w22.draw"] == state["w22.draw"] + 1
    assert view.overflow() == []
    assert view.axe() == []
    hashed = view.page.evaluate("Vitral.shell.state.hash('w22')")
    again = figure(hashed, path=path, language="pt-BR")
    assert (again.state()["w22.draw"], again.state()["w22.beside"]) == (state["w22.draw"] + 1, "pixels.test")


def test_what_a_page_lacks_is_said_in_its_place(figure, page_of, training):
    assert "no training images" in figure("#w22").page.locator("#w22 .absent").inner_text()
    alone_decoder = [{**content()["models"][0], "encoder": None, "posterior": {"kind": "point"}}]
    path = page_of(*training, models=alone_decoder, golden={})
    view = measured(figure("#w22", path=path))
    near = report(view)["near"]
    assert near["codes.train"] is None
    assert len(near["codes.test"]) == 5
    said = view.page.locator("#w22 .absent:visible").all_inner_texts()
    assert ["no prior" in one for one in said] == [True, False]
    assert NAME in view.state()["model"]
