"""The page's source: both languages say the same, every script is one that a browser takes from a file."""

import json
import re
from pathlib import Path

import pytest

from tests.report.explorer.fixture import content
from vitral.report.explorer import assemble

ROOT = Path(assemble.__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)(?::\+?\d+)?\}")
SCRIPTS = sorted([*ROOT.glob("shell/*.js"), *ROOT.glob("widgets/*.js")])


@pytest.fixture(scope="module")
def strings():
    return assemble.strings()


def test_both_languages_have_the_same_keys(strings):
    assert strings["en"].keys() == strings["pt-BR"].keys()


def test_both_languages_have_the_same_placeholders(strings):
    found = {tag: {key: sorted(PLACEHOLDER.findall(text)) for key, text in strings[tag].items()} for tag in strings}
    assert found["en"] == found["pt-BR"]


def test_no_text_is_empty_and_none_has_a_stray_brace(strings):
    for tag, texts in strings.items():
        for key, text in texts.items():
            assert text.strip(), (tag, key)
            assert not re.search(r"[{}]", PLACEHOLDER.sub("", text)), (tag, key)


def test_every_key_that_a_script_names_has_a_text(strings):
    families = {key.split(".")[0] for key in strings["en"]}
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        for key in re.findall(r'"([a-z0-9-]+(?:\.[a-z0-9_]+)+)"', text):
            of_the_state = re.match(r"w\d\d\.", key) and f'"{key}": ' in text
            stem = any(other.startswith(key + ".") for other in strings["en"])
            foreign = key.split(".")[0] not in families
            assert key in strings["en"] or stem or of_the_state or foreign, (path.name, key)


def test_a_key_in_two_files_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"x.y": "text"}))
    with pytest.raises(ValueError, match=r"b\.json: x\.y already has a text"):
        assemble._strings(tmp_path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_classic_short_and_safe_inside_a_page(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert '"use strict";' in text
    assert "</script" not in text
    assert not re.search(r"^\s*(import|export)\s", text, re.MULTILINE)
    assert "innerHTML" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)


def test_the_order_names_files_that_are_there():
    listed = (ROOT / "shell" / "order.txt").read_text().split()
    assert len(listed) == len(set(listed))
    assert {path.name for path in ROOT.glob("shell/*.js")} <= set(listed)
    assert all((ROOT / "shell" / name).is_file() for name in listed)


def test_the_page_holds_its_policy_scripts_and_content_and_reaches_for_nothing():
    page = assemble.alone(content())
    assert page.count("Content-Security-Policy") == 1
    assert assemble.POLICY in page
    assert not re.search(r"<(link|img|iframe|script src)", page)
    inside = re.search(r'<script type="application/json" id="explorer">(.*?)</script>', page)[1]
    assert json.loads(inside)["main"] == content()["main"]
    assert page.count("<script") == page.count("</script>") == 4


def test_a_text_of_the_content_cannot_end_its_element():
    bad = content() | {"strip": {"recipe": "</script><script>alert(1)</script>"}}
    assert "<script>alert" not in assemble.alone(bad)


def test_inside_another_page_the_headings_step_down():
    assert 'data-level="3" data-inside' in assemble.fragment(content(), level=3, inside=True)


def test_a_page_leaves_comments_and_indentation_to_the_repository():
    named, code = "// ---- widgets/w99.js", 'const a = "// not one"; // kept'
    source = f"{named}\n// W99.\n(function () {{\n  /**\n   * Says.\n   */\n  {code}\n}})();\n"
    assert assemble.compact(source) == f"{named}\n(function () {{\n{code}\n}})();\n"
