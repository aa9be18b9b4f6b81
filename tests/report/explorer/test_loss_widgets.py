"""The widgets of the loss in a real browser: what they show is what Vitral's own model computes."""

import csv
import io
import json

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import digits, packed_theta
from vitral.model import Batch
from vitral.report.explorer.golden import noise

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FORWARD = 1e-5


@pytest.fixture(scope="module")
def numpy_loss():
    """-log p(x given z), KL by dimension, mu and logvar of image i at noise eps, in double precision."""
    trained = vitral.load("tiny")
    model, p = trained.model, trained.model.views(packed_theta(trained)[1].astype(np.float64))

    def loss(image, eps):
        row = digits()[0][image].astype(np.float64)
        terms, o, _ = model.run(p, Batch(row[None], row[None]), {"eps": np.asarray(eps, float)[None, None]})
        return {"recon": -float(terms.log_px[0, 0]), "kl": terms.kl[0], "mu": terms.mu[0], "logvar": terms.logvar[0],
                "o": o.reshape(-1), "z": terms.z.reshape(-1)}  # fmt: skip

    return loss


def eps_of(image, k, seed=1):
    return noise(seed, "explorer eps", 1000 * (image + 1) + k, 2)


def close(found, wanted, tolerance=FORWARD):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def in_sight(view, selector):
    """Bring something into the middle of the window, away from the bar above, and let it draw itself."""
    view.page.locator(selector).first.evaluate("(one) => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    view.page.wait_for_timeout(200)
    return view.settle()


def situation(view, widget):
    return json.loads(view.download(f"#{widget} [data-export=json]"))


# ---- W5, the ELBO meter


def test_the_meter_shows_the_loss_of_numpy_at_this_z_and_over_draws(figure, numpy_loss):
    view = figure("#w05&depth=numbers&image=4")
    at_mean = numpy_loss(4, [0, 0])
    view.page.locator("#w05").get_by_role("button", name="Draw 100").click()
    found = situation(view.settle(), "w05")
    wanted = [numpy_loss(4, eps_of(4, k)) for k in range(100)]
    close(found["draws"], [one["recon"] for one in wanted])
    close(found["kl"], at_mean["kl"])
    close(found["reconstruction"], wanted[-1]["recon"], 1e-3)  # the shared z is kept to four decimals
    rows = list(csv.reader(io.StringIO(view.download("#w05 [data-export=csv]").decode())))
    close(float(rows[-1][-1]), at_mean["recon"] + at_mean["kl"].sum())
    mean = np.mean([one["recon"] for one in wanted])
    shortcut = view.page.locator("#w05 .facts div", has_text="μ-shortcut").locator("dd").inner_text()
    assert float(shortcut.replace("−", "-")) == pytest.approx(at_mean["recon"] - mean, abs=0.006)
    predicted = view.page.locator("#w05 .facts div", has_text="Predicted").locator("dd").inner_text()
    assert float(predicted.replace("−", "-")) == pytest.approx(-0.5 * (1 - np.exp(at_mean["logvar"])).sum(), abs=0.006)


def test_the_meter_works_by_pointer_keys_finger_and_slider(figure):
    view = in_sight(figure("#w05", touch=True, width=360), "#w05 .loss-bar")
    view.touch("#w05 rect[data-piece=kl2] >> nth=1", [(0.5, 0.5)])  # of the bar that shows the KL alone
    assert view.state()["w05.piece"] == "kl2"
    assert "KL" in view.page.locator("#w05 .formula").inner_text()
    view.click("#w05 rect[data-piece=recon]", (0.5, 0.2))
    assert view.state()["w05.piece"] == "recon"
    view.press("#w05 button[data-piece=kl1]", "Enter")
    assert view.state()["w05.piece"] == "kl1"
    view.slide("#w05 .slider input[type=range]", 37)
    assert view.state()["w05.draws"] == 37
    nats = view.page.locator("#w05 .told").inner_text()
    view.press("#w05 .choice input:checked", "ArrowRight")
    bits = view.page.locator("#w05 .told").inner_text()
    assert ("37 draws" in nats, "nats" in nats, "bits" in bits) == (True, True, True)
    assert view.overflow() == []


def test_the_meter_says_whether_the_shortcut_is_lower(figure, numpy_loss):
    view = figure("#w05&image=4")
    draws = np.array([numpy_loss(4, eps_of(4, k))["recon"] for k in range(200)])
    measured, error = numpy_loss(4, [0, 0])["recon"] - draws.mean(), draws.std(ddof=1) / np.sqrt(200)
    right = 1 if abs(measured) < 2 * error else 0 if measured < 0 else 2
    view.page.locator("#w05 .answer").nth(right).click()
    verdict = view.page.locator("#w05 .verdict").inner_text().replace("−", "-")
    assert verdict.startswith("Yes.")
    assert f"{measured:+.2f} ± {error:.2f}" in verdict


# ---- W6, where the nats go


def test_the_nats_of_the_pixels_and_the_springs_are_those_of_numpy(figure, numpy_loss):
    view = figure("#w06&depth=numbers&image=7")
    wanted = numpy_loss(7, [0, 0])
    view.page.locator("#w06").get_by_role("button", name="Go to z = μ").click()
    found = situation(view.settle(), "w06")
    close(found["location"], wanted["mu"] ** 2 / 2)
    close(found["width"], (np.exp(wanted["logvar"]) - 1 - wanted["logvar"]) / 2)
    close(found["reconstruction"], wanted["recon"])
    close(view.image("#w06 canvas.large").sum(), wanted["recon"])
    rows = list(csv.DictReader(io.StringIO(view.download("#w06 [data-export=csv]").decode())))
    close(sum(float(row["nats"]) for row in rows), wanted["recon"])
    close([float(row["mean"]) for row in rows], 1 / (1 + np.exp(-wanted["o"])))


def test_a_pixel_is_read_by_pointer_finger_keys_and_slider(figure):
    view = in_sight(figure("#w06&w06.part=error", touch=True, width=360), "#w06 canvas.large")
    view.click("#w06 canvas.large", (10.5 / 28, 14.5 / 28))
    assert view.state()["w06.pixel"] == 14 * 28 + 10
    assert "row 14, column 10" in view.page.locator("#w06 .told").inner_text()
    view.touch("#w06 canvas.large", [(3.5 / 28, 20.5 / 28)])
    assert view.state()["w06.pixel"] == 20 * 28 + 3
    view.press("#w06 canvas.large", "ArrowRight", "ArrowUp")
    assert view.state()["w06.pixel"] == 19 * 28 + 4
    view.slide("#w06 .slider input[type=range]", 5)
    assert view.state()["w06.pixel"] == 5 * 28 + 4
    assert view.image("#w06 canvas.large").min() > -1e-12  # without its constant a squared error is never paid back
    before = view.page.locator("#w06 .formula").inner_text()
    view.page.locator("#w06").get_by_role("button", name="dearest").click()
    assert view.settle().page.locator("#w06 .formula").inner_text() != before
    assert view.overflow() == []


# ---- W4, the desk of the reparameterisation

PAD, PLANE = "#w04 .plane-surface >> nth=0", "#w04 .plane-surface >> nth=1"


def noise_of(view, numpy_loss, image):
    """eps = (z - mu) / sigma of the page's z, by NumPy."""
    one = numpy_loss(image, [0, 0])
    return (np.asarray(view.state()["z"]) - one["mu"]) / np.exp(0.5 * one["logvar"])


def test_eps_is_grabbed_and_z_and_the_image_follow(figure, numpy_loss):
    view = in_sight(figure("#w04&image=4", touch=True), "#w04 .plane-surface")
    view.page.locator("#w04").get_by_role("button", name="ε = 0").click()
    close(noise_of(view.settle(), numpy_loss, 4), [0, 0], 1e-3)
    view.press(PAD, "ArrowRight", "Shift+ArrowUp", "Shift+ArrowUp")
    close(noise_of(view, numpy_loss, 4), [0.05, 0.5], 1e-3)
    view.drag(PAD, (0.5, 0.5), (0.75, 0.5))
    eps = noise_of(view, numpy_loss, 4)
    close(eps, [1.8, 0], 0.05)
    image = view.image("#w04 figure:nth-of-type(2) canvas")
    close(image, 1 / (1 + np.exp(-numpy_loss(4, eps)["o"])))
    view.touch(PAD, [(0.5, 0.5), (0.4, 0.4), (0.25, 0.25)])
    close(noise_of(view, numpy_loss, 4), [-1.8, 1.8], 0.05)
    view.slide("#w04 .plane-sliders input[type=range]", 2)
    close(noise_of(view, numpy_loss, 4)[0], 2, 1e-3)
    view.click(PLANE, (0.5, 0.5))  # the plane is the other end of the same string
    assert float(np.abs(view.state()["z"]).max()) < 0.1


def test_a_thousand_draws_are_those_of_numpy_and_lie_in_the_ellipse(figure, numpy_loss):
    view = figure("#w04&image=4&depth=numbers")
    view.page.locator("#w04").get_by_role("button", name="Draw 1,000").click()
    rows = np.array(list(csv.reader(io.StringIO(view.settle().download("#w04 [data-export=csv]").decode())))[1:], float)
    eps = np.array([eps_of(4, k) for k in range(1000)])
    one = numpy_loss(4, [0, 0])
    close(rows[:, 1:3], eps)
    close(rows[:, 3:], one["mu"] + np.exp(0.5 * one["logvar"]) * eps)
    share = 100 * (np.hypot(*eps.T) <= 1).mean()
    assert f"{share:.1f}% (expected 39.3%)" in view.page.locator("#w04 .facts").first.inner_text()


def test_both_estimators_have_one_mean_and_the_score_function_scatters_more(figure, numpy_loss):
    view = figure("#w04&image=4&depth=numbers&w04.tab=score")
    view.page.locator("#w04 .big-number:not(:empty)").wait_for(timeout=60_000)
    found = situation(view, "w04")["gradients"]
    path, score = (np.asarray(found[way]["mu"]).reshape(-1, 2) for way in ("path", "score"))
    assert len(path) == 500
    spread = score.std(axis=0, ddof=1)
    assert (np.abs(path.mean(0) - score.mean(0)) < 5 * spread / np.sqrt(500)).all()
    h, eps = 1e-5, eps_of(4, 0)  # the first estimate against a difference of NumPy's loss in z, which is one in mu
    sigma = np.exp(0.5 * numpy_loss(4, eps)["logvar"])
    steps = np.eye(2) * h / sigma
    slopes = [(numpy_loss(4, eps + d)["recon"] - numpy_loss(4, eps - d)["recon"]) / (2 * h) for d in steps]
    close(path[0], slopes, 1e-4)
    close(score[0], numpy_loss(4, eps)["recon"] * eps / sigma)
    told = view.page.locator("#w04 .facts >> nth=1").locator("div", has_text="Variance ratio")
    wanted = spread[0] ** 2 / path[:, 0].var(ddof=1)
    assert 1 < wanted < 1e6  # the page says it in two digits
    assert float(told.locator("dd").inner_text().replace(",", "")) == pytest.approx(wanted, rel=0.06)
