"""The certificate as text and as a page: both languages say every check, and a browser shows it without complaint."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from string import Formatter

import numpy as np
import pytest

from vitral.checks.certificate import certify
from vitral.checks.check import tally
from vitral.checks.data import labels_belong, labels_informed, splits_are_disjoint
from vitral.data import Rows
from vitral.parts.objectives import FreeBits
from vitral.report import checks
from vitral.report.certificate import lines, page
from vitral.report.language import language, languages
from vitral.specs import Spec

SMALL = {"kind": "mlp", "hidden": [6]}
X = np.random.default_rng(0).random((20, 9))
FACTS = {"model": "a <model>", "digest": "0" * 64, "architecture": "9 > 2", "objective": {"kind": "elbo", "beta": 1.0},
         "data": "digits random", "rows": 20, "seed": 0, "date": "2026-11-23T12:00:00+00:00",
         "versions": {"vitral": "0.1.0"}, "machine": {"platform": "Linux", "BLAS": None},
         "command": "vitral check 'a <model>'"}  # fmt: skip


def of(spec, **options):
    model = spec.build()
    return certify(model, model.init(0, "float64", X), X, **options)


def every_kind_of_note():
    """Checks of models that between them note all that can be noted."""
    rows = Rows(X, np.arange(20) % 2, 1.0)
    yield from of(Spec(9, 2, SMALL, SMALL, likelihood="bernoulli"), own=FreeBits(0.3))
    yield from of(Spec(9, 3, SMALL, SMALL, likelihood="gaussian_learned"))
    yield from of(Spec(9, 2, SMALL, SMALL, posterior="point"))
    yield from of(Spec(9, 2, SMALL, SMALL, posterior={"kind": "flow", "layers": 1, "hidden": [3]}))
    yield splits_are_disjoint(rows, rows)
    yield labels_belong(X, rows.labels, np.random.default_rng(0))
    yield labels_informed(X, rows.labels, np.random.default_rng(0))
    yield labels_belong(X, None, np.random.default_rng(0))


@pytest.fixture(scope="module")
def items():
    return [asdict(check) for check in every_kind_of_note()]


@pytest.fixture(scope="module")
def document():
    found = [*of(Spec(9, 2, SMALL, SMALL, likelihood="gaussian_learned"))]
    passed, total = tally(found)
    return {"passed": passed, "total": total, "checks": [asdict(check) for check in found], "facts": FACTS}


def test_every_check_has_a_name_a_way_and_a_limit_in_both_languages(items):
    for words in languages():
        for item in items:
            for kind in ("check_name", "check_how", "check_open"):
                assert f"{kind}.{item['name']}" in words.strings, item["name"]
            assert item["unit"] in ("", checks.unit_name(item, words)) or words.code == "pt"
            assert not item["unit"] or f"unit.{item['unit']}" in words.strings, item["unit"]


def test_every_note_is_said_in_portuguese(items):
    """No note is left as it stands: each is made from a template that both languages have."""
    words, english = language("pt"), set()
    for item in items:
        if item["note"] and checks.note(item, words) == item["note"] and re.search("[a-z]{3}", item["note"]):
            english.add(item["note"])
    assert english == set()


def test_numbers_of_notes_are_kept_and_have_a_decimal_comma():
    words = language("pt")
    item = {"note": "mean bound with 1, 8, 64 draws: 211.380, -213.929, 216.026 nats"}
    assert checks.note(item, words) == "limite médio com 1, 8 e 64 sorteios: 211,380; -213,929; 216,026 nats"
    assert checks.note(item, language("en")) == item["note"]
    parts = {"note": "reconstruction -212.9886 + weighted KL 10.5190 nats an image"}
    assert checks.note(parts, words) == "reconstrução -212,9886 + KL ponderada 10,5190 nats por imagem"


def test_templates_take_the_same_values_in_both_languages():
    english, portuguese = (words.strings for words in languages())
    for key in english:
        if key.startswith(("note.", "reason.")):
            fields = [{name for _, name, _, _ in Formatter().parse(strings[key])} for strings in (english, portuguese)]
            assert fields[0] == fields[1], key


def test_text_has_a_line_for_every_check_and_ends_with_the_count(document):
    for words, ending in zip(languages(), ("{} of {} checks passed.", "{} de {} verificações aprovadas."), strict=True):
        written = list(lines(document, words))
        for item in document["checks"]:
            assert any(item["id"] in line and checks.check_name(item, words) in line for line in written)
        assert written[-1] == ending.format(document["passed"], document["total"])


def test_a_failed_check_is_seen_on_the_page_and_in_the_text(document):
    broken = dict(document, checks=[dict(document["checks"][0], passed=False), *document["checks"][1:]])
    assert "FAIL " in next(lines(broken, language("en")))
    assert "FALHA" in next(lines(broken, language("pt")))
    assert page(broken).count('class="verdict failed"') == 2
    assert page(document).count('class="verdict failed"') == 0


def test_the_page_needs_no_network_and_escapes_what_it_is_given(document):
    text = page(document)
    assert "default-src 'none'" in text
    assert re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*", text) == []
    assert "<model>" not in text
    assert "a &lt;model&gt;" in text
    embedded = re.search(r'id="metrics">(.*?)</script>', text, re.DOTALL)[1]
    assert json.loads(embedded) == json.loads(json.dumps(document))


def test_the_page_opens_in_the_language_that_was_asked_for(document):
    asked, free = page(document, language("pt")), page(document)
    assert '<html lang="pt-BR" data-asked>' in asked
    assert "<title>Certificado" in asked
    assert '<html lang="en">' in free


def test_the_page_has_lines_to_fill_in_by_hand_in_both_languages(document):
    text = page(document)
    for words in languages():
        for key in ("name", "class", "signature"):
            assert f"<div>{words.strings[f'certificate.{key}']}</div>" in text
