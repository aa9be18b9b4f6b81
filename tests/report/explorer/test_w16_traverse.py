"""W16 in a real browser: strips sorted by nats, moved by slider, finger and keys, and equal to NumPy's."""

import csv
import io
from statistics import NormalDist

import numpy as np
import pytest

import vitral
from tests.report.explorer import many
from tests.report.explorer.bench import ran
from tests.report.explorer.fixture import content, digits, packed_theta
from tests.report.explorer.models import trained_like
from vitral.core.parameters import named
from vitral.evaluation.latent import kl_parts
from vitral.report.explorer import packing
from vitral.report.explorer.assemble import alone
from vitral.specs import Spec

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUANTILES = [NormalDist().inv_cdf(share) for share in (0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99)]
Z = (0.4, -1.1)


@pytest.fixture(scope="module")
def carried():
    """KL of the dimensions over the images of the page: (means (2,), standard errors (2,), parts (2, 2))."""
    arrays = content()["arrays"]
    mu, logvar = (packing.unpack(arrays[f"latent-2/{name}"]).astype(float) for name in ("codes", "codes_logvar"))
    each = 0.5 * (mu**2 + np.exp(logvar) - logvar - 1.0)
    return each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(each)), np.array(kl_parts(mu, logvar))


@pytest.fixture(scope="module")
def decode():
    trained, theta = vitral.load("tiny"), packed_theta(vitral.load("tiny"))[1]
    return lambda z: trained.model.decode(trained.model.views(theta), np.atleast_2d(z))


def drawn(view, z):
    view.until(f"document.querySelector('#w16-body').dataset.drawn === '{','.join(str(one) for one in z)}'")
    return list(csv.DictReader(io.StringIO(view.download("#w16 [data-export=csv]").decode())))


def test_dimensions_are_sorted_by_nats_and_their_strips_are_numpys(figure, carried, decode):
    kl, error, parts = carried
    view = figure("#w16&depth=numbers&z=0.4,-1.1")
    rows = drawn(view, Z)
    order = np.argsort(-kl)
    assert [row["dimension"] for row in rows] == [f"z{place + 1}" for place in order]
    for row, place in zip(rows, order, strict=True):
        assert float(row["kl"]) == pytest.approx(kl[place], rel=1e-5)
        assert float(row["kl_se"]) == pytest.approx(error[place], rel=1e-5)
        assert [float(row["location"]), float(row["width"])] == pytest.approx(parts[:, place], rel=1e-5)
        strip = np.tile(Z, (9, 1))
        strip[:, place] = QUANTILES
        assert float(row["span"]) == pytest.approx(np.ptp(decode(strip), axis=0).max(), rel=1e-5)
        step = 1e-4 * np.eye(2)[place]
        slope = (decode(Z + step) - decode(Z - step)) / 2e-4
        assert float(row["jacobian_norm"]) == pytest.approx(np.linalg.norm(slope), rel=1e-4)
    told = view.page.locator("#w16 .told").inner_text()
    assert told.startswith(f"z{order[0] + 1} carries most: {kl[order[0]]:.2f} of {kl.sum():.2f} nats")
    view.shot("w16-1280", "#w16")


def test_slider_finger_and_keys_move_one_dimension_only(figure, carried):
    first = int(np.argsort(-carried[0])[0])
    view = figure("#w16&z=0.4,-1.1", width=360, language="pt-BR", touch=True)
    drawn(view, Z)
    view.slide("#w16 li:first-child input[type=range]", 1.0)
    z = list(Z)
    z[first] = round(QUANTILES[-1], 4)
    assert view.state()["z"] == z
    view.press("#w16 li:first-child input[type=range]", "Home")
    z[first] = round(QUANTILES[0], 4)
    assert view.state()["z"] == z
    view.click("#w16 li:first-child canvas", (0.5, 0.5))
    z[first] = 0
    assert view.state()["z"] == pytest.approx(z)
    view.touch("#w16 li:first-child canvas", [(0.5, 0.5), (0.7, 0.5), (0.99, 0.5)])
    z[first] = round(QUANTILES[-1], 4)
    assert view.state()["z"] == z
    assert view.overflow() == []
    assert view.axe() == []
    view.shot("w16-360-pt", "#w16")


def test_the_prediction_is_answered_by_this_model(figure, carried, decode):
    most, least = np.argsort(-carried[0])[[0, -1]]
    view = figure("#w16&z=0.4,-1.1")
    drawn(view, Z)
    spans = []
    for place in (most, least):
        strip = np.tile(Z, (9, 1))
        strip[:, place] = QUANTILES
        spans.append(np.ptp(decode(strip), axis=0).max())
    view.page.locator("#w16 .answer").first.click()
    right = view.page.locator("#w16 .answer.right").inner_text()
    assert ("most" in right) == (spans[0] >= spans[1])
    verdict = view.page.locator("#w16 .verdict").inner_text()
    assert all(f"{span:.2f}" in verdict for span in spans)


# ---- a model of fourteen dimensions beside the main one, chosen in the figure

WIDE, LATENT = "latent-14", 14
DEAD, LOUD = 3, 5  # the encoder says nothing of both; LOUD still moves the decoder


@pytest.fixture(scope="module")
def wide():
    """A network whose dimensions carry different amounts: two of them nothing, one of which the decoder reads."""
    network = {"kind": "mlp", "hidden": [12]}
    model = Spec(784, LATENT, network, network).build()
    theta = 2.0 * trained_like(model, seed=4)
    p = {name: theta[where].reshape(shape) for name, (where, shape) in named(model.shapes).items()}
    p["encoder.2.W"] *= np.random.default_rng(4).uniform(0.05, 0.2, 2 * LATENT)
    for silent in (DEAD, LOUD):
        for part in (p["encoder.2.W"], p["encoder.2.b"]):
            part[..., [silent, LATENT + silent]] = 0.0
    p["decoder.0.W"][DEAD] = 0.0
    whole = np.concatenate([tensor.ravel() for tensor in p.values()])
    metrics = {"variant": None, "objective": {"kind": "elbo", "beta": 1.0}}
    return many.One(WIDE, model, whole, metrics, many.growth(np.random.default_rng(1), WIDE, LATENT))


