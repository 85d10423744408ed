"""Types of FHIRPath: what the model of a release says of an element, and what a value is itself.

A value that an expression makes has a type of ``System``; an element has one of ``FHIR``, which its
JSON doesn't tell: it is found by the path that leads to it (its origin).
Source: http://hl7.org/fhirpath/N1/ ("Types and Reflection"); fhirpathpy's models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache

from fhirpathpy.models import models

from hub.core.fhirpath_moment import Moment
from hub.core.fhirpath_quantity import Quantity
from hub.core.fhirpath_run import FhirPathFailure, Node, Run
from hub.core.fhirpath_value import Collection
from hub.core.release import FhirRelease, Json

Origin = tuple[str, ...] | None
"""The names that lead to an element from the resource that changed, or from the type that one of
them stands for; None of what isn't an element."""

_TYPE = ":"

UNKNOWN: Origin = ("",)
"""The origin of what may be any element."""

Match = Callable[[Run, Json], bool]

SYSTEM_TYPES = frozenset(
    ("Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity")
)
_MODELS = {FhirRelease.R4: "r4", FhirRelease.R4B: "r4", FhirRelease.R5: "r5"}
_CLASSES = {bool: "Boolean", int: "Integer", str: "String", Quantity: "Quantity"}


def type_origin(name: str) -> str:
    """Return the name in an origin that stands for a type."""
    return f"{_TYPE}{name}"


def system_type(value: Json) -> str:
    """Return the name of the type that a value has in itself."""
    if isinstance(value, Moment):
        return value.kind
    return "Decimal" if isinstance(value, Decimal) else _CLASSES.get(type(value), "")


class FhirTypes:
    """The types of a release: their parents, and those of elements."""

    def __init__(self, release: FhirRelease) -> None:
        model = models[_MODELS[release]]
        self._parents: dict[str, str] = model["type2Parent"]
        self._paths: dict[str, str] = model["path2Type"]
        self._elsewhere: dict[str, str] = model["pathsDefinedElsewhere"]
        self.choices: dict[str, tuple[str, ...]] = self._choices(model["choiceTypePaths"])
        self._plain = {path.rpartition(".")[2] for path in self._paths}
        self._known = {*self._parents, *self._parents.values()}
        self._found: dict[tuple[str, Origin], str | None] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def _choices(self, paths: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
        """Return the typed JSON names of every choice element, whatever it is an element of."""
        found: dict[str, dict[str, None]] = {}
        for path, types in paths.items():
            name = path.rpartition(".")[2]
            found.setdefault(name, {}).update(dict.fromkeys(f"{name}{type_}" for type_ in types))
        return {name: tuple(spellings) for name, spellings in found.items()}

    def chosen(self, element: str, name: str, or_narrower: bool) -> list[str]:
        """Return the JSON names of a choice element with a value of a type."""
        wanted = name[:1].upper() + name[1:]
        return [
            spelling
            for spelling in self.choices[element]
            if spelling[len(element) :] == wanted
            or (or_narrower and self.is_a(self._spelled(spelling[len(element) :]), name))
        ]

    def is_plain(self, element: str) -> bool:
        """Tell whether an element of this name that is no choice exists, in whatever type."""
        return element in self._plain

    def _spelled(self, name: str) -> str:
        return name if name in self._known else name[:1].lower() + name[1:]

    def is_a(self, name: str, wanted: str) -> bool:
        """Tell whether a type is another one or derived from it."""
        return wanted in self._line(name)

    def _line(self, name: str) -> Iterator[str]:
        while name:
            yield name
            name = self._parents.get(name, "")

    def is_resource(self, name: str) -> bool:
        """Tell whether a type is one of resources."""
        return self.is_a(name, "Resource")

    def at(self, resource_type: str, origin: tuple[str, ...]) -> str | None:
        """Return the type of an element, ``System.String`` for ids; None if it isn't known."""
        key = (resource_type, origin)
        if key not in self._found:
            self._found[key] = self._type_at(resource_type, origin)
        return self._found[key]

    def _type_at(self, resource_type: str, origin: tuple[str, ...]) -> str | None:
        type_ = resource_type
        for name in origin:
            if name[0] == _TYPE:
                type_ = name[1:]
                continue
            path = f"{type_}.{name}"
            path = self._elsewhere.get(path, path)
            type_ = self._paths.get(path, path)
        if "." not in type_ or type_.startswith("System."):
            return type_ if type_ in self or type_.startswith("System.") else None
        return "BackboneElement" if f"{type_}.id" in self._paths else None


@cache
def fhir_types(release: FhirRelease) -> FhirTypes:
    """Return the types of a release."""
    return FhirTypes(release)


def of_type(types: FhirTypes, name: str, namespace: str, origin: Origin, *, exactly: bool) -> Match:
    """Return the test whether a value is of a type; ``exactly`` leaves narrower primitives out.

    Raises:
        TypeError: there is no such type, or that of the element isn't known.
    """
    if namespace == "System" or (origin is None and name in SYSTEM_TYPES):
        if name not in SYSTEM_TYPES and name not in types:
            raise TypeError(f"there is no type {name}")
        return lambda run, value: name == _own_type(types, run, value, origin, "System.")
    if name not in types and name not in SYSTEM_TYPES:
        raise TypeError(f"there is no type {name}")
    if types.is_resource(name):
        return lambda run, value: types.is_a(_resource_type(value), name)
    if origin == UNKNOWN:
        raise TypeError("the type of these values isn't known; name the path to them")

    def match(run: Run, value: Json) -> bool:
        own = _own_type(types, run, value, origin, "")
        return own == name if exactly else types.is_a(own, name)

    return match


def _own_type(types: FhirTypes, run: Run, value: Json, origin: Origin, namespace: str) -> str:
    """Return the name of a value's type if it is of the namespace, else nothing."""
    if origin is None:
        return system_type(value) if namespace else ""
    found = _resource_type(value) or types.at(run.resource_type, origin)
    if found is None:
        raise FhirPathFailure("the type of this element isn't known")
    if namespace:
        return found.removeprefix(namespace) if found.startswith(namespace) else ""
    return found


def _resource_type(value: Json) -> str:
    return str(value.get("resourceType", "")) if isinstance(value, dict) else ""


def type_filter(owner: Node, match: Match) -> Node:
    """Return the values of ``owner`` that match."""
    return lambda run, this: [value for value in owner(run, this) if match(run, value)]


def type_info(owner: Node, types: FhirTypes, origin: Origin) -> Node:
    """Return ``owner.type()``: namespace and name of the type of each value."""

    def answer(run: Run, this: Collection) -> Collection:
        infos: Collection = []
        for value in owner(run, this):
            name = _own_type(types, run, value, origin, "System." if origin is None else "")
            namespace = "System" if origin is None or name.startswith("System.") else "FHIR"
            infos.append({"namespace": namespace, "name": name.removeprefix("System.")})
        return infos

    return answer
