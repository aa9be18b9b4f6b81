"""The site: languages that say the same, cards that point somewhere, lessons whose code runs, a strict build."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from docs.website import cards, examples, figures, formulas, staging
from tests.docs import pages

TWINS = sorted(path for path in pages.DOCS.rglob("*.pt.md"))
BUGS = "".join(path.read_text(encoding="utf-8") for path in (pages.ROOT / "src/vitral/checks/bugs").glob("*.py"))


def _english(path):
    return path.with_name(path.name.replace(".pt.md", ".md")).read_text(encoding="utf-8")


def _prose(text):
    """Without code, formulas, versions and targets of links, where numbers are written in one way."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`|\$\$.*?\$\$|Python \d\.\d+", "", text, flags=re.M | re.S)
    return re.sub(r"\]\([^)]*\)", "]", text)


def _numbers(text, decimal, thousands):
    """Numbers as values, whatever the language's signs are."""
    found = re.findall(r"\d[\d.,]*", _prose(text))
    return sorted(each.rstrip(".,").replace(thousands, "").replace(decimal, ".") for each in found)


both = pytest.mark.parametrize("path", TWINS, ids=pages.ids(TWINS))


def test_start_lessons_glossary_and_errata_are_in_both_languages():
    wanted = {f"{name}.pt.md" for name in ("start", "see", "equations", "glossary", "errata", "understand/README")}
    assert wanted <= set(pages.ids(TWINS))
    assert len([path for path in TWINS if re.match(r"\d\d_", path.name)]) == 10


@both
def test_both_languages_have_the_same_headings_in_number_and_level(path):
    ours, theirs = path.read_text(encoding="utf-8"), _english(path)
    for level in (1, 2, 3):
        assert len(pages.headings(ours, level)) == len(pages.headings(theirs, level))


@both
def test_both_languages_name_the_same_equations_bugs_and_numbers(path):
    """Decimal point and thousands comma there, decimal comma and thousands point here."""
    ours, theirs = path.read_text(encoding="utf-8"), _english(path)
    for pattern in (rf"\b{cards.ID}\b", r"\b(?:Z|O|P|D)\d{2}[a-z]?\b"):
        assert re.findall(pattern, ours) == re.findall(pattern, theirs)
    if "teach" in path.parts:  # there, 1.2 is the second question of the first sheet, in both languages
        ours, theirs = (re.sub(r"(?<=\d)[.,](?=\d)", "", text) for text in (ours, theirs))
    assert _numbers(ours, ",", ".") == _numbers(theirs, ".", ",")


@both
def test_both_languages_show_the_same_code_outputs_and_formulas(path):
    for pattern in (r"^```.*?^```", r"\$\$.*?\$\$", r"^\[[EFG]\d+.*<!-- card -->$"):
        ours, theirs = path.read_text(encoding="utf-8"), _english(path)
        assert re.findall(pattern, ours, flags=re.M | re.S) == re.findall(pattern, theirs, flags=re.M | re.S)


@both
def test_a_page_leads_to_pages_of_its_language(path):
    """A Portuguese page links to the Portuguese twin where there is one."""
    for target in pages.links(path.read_text(encoding="utf-8")):
        linked = path.parent / target.partition("#")[0]
        if linked.suffix == ".md":
            twin = linked.with_name(linked.name.replace(".md", ".pt.md"))
            assert linked.name.endswith(".pt.md") or not twin.is_file(), target


def test_every_lesson_has_the_same_eight_sections():
    titles = ["Predict", "Do", "See", "Explain", "The equation", "Check yourself", "Answers", "Common mistakes"]
    lessons = [path for path in examples.lessons() if path.name[0].isdigit()]
    assert len(lessons) == 10
    for path in lessons:
        text = path.read_text(encoding="utf-8")
        assert pages.headings(text, 2) == titles, path.name
        assert len(cards.PLACE.findall(text)) >= 1, path.name
        assert examples.EXAMPLE.search(text), path.name


def test_the_bugs_that_lessons_name_are_in_the_zoo():
    for path in [*examples.lessons(), *TWINS]:
        for bug in re.findall(r"\| ([ZODP]\w*\d{2}[a-z]?) \|$", path.read_text(encoding="utf-8"), flags=re.M):
            assert re.search(rf"\b{bug}\b", BUGS), f"{path.name} names {bug}"


def test_every_equation_has_a_card_and_every_card_points_to_what_is_there():
    """Derivation, code, checks, tests and bugs; a card for all that the source cites or a page derives."""
    assert len(cards.cards()) >= 25
    assert cards.problems() == []


@pytest.mark.parametrize(
    "field, value, complaint",
    [
        ("code", ["src/vitral/parts/divergences.py::kl_of_yesterday"], "kl_of_yesterday is not there"),
        ("code", ["src/vitral/model.py::Model"], "none of its code is in a file that cites it"),
        ("code", [], "names the code"),
        ("tests", [], "names at least one test"),
        ("checks", ["src/vitral/checks/nowhere.py::law"], "nowhere.py::law is not there"),
        ("mistakes", ["Z999"], "no bug of the zoo is called Z999"),
        ("derivation", "derivations/elbo.md", "derivations/elbo.md has no section E08"),
    ],
)
def test_a_card_that_points_nowhere_is_noticed(field, value, complaint, monkeypatch):
    monkeypatch.setitem(cards.cards(), "E08", cards.cards()["E08"] | {field: value})
    assert any(problem.startswith("E08: ") and complaint in problem for problem in cards.problems())


