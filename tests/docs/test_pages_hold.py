"""Documentation that cannot drift: links, references to code, structure, formulas that GitHub shows."""

import re

import pytest

from tests.docs import pages

ALL = pages.all_pages()
DERIVATIONS = sorted(pages.DERIVATIONS.glob("*.md"))
SECTIONS = [
    "Statement",
    "Why",
    "Derivation",
    "Shapes",
    "In the code",
    "The check that proves it",
    "Common mistakes",
]
every_page = pytest.mark.parametrize("path", ALL, ids=pages.ids(ALL))


def _prose(page):
    """A page without code blocks and code spans, where dollars and backslashes are formulas."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S))


def _formulas(page):
    prose = _prose(page)
    blocks = re.findall(r"\$\$(.+?)\$\$", prose, flags=re.S)
    return blocks + re.findall(r"\$([^$\n]+)\$", re.sub(r"\$\$.+?\$\$", "", prose, flags=re.S))


def test_there_are_pages():
    """The other tests run over at least the pages of the reading order."""
    assert {"README.md", "architecture.md", "derivations/elbo.md"} <= set(pages.ids(ALL))


@every_page
def test_every_code_reference_names_something_that_exists(path):
    """`path::name` is a definition in that file, found by parsing it."""
    for file, name in pages.references(path.read_text(encoding="utf-8")):
        assert (pages.ROOT / file).is_file(), f"{path.name} refers to {file}"
        assert name in pages.defined_names(pages.ROOT / file), f"{path.name} refers to {file}::{name}"


@every_page
def test_every_test_file_that_a_page_names_exists(path):
    """A page that says which test proves something names a test that is there."""
    for file in re.findall(r"`(tests/[\w./-]+)`", path.read_text(encoding="utf-8")):
        assert (pages.ROOT / file).exists(), f"{path.name} names {file}"


@every_page
def test_every_link_between_pages_resolves(path):
    """A relative link leads to a file of the repository, and an anchor to a heading of it."""
    for target in pages.links(path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.is_file(), f"{path.name} links to {target}"
        if anchor:
            page = linked.read_text(encoding="utf-8")
            titles = [title for level in (1, 2, 3) for title in pages.headings(page, level)]
            assert anchor in [re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles]


@every_page
def test_no_page_holds_a_path_of_one_machine(path):
    """Documents name files of the repository or of the user, never a folder of whoever wrote them."""
    found = re.findall(
        r"(?<![\w.<>])/(?:work|tmp|home|root|Users|mnt|opt)\b\S*|\b[A-Z]:\\\S*|\.\./shared\S*",
        path.read_text(encoding="utf-8"),
    )
    assert found == []


@every_page
def test_every_page_has_one_title_and_no_unfinished_remark(path):
    """One heading of the first level, and nothing left to fill in."""
    page = path.read_text(encoding="utf-8")
    assert len(pages.headings(page, 1)) == 1
    assert re.findall(r"\b(?:TODO|TBD|FIXME|XXX|from memory)\b", page) == []


@every_page
def test_every_row_of_a_table_has_as_many_cells_as_its_head(path):
    """A bar inside a cell would split it in two."""
    width = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.count("|") - 1 if line.startswith("|") else 0
        assert cells == width or 0 in (cells, width), line
        width = cells


@pytest.mark.parametrize(
    "path", [p for p in DERIVATIONS if p.name != "notation.md"], ids=lambda path: path.name
)
def test_every_derivation_has_the_seven_sections_in_order(path):
    """Statement, why, derivation, shapes, code, check, mistakes: the same thing in the same place."""
    assert pages.headings(path.read_text(encoding="utf-8"), 2) == SECTIONS


@pytest.mark.parametrize("path", DERIVATIONS, ids=lambda path: path.name)
def test_every_derivation_points_into_the_source(path):
    """A derivation without code, or code without a derivation, is half a thing."""
    files = [file for file, _ in pages.references(path.read_text(encoding="utf-8"))]
    assert [file for file in files if file.startswith("src/vitral/")]


@pytest.mark.parametrize("path", DERIVATIONS, ids=lambda path: path.name)
def test_derivations_are_numbered_from_one_without_gaps(path):
    """Steps are cited by number, so a list counts 1, 2, 3."""
    previous = 0
    for line in _prose(path.read_text(encoding="utf-8")).splitlines():
        if line.startswith("#"):
            previous = 0
        elif match := re.match(r"(\d+)\. ", line):
            assert int(match[1]) == previous + 1, line
            previous += 1


@every_page
def test_formulas_hold_nothing_that_github_swallows(path):
    """Markdown eats a backslash before punctuation, and reads < and list signs before the formula is seen."""
    page = path.read_text(encoding="utf-8")
    assert _prose(page).count("$") % 2 == 0, "an unpaired dollar sign"
    assert re.findall(r"\$`|`\$", page) == [], "a dollar beside a backtick opens another kind of formula"
    for formula in _formulas(page):
        assert re.findall(r"\\[,;:!{}_|\\#%&]|<|\*|\n[ ]*[-+=>#]", formula) == [], formula
        assert formula.count("{") == formula.count("}"), formula


def test_the_page_of_the_reading_order_stays_short():
    """elbo.md is read by newcomers in one sitting."""
    assert len(pages.text("derivations/elbo.md").splitlines()) < 150


def test_every_page_is_in_the_index():
    """docs/README.md leads to every page."""
    linked = {target.partition("#")[0] for target in pages.links(pages.text("README.md"))}
    assert set(pages.ids(ALL)) - {"README.md"} <= linked


def test_the_house_of_the_architecture_page_stands():
    """Every file and folder that the tree names exists."""
    missing = [entry for entry in _house() if not (pages.ROOT / entry).exists()]
    assert missing == []


def test_the_house_of_the_architecture_page_is_complete():
    """Every module and folder of the package is in the tree."""
    found = {
        path.relative_to(pages.ROOT).as_posix() + ("/" if path.is_dir() else "")
        for path in (pages.ROOT / "src/vitral").iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    }
    assert {"src/vitral/core/", "src/vitral/model.py"} <= found
    assert found - {"src/vitral/__main__.py"} <= set(_house())


def _house():
    """Paths that the tree of architecture.md names; indented ones lie in the folder above them."""
    tree = pages.text("architecture.md").split("```")[1]
    named, folder = [], ""
    for indent, entry in re.findall(r"^( *)([\w./]+)", tree, flags=re.M):
        if not indent:
            folder = entry if entry.endswith("/") else ""
        named.append(folder + entry if indent else entry)
    return named
