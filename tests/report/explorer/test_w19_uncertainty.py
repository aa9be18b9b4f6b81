"""W19 in the page: spreads by noise, code and model, and both calibration curves, held against NumPy."""

import csv
import io
import json
from functools import cache

import numpy as np
import pytest

import vitral
from tests.report.explorer.bench import ran
from tests.report.explorer.fixture import COUNT, NAME, content, digits, packed_theta
from tests.report.explorer.models import trained_like
from vitral import Spec
from vitral.core.parameters import named
from vitral.report.explorer import packing
from vitral.report.explorer.assemble import alone
from vitral.report.explorer.describe import described
from vitral.report.explorer.golden import noise, uniform

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDE = "latent-5"
SMALL = {"kind": "mlp", "hidden": [6], "activation": "tanh"}


def measured(view, name=NAME):
    """Once it is seen, and everything was found."""
    view.page.locator("#w19").scroll_into_view_if_needed()
    return view.until(f"document.querySelector('#w19-body').dataset.measured === '{name}'", 120)


def report(view):
    return json.loads(view.download("#w19 [data-export=json]"))


@cache
def tiny():
    trained = vitral.load("tiny")
    return trained.model, trained.model.views(packed_theta(trained)[1].astype(np.float64))


@cache
def wide():
    """A model of another size and likelihood, with its decoder and recorded codes in the page, but no encoder."""
    model = Spec(features=784, latent=5, encoder=SMALL, decoder=SMALL, likelihood="bernoulli").build()
    theta = trained_like(model).astype(np.float32)
    packed = {
        f"{WIDE}/{name}": packing.floats(theta[where].reshape(shape)).entry
        for name, (where, shape) in named(model.shapes).items()
        if not name.startswith("encoder")
    }
    mu, logvar = model.encode(model.views(theta), digits()[0])
    codes = {f"{WIDE}/codes": packing.spread(mu).entry, f"{WIDE}/codes_logvar": packing.spread(logvar).entry}
    facts = {"encoder": None, "epochs": 1, "metrics": {}, "progress": []}
    description = {"name": WIDE, **described(model, f"{WIDE}/"), **facts}
    held = [packing.unpack(one).astype(np.float64) for one in codes.values()]
    return model, model.views(theta.astype(np.float64)), held, packed | codes, description


@pytest.fixture
def page_of(tmp_path):
    def make(arrays, models=None):
        path = tmp_path / "page.html"
        shown = {**content(), "golden": {}, "arrays": arrays}
        path.write_text(alone(shown | ({"models": models} if models else {})), encoding="utf-8")
        return path

    return make


def stated(model, views, m):
    """The variance that the likelihood states of pixels with means m."""
    gaussian = hasattr(model.likelihood, "noise_variance")
    return np.full_like(m, model.likelihood.noise_variance(views.likelihood)) if gaussian else m * (1 - m)


def curves(model, views, mu, logvar, x):
    """What each bin of predicted means holds: count, predicted, found, claimed and scatter."""
    eps = np.stack([noise(0, "explorer calibration", i, mu.shape[1]) for i in range(len(mu))])
    z = mu if logvar is None else mu + np.exp(0.5 * logvar) * eps
    m = np.asarray(model.decode(views, z), np.float64)
    bins = np.clip(np.floor(10 * m), 0, 9).astype(int).ravel()
    n = np.bincount(bins, minlength=10)
    summed = (m, x, stated(model, views, m), (x - m) ** 2)
    mean = [np.bincount(bins, one.ravel(), 10)[n > 0] / n[n > 0] for one in summed]
    return n[n > 0], mean[0], mean[1], np.sqrt(mean[2]), np.sqrt(mean[3])


def same_bins(found, wanted):
    for key, values in zip(("n", "predicted", "found", "claimed", "scatter"), wanted, strict=True):
        np.testing.assert_allclose([one[key] for one in found], values, rtol=1e-6, err_msg=key)


