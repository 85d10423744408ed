"""Turns the suite's resources in XML into parsed JSON, by the hub's tables of elements.

Only what the standard's examples hold is read: elements, primitive values, extensions of
primitives, narrative as text.
Source: http://hl7.org/fhir/R4/xml.html, http://hl7.org/fhir/R4/json.html.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from hub.codecs.tables import Element, Elements, elements
from hub.core.release import FhirRelease

XHTML = "{http://www.w3.org/1999/xhtml}"
FHIR = "{http://hl7.org/fhir}"


def read_resource(name: str, data: bytes, release: FhirRelease) -> dict[str, Any]:
    """Return a resource of the suite; ``name`` tells whether it is JSON or XML.

    Raises:
        KeyError: an element is not in the release's table.
    """
    if name.endswith(".json"):
        resource: dict[str, Any] = json.loads(data, parse_float=Decimal)
        return resource
    root = ElementTree.fromstring(data)  # noqa: S314  # HL7's own
    return _resource(root, elements(release))


def _resource(tree: ElementTree.Element, table: Elements) -> dict[str, Any]:
    name = tree.tag.removeprefix(FHIR)
    return {"resourceType": name, **_members(tree, name, table)}


def _members(tree: ElementTree.Element, type_name: str, table: Elements) -> dict[str, Any]:
    known: dict[str, tuple[Element, str]] = {
        spelling: (element, type_)
        for element in table.of(type_name)
        for spelling, type_ in element.json_names.items()
    }
    found: dict[str, Any] = {
        name: tree.attrib[name] for name in ("id", "url") if name in tree.attrib
    }
    for child in tree:
        name = child.tag.removeprefix(FHIR).removeprefix(XHTML)
        element, type_ = known[name]
        value, annotation = _value(child, type_, table)
        for key, part in ((name, value), ("_" + name, annotation)):
            if element.is_list:
                found.setdefault(key, []).append(part)
            elif part is not None:
                found[key] = part
    return {
        key: value
        for key, value in found.items()
        if not isinstance(value, list) or any(part is not None for part in value)
    }


def _value(
    tree: ElementTree.Element, type_name: str, table: Elements
) -> tuple[Any, dict[str, Any] | None]:
    """Return the value and, of a primitive, its id and extensions."""
    if type_name == "xhtml":
        return ElementTree.tostring(tree, encoding="unicode"), None
    if type_name == "Resource":
        return _resource(tree[0], table), None
    if not type_name[:1].islower():
        return _members(tree, type_name, table), None
    annotation: dict[str, Any] = {"id": tree.attrib["id"]} if "id" in tree.attrib else {}
    if len(tree):
        annotation["extension"] = [_members(child, "Extension", table) for child in tree]
    return _primitive(tree.get("value"), type_name), annotation or None


def _primitive(text: str | None, type_name: str) -> Any:
    if text is None:
        return None
    if type_name == "boolean":
        return text == "true"
    if type_name in ("integer", "positiveInt", "unsignedInt"):
        return int(text)
    return Decimal(text) if type_name == "decimal" else text
