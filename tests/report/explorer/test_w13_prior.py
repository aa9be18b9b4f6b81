"""W13 in the page: all codes together against the prior, held against NumPy and Vitral's own measurement."""

import json
from math import erf, sqrt

import numpy as np
import pytest

from tests.report.explorer.bench import ran
from tests.report.explorer.fixture import NAME, content
from vitral.report.explorer import packing


def codes():
    arrays = content()["arrays"]
    mu, logvar = (packing.unpack(arrays[f"{NAME}/{name}"]).astype(float) for name in ("codes", "codes_logvar"))
    return mu, logvar


def cell_mass(mu, logvar, low, high):
    """The mass of (1/N) Σ_n N(mu_n, sigma_n²) in a rectangle."""
    spread = sqrt(2) * np.exp(0.5 * logvar)
    both = [np.vectorize(erf)((np.asarray(edge) - mu) / spread) for edge in (low, high)]
    return float(np.prod(0.5 * (both[1] - both[0]), axis=1).mean())


def numbers(view):
    """What the widget exports of the model of now."""
    return json.loads(view.download("#w13 [data-export=json]"))


@pytest.mark.browser
@pytest.mark.slow
def test_all_codes_together_are_held_against_the_prior_as_numpy_does(figure, tmp_path, monkeypatch):
    view = figure("#w13&depth=numbers", touch=True)
    view.page.wait_for_selector("#w13-body[data-measured]")
    found, (mu, logvar) = numbers(view), codes()
    z = np.reshape(found["z"], mu.shape)
    pairs = -0.5 * (np.log(2 * np.pi) + logvar + (z[:, None] - mu) ** 2 / np.exp(logvar)).sum(-1)
    own, q = np.diag(pairs), np.logaddexp.reduce(pairs, axis=1) - np.log(len(z))
    p = -0.5 * (np.log(2 * np.pi) + z**2).sum(-1)
    assert found["information"] == pytest.approx((own - q).mean(), abs=1e-8)
    assert found["marginal"] == pytest.approx((q - p).mean(), abs=1e-8)
    assert found["information"] + found["marginal"] == pytest.approx(found["drawn"], abs=1e-8)
    exact = 0.5 * (mu**2 + np.exp(logvar) - logvar - 1).sum(1)
    assert found["kl"] == pytest.approx(exact.mean(), abs=1e-8)
    assert found["drawn"] == pytest.approx(found["kl"], abs=6 * float((own - p).std()) / len(z) ** 0.5)

    (tmp_path / "prior-and-codes.csv").write_bytes(view.download("#w13 [data-export=csv]"))
    monkeypatch.chdir(tmp_path)
    said = {}
    ran(view.page.locator("#w13 pre code").text_content(), said)
    assert said["information"] == pytest.approx(found["information"], abs=1e-6)
    assert said["marginal"] == pytest.approx(found["marginal"], abs=1e-6)

    span, cells = found["span"], 60
    edges = np.linspace(-span, span, cells + 1)
    for row, column in [(30, 30), (20, 41), (45, 12)]:
        low, high = [edges[column], edges[row]], [edges[column + 1], edges[row + 1]]
        assert found["plane"]["q"][row * cells + column] == pytest.approx(cell_mass(mu, logvar, low, high), abs=1e-9)
        assert found["plane"]["p"][row * cells + column] == pytest.approx(
            cell_mass(np.zeros((1, 2)), np.zeros((1, 2)), low, high), abs=1e-12
        )

    view.page.locator("#w13 button.action", has_text="hole").click()
    hole = view.settle().state()["z"]
    assert "in a hole" in view.page.locator("#w13 .told").inner_text()
    view.page.locator("#w13 button.action", has_text="surplus").click()
    assert view.settle().state()["z"] != hole
    assert "in a surplus" in view.page.locator("#w13 .told").inner_text()
    view.press("#w13 .plane-surface", "Home", "ArrowRight")
    assert view.state()["z"] == [0.05, 0]
    view.drag("#w13 .plane-surface", (0.5, 0.5), (0.75, 0.5))
    dragged = view.state()["z"]
    assert dragged[0] > 0.5
    view.touch("#w13 .plane-surface", [(0.3, 0.3), (0.25, 0.25)])
    assert view.state()["z"][0] < -0.5 < 0.5 < view.state()["z"][1]
    view.slide("#w13 input[type=range]", 1.5)
    assert view.state()["z"][0] == 1.5
    before = view.page.evaluate("document.querySelector('#w13 canvas').toDataURL()")
    view.page.locator("#w13").get_by_label("prior p(z)", exact=True).evaluate("(one) => one.click()")
    assert view.settle().state()["w13.map"] == "prior"
    assert view.settle().page.evaluate("document.querySelector('#w13 canvas').toDataURL()") != before
