"""W21 in the page: the kept trainings and the matrix as they are, and the laws of this page held against NumPy."""

import io
import json

import numpy as np
import pytest

from tests.report.explorer import fixture
from tests.report.explorer.bench import ran
from tests.report.explorer.fixture import digits, packed_theta
from vitral import load
from vitral.checks.bugs.matrix import chosen, matrix
from vitral.report.explorer import bugs, packing
from vitral.report.explorer.golden import noise, uniform
from vitral.report.language import language
from vitral.report.zoo import symptom, symptoms

DRAWS = 2000


def test_the_shipped_matrix_is_what_the_laws_answer_today():
    """Made by a benchmark; a changed line, law or verdict asks for it to be made again."""
    kept = {bug["id"]: bug for bug in bugs.matrix()["bugs"]}
    assert set(kept) == {name for name in symptoms()["runs"] if not name.startswith("sound")}
    for now in matrix(chosen(kept)):
        then = kept[now["id"]]
        assert [(line["right"], line["wrong"]) for line in then["lines"]] == [
            (line["right"], line["wrong"]) for line in now["lines"]
        ]
        assert then["seen"] == now["seen"]
        assert {law: check["passed"] for law, check in then["laws"].items()} == {
            law: check["passed"] for law, check in now["laws"].items()
        }
        for law, check in now["laws"].items():
            if check["passed"] is False and check["measured"] is not None:
                assert then["laws"][law]["measured"] == pytest.approx(check["measured"], rel=1e-3), (now["id"], law)


def test_curves_and_images_in_the_page_are_those_of_the_trainings_and_few():
    runs, arrays = list(symptoms()["runs"].values()), bugs.arrays()
    loss = packing.unpack(arrays["zoo/loss"])
    for row, run in zip(loss, runs, strict=True):
        known = [np.nan if one is None else one for one in run["loss"]]
        np.testing.assert_allclose(row[: len(known)], known, rtol=1e-6)
        assert np.isnan(row[len(known) :]).all()
    assert packing.unpack(arrays["zoo/samples"]).shape == (len(runs), 8, 64)
    size = len(json.dumps(bugs.described())) + sum(map(packing.size_of, arrays.values()))
    assert size < 60_000


@pytest.fixture(scope="module")
def view_code():
    """mu and sigma of image 3 by NumPy."""
    trained = load("tiny")
    model, p = trained.model, trained.model.views(packed_theta(trained)[1].astype(np.float64))
    mu, logvar = model.encode(p, digits()[0][3:4].astype(np.float64))
    return mu[0], np.exp(0.5 * logvar[0])


def planted(bug, mu, sigma):
    """z and the KL with the wrong line, and what the two laws say of them, in NumPy."""
    eps = noise(0, "explorer zoo", 0, DRAWS * len(mu)).reshape(DRAWS, -1)
    other = uniform(0, "explorer zoo", 1, DRAWS * len(mu)).reshape(DRAWS, -1)
    z = {"Z01": mu + sigma**2 * eps, "Z02": mu + sigma * other, "Z03": mu + 0.5 * sigma * eps, "Z07": mu + 0 * eps}
    each = 0.5 * (mu**2 + sigma**2 - 1 - np.log(sigma**2))
    kl = {"Z04": each.mean(), "Z05": -each.sum(), "Z06": 2 * each.sum()}
    found = z.get(bug, mu + sigma * eps)
    mean = np.abs(found.mean(0) - mu) * np.sqrt(DRAWS) / sigma
    variance = np.abs(found.var(0, ddof=1) / sigma**2 - 1) / np.sqrt(2 / (DRAWS - 1))
    ratio = 0.5 * (found**2 - ((found - mu) / sigma) ** 2).sum(1) - np.log(sigma).sum()
    error = ratio.std(ddof=1) / np.sqrt(DRAWS)
    by_draws = abs(ratio.mean() - kl.get(bug, each.sum())) / max(error, 1e-12)
    return max(mean.max(), variance.max()) if bug in z else by_draws


@pytest.mark.browser
@pytest.mark.slow
def test_every_bug_tells_its_symptom_its_law_and_what_this_page_measures(figure, view_code, tmp_path, monkeypatch):
    view = figure("#w21&depth=code&image=3", width=360)
    page = fixture.content()["zoo"]
    assert len(page["bugs"]) == 19
    monkeypatch.chdir(tmp_path)
    for bug in page["bugs"]:
        view.set(**{"w21.bug": bug["id"]})
        text = view.page.locator("#w21 .look").text_content()
        assert symptom(bug["id"], language("en")) in text
        assert all(right in text and wrong in text for right, wrong, _ in bug["lines"])
        caught = [law for law, (_, _, passed) in bug["laws"].items() if passed is False]
        assert view.page.locator("#w21 .look tbody tr").count() >= len(caught) > 0
        shown = view.page.locator("#w21 .live-law").get_attribute("data-value")
        assert (shown != "") == (bug["id"] in ("Z01", "Z02", "Z03", "Z04", "Z05", "Z06", "Z07"))
        if shown:
            assert float(shown) == pytest.approx(planted(bug["id"], *view_code), rel=1e-4)
        for name, address in bug["seen"]["en"]:
            links = view.page.locator("#w21 .look a", has_text=name).all()
            assert [one.get_attribute("href") for one in links] == ([address] if address else [])
        if bug["id"] in ("Z01", "Z04"):
            (tmp_path / "bug-zoo.npz").write_bytes(view.download("#w21 [data-export=npz]"))
            said = {}
            ran(view.page.locator("#w21 pre code").last.text_content(), said)
            key = "moments" if bug["id"] == "Z01" else "kl_by_draws"
            assert said[key] == pytest.approx(planted(bug["id"], *view_code), rel=1e-4)
    rows = np.genfromtxt(io.StringIO(view.download("#w21 [data-export=csv]").decode()), delimiter=",", names=True)
    last = symptoms()["runs"][page["bugs"][-1]["id"]]
    np.testing.assert_allclose(rows["loss_bug"], last["loss"], rtol=1e-6)

    view.press("#w21 button.action >> nth=1", "Enter")
    assert view.state()["w21.bug"] == page["bugs"][0]["id"]  # the next one after the last is the first
    view.page.locator("#w21 select").select_option(index=5)
    assert view.settle().state()["w21.bug"] == page["bugs"][5]["id"]
    gradient = next(bug for bug in page["bugs"] if bug["id"] == "Z04")["laws"]["gradient"]
    view.page.locator("#w21 .answer").nth(0 if gradient[2] is False else 1).click()
    assert view.page.locator("#w21 .verdict").inner_text().startswith("Yes.")
    view.page.evaluate("Vitral.shell.setLanguage('pt-BR')")
    told = json.dumps(page["bugs"][5]["symptom"]["pt-BR"])
    view.until(f"document.querySelector('#w21 .look').textContent.includes({told})")
    assert view.overflow() == []
