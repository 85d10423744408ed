"""Parameters resources as plain dicts and lists: what programs print and people read from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub.core.release import Json, Resource

Values = dict[str, Any]

EXPLAINED = frozenset(("topic", "trigger", "filters", "subscription", "clause", "found"))
TRACED = frozenset(("change", "told"))
"""What may be there several times in the answers of ``$explain`` and ``$trace``."""


def read_parts(parts: Iterable[Resource], repeated: frozenset[str]) -> Values:
    """Return parameters or parts by name; those of a name in ``repeated`` are lists.

    A part with parts of its own is a dict again, a reference its literal.
    """
    found: Values = {name: [] for name in repeated & {str(part["name"]) for part in parts}}
    for part in parts:
        name = str(part["name"])
        value = read_parts(part["part"], repeated) if "part" in part else _value(part)
        if name in repeated:
            found[name].append(value)
        else:
            found[name] = value
    return found


def _value(part: Resource) -> Json:
    value = next((part[key] for key in part if key.startswith("value")), None)
    return value.get("reference") if isinstance(value, dict) else value
