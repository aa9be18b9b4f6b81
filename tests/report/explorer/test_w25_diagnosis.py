"""W25 in the page: what the study's own rules found, in words, at its epochs; and the content that says it."""

import csv
import io
import json

import numpy as np
import pytest

from tests.report.explorer import fixture
from tests.report.explorer.bench import ran
from vitral.evaluation.diagnosis import diagnose
from vitral.evaluation.findings import Finding
from vitral.evaluation.reasons import why
from vitral.evaluation.watch import RULES, Recorded, watch
from vitral.report.explorer import doctor
from vitral.report.explorer.assemble import alone

KIND = "#w25 .finding[data-kind={}]"


def test_words_and_numbers_of_the_page_are_those_of_the_rules():
    losses = [{"epoch": e, "train": {"loss": 9.0}, "validation": {"loss": v}} for e, v in enumerate([9, 15, 10, 17])]
    found = watch(Recorded({}, losses))
    entry = {"kind": "vae", "latent": 3, "test": {"kl": 0.01, "active_units": 0}}
    page = json.loads(json.dumps(doctor.written(diagnose(entry), found), allow_nan=False))
    finding = diagnose(entry)[0]
    assert page["findings"][0]["says"] == {"en": finding.says("en"), "pt-BR": finding.says("pt")}
    assert page["findings"][0]["advice"]["pt-BR"] == finding.advice("pt")
    assert page["findings"][0]["why"]["en"] == why("collapsed")
    gap = next(one for one in page["watched"] if one["kind"] == "gap_opens")
    assert [(one["begin"], one["end"]) for one in gap["spells"]] == [(1, 2), (3, None)]
    rule = next(one for one in RULES if one.kind == "gap_opens")
    assert (gap["on"], gap["off"], gap["values"]) == (rule.on, rule.off, [6.0, 1.0, 8.0])


@pytest.mark.browser
@pytest.mark.slow
def test_the_feed_says_what_the_rules_found_and_its_anchors_move_the_page(figure):
    view = figure("#w25&depth=code", width=360)
    page = fixture.diagnosis()
    spells = [spell for one in page["watched"] for spell in one["spells"]]
    shown = [one.get_attribute("data-kind") for one in view.page.locator("#w25 .finding").all()]
    assert sorted(shown) == sorted(one["kind"] for one in [*page["findings"], *spells])
    assert shown[0] == "collapsed"  # serious before warnings before notes
    for one in (page["findings"][0], *spells):
        text = " ".join(view.page.locator(KIND.format(one["kind"])).all_text_contents())
        assert all(one[name]["en"] in text for name in ("says", "advice", "why"))

    dead = next(one for one in page["watched"] if one["kind"] == "dead_units")
    assert [(one["begin"], one["end"]) for one in dead["spells"]] == [(1.0, 4.0)]
    anchor = view.page.locator(KIND.format("dead_units") + " button")
    assert anchor.inner_text() == "epochs 1 to 4"
    anchor.focus()
    view.page.keyboard.press("Enter")
    assert (view.settle().state()["epoch"], view.state()["w25.rule"]) == (1, "dead_units")
    view.until("document.querySelector('#w25 .told').textContent.includes('0.313; the rule begins at 0.1')")
    rows = list(csv.DictReader(io.StringIO(view.download("#w25 [data-export=csv]").decode())))
    assert [float(row["value"]) for row in rows] == dead["values"]
    view.press("#w25 .chart-place", "ArrowRight", "ArrowRight")
    assert view.state()["epoch"] in dead["epochs"]

    view.page.locator("#w25").get_by_label("only what is serious").evaluate("(one) => one.click()")
    view.until("document.querySelectorAll('#w25 .finding').length === 1")
    view.page.locator("#w25 select").select_option(index=1)
    chosen = page["watched"][1]["kind"]
    assert view.settle().state()["w25.rule"] == chosen
    view.page.evaluate("Vitral.shell.setLanguage('pt-BR')")
    view.settle()
    assert page["findings"][0]["says"]["pt-BR"] in view.page.locator("#w25 .finding").first.text_content()
    assert view.overflow() == []


@pytest.mark.browser
@pytest.mark.slow
def test_the_printed_lines_find_the_same_spells(figure, tmp_path, monkeypatch):
    view = figure("#w25&depth=code")
    monkeypatch.chdir(tmp_path)
    for one in fixture.diagnosis()["watched"]:
        view.set(**{"w25.rule": one["kind"]})
        (tmp_path / "diagnosis.csv").write_bytes(view.download("#w25 [data-export=csv]"))
        said = {}
        ran(view.page.locator("#w25 pre code").text_content(), said)
        np.testing.assert_allclose(said["value"], one["values"])
        assert said["spells"] == [[spell["begin"], spell["end"]] for spell in one["spells"]]
    falls = any(one["kind"] == "stopped_early" for one in fixture.diagnosis()["findings"])
    view.page.locator("#w25 .answer").nth(0 if falls else 1).click()
    assert view.page.locator("#w25 .verdict").inner_text().startswith("Yes.")


@pytest.mark.browser
@pytest.mark.slow
def test_a_model_without_a_record_of_its_training_is_only_judged_by_its_end(figure, tmp_path):
    base = fixture.content()
    finding = Finding("heavy_kl", "note", {"beta": 4.0})
    for name, diagnosis, expected in (
        ("end", doctor.written([finding], []), finding.says("pt")),
        ("none", None, "não há o que diagnosticar"),
    ):
        path = tmp_path / f"{name}.html"
        models = [{**base["models"][0], "diagnosis": diagnosis}]
        path.write_text(alone({**base, "models": models}), encoding="utf-8")
        view = figure("#w25", path=path, language="pt-BR")
        assert expected in view.page.locator("#w25 .body").inner_text()
