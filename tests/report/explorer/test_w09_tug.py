"""W9 in the page: the forces on a code, against differences of the loss in NumPy."""

import csv
import io

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import digits, packed_theta

PLANE = "#w09 .plane-surface"


def exported(view):
    rows = list(csv.DictReader(io.StringIO(view.download("#w09 [data-export=csv]").decode())))
    return {name: np.array([float(row[name]) for row in rows]) for name in ("reconstruction", "kl", "sum")}


def pulled(image, mu, sigma, eps):
    """Minus the slopes of E_q[-log p(x given z)] by mu and sigma, by central differences at the page's own draws."""
    trained = vitral.load("tiny")
    model, (_, theta) = trained.model, packed_theta(trained)
    views = model.views(theta.astype(float))

    def loss(place):
        outputs = model.decoder_output(views, place[:2] + place[2:] * eps)
        return -model.likelihood.log_prob(views.likelihood, np.broadcast_to(image, outputs.shape), outputs)[
            0
        ].mean()

    h, here = 1e-6, np.array([*mu, *sigma])
    return np.array([(loss(here - h * one) - loss(here + h * one)) / (2 * h) for one in np.eye(4)])


@pytest.mark.browser
@pytest.mark.slow
def test_forces_are_the_slopes_of_the_loss_and_a_code_can_be_pulled(figure):
    view = figure("#w09&image=4&depth=numbers&w09.close=false", touch=True)
    state = view.state()
    mu, sigma = np.array(state["w09.mu"]), np.array(state["w09.sigma"])
    half = np.reshape(
        view.page.evaluate("Array.from(Vitral.engine.noise(0, 'explorer forces', 0, 32))"), (16, 2)
    )
    eps = np.concatenate([half, -half])
    forces = exported(view)
    np.testing.assert_allclose(
        forces["reconstruction"], pulled(digits()[0][4].astype(float), mu, sigma, eps), rtol=1e-4, atol=1e-3
    )
    np.testing.assert_allclose(forces["kl"], [*-mu, *(1 / sigma - sigma)], atol=1e-9)
    np.testing.assert_allclose(forces["sum"], forces["reconstruction"] + forces["kl"], atol=1e-9)

    view.slide("#w09 .look > .beside > div:last-child input[type=range]", 2.5)
    assert view.state()["beta"] == 2.5
    doubled = exported(view)
    np.testing.assert_allclose(doubled["kl"], 2.5 * forces["kl"], atol=1e-9)
    np.testing.assert_allclose(doubled["reconstruction"], forces["reconstruction"], atol=1e-9)

    view.slide("#w09 .plane-sliders input[type=range]", 1)
    assert view.state()["w09.mu"][0] == 1
    view.press(PLANE, "ArrowRight")
    assert view.state()["w09.mu"][0] == 1.05
    view.touch(PLANE, [(0.2, 0.3), (0.25, 0.3)])
    assert view.state()["w09.mu"][0] < 0
    view.set(**{"w09.mu": [0, 0], "w09.sigma": [1, 1]})
    span = view.page.evaluate(
        "Vitral.shell.reach(Vitral.shell.page.array(Vitral.shell.page.main + '/codes'))"
    )
    view.drag(PLANE, (0.5 + 0.5 / span, 0.5), (0.5 + 1 / span, 0.5))
    wide = view.state()
    assert wide["w09.mu"] == [0, 0]
    assert wide["w09.sigma"] == [pytest.approx(2, abs=0.1), 1]

    view.page.locator("#w09").get_by_role("button", name="Back to the encoder").click()
    assert view.settle().state()["w09.mu"] == state["w09.mu"]
    left = np.linalg.norm(exported(view)["sum"][:2])
    view.page.locator("#w09").get_by_role("button", name="Let go").click()
    view.page.wait_for_timeout(2500)
    assert np.linalg.norm(exported(view)["sum"][:2]) < left
    view.page.locator("#w09").get_by_label("Field").check()
    assert view.settle().state()["w09.field"] is True
    view.page.wait_for_function("() => document.querySelectorAll('#w09 .arrow').length > 40")
