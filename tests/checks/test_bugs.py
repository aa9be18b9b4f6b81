"""Every planted bug is caught by the laws that it names, and by no other; the sound part breaks none."""

from __future__ import annotations

import pytest

from vitral.checks.bugs import ZOO, Bug, red_laws
from vitral.checks.laws import LAWS


@pytest.mark.parametrize("bug", ZOO, ids=lambda bug: f"{bug.id} {bug.name}")
def test_exactly_the_named_laws_go_red_on_the_bug(bug: Bug):
    assert set(bug.caught_by) == red_laws(bug.family, bug.broken)


@pytest.mark.parametrize("bug", ZOO, ids=lambda bug: f"{bug.id} {bug.name}")
def test_no_law_goes_red_on_the_sound_part(bug: Bug):
    assert set() == red_laws(bug.family, bug.sound)


def test_every_bug_has_its_own_id_and_at_least_one_law():
    assert len({bug.id for bug in ZOO}) == len(ZOO)
    assert all(bug.caught_by for bug in ZOO)


def test_every_law_catches_some_bug():
    """A law that no planted bug turns red could be blind."""
    proved = {(bug.family, law) for bug in ZOO for law in bug.caught_by}
    shared = {law for _, law in proved}
    blind = {(family, law) for family, laws in LAWS.items() for law in laws} - proved
    assert {law for _, law in blind if law not in shared} == set()
