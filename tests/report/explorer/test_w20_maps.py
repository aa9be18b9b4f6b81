"""W20 in the page: maps over the plane, against NumPy."""

import csv
import io

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import COUNT, NAME, content, digits, packed_theta
from vitral.report.explorer import packing


def exported(view, which):
    view.set(**{"w20.map": which})
    rows = list(csv.DictReader(io.StringIO(view.download("#w20 [data-export=csv]").decode())))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    numbers = {
        name: np.array([float(one) if one else np.nan for one in values]) for name, values in columns.items()
    }
    return np.stack([numbers["z1"], numbers["z2"]], 1), numbers["value_or_class"], numbers["share"]


def codes():
    return packing.unpack(content()["arrays"][f"{NAME}/codes"]).astype(float)


def voted(z, labels):
    near = labels[np.argsort(((codes() - z) ** 2).sum(1), kind="stable")[:15]]
    counts = np.bincount(near)
    return counts.argmax(), counts.max() / 15, counts


def sensitivity(z):
    """sqrt det(JᵀJ) of the mean image by central differences."""
    trained = vitral.load("tiny")
    _, theta = packed_theta(trained)
    views = trained.model.views(theta.astype(float))
    h = 1e-5
    slopes = [
        (trained.model.decode(views, z + h * one) - trained.model.decode(views, z - h * one)) / (2 * h)
        for one in np.eye(2)
    ]
    J = np.stack(slopes, -1)
    return np.sqrt(np.linalg.det(np.swapaxes(J, -1, -2) @ J))


@pytest.mark.browser
@pytest.mark.slow
def test_maps_are_those_of_numpy_and_the_cursor_reads_them(figure):
    view = figure("#w20&depth=numbers", touch=True)
    view.page.wait_for_selector(f"#w20-body[data-measured={NAME}]", timeout=60_000)
    labels = digits()[1]

    z, found, share = exported(view, "neighbours")
    for i in np.random.default_rng(1).integers(0, len(z), 40):
        _, most, counts = voted(z[i], labels)
        assert share[i] == pytest.approx(most)
        assert counts[int(found[i])] == counts.max()  # classes may be level
    z, steep, _ = exported(view, "sensitivity")
    np.testing.assert_allclose(steep[::31], sensitivity(z[::31]), rtol=1e-4, atol=1e-4)
    z, kinds, share = exported(view, "logistic")
    assert set(kinds) <= set(labels)
    assert np.all((share > 0.1 - 1e-9) & (share <= 1))

    trained = vitral.load("tiny")
    model, (_, theta) = trained.model, packed_theta(trained)
    views, images = model.views(theta.astype(float)), digits()[0].astype(float)
    mu, _ = model.encode(views, images)
    losses = -model.likelihood.log_prob(views.likelihood, images, model.decoder_output(views, mu))[0]
    z, errors, _ = exported(view, "error")
    half = (z[1, 0] - z[0, 0]) / 2
    full = [i for i in range(len(z)) if np.isfinite(errors[i])]
    assert full
    span = z[:, 0].max() + half
    for i in full[::7]:
        inside = np.all((codes() >= z[i] - half) & (codes() < z[i] + half), axis=1)
        if inside.any() and np.all(np.abs(codes()[inside]) < span):
            assert errors[i] == pytest.approx(losses[:COUNT][inside].mean(), rel=1e-5, abs=1e-3)

    view.set(z=[0.4, -0.6])
    shown = [one.inner_text() for one in view.page.locator("#w20 .facts dd").all()]
    assert float(shown[2]) == pytest.approx(float(sensitivity(np.array([0.4, -0.6]))), abs=0.01)
    assert int(shown[4]) == int((np.linalg.norm(codes() - [0.4, -0.6], axis=1) < 0.25).sum())
    view.press("#w20 .plane-surface", "Home")
    assert view.state()["z"] == [0, 0]
    view.drag("#w20 .plane-surface", (0.5, 0.5), (0.7, 0.5))
    assert view.state()["z"][0] > 0.3
    view.touch("#w20 .plane-surface", [(0.3, 0.5), (0.2, 0.5)])
    assert view.state()["z"][0] < -0.3
    view.slide("#w20 .plane-sliders input[type=range]", 1.25)
    assert view.state()["z"][0] == 1.25
    view.page.locator("#w20 .answer").first.click()
    assert "sqrt det" in view.page.locator("#w20 .verdict").inner_text()