def test_spreads_and_curves_are_those_of_numpy_for_both_models(figure, page_of, tmp_path, monkeypatch):
    (model, views), (other, theirs, held, packed, description) = tiny(), wide()
    x = digits()[0].astype(np.float64)
    path = page_of(content()["arrays"] | packed, [*content()["models"], description])
    view = measured(figure("#w19&depth=code&image=5", path=path))
    view.until("document.querySelector('#w19-body').dataset.spread !== ''")
    found = report(view)
    mu, logvar = model.encode(views, x)
    wanted = curves(model, views, mu, logvar, x)
    same_bins(found["bins"], wanted)
    assert found["whole"]["error"] == pytest.approx((wanted[0] * abs(wanted[2] - wanted[1])).sum() / x.size)
    assert sum(one["n"] for one in found["bins"]) == x.size == found["whole"]["pixels"]
    mean = model.decode(views, np.array([view.state()["z"]]))[0]
    np.testing.assert_allclose(found["mean"], mean, atol=1e-7)
    np.testing.assert_allclose(found["noise"], np.sqrt(stated(model, views, mean)), atol=1e-6)
    eps = noise(view.state()["seed"], "explorer spread", 0, 128).reshape(64, 2)
    draws = model.decode(views, mu[5] + np.exp(0.5 * logvar[5]) * eps)
    np.testing.assert_allclose(found["codes"], draws.std(0), atol=1e-6)
    both = [model.decode(views, mu[5:6])[0], other.decode(theirs, held[0][5:6])[0]]
    np.testing.assert_allclose(found["models"], np.std(both, axis=0), atol=1e-6)
    last = view.image("#w19 .spreads figure:nth-child(5) canvas")
    np.testing.assert_allclose(last, np.std(both, axis=0) / 0.5, atol=2e-6)

    text = view.download("#w19 [data-export=csv]").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["found"]) for row in rows] == [one["found"] for one in found["bins"]]
    (tmp_path / "decoder-uncertainty.npz").write_bytes(view.download("#w19 [data-export=npz]"))
    monkeypatch.chdir(tmp_path)
    said = {}
    ran(view.page.locator("#w19 pre code").text_content(), said)
    said.pop("w").close()
    for key, values in zip(("predicted", "found", "claimed", "scatter"), wanted[1:], strict=True):
        np.testing.assert_allclose(said[key][said[key] > 0], values, rtol=1e-5, err_msg=key)

    seventh = found["bins"][7]
    right = 0 if seventh["found"] < 0.7 else 2 if seventh["found"] > 0.8 else 1
    view.page.locator("#w19 .answer").nth(right).click()
    verdict = view.page.locator("#w19 .verdict").inner_text()
    assert verdict.startswith("Yes.")
    assert f"{seventh['scatter']:.3f}" in verdict
    told = view.page.locator("#w19 .told").inner_text()
    assert f"{seventh['found']:.3f}" in told
    assert f"{seventh['claimed']:.3f}" in told

    view.set(model=WIDE)
    found = report(measured(view, WIDE))
    same_bins(found["bins"], curves(other, theirs, *held, x))
    mean = other.decode(theirs, np.array([view.state()["z"]]))[0]
    np.testing.assert_allclose(found["noise"], np.sqrt(mean * (1 - mean)), atol=1e-6)


def test_a_model_is_calibrated_on_its_own_samples_and_bins_and_pixels_can_be_chosen(figure, page_of):
    model, views = tiny()
    z = np.stack([noise(4, "codes", i, 2) for i in range(COUNT)])
    p = model.decode(views, z)
    x = (uniform(4, "pixels", 0, p.size).reshape(p.shape) < p).astype(np.uint8)
    arrays = content()["arrays"] | {
        "images": packing.integers(x, "u1", scale=1.0).entry, f"{NAME}/codes": packing.floats(z).entry,
        f"{NAME}/codes_logvar": packing.floats(np.full_like(z, -30.0)).entry,
    }  # fmt: skip
    path = page_of(arrays, [{**content()["models"][0], "encoder": None, "likelihood": {"kind": "bernoulli"}}])
    view = measured(figure("#w19", path=path, touch=True, width=360))
    for one in report(view)["bins"]:
        error = one["claimed"] / np.sqrt(one["n"])
        assert one["found"] == pytest.approx(one["predicted"], abs=4 * error)
        assert one["scatter"] == pytest.approx(one["claimed"], rel=0.1)
    seventh = report(view)["bins"][7]
    assert f"{100 * seventh['found']:.1f}% are on" in view.page.locator("#w19 .told").inner_text()
    view.page.locator("#w19 select").select_option(index=3)
    third = report(view)["bins"][3]
    assert view.settle().state()["w19.bin"] == 3
    assert f"{100 * third['found']:.1f}% are on" in view.page.locator("#w19 .told").inner_text()
    view.press("#w19 .chart-place", "ArrowRight", "ArrowRight")
    assert view.state()["w19.bin"] == 1
    picture = "#w19 .spreads figure:nth-child(2) canvas"
    view.touch(picture, [(10.5 / 28, 12.5 / 28)])
    assert view.state()["w19.pixel"] == 12 * 28 + 10
    assert "row 12, column 10" in view.page.locator("#w19 .look").inner_text()
    view.press(picture, "ArrowDown")
    assert view.state()["w19.pixel"] == 13 * 28 + 10
    assert view.overflow() == []
    assert view.axe() == []
    hashed = view.page.evaluate("Vitral.shell.state.hash('w19')")
    again = figure(hashed, path=path, language="pt-BR")
    assert (again.state()["w19.bin"], again.state()["w19.pixel"]) == (1, 13 * 28 + 10)


def test_a_page_without_images_still_shows_what_the_decoder_states(figure, page_of):
    bare = {name: one for name, one in content()["arrays"].items() if "images" not in name and "codes" not in name}
    view = figure("#w19&z=0.5,0.5", path=page_of(bare))
    view.page.locator("#w19").scroll_into_view_if_needed()
    model, views = tiny()
    mean = model.decode(views, np.array([[0.5, 0.5]]))[0]
    found = report(view)
    np.testing.assert_allclose(found["noise"], np.sqrt(stated(model, views, mean)), atol=1e-6)
    assert found["bins"] == []
    assert "no images" in view.page.locator("#w19 .absent:visible").inner_text()
    assert f"{np.sqrt((np.square(found['noise'])).mean()):.3f}" in view.page.locator("#w19 .told").inner_text()
