"""The bug zoo as text and as a page: both languages name all bugs and laws, numbers come from kept trainings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vitral.checks.bugs import ZOO
from vitral.checks.bugs.matrix import chosen, matrix
from vitral.checks.bugs.mutations import MUTATIONS
from vitral.report import checks
from vitral.report import zoo as zoo_page
from vitral.report.language import language, languages
from vitral.report.zoo import lines, page, symptom, symptoms

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def kept():
    return json.loads((ROOT / "benchmarks" / "results" / "bug_zoo.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document():
    bugs = matrix(chosen(["Z01", "Z04", "Z12", "Z23"]))
    return {"caught": 4, "total": 4, "seed": 0, "bugs": bugs}


def test_the_kept_matrix_has_every_bug_and_the_verdicts_that_the_zoo_states(kept):
    assert [bug["id"] for bug in kept["bugs"]] == [bug.id for bug in ZOO]
    for bug, stated in zip(kept["bugs"], ZOO, strict=True):
        red = {law for law, (_, _, passed) in bug["laws"].items() if passed is False}
        assert red == set(stated.caught_by), bug["id"]


def test_every_bug_law_unit_and_family_has_words_in_both_languages(kept):
    for words in languages():
        for bug in kept["bugs"]:
            assert f"bug.{bug['id']}" in words.strings
            assert f"zoo.family.{bug['family']}" in words.strings
            for check in kept["laws"][bug["family"]].values():
                assert f"check_name.{check['name']}" in words.strings, check["name"]
                assert not check["unit"] or f"unit.{check['unit']}" in words.strings, check["unit"]
    assert {bug.id: bug.name for bug in ZOO} == {bug.id: language("en").strings[f"bug.{bug.id}"] for bug in ZOO}


def test_every_changed_line_was_trained_and_its_sentence_takes_numbers_from_that_training():
    runs = symptoms()["runs"]
    for mutation in MUTATIONS:
        assert mutation.bug in runs
        for words in languages():
            assert re.search(r"\d", symptom(mutation.bug, words))
    changed = json.loads(json.dumps(runs["Z07"]))
    assert language("en").number(changed["test"]["loss"], 1) in symptom("Z07", language("en"))


def test_another_number_would_be_another_sentence(monkeypatch):
    other = json.loads(json.dumps(symptoms()))
    other["runs"]["Z07"]["test"]["loss"] += 1.0
    before = symptom("Z07", language("pt"))
    monkeypatch.setattr(zoo_page, "symptoms", lambda: other)
    assert symptom("Z07", language("pt")) != before


def test_the_kept_trainings_are_small_and_dated():
    file = ROOT / "src" / "vitral" / "report" / "symptoms.json"
    assert file.stat().st_size < 500_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", symptoms()["date"])
    assert symptoms()["machine"]["cpu"]


def test_a_sound_training_is_worth_more_than_every_one_with_another_objective():
    """By the true -ELBO on test images, where the bug changes what is minimised."""
    runs = symptoms()["runs"]
    for bug in ("Z01", "Z02", "Z03", "Z04", "Z05", "Z06", "Z07"):
        assert runs[bug]["test"]["loss"] > runs["sound 1"]["test"]["loss"], bug


def test_text_names_the_bug_the_laws_that_see_it_and_how_many_do_not(document):
    for words, said in zip(languages(), ("family that do not see it", "família que não o veem"), strict=True):
        written, law = list(lines(document, words)), checks.check_name({"name": "KL by Monte Carlo"}, words)
        assert any(line.startswith("Z04") for line in written)
        assert any("kl_by_draws" in line and law in line for line in written)
        assert sum(said in line for line in written) == 4
    assert list(lines(document, language("en")))[-1] == "4 of 4 bugs caught."


def test_the_page_shows_wrong_beside_right_and_the_place_of_the_right_line(document):
    text = page(document)
    assert "sigma = np.exp(0.5 * logvar)" in text
    assert "sigma = np.exp(logvar)" in text
    assert re.search(r"src/vitral/parts/posteriors/diagonal\.py:\d+", text)
    assert 'id="Z01"' in text
    assert 'id="Z23"' not in text  # it has no line of its own, and stands in the matrix
    assert "Z23" in text


def test_the_page_loads_nothing_and_links_only_to_sources(document):
    text = page(document)
    assert "default-src 'none'" in text
    assert re.findall(r"src=\"(?!data:)[^\"]*", text) == []
    addresses = {address for mutation in MUTATIONS for _, address in mutation.seen}
    assert set(re.findall(r"href=\"([^\"#][^\"]*)", text)) <= addresses
