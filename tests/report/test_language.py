"""Both languages say the same things, and each writes numbers in its own way."""

import json
import re
from string import Formatter

import pytest

from vitral.report.language import CODES, MINUS, NBSP, language, languages, string_files


def placeholders(text):
    return sorted({field for _, field, _, _ in Formatter().parse(text) if field})


def test_both_languages_have_the_same_keys():
    english, portuguese = (words.strings for words in languages())
    assert set(english) == set(portuguese)


def test_both_languages_have_the_same_placeholders_in_every_string():
    english, portuguese = (words.strings for words in languages())
    for key, text in english.items():
        assert placeholders(text) == placeholders(portuguese[key]), key


def test_no_key_is_written_twice_in_the_strings_of_a_language():
    for code in CODES:
        sources = [file.read_text(encoding="utf-8") for file in string_files(code)]
        pairs = [pair for source in sources for pair in json.loads(source, object_pairs_hook=list)]
        assert len(sources) > 2
        assert len(pairs) == len(dict(pairs))


def test_no_string_holds_a_measured_number():
    """Decimals come from the run folder; only identifiers of papers have a point between digits."""
    for words in languages():
        for key, text in words.strings.items():
            if not key.startswith("references."):
                assert not re.search(r"\d[.,]\d", text), key


def test_portuguese_is_translated_wherever_a_string_is_a_sentence():
    english, portuguese = (words.strings for words in languages())
    same = [key for key, text in english.items() if len(text.split()) > 6 and text == portuguese[key]]
    assert [key for key in same if not key.startswith("references.")] == []


@pytest.mark.parametrize(
    "code, written",
    [("en", f"{MINUS}1,234.50"), ("pt", f"{MINUS}1.234,50")],
)
def test_numbers_are_grouped_and_pointed_by_language(code, written):
    assert language(code).number(-1234.5) == written


def test_a_missing_number_is_a_dash_and_a_rounded_zero_has_no_sign():
    words = language("en")
    assert words.number(None) == words.number(float("nan")) == "–"
    assert words.number(-0.001) == "0.00"
    assert words.number(0.0, signed=True) == "0.00"
    assert words.number(0.5, signed=True) == "+0.50"


def test_an_error_sets_the_decimals_of_its_value():
    assert language("en").measured(12.3456, 0.0789) == f"12.346{NBSP}±{NBSP}0.079"
    assert language("pt").measured(359.51, 2.93) == f"359,5{NBSP}±{NBSP}2,9"
    assert language("en").measured(3.14159, None) == "3.14"


def test_settings_are_written_in_few_digits():
    assert language("en").plain(1e-8) == f"1e{MINUS}8"
    assert language("pt").plain(0.001) == "0,001"


def test_percent_and_duration_follow_the_language():
    assert language("en").percent(0.3935) == "39%"
    assert language("pt").percent(0.011, 1) == "1,1%"
    assert language("pt").duration(83.4) == "1 min 23 s"
    assert language("pt").duration(6.9) == "6,9 s"


def test_lists_end_with_the_word_of_the_language():
    assert language("en").listed(["a", "b", "c"]) == "a, b and c"
    assert language("pt").listed(["a", "b"]) == "a e b"
    assert language("en").listed([]) == ""


def test_values_are_escaped_while_emphasis_of_the_strings_file_is_kept():
    written = language("en").markup(
        "finding.pca.better", model="<b>&", latent=2, sse=1, pca=2, gap=1, share=3
    )
    assert written.startswith("<strong>&lt;b&gt;&amp; beats PCA")
