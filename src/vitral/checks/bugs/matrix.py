"""The matrix of the zoo as data: every bug against every law of its family, with what was measured and its bound."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from vitral.checks.bugs import ZOO, Bug, examined
from vitral.checks.bugs.mutations import MUTATIONS, Mutation, lines
from vitral.checks.check import Check
from vitral.checks.laws import Case, Closed, Sized
from vitral.errors import unknown

Record = dict[str, Any]


def chosen(ids: Iterable[str]) -> list[Bug]:
    """The bugs of these ids, or all; raises UsageError for one that is not there."""
    zoo = {bug.id: bug for bug in ZOO}
    wanted = list(ids) or list(zoo)
    for id in wanted:
        if id not in zoo:
            raise unknown("bug", id, zoo)
    return [zoo[id] for id in wanted]


def matrix(bugs: Iterable[Bug], seed: int = 0, announce: Callable[[str], None] = lambda name: None) -> list[Record]:
    """One record a bug: what it is, its wrong lines, and what every law of its family answers on it."""
    mutations = {mutation.bug: mutation for mutation in MUTATIONS}
    found = []
    for bug in bugs:
        announce(f"{bug.id} {bug.name}")
        answers = examined(bug.family, bug.broken, seed)
        entry = {"id": bug.id, "name": bug.name, "family": bug.family, "caught_by": list(bug.caught_by)}
        laws = {law: as_data(check) for law, check in answers.items()}
        found.append({**entry, **_source(bug, mutations.get(bug.id)), "laws": laws})
    return found


def as_data(check: Check) -> Record:
    """A check as plain data; a number that is not finite is None, and said so."""
    measured = check.measured
    finite = measured is None or isfinite(measured)
    return {
        "id": check.id, "name": check.name, "measured": measured if finite else None, "bound": check.bound,
        "unit": check.unit, "passed": check.passed, "finite": finite, "note": check.note,
    }  # fmt: skip


def _source(bug: Bug, mutation: Mutation | None) -> Record:
    """The changed lines of a bug and where it was seen; of one without, what its broken part says that it does."""
    part = _part(bug.broken)
    says = inspect.getdoc(part if inspect.isfunction(part) else type(part)) or bug.name
    return {
        "says": says.partition("\n")[0],
        "lines": [] if mutation is None else [line._asdict() for line in lines(mutation)],
        "seen": [] if mutation is None else [list(place) for place in mutation.seen],
    }


def _part(member: Any) -> Any:
    """What is broken in a member: its layer, its model, its closed form, or itself."""
    if isinstance(member, Sized):
        return member.layer
    if isinstance(member, Case):
        return member.model
    return member.kl if isinstance(member, Closed) else member
