"""W1, the whole machine: every array is NumPy's, boxes open by hand and keys, and z moves what follows it."""

import csv
import io
import json

import numpy as np
import pytest

import vitral
from tests.report.explorer import fixture, models
from tests.report.explorer.fixture import NAME, digits, packed_theta
from vitral.core.parameters import named
from vitral.report.explorer import assemble

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def forward():
    """The arrays of the tiny model, written out: two layers with a relu between them on either side."""
    trained = vitral.load("tiny")
    theta = packed_theta(trained)[1].astype(np.float64)
    w = {name: theta[where].reshape(shape) for name, (where, shape) in named(trained.model.shapes).items()}

    def of(x, z):
        e0 = x @ w["encoder.0.W"] + w["encoder.0.b"]
        h = np.maximum(e0, 0) @ w["encoder.2.W"] + w["encoder.2.b"]
        d0 = z @ w["decoder.0.W"] + w["decoder.0.b"]
        o = np.maximum(d0, 0) @ w["decoder.2.W"] + w["decoder.2.b"]
        mu, sigma = h[:2], np.exp(h[2:] / 2)
        return {
            "x": x, "encoder.0": e0, "encoder.1": np.maximum(e0, 0), "encoder.2": h, "mu": mu, "sigma": sigma,
            "eps": (z - mu) / sigma, "z": z, "decoder.0": d0, "decoder.1": np.maximum(d0, 0), "decoder.2": o,
            "mean": 1 / (1 + np.exp(-o)),
        }  # fmt: skip

    return of


def situation(view):
    return json.loads(view.settle().download("#w01 [data-export=json]"))


