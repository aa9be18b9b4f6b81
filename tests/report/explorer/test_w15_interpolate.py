"""W15 in the page: ways between two codes and what the model says along them, against NumPy."""

import csv
import io

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import digits, packed_theta


def exported(view):
    return list(csv.DictReader(io.StringIO(view.download("#w15 [data-export=csv]").decode())))


def codes_of(rows):
    return np.array([[float(row["z1"]), float(row["z2"])] for row in rows])


def slerp(a, b, t):
    m, n = np.linalg.norm(a), np.linalg.norm(b)
    w = np.arccos(a @ b / (m * n))
    return (np.sin((1 - t) * w) * a / m + np.sin(t * w) * b / n) / np.sin(w) * ((1 - t) * m + t * n)


@pytest.mark.browser
@pytest.mark.slow
def test_ways_frames_and_terms_are_those_of_numpy_and_can_be_taken_hold_of(figure):
    view = figure("#w15", touch=True)
    trained = vitral.load("tiny")
    model, (_, theta) = trained.model, packed_theta(trained)
    views = model.views(theta.astype(float))
    state = view.state()
    a, b = np.array(state["w15.a"]), np.array(state["w15.b"])
    images = [digits()[0][state[end]].astype(float) for end in ("w15.from", "w15.to")]
    mu, _ = model.encode(views, np.stack(images))
    np.testing.assert_allclose([a, b], mu, atol=1e-3)

    t = np.linspace(0, 1, 11)[:, None]
    rows = exported(view)
    z = codes_of(rows)
    np.testing.assert_allclose(z, (1 - t) * a + t * b, atol=1e-9)
    outputs = model.decoder_output(views, z)
    for name, image in zip(("loss_a", "loss_b"), images, strict=True):
        wanted = -model.likelihood.log_prob(views.likelihood, np.broadcast_to(image, outputs.shape), outputs)[0]
        np.testing.assert_allclose([float(row[name]) for row in rows], wanted, rtol=1e-6, atol=1e-4)

    view.set(**{"w15.way": "slerp"})
    np.testing.assert_allclose(codes_of(exported(view)), slerp(a, b, t), atol=1e-9)
    view.set(**{"w15.way": "following"})
    path = codes_of(exported(view))
    np.testing.assert_allclose(path[[0, -1]], [a, b], atol=1e-9)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < 2 * steps.mean()

    strip = "#w15 .sheet:not(.x) canvas >> nth=1"
    view.click(strip, (0.5 / 11, 0.5))
    assert view.state()["w15.frame"] == 0
    np.testing.assert_allclose(view.state()["z"], a, atol=1e-4)
    view.press(strip, "ArrowRight", "ArrowRight")
    assert view.state()["w15.frame"] == 2
    view.touch(strip, [(10.5 / 11, 0.5), (10.5 / 11, 0.5)])
    assert view.state()["w15.frame"] == 10
    view.slide("#w15 .look > .slider input[type=range]", 4)
    assert view.state()["w15.frame"] == 4
    np.testing.assert_allclose(view.image("#w15 canvas.large"), model.decode(views, path[4]), atol=1e-5)

    view.page.locator("#w15").get_by_label("Draw a path").check()
    view.drag("#w15 .plane-surface", (0.2, 0.2), (0.4, 0.3))
    drawn = view.state()
    assert drawn["w15.way"] == "free"
    assert len(drawn["w15.free"]) > 3
    np.testing.assert_allclose(codes_of(exported(view))[-1], drawn["w15.free"][-1], atol=1e-9)
    view.set(image=5)
    view.page.locator("#w15").get_by_role("button", name="Image of now as B").click()
    assert view.settle().state()["w15.to"] == 5
