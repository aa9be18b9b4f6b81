"""Bugs as changed lines of the library: each line is there, is caught as its class is, and is put right again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vitral.checks.bugs import ZOO, red_laws
from vitral.checks.bugs.matrix import chosen, matrix
from vitral.checks.bugs.mutations import MUTATIONS, Edit, Mutation, find, lines, planted
from vitral.errors import UsageError
from vitral.parts.posteriors import DiagonalGaussian

BUGS = {bug.id: bug for bug in ZOO}
SOURCE = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.bug)
def test_the_changed_lines_are_seen_by_exactly_the_laws_that_see_the_bug(mutation):
    bug = BUGS[mutation.bug]
    with planted(mutation):
        assert red_laws(bug.family, bug.sound) == set(bug.caught_by)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.bug)
def test_every_right_line_stands_where_the_exhibit_says(mutation):
    for line in lines(mutation):
        source = (SOURCE / line.file).read_text(encoding="utf-8").splitlines()
        assert source[line.number - 1].strip() == line.right
        assert line.wrong != line.right


def test_the_bugs_of_the_lesson_are_all_there_as_lines():
    assert {f"Z{number:02d}" for number in range(1, 14)} <= {mutation.bug for mutation in MUTATIONS}


def test_what_was_planted_is_put_right_also_after_an_error():
    mutation = next(mutation for mutation in MUTATIONS if mutation.bug == "Z07")
    kept = {edit.place: find(edit.place).__code__ for edit in mutation.edits}
    posterior, h = DiagonalGaussian(1), np.zeros((1, 2))
    with planted(mutation):
        assert posterior.sample(None, h, {"eps": np.ones((1, 1, 1))})[0].z == 0.0
    with pytest.raises(KeyError), planted(mutation):
        posterior.sample(None, h, {})
    assert posterior.sample(None, h, {"eps": np.ones((1, 1, 1))})[0].z == 1.0
    assert {place: find(place).__code__ for place in kept} == kept


def test_a_line_that_the_source_does_not_hold_once_is_refused():
    place = "vitral.parts.layers:Affine.forward"
    for right in ("no such line", "p.b"):
        with pytest.raises(ValueError, match="an edit needs exactly one such line"):
            lines(Mutation("Z99", (Edit(place, right, "pass"),)))


def test_the_matrix_holds_what_every_law_measured_and_where_the_wrong_lines_are():
    (found,) = matrix(chosen(["Z04"]))
    assert {law for law, check in found["laws"].items() if check["passed"] is False} == {"kl_by_draws"}
    red = found["laws"]["kl_by_draws"]
    assert red["measured"] > red["bound"] == 5.0
    assert found["lines"][0]["wrong"].endswith("/ posterior.latent")
    assert found["says"] == "KL divided by the number of latent dimensions."


def test_a_bug_without_changed_lines_says_what_its_part_does():
    (found,) = matrix(chosen(["Z19"]))
    assert found["lines"] == []
    assert found["says"] == "db = 0"


def test_a_bug_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="Z99"):
        chosen(["Z99"])
