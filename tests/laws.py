"""Every law, over every member of every family.

The laws themselves are functions in ``vitral.checks``; ``tests/members.py`` gives each name that ``vitral.specs``
knows the configurations on which it is examined. A name without a configuration fails, so a member cannot be added
untested, and one that is not listed cannot be used.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.members import EXAMPLES
from vitral.checks.laws import LAWS, Case, Closed, Sized


def label(member: Any) -> str:
    """A short readable id for a test."""
    if isinstance(member, Case):
        parts = (member.model.likelihood, member.model.posterior, member.model.prior)
        kinds = (type(part).__name__ for part in parts)
        return f"{'-'.join(kinds)}-{member.objective}-{member.rows}-{member.samples}-{member.masked}"
    if isinstance(member, Sized):
        return str(member.layer)
    if isinstance(member, Closed):
        return f"{member.posterior.__name__}, {member.prior.__name__}"
    return getattr(member, "__name__", str(member))


def laws_of(family: str, members: list[Any] | None = None, seed: int = 0) -> pytest.MarkDecorator:
    """Parametrise a test over all laws of a family and all its configurations."""
    if members is None:
        members = [member for examples in EXAMPLES[family].values() for member in examples]
    return pytest.mark.parametrize(
        "law, member",
        [
            pytest.param(law, member, id=f"{name}-{label(member)}")
            for member in members
            for name, law in LAWS[family].items()
        ],
    )
