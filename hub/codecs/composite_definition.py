"""SearchParameters of type composite in the compact form of the tables.

A composite asks for several values in one element: its expression selects the elements, each
component's expression a value inside one.
Source: http://hl7.org/fhir/R5/search.html#composite.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hub.codecs.search_definition import OFFICIAL, LeftOut, table_entry
from hub.codecs.tables import Elements
from hub.core.release import Resource

_ROOT = re.compile(r"([A-Z]\w*)((?:\.[a-z]\w*)*)")
_BAR = re.compile(r"\s*\|\s*")
_MOST_COMPONENTS = 20
_MOST_PARTS = 200

Entries = Mapping[str, Mapping[str, Any]]
"""Code to parameter, as the tables have it."""


class _Known(NamedTuple):
    """What a component is read with."""

    base: str
    elements: Elements
    definitions: Mapping[str, Resource]
    entries: Entries


def composite_entry(
    definition: Resource,
    base: str,
    elements: Elements,
    definitions: Mapping[str, Resource],
    known: Entries,
) -> dict[str, Any]:
    """Return a composite parameter of one resource type as the tables have it.

    Args:
        definitions: the definitions of the components by their url.
        known: the other parameters of the type: a component that finds nothing that one of them
            does not find has its code, and can be looked up in the index.

    Raises:
        LeftOut: it is malformed, or a component can't be evaluated in the release of ``elements``.
    """
    if base not in elements.resource_types:
        raise LeftOut(f"{base} is no resource type of the release")
    parts = _BAR.split(str(definition.get("expression")))
    stated = definition.get("component")
    if not isinstance(stated, list) or not all(map(_is_component, stated)):
        raise LeftOut("a composite needs components with a definition and an expression")
    if not 0 < len(stated) <= _MOST_COMPONENTS or len(parts) > _MOST_PARTS:
        raise LeftOut(f"a composite has 1 to {_MOST_COMPONENTS} components")
    groups: list[dict[str, Any]] = []
    there = _Known(base, elements, definitions, known)
    for part in parts:
        root = _ROOT.fullmatch(part)
        if root is None:
            raise LeftOut(f"{part}: a composite is not read from it")
        if root[1] == base:
            components = [_component(each, root[0], there) for each in stated]
            groups.append({"path": root[2].removeprefix("."), "components": components})
    if not groups:
        raise LeftOut("its expression is about other types")
    return {
        "type": "composite",
        "url": str(definition.get("url")).removeprefix(OFFICIAL),
        "path": "|".join(group["path"] for group in groups),
        "groups": groups,
    }


def _is_component(component: Any) -> bool:
    return isinstance(component, dict) and all(
        isinstance(component.get(name), str) for name in ("definition", "expression")
    )


def _component(component: Resource, root: str, there: _Known) -> dict[str, Any]:
    named = there.definitions.get(component["definition"].partition("|")[0])
    if named is None:
        raise LeftOut(f"its component {component['definition']} is not defined or not evaluated")
    parts = _BAR.split(component["expression"])
    whole = {**named, "expression": " | ".join(f"{root}.{part}" for part in parts)}
    entry, reasons = table_entry(whole, there.base, there.elements)
    if reasons:
        raise LeftOut("; ".join(reasons))
    other = there.entries.get(named["code"], {})
    branches = entry["path"].split("|")
    is_known = (
        other.get("type") == entry["type"]
        and other.get("form") == entry.get("form")
        and set(branches) <= set(other["path"].split("|"))
    )
    start = root.removeprefix(there.base).removeprefix(".")
    inside = [branch.removeprefix(start).removeprefix(".") for branch in branches]
    return {**entry, "path": "|".join(inside), "code": named["code"] if is_known else ""}
