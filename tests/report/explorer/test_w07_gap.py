"""W7 in the page: log p(x), the gap and its two parts, against sums over the plane in NumPy."""

import json

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import digits, packed_theta


def exact(image):
    """log p(x) and the mean of the true posterior, from a grid far finer than the posterior is wide."""
    trained = vitral.load("tiny")
    model, (_, theta) = trained.model, packed_theta(trained)
    views = model.views(theta.astype(float))
    mu, logvar = model.encode(views, image[None])
    sigma = np.exp(0.5 * logvar[0])
    axes = [np.linspace(m - 9 * s, m + 9 * s, 91) for m, s in zip(mu[0], sigma, strict=True)]
    z = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    outputs = model.decoder_output(views, z)
    log_x = model.likelihood.log_prob(views.likelihood, np.broadcast_to(image, outputs.shape), outputs)[0]
    joint = log_x - 0.5 * (z**2 + np.log(2 * np.pi)).sum(1)
    total = np.logaddexp.reduce(joint)
    return total + np.log(18 * sigma / 90).sum(), np.exp(joint - total) @ z, mu[0], sigma


def found(view, stage):
    view.page.wait_for_selector(f"#w07-body[data-measured={stage}]", timeout=60_000)
    return json.loads(view.settle().download("#w07 [data-export=json]"))


@pytest.mark.browser
@pytest.mark.slow
def test_log_p_and_both_parts_of_the_gap_are_those_of_numpy(figure):
    view = figure("#w07&image=2&depth=numbers", touch=True)
    measured = found(view, "exact")
    wanted, centre, mu, sigma = exact(digits()[0][2].astype(float))
    assert measured["logEvidence"] == pytest.approx(wanted, abs=0.01)
    assert measured["elbo"] < wanted
    np.testing.assert_allclose(measured["q"]["mu"], mu, atol=1e-4)
    curve = [one["mean"] for one in measured["curve"]]
    assert curve[0] == pytest.approx(measured["elbo"], abs=1e-9)
    assert abs(curve[-1] - wanted) < abs(curve[0] - wanted) + 1e-9

    view.page.locator("#w07 button.action", has_text="Optimise").click()
    best = found(view, "best")["best"]
    assert measured["elbo"] - 3 * measured["error"] < best["elbo"] < wanted + 3 * best["error"]
    fitted = np.array([best["q"]["mu"][0], best["q"]["mu"][1]])
    assert np.all(np.abs(fitted - centre) < np.abs(mu - centre) + 0.3 * sigma)
    assert "amortisation" in view.page.locator("#w07 .told").inner_text()

    before = view.page.locator("#w07 .told").inner_text()
    view.press("#w07 .plane-surface", "]")
    again = found(view, "exact")
    assert view.state()["image"] == 3
    assert again["logEvidence"] == pytest.approx(exact(digits()[0][3].astype(float))[0], abs=0.01)
    assert view.page.locator("#w07 .told").inner_text() != before
    view.page.locator("#w07").get_by_label("Close up").uncheck()
    view.drag("#w07 .plane-surface", (0.5, 0.5), (0.7, 0.4))
    assert view.state()["z"][0] > 0.3
    view.touch("#w07 .plane-surface", [(0.2, 0.5), (0.25, 0.5)])
    assert view.state()["z"][0] < -0.3