@pytest.fixture(scope="module")
def both(wide, tmp_path_factory):
    """The path of a page with the tiny model and the wide one, of which it has the decoder."""
    base = content()
    description, arrays = many.packed(wide, digits()[0], whole=False)
    page = {**base, "models": [*base["models"], description], "arrays": base["arrays"] | arrays}
    path = tmp_path_factory.mktemp("w16") / "page.html"
    path.write_text(alone(page), encoding="utf-8")
    return path


def gaps(view, texts):
    """The least room between neighbours of a row of texts, in pixels."""
    boxes = "(all) => all.map((one) => one.getBoundingClientRect()).map(({ left, right }) => [left, right])"
    left, right = np.array(sorted(view.page.locator(texts).evaluate_all(boxes))).T
    assert len(left) > 3
    return (left[1:] - right[:-1]).min()


def at(view, z):
    """The rows of the table, once the strips are drawn around z."""
    wanted = np.array2string(np.asarray(z), separator=",", threshold=100)
    near = f"(v => v.length === {len(z)} && v.every((one, i) => Math.abs(one - {wanted}[i]) < 1e-3))"
    view.until(f"{near}((document.querySelector('#w16-body').dataset.drawn || '').split(',').map(Number))")
    return list(csv.DictReader(io.StringIO(view.download("#w16 [data-export=csv]").decode())))


def test_a_larger_model_is_chosen_here_and_its_silent_dimensions_are_told_apart(
    figure, both, wide, tmp_path, monkeypatch
):
    p, text = wide.model.views(wide.theta), "no pixel changes by more than 0.0000"
    mu, logvar = wide.model.encode(p, digits()[0].astype(float))
    kl = 0.5 * (mu**2 + np.exp(logvar) - logvar - 1.0).mean(axis=0)
    order = np.argsort(-kl, kind="stable")
    view = figure("#w16&image=4&depth=code", path=both)
    assert len(at(view, view.state()["z"])) == 2  # the model of now, until another one is chosen
    shared = view.state()["z"]
    view.page.locator("#w16 select").select_option(WIDE)
    view.page.locator("#w16").get_by_label("All dimensions").check()
    rows = at(view.settle(), mu[4])
    assert [row["dimension"] for row in rows] == [f"z{place + 1}" for place in order]
    assert set(order[-2:]) == {DEAD, LOUD}
    view.until("document.querySelectorAll('#w16 .traverse-silent:not([hidden])').length === 2")
    for row, place in zip(rows, order, strict=True):
        strip = np.tile(np.round(mu[4], 4), (9, 1))
        strip[:, place] = QUANTILES
        images = wide.model.decode(p, strip)
        assert float(row["kl"]) == pytest.approx(kl[place], rel=1e-5, abs=1e-7)
        assert float(row["span"]) == pytest.approx(np.ptp(images, axis=0).max(), abs=1e-5)
    dead, loud = (list(order).index(one) for one in (DEAD, LOUD))
    assert float(rows[dead]["span"]) == float(rows[dead]["jacobian_norm"]) == 0.0
    assert float(rows[loud]["span"]) > 0.05
    flat, moving = (f"#w16 li.silent:nth-child({place + 1}) .traverse-silent" for place in (dead, loud))
    assert text in view.page.locator(flat).inner_text()
    assert "still changes" in view.page.locator(moving).inner_text()
    told = view.page.locator("#w16 .told").inner_text()
    most = f"z{order[0] + 1} carries most: {kl[order[0]]:.2f} of {kl.sum():.2f} nats."
    assert told == f"{most} 2 of 14 dimensions carry less than 0.01 nats."
    line = view.page.locator("#w16 .sparkline polyline").first.get_attribute("points")
    heights = np.array([float(point.split(",")[1]) for point in line.split()])
    np.testing.assert_allclose((20 - heights) / 18, wide.kl[:, order[0]] / wide.kl.max(), atol=0.005)

    view.press("#w16 li:nth-child(2) input[type=range]", "End")
    moved = view.state()
    assert moved["w16.z"][order[1]] == round(QUANTILES[-1], 4)
    assert moved["z"] == shared
    at(view, moved["w16.z"])
    with view.page.expect_download() as waiting:
        view.page.locator("#w16 button.weights").click()
    waiting.value.save_as(tmp_path / waiting.value.suggested_filename)
    monkeypatch.chdir(tmp_path)
    said = {}
    ran(view.page.locator("#w16 pre code").text_content(), said)
    strip = np.tile(moved["w16.z"], (9, 1))
    strip[:, order[0]] = QUANTILES
    np.testing.assert_allclose(said["x"], wide.model.decode(p, strip), atol=1e-5)
    for width, language, theme in [(360, "pt-BR", "dark"), (1280, "en", "light")]:
        view.page.set_viewport_size({"width": width, "height": 900})
        view.set(lang=language, theme=theme)
        assert view.overflow() == []
        assert gaps(view, "#w16 .chart svg .tick[text-anchor=middle]") > 0
        view.shot(f"w16-wide-{width}", "#w16")
    assert view.axe() == []
    view.set(image=6)  # a code of its own belongs to an image
    assert view.settle().state()["w16.z"] == []
    at(view, mu[6])
    view.set(**{"w16.model": ""})
    assert len(at(view, view.state()["z"])) == 2
