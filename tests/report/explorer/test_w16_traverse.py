"""W16 in a real browser: strips sorted by nats, moved by slider, finger and keys, and equal to NumPy's."""

import csv
import io
from statistics import NormalDist

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import content, packed_theta
from vitral.evaluation.latent import kl_parts
from vitral.report.explorer import packing

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