def agrees(view, forward, image):
    found = situation(view)
    wanted = forward(digits()[0][image].astype(np.float64), np.asarray(view.state()["z"]))
    for name, values in wanted.items():
        np.testing.assert_allclose(found["arrays"][name], values, rtol=1e-5, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(view.image("#w01 [data-box=mean] canvas"), wanted["mean"], atol=1e-5)
    return found


def test_every_box_shows_numpys_array_and_opens_by_click_and_keys(figure, forward):
    view = figure("#w01&image=4&depth=numbers", touch=True)
    found = agrees(view, forward, 4)
    shapes = {box["id"]: box["shape"] for box in found["boxes"]}
    assert list(shapes) == [
        "x", "encoder.0", "encoder.1", "encoder.2", "posterior", "eps", "z", "decoder.0", "decoder.1",
        "decoder.2", "mean",
    ]  # fmt: skip
    for name, shape in shapes.items():
        assert np.prod(shape) == len(found["arrays"]["mu" if name == "posterior" else name])
    opened_box = "#w01 [aria-expanded=true]"
    assert view.page.locator(opened_box).get_attribute("data-box") == "z"
    for name in shapes:
        view.page.locator(f"#w01 [data-box='{name}']").click()
        assert view.state()["w01.box"] == name
        assert view.settle().page.locator(opened_box).get_attribute("data-box") == name
        assert view.page.locator("#w01 .machine-open .stage-figures figure").count() >= 1
    view.press("#w01 [data-box='encoder.0']", "Enter")
    np.testing.assert_allclose(view.image("#w01 .stage-figures canvas"), found["arrays"]["encoder.0"], atol=1e-12)
    view.page.locator("#w01 .stage-figures canvas").first.focus()
    view.page.keyboard.press("ArrowRight")
    value = view.settle().page.locator("#w01 .machine-open .readout").inner_text().split(": ")[-1]
    assert float(value.replace("−", "-")) == pytest.approx(found["arrays"]["encoder.0"][1], rel=1e-3)
    view.press("#w01 [data-box='encoder.0']", "ArrowRight", "ArrowRight")
    assert view.state()["w01.box"] == "encoder.2"
    counts = dict(
        view.page.locator("#w01 .at-numbers tbody tr").evaluate_all(
            "(rows) => rows.map((row) => [row.cells[0].textContent, row.cells[3].textContent.replaceAll(',', '')])"
        )
    )
    assert sum(map(int, counts.values())) == vitral.load("tiny").model.parameters
    view.touch("#w01 [data-box=x]", [(0.5, 0.5)])
    assert view.state()["w01.box"] == "x"


def test_z_moves_what_follows_it_and_nothing_else(figure, forward):
    view = figure("#w01&image=2", width=360, language="pt-BR", theme="dark")
    before = agrees(view, forward, 2)["arrays"]
    view.drag("#w01 .plane-surface", (0.5, 0.5), (0.7, 0.3))
    after = agrees(view, forward, 2)["arrays"]
    same = {name for name in before if before[name] == after[name]}
    assert same == {"x", "encoder.0", "encoder.1", "encoder.2", "mu", "logvar", "sigma"}
    zeros = sum(one == 0 for one in after["decoder.1"])
    view.set(**{"w01.box": "decoder.1"})
    assert f"exatamente zero: {zeros}." in view.page.locator("#w01 .told").inner_text()
    seed = view.state()["seed"]
    view.page.locator("#w01").get_by_role("button", name="Sortear z de novo").click()
    assert view.state()["seed"] == seed + 1
    agrees(view, forward, 2)
    view.page.locator("#w01 .answer").nth(1).click()
    assert view.page.locator("#w01 .verdict").inner_text().startswith("Sim.")
    assert view.overflow() == []
    view.page.locator("#w01").get_by_role("button", name="Seguir os dados").click()
    view.until("Vitral.shell.state.get()['w01.box'] === 'encoder.0'")
    view.page.locator("#w01").get_by_role("button", name="Pausar").click()


def test_the_printed_lines_run_on_the_weights_of_the_page(figure, forward, tmp_path, monkeypatch):
    view = figure("#w01&depth=code&image=5&z=0.4,-1.1")
    (tmp_path / f"{NAME}.npz").write_bytes(view.download("#w01 button.weights"))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(view.page.locator("#w01 .at-code pre code").first.text_content(), names)
    wanted = forward(digits()[0][5].astype(np.float64), np.array([0.4, -1.1]))
    np.testing.assert_allclose(names["mean"], wanted["mean"], atol=1e-4)
    np.testing.assert_allclose(names["z"], [0.4, -1.1], atol=1e-4)
    rows = list(csv.DictReader(io.StringIO(view.download("#w01 [data-export=csv]").decode())))
    np.testing.assert_allclose([float(row["value"]) for row in rows if row["array"] == "d1"], wanted["decoder.1"])
    weights = np.load(io.BytesIO(view.download("#w01 [data-export=npz]")))
    assert f"{NAME}/encoder.0.W" in weights.files


@pytest.mark.parametrize("kind", ["conv_gate", "autoencoder", "conv_gaussian_colours_odd_sizes", "resnet", "gated"])
def test_other_machines_open_their_boxes_with_or_without_an_image(figure, tmp_path, kind):
    """Without an image the way begins at z; after a drawing it begins at the drawing."""
    spec = models.MODELS[kind]
    model = spec.build()
    theta = models.trained_like(model)
    shape = spec.image_shape or (3, spec.features // 3)
    path = tmp_path / "page.html"
    path.write_text(assemble.alone(fixture.content_of(model, theta, shape)), encoding="utf-8")
    view = figure("#w01", path=path)
    assert situation(view)["boxes"][0]["id"] == "z"
    x = models.rows(model, 1)
    view.page.evaluate("(x) => Vitral.shell.useDrawing(x)", x[0].tolist())
    found = situation(view)
    assert found["boxes"][0]["id"] == "x"
    p = model.views(theta)
    image = np.asarray(found["arrays"]["x"])[None]
    code = model.encode(p, image)
    mu = code[0] if isinstance(code, tuple) else code
    np.testing.assert_allclose(found["arrays"]["mu"], mu[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["arrays"]["z"], mu[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["arrays"]["mean"], model.decode(p, mu)[0], rtol=1e-5, atol=1e-5)
    for box in found["boxes"]:
        assert np.prod(box["shape"]) == len(found["arrays"]["mu" if box["id"] == "posterior" else box["id"]])
        view.page.locator(f"#w01 [data-box='{box['id']}']").click()
        view.settle()
    assert view.overflow() == []
