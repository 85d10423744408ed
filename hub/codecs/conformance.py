"""What is wrong with a resource, element by element.

This check decides; the schemas of ``hub.codecs.schema`` only say yes faster.

Sources: http://hl7.org/fhir/json.html (lists, nulls, extensions of primitives);
http://hl7.org/fhir/formats.html#choice; http://hl7.org/fhir/domainresource.html (dom-2);
http://hl7.org/fhir/extensibility.html (ext-1); http://hl7.org/fhir/element.html (ele-1);
http://hl7.org/fhir/operationoutcome.html (``expression`` is simple FHIRPath).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache

from hub.codecs.primitive import PRIMITIVES, reason
from hub.codecs.tables import Element, Elements, elements
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import Issue

MAX_LISTED = 20
"""How many allowed codes or names a message lists."""

_ELEMENT_PARTS = {
    "id": Element("id", ("string",), False, False, None),
    "extension": Element("extension", ("Extension",), False, True, None),
}


def issues_of(resource: Resource, release: FhirRelease) -> Iterator[Issue]:
    """Find what does not follow the definition of the resource's type, in document order.

    ``expression`` names the element in FHIRPath (``Task.input[0].type``); where the choice of a
    type itself is wrong, it ends in ``[x]``.
    """
    kind = resource.get("resourceType")
    yield from _resource(resource, elements(release), kind if isinstance(kind, str) else "")


def _resource(value: Json, table: Elements, path: str) -> Iterator[Issue]:
    if not isinstance(value, dict):
        yield _structure(path, "must be an object, not " + _shown(value))
        return
    kind = value.get("resourceType")
    if kind is None:
        yield Issue("required", "resourceType is missing", path or None)
    elif not isinstance(kind, str) or kind not in table.resource_types:
        words = f"{_shown(kind)} is no resource type of {table.release}"
        yield _structure(path, words + _elsewhere(table.release, str(kind), None))
    else:
        yield from _members(value, table, kind, path)


def _members(value: Mapping[str, Json], table: Elements, kind: str, path: str) -> Iterator[Issue]:
    is_resource = kind in table.resource_types
    parts = table.of(kind)
    named = {
        name: (element, code) for element in parts for name, code in element.json_names.items()
    }
    for name, member in value.items():
        if is_resource and name == "resourceType":
            continue
        plain = name.removeprefix("_")
        if plain not in named or (name != plain and named[plain][1] not in PRIMITIVES):
            yield unknown_element(table.release, kind, name, path)
            continue
        element, code = named[plain]
        place = f"{path}.{element.name.removesuffix('[x]')}"
        if name != plain:
            yield from _extensions(member, value.get(plain), element, table, place)
        elif element.is_list:
            yield from _list(member, value.get(f"_{name}"), element, table, place)
        else:
            yield from _single(member, element, code, table, place)
    for element in parts:
        yield from _presence(element, value, path)
    if kind == "Extension":
        has_value = any(name.lstrip("_").startswith("value") for name in value)
        if has_value is ("extension" in value):
            yield Issue("invariant", f"{path}: has either a value or extensions (ext-1)", path)


def _presence(element: Element, value: Mapping[str, Json], path: str) -> Iterator[Issue]:
    found = [each for each in element.json_names if each in value or f"_{each}" in value]
    place = f"{path}.{element.name}"
    if len(found) > 1:
        yield _structure(place, f"only one of {_listed(found)} may be present")
    elif element.required and not found:
        names = list(element.json_names)
        words = f"one of {_listed(names)} is missing" if element.is_choice else "is missing"
        yield Issue("required", f"{place}: {words}", place)


def _list(
    value: Json, siblings: Json, element: Element, table: Elements, path: str
) -> Iterator[Issue]:
    if not isinstance(value, list):
        yield _structure(path, f"must be a list, not {_shown(value)}")
        return
    if not value:
        yield Issue("value", f"{path}: a list may not be empty; leave the element out", path)
    extended = siblings if isinstance(siblings, list) else []
    for index, item in enumerate(value):
        place = f"{path}[{index}]"
        if item is None and index < len(extended) and extended[index] is not None:
            continue
        yield from _single(item, element, element.types[0], table, place)


def _single(
    value: Json, element: Element, code: str, table: Elements, path: str
) -> Iterator[Issue]:
    if value is None:
        yield _structure(path, "null stands only in lists, where _ has an extension instead")
    elif code == "Resource":
        yield from _resource(value, table, path)
        if element.name == "contained" and isinstance(value, dict) and "contained" in value:
            yield Issue("invariant", f"{path}: contained resources may not be nested (dom-2)", path)
    elif code in PRIMITIVES:
        yield from _primitive(value, element, code, path)
    elif not isinstance(value, dict):
        yield _structure(path, f"must be an object ({code}), not {_shown(value)}")
    elif not value:
        yield Issue("value", f"{path}: an object may not be empty; leave the element out", path)
    else:
        yield from _members(value, table, code, path)


def _primitive(value: Json, element: Element, code: str, path: str) -> Iterator[Issue]:
    primitive = PRIMITIVES[code]
    if isinstance(value, list):
        yield _structure(path, f"must be a single {code}, not a list")
    elif isinstance(value, dict):
        yield _structure(path, f"must be a {code}, not an object")
    elif element.codes is not None and isinstance(value, str) and value:
        if value not in element.codes:
            words = f"{_shown(value)} is none of {_listed(element.codes)}"
            yield Issue("code-invalid", f"{path}: {words}", path)
    elif not primitive.accepts(value):
        words = f"{path}: {_shown(value)} is not of type {code}: {primitive.form}"
        why = reason(code, value)
        yield Issue("value", f"{words} ({why})" if why else words, path)


def _extensions(
    value: Json, values: Json, element: Element, table: Elements, path: str
) -> Iterator[Issue]:
    """Check ``_name``: the ids and extensions of a primitive, or of each of a list of them."""
    if not element.is_list:
        yield from _extended(value, table, path, is_alone=values is None)
        return
    if not isinstance(value, list) or not value:
        yield _structure(path, "its _ form must be a list that is not empty")
        return
    if isinstance(values, list) and len(values) != len(value):
        yield _structure(path, "and its _ form must have the same number of items")
    for index, item in enumerate(value):
        if item is not None or not isinstance(values, list):
            is_alone = not isinstance(values, list) or values[index : index + 1] in ([], [None])
            yield from _extended(item, table, f"{path}[{index}]", is_alone=is_alone)


def _extended(value: Json, table: Elements, path: str, *, is_alone: bool) -> Iterator[Issue]:
    if not isinstance(value, dict) or not value:
        yield _structure(path, "its _ form must be an object with id or extension")
        return
    if is_alone and "extension" not in value:
        yield Issue("required", f"{path}: has neither a value nor an extension (ele-1)", path)
    for name, member in value.items():
        if name not in _ELEMENT_PARTS:
            yield _structure(f"{path}.{_identifier(name)}", "a primitive has only id and extension")
        elif name == "extension":
            yield from _list(member, None, _ELEMENT_PARTS[name], table, f"{path}.extension")
        else:
            yield from _single(member, _ELEMENT_PARTS[name], "string", table, f"{path}.id")


def unknown_element(release: FhirRelease, kind: str, name: str, path: str) -> Issue:
    """Say that a type has no element of this name; other releases may have it."""
    words = f"{kind} has no element {_shown(name)} in {release}" + _elsewhere(release, kind, name)
    return Issue("structure", words, f"{path}.{_identifier(name)}" if len(name) <= 64 else path)


def _elsewhere(release: FhirRelease, kind: str, name: str | None) -> str:
    """Name the other releases that have what this one has not."""
    others = [
        other
        for other in FhirRelease
        if other is not release
        and (name in _json_names(other, kind) if name else kind in elements(other).resource_types)
    ]
    return f" (it is of {' and '.join(others)})" if others else ""


@cache
def _json_names(release: FhirRelease, kind: str) -> frozenset[str]:
    table = elements(release)
    if kind not in table:
        return frozenset()
    return frozenset(name for element in table.of(kind) for name in element.json_names)


def _structure(path: str, words: str) -> Issue:
    return Issue("structure", f"{path}: {words}" if path else words, path or None)


def _shown(value: Json) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 80 else value[:80] + "...", ensure_ascii=False)
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def _identifier(name: str) -> str:
    if name.isascii() and name.isidentifier():
        return name
    return "`" + name[:80].replace("\\", "\\\\").replace("`", "\\`") + "`"
