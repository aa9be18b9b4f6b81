"""Plain values as TOML text: what the standard library can read and cannot write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def key_text(key: str) -> str:
    """A key, in quotes where TOML needs them."""
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else value_text(key)


def value_text(value: Any) -> str:
    """A number, a text, a list or a table on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = "".join(f"\\u{ord(c):04x}" if c < " " or c in '"\\' else c for c in value)
        return f'"{escaped}"'
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key_text(key)} = {value_text(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(value_text(entry) for entry in value) + "]"
    return repr(value)