def test_a_missing_card_is_noticed(monkeypatch):
    monkeypatch.delitem(cards.cards(), "E08")
    assert cards.problems() == ["E08: cited or derived, but docs/equations/E08.toml is missing"]


def test_a_card_shows_the_shipped_lines_with_their_true_numbers():
    shown = cards.region("src/vitral/parts/divergences.py::kl_diagonal_standard")
    source = (pages.ROOT / shown.path).read_text(encoding="utf-8").splitlines()
    lines = shown.lines.splitlines()
    assert source[shown.first - 1 : shown.first - 1 + len(lines)] == lines
    assert f'linenums="{shown.first}"' in cards.whole("E08", "en")
    assert "O preço do código" in cards.whole("E08", "pt")


def test_the_tour_names_widgets_that_are_there():
    """By number; each of them has its script and its texts in both languages."""
    for name in set(re.findall(r"\bW(\d+)\b", (pages.DOCS / "see.md").read_text(encoding="utf-8"))):
        assert list((cards.EXPLORER / "widgets").glob(f"w{int(name):02}_*.js")), name
        for language in staging.LANGUAGES:
            assert (cards.EXPLORER / "strings" / language / f"w{int(name):02}.json").is_file(), name


def test_lessons_show_figures_of_their_language_and_nothing_else_is_kept():
    for path in [*examples.lessons(), *TWINS]:
        language = "pt" if path.name.endswith(".pt.md") else "en"
        found = re.findall(r"figures/lessons/(\w+)/", path.read_text(encoding="utf-8"))
        assert set(found) <= {language}, path.name
    kept = {path.relative_to(figures.FOLDER).as_posix() for path in figures.FOLDER.rglob("*.svg")}
    assert kept == figures.named()


@pytest.mark.slow
def test_the_code_of_the_lessons_prints_what_the_pages_show():
    """`python -m docs.website.examples` writes it anew."""
    for path in examples.lessons():
        text = path.read_text(encoding="utf-8")
        assert text.count("```python") == len(examples.EXAMPLE.findall(text)), path.name
        assert examples.with_outputs(text, examples.outputs(text, path.name)) == text, path.name


def test_a_changed_output_would_be_noticed():
    text = "```python\nprint(6 * 7)\n```\n\n```text\n41\n```"
    assert examples.with_outputs(text, examples.outputs(text, "here")) == text.replace("41", "42")


def test_formulas_become_mathml_that_browsers_draw_and_code_stays():
    pytest.importorskip("latex2mathml")
    page = formulas.with_mathml(r"$\mathtt{dlogp} = -\sigma^2$ and `$HOME`" + "\n\n```\n$x$\n```\n")
    assert page.count("<math") == 1
    assert '<mtext class="monospace">dlogp</mtext>' in page
    assert "`$HOME`" in page
    assert "```\n$x$\n```" in page


def test_every_formula_of_every_page_is_understood():
    """Nothing of TeX is left over in what is drawn."""
    pytest.importorskip("latex2mathml")
    for path in pages.all_pages():
        drawn = formulas.with_mathml(path.read_text(encoding="utf-8"))
        for formula in re.findall(r"<math.*?</math>", drawn):
            assert not re.search(r"\\[a-zA-Z]|&#x005C;", re.sub(r"<[^>]*>", "", formula)), f"{path.name}: {formula}"


def test_every_page_has_its_place_in_the_contents_and_every_place_its_page():
    named = [page for section in staging.sections() for page in section.pages]
    assert sorted(named) == staging.pages()


def test_links_lead_to_the_places_of_the_site_and_files_outside_are_named(tmp_path):
    page = pages.DOCS / "understand" / "README.md"
    text = "[start](../start.md) [code](../../src/vitral/model.py) [kl](../derivations/kl.md#why)"
    moved = staging._linked(text, page, "understand/README.md")
    assert moved == "[start](../index.md) code (`src/vitral/model.py`) [kl](../derivations/kl.md#why)"


class _Outside(HTMLParser):
    """Addresses that a browser would fetch while it shows a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            fetched = name in {"src", "srcset"} or (tag == "link" and name == "href")
            if fetched and re.match(r"(https?:)?//", value or ""):
                self.found.append((tag, value))


@pytest.mark.slow
def test_the_site_builds_strictly_in_both_languages_and_asks_nothing_of_the_network(tmp_path):
    for package in ("zensical", "latex2mathml"):
        pytest.importorskip(package)
    from docs.website.__main__ import build

    site = tmp_path / "site"
    build(site)
    for page in staging.pages():
        for language in ("", "pt/"):
            path = site / language / staging.place(page).replace(".md", ".html")
            text = path.read_text(encoding="utf-8")
            reader = _Outside()
            reader.feed(text)
            assert reader.found == [], path
            other = re.search(r'class="other-language"><a href="([^"]+)"', text)[1]
            assert (path.parent / other).resolve().is_file(), path
    assert "O preço do código" in (site / "pt/understand/04_kl.html").read_text(encoding="utf-8")
    assert (site / "search.js").is_file()
    assert (site / "pt/search.js").is_file()


@pytest.mark.slow
def test_a_dead_link_stops_the_build(tmp_path):
    pytest.importorskip("zensical")
    from docs.website.__main__ import _generate

    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text("# Home\n\n[nowhere](nowhere.md)\n", encoding="utf-8")
    shutil.copytree(staging.HERE / "theme", tmp_path / "theme")
    settings = tmp_path / "mkdocs.yml"
    settings.write_text(json.dumps(staging.configuration("en") | {"nav": ["index.md"]}), encoding="utf-8")
    with pytest.raises(SystemExit, match="page does not exist"):
        _generate([settings])
