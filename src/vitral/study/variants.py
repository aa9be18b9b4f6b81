"""Variants of a recipe: the same study with a few other values, under equal budgets, rows and seeds.

    [variants.standard]
    [variants.vamp]
    model.prior = { kind = "vamp", pseudo_inputs = 500 }

Each variant is the recipe with these values in place of its own; the first one is what others are compared with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vitral.errors import UsageError, unknown

SECTIONS = ("model", "training")
SHARED = {
    "model": ("autoencoders",),
    "training": ("epochs", "batch", "dtype", "shards", "keep", "patience", "monitor_rows", "seed", "seeds", "replay"),
}
_NAME = re.compile(r"(?!seed\d+$)[A-Za-z0-9_.]+")

Table = Mapping[str, Any]


def merged(old: Any, new: Any) -> Any:
    """``new`` over ``old``, table by table; a table of another kind replaces the old one whole."""
    if not isinstance(new, Mapping):
        return new
    if isinstance(old, str):
        old = {"kind": old}
    if not isinstance(old, Mapping) or new.get("kind", old.get("kind")) != old.get("kind"):
        return dict(new)
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}


def check_variants(variants: Any) -> None:
    """Refuse names that no file can carry, and values in which variants may not differ."""
    if not isinstance(variants, Mapping):
        raise UsageError(f"variants must be a table, got {variants!r}: write [variants.NAME] and what it changes")
    for name, changes in variants.items():
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"a variant's name needs letters, digits, _ or . and must not look like seed3, got {name!r}: rename it"
            )
        if not isinstance(changes, Mapping):
            raise UsageError(f"variant {name!r} must be a table, got {changes!r}: write [variants.{name}]")
        for section, values in changes.items():
            _check_section(name, section, values)


def _check_section(name: str, section: str, values: Any) -> None:
    if section in ("data", "evaluation"):
        raise UsageError(
            f"variant {name!r} changes {section}, but variants are compared on the same rows, drawn and scored alike "
            f"(likelihoods of other data or of another binarisation do not compare): set [{section}] for all of them, "
            "or run a study of its own"
        )
    if section not in SECTIONS:
        raise unknown(f"section of variant {name!r}:", section, SECTIONS)
    if not isinstance(values, Mapping):
        raise UsageError(f"variants.{name}.{section} must be a table, got {values!r}: write its keys and values")
    for key in values:
        if key in SHARED[section]:
            raise UsageError(
                f"variant {name!r} changes {section}.{key}, but variants get equal budgets and seeds: set "
                f"{section}.{key} in [{section}] for all of them"
            )


def differences(changes: Table, complete: Table) -> dict[str, Any]:
    """What a variant changes, by section and key, every value written out as ``complete`` has it."""
    return {section: {key: complete[section][key] for key in changes[section]} for section in changes}


def reduced(changes: Table, own: Table) -> dict[str, Any]:
    """The values of ``changes`` that differ from the recipe's ``own``; a table of another kind stays whole."""
    if changes.get("kind") != own.get("kind"):
        return dict(changes)
    apart = {key: value for key, value in changes.items() if value != own.get(key)}
    tables = {key for key in apart if isinstance(apart[key], Mapping) and isinstance(own.get(key), Mapping)}
    return {key: reduced(value, own[key]) if key in tables else value for key, value in apart.items()}
