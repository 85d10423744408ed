"""Resources drawn from the tables of the standard, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence, Sequence
from copy import deepcopy
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from hub.codecs.primitive import PRIMITIVES
from hub.codecs.tables import Element, Elements
from hub.core.release import Json, Resource

T = TypeVar("T")

EXAMPLES: dict[str, list[Json]] = {
    "base64Binary": ["aGVsbG8=", "AAAA"],
    "boolean": [True, False],
    "canonical": ["http://example.org/topic|1", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "code": ["final", "a b"],
    "date": ["2024", "2024-02", "2024-02-29"],
    "dateTime": ["2023-12", "2024-02-29", "2024-02-29T23:59:59Z", "2024-01-01T00:00:00.1+14:00"],
    "decimal": [1, Decimal("1.10"), Decimal("-0.5")],
    "id": ["a", "A-1.b"],
    "instant": ["2024-02-29T23:59:59Z", "2024-01-01T00:00:00.123-05:00"],
    "integer": [0, -1, 2**31 - 1],
    "integer64": ["0", "-12", "9007199254740993"],
    "markdown": ["*so*", "x"],
    "oid": ["urn:oid:1.2.3"],
    "positiveInt": [1, 2**31 - 1],
    "string": ["x", "Gruess Gott "],
    "time": ["12:00:00", "23:59:59.9"],
    "unsignedInt": [0, 7],
    "uri": ["http://example.org/a", "urn:oid:1.2"],
    "url": ["https://example.org/a"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>'],
}
"""Values that every reader of FHIR accepts, by primitive type."""


class Luck(Protocol):
    """What is used of ``random.Random``; hypothesis draws one."""

    def random(self) -> float: ...
    def choice(self, seq: Sequence[T], /) -> T: ...
    def randint(self, a: int, b: int, /) -> int: ...
    def shuffle(self, x: MutableSequence[Any], /) -> None: ...


def valid_resource(elements: Elements, kind: str, luck: Luck, *, depth: int = 3) -> Resource:
    """Return a resource that follows its definition, with some optional elements."""
    return {"resourceType": kind, **_members(elements, kind, luck, depth)}


def _members(elements: Elements, kind: str, luck: Luck, depth: int) -> Resource:
    found: Resource = {}
    for element in elements.of(kind):
        if kind == "Extension" and element.name == "extension":
            continue
        wanted = kind == "Extension" or (depth > 0 and luck.random() > 0.85)
        if not element.required and not wanted:
            continue
        name, code = luck.choice(list(element.json_names.items()))
        if kind == "Extension" and element.is_choice:
            name, code = luck.choice([("valueString", "string"), ("valueBoolean", "boolean")])
        if element.is_list:
            count = luck.randint(1, 2)
            found[name] = [_value(elements, element, code, luck, depth) for _ in range(count)]
        else:
            found[name] = _value(elements, element, code, luck, depth)
    if not found:
        element = next(each for each in elements.of(kind) if each.name not in ("id", "extension"))
        name, code = next(iter(element.json_names.items()))
        value = _value(elements, element, code, luck, depth)
        found[name] = [value] if element.is_list else value
    return found


def _value(elements: Elements, element: Element, code: str, luck: Luck, depth: int) -> Json:
    if code == "Resource":
        return {"resourceType": "Basic", "id": "b", "code": {"text": "x"}}
    if element.codes is not None:
        return luck.choice(element.codes)
    if code in PRIMITIVES:
        return luck.choice(EXAMPLES[code])
    return _members(elements, code, luck, depth - 1)


def spoiled(resource: Resource, luck: Luck) -> Resource:
    """Return a copy with one change that most often makes it invalid."""
    copy = deepcopy(resource)
    places: list[tuple[Any, Any]] = []
    _collect(copy, places)
    holder, key = luck.choice([place for place in places if place[1] != "resourceType"])
    luck.choice(SPOILERS)(holder, key)
    return copy


def _collect(value: Json, places: list[tuple[Any, Any]]) -> None:
    for key in value if isinstance(value, dict) else range(len(value)):
        places.append((value, key))
        if isinstance(value[key], dict | list):
            _collect(value[key], places)


def _remove(holder: Any, key: Any) -> None:
    del holder[key]


def _rename(holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[f"{key}X"] = holder.pop(key)


def _replaced_by(value: Json) -> Callable[[Any, Any], None]:
    def replace(holder: Any, key: Any) -> None:
        holder[key] = deepcopy(value)

    return replace


def _wrap(holder: Any, key: Any) -> None:
    holder[key] = [holder[key]]


def _unwrap(holder: Any, key: Any) -> None:
    if isinstance(holder[key], list) and holder[key]:
        holder[key] = holder[key][0]


SPOILERS: list[Callable[[Any, Any], None]] = [
    _remove,
    _rename,
    _wrap,
    _unwrap,
    *map(_replaced_by, ["", "a b ", "2024-02-30", {}, [], None, True, -1, Decimal("1.5"), "x"]),
    *map(_replaced_by, [{"text": "x"}, {"reference": "Patient/1"}, {"unknown": "x"}, ["x"], 7]),
]


def extended(elements: Elements, resource: Resource, luck: Luck) -> Resource:
    """Return a copy in which some primitives have ids and extensions, or nothing but these."""
    return {
        "resourceType": resource["resourceType"],
        **_extended(elements, resource["resourceType"], resource, luck),
    }


def _extended(elements: Elements, kind: str, value: Resource, luck: Luck) -> Resource:
    attributes = {"url", "id"} if kind not in elements.resource_types else set()
    found: Resource = {}
    for element in elements.of(kind):
        for name, code in element.json_names.items():
            if name not in value:
                continue
            member = value[name]
            if code == "Resource" or code == "xhtml" or name in attributes:
                found[name] = member
            elif code not in PRIMITIVES:
                found[name] = (
                    [_extended(elements, code, each, luck) for each in member]
                    if element.is_list
                    else _extended(elements, code, member, luck)
                )
            elif element.is_list:
                siblings = [luck.choice([None, *SIBLINGS]) for _ in member]
                values = [
                    None if sibling and "extension" in sibling and luck.random() > 0.5 else each
                    for each, sibling in zip(member, siblings, strict=True)
                ]
                if any(each is not None for each in values):
                    found[name] = values
                if any(siblings):
                    found[f"_{name}"] = siblings
            else:
                sibling = luck.choice([None, None, *SIBLINGS])
                if not sibling or "extension" not in sibling or luck.random() > 0.5:
                    found[name] = member
                if sibling:
                    found[f"_{name}"] = sibling
    return found


SIBLINGS: list[Resource] = [
    {"id": "p"},
    {"extension": [{"url": "http://example.org/e", "valueDecimal": Decimal("1.10")}]},
    {"id": "q", "extension": [{"url": "http://example.org/e", "valueString": "x"}]},
]
