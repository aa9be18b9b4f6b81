"""Equations and code find each other by their ids."""

from tests.docs import pages

# These ids state facts about numbers (a gap, a decomposition, a missing constant, an exact answer): checks
# and pages use them, and code may cite them, but no gradient is computed from them.
STATEMENTS = {"E05c", "E10", "E12", "E13", "E14"}
WITH_CODE = {"E01", "E02", "E03", "E04", "E05", "E06", "E07", "E08", "E09", "E11", "E16", "E17", "E18"}


def test_every_equation_that_the_source_cites_is_derived():
    """A line that says `# E08` has a section E08 to be read beside it."""
    derived = pages.derived_on_pages()
    cited = pages.cited_in_source()
    assert {equation: files for equation, files in cited.items() if equation not in derived} == {}


def test_every_derived_equation_is_cited_where_it_is_computed():
    """A section with an id belongs to a line of code, or states a fact that needs none."""
    assert set(pages.derived_on_pages()) - set(pages.cited_in_source()) <= STATEMENTS


def test_the_equations_of_the_foundation_are_all_there():
    """None of them is lost from code or pages by a later change."""
    assert set(pages.cited_in_source()) >= WITH_CODE
    assert set(pages.derived_on_pages()) >= WITH_CODE | STATEMENTS


def test_every_equation_is_derived_once():
    """One formula, one place; other pages link to it."""
    twice = {equation: names for equation, names in pages.derived_on_pages().items() if len(names) > 1}
    assert twice == {}
