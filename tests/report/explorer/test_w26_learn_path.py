"""W26 in a real browser: lessons that ask, lead and answer with the numbers of the model, and a sheet with its key."""

import re

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import content, packed_theta
from vitral.evaluation.latent import kl_parts
from vitral.report.explorer import packing

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOME = 200
VALUES = "(i) => Vitral.widgets.lessons[i].measure(Vitral.shell.page, Vitral.shell).values"


@pytest.fixture(scope="module")
def numpy_model():
    trained = vitral.load("tiny")
    theta = packed_theta(trained)[1]
    images = packing.unpack(content()["arrays"]["images"])
    return trained.model, trained.model.views(theta), images


def revealed(view, lesson):
    """The numbers of the sentence that answers a prediction."""
    view.set(**{"w26.lesson": lesson})
    view.page.locator(f"#w26 .lessons > li[value='{lesson}'] .answer").first.click()
    return view.settle().page.locator(f"#w26 .lessons > li[value='{lesson}'] .verdict span").inner_text()


def test_answers_are_the_numbers_of_this_model(opened, numpy_model):
    model, p, images = numpy_model
    x = images[:SOME].astype("float64")
    view = opened("#w26&image=3")
    mu, logvar = model.encode(p, x)
    place, exactness = (part.sum() for part in kl_parts(mu, logvar))
    assert f"place {place:.2f} nats, exactness {exactness:.2f} nats" in revealed(view, 4)
    left = ((x - model.decode(p, mu)) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert f"{100 * left:.0f}% of the squared distance" in revealed(view, 1)
    active = (mu.var(axis=0) > 0.01).sum()
    assert revealed(view, 10).startswith(f"{active} of 2 ")
    assert view.page.evaluate(VALUES, 6)["fell"] == pytest.approx(0.01, rel=0.05)


def test_the_worst_pixels_and_the_bound_are_numpys(opened, numpy_model):
    model, p, images = numpy_model
    view = opened("#w26&image=3")
    x = images[3:4].astype("float64")
    mu, _ = model.encode(p, x)
    errors = np.sort(((x - model.decode(p, mu)) ** 2)[0])[::-1]
    assert view.page.evaluate(VALUES, 2)["share"] == pytest.approx(100 * errors[:78].sum() / errors.sum(), rel=1e-4)
    bound = view.page.evaluate(VALUES, 4)
    curve = view.page.evaluate("""() => { const E = Vitral.engine, s = Vitral.shell;
        const eps = Float64Array.from(Array.from({length: 400}, (_, k) => [...s.currentNoise(k)]).flat());
        return [...E.logWeights(s.currentModel(), s.currentImage(), s.currentCode(), eps)]; }""")
    assert bound["elbo"] == pytest.approx(np.mean(curve))
    weighted = np.log(np.mean(np.exp(curve - np.max(curve)))) + np.max(curve)
    assert bound["gap"] == pytest.approx(weighted - np.mean(curve))


def test_a_lesson_leads_to_its_figure_in_its_state(opened):
    view = opened("#w26&w26.lesson=4")
    assert view.page.locator("#w26 .lessons details.lesson[open]").count() == 1
    view.page.locator("#w26 .lessons > li[value='4'] a.action").click()
    view.until("Math.abs(document.getElementById('w05').getBoundingClientRect().top) < innerHeight / 2")
    assert view.state()["depth"] == "numbers"
    view.shot("w26-1280")


def test_sheet_and_key_are_pages_of_their_own_in_the_language_of_now(opened, numpy_model):
    view = opened("#w26", width=360, language="pt-BR", theme="dark")
    assert view.axe() == []
    view.page.locator("#w26 .desk summary").click()
    sheet, key = (view.download(f"#w26 .desk button:nth-child({i})").decode() for i in (1, 2))
    lessons = view.page.locator("#w26 .lessons > li").count()
    for paper in (sheet, key):
        assert '<html lang="pt-BR">' in paper
        assert paper.count("<h2>") == lessons
    assert "____" in sheet
    assert "____" not in key
    assert re.search(r"lugar \d+,\d\d nats", key)
    view.set(**{"w26.lesson": 2})
    assert view.overflow() == []
    view.shot("w26-360-pt")
