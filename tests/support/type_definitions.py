"""FHIR's resources as TypeScript knows them: which members there are, which must be, which repeat.

The declarations of npm ``@types/fhir`` are read as far as they are used: interfaces with their
base, members with their type, unions of literals.  They know nothing of patterns and invariants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from hub.core.release import Json, Resource

_INTERFACE: Final = re.compile(
    r"^export interface (\w+)(?:<[^{]*?>)?(?: extends (\w+))? \{\n(.*?)^\}",
    re.MULTILINE | re.DOTALL,
)
_MEMBER: Final = re.compile(r"^  (?:readonly )?(\w+)(\?)?: (.+?)(?: \| undefined)?;$", re.MULTILINE)
_PRIMITIVES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "boolean": bool,
    "number": (int, float),
}
_ANY_RESOURCE: Final = frozenset(("FhirResource", "BundleContentType"))


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an interface; ``kind`` is an interface, a primitive, or literals by ``|``."""

    name: str
    is_required: bool
    is_list: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface without what it inherits."""

    base: str | None
    members: tuple[Member, ...]


class TypeDefinitions:
    """The declarations of one release."""

    def __init__(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8")
        self._interfaces = {
            name: Interface(base or None, tuple(_members(body)))
            for name, base, body in _INTERFACE.findall(text)
        }
        self._all = cache(self._inherited)

    def complaints(self, resource: Resource, path: str = "") -> Iterator[str]:
        """Find what of a resource the declarations do not know, miss, or have otherwise."""
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or kind not in self._interfaces:
            yield f"{path}: {kind!r} is no resource"
            return
        yield from self._object(resource, kind, path or kind)

    def _inherited(self, name: str) -> Mapping[str, Member]:
        interface = self._interfaces[name]
        above = {} if interface.base is None else self._all(interface.base)
        return {**above, **{member.name: member for member in interface.members}}

    def _object(self, value: Resource, kind: str, path: str) -> Iterator[str]:
        members = self._all(kind)
        for name in value.keys() - members.keys():
            yield f"{path}.{name}: {kind} has no such element"
        for name, member in members.items():
            place = f"{path}.{name}"
            if name not in value:
                if member.is_required:
                    yield f"{place}: is missing"
                continue
            found = value[name]
            if member.is_list is not isinstance(found, list):
                yield f"{place}: is {'no' if member.is_list else 'a'} list"
                continue
            for item in found if isinstance(found, list) else [found]:
                yield from self._value(item, member, place)

    def _value(self, value: Json, member: Member, path: str) -> Iterator[str]:
        kind = member.kind
        if kind in _ANY_RESOURCE:
            yield from self.complaints(value, path)
        elif kind in _PRIMITIVES:
            wrong = isinstance(value, bool) and kind != "boolean"
            if wrong or not isinstance(value, _PRIMITIVES[kind]):
                yield f"{path}: is no {kind}"
        elif kind.startswith("'"):
            if value not in [literal.strip("'") for literal in kind.split("|")]:
                yield f"{path}: {value!r} is none of {kind}"
        elif not isinstance(value, dict):
            yield f"{path}: is no object"
        elif value.get("resourceType") and kind == "Resource":
            yield from self.complaints(value, path)
        else:
            yield from self._object(value, kind, path)


def _members(body: str) -> Iterator[Member]:
    without_comments = re.sub(r"/\*.*?\*/\s*", "", body, flags=re.DOTALL)
    without_comments = re.sub(r"^\s*", "  ", without_comments, flags=re.MULTILINE)
    for name, optional, written in _MEMBER.findall(without_comments):
        kind, is_list = written, False
        if found := re.fullmatch(r"Array<(.+)>|(.+)\[\]", kind):
            kind, is_list = found[1] or found[2], True
        kind = re.sub(r"<.*>$", "", kind).strip("() ")
        kind = kind.removesuffix(" | null") if is_list else kind
        yield Member(name, not optional, is_list, kind.partition("|null")[0])
