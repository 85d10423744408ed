"""What a search shows beside its matches: ``_include`` and ``_revinclude``.

``_include=Task:owner`` adds what the matches refer to, ``_revinclude=Task:patient`` what refers to
them.  A third part, ``Task:owner:Device``, keeps one type of target.  ``:iterate`` also follows
what was included.  ``*`` as the parameter is every reference of the type; ``_include=*`` is every
reference of the matches, and with ``:iterate`` of what they lead to.
Source: http://hl7.org/fhir/R5/search.html#include.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hub.core.release import Resource
from hub.core.search_parameter import SearchParameter, SearchParameters
from hub.core.search_value import LOCAL_REFERENCE
from hub.errors import InvalidSearch

INCLUDES: Final = ("_include", "_include:iterate", "_revinclude", "_revinclude:iterate")
"""The parameters that are read here."""

_EVERY: Final = "*"
_ITERATE: Final = ":iterate"

Reference = tuple[str, str]
"""A resource by its type and id."""


@dataclass(frozen=True, slots=True)
class Include:
    """One ``_include`` or ``_revinclude``.

    ``source`` is the type that refers, by one of ``parameters``; ``target`` the only type that is
    meant, None for any.  ``reverse``: those that refer are added, not those that are referred to.
    Where ``known`` is given, resources of any type refer, by each of their parameters there.
    """

    source: str
    parameters: tuple[SearchParameter, ...]
    target: str | None
    iterate: bool
    reverse: bool
    known: SearchParameters | None = None

    def references(self, resource: Resource) -> Iterator[Reference]:
        """Yield what ``resource`` refers to here, of the hub's own resources."""
        kind = str(resource.get("resourceType"))
        parameters: Sequence[SearchParameter] = ()
        if self.known is not None:
            parameters = _references(self.known, kind)
        elif kind == self.source:
            parameters = self.parameters
        for parameter in parameters:
            for term in sorted(parameter.values(resource).terms):
                local = LOCAL_REFERENCE.fullmatch(term)
                if local is not None and self.target in (None, local[1]):
                    yield local[1], local[2]

    def may_name(self, resource_type: str) -> bool:
        """Tell whether a resource of the type can be what is referred to here."""
        if self.target is not None:
            return resource_type == self.target
        return any(resource_type in parameter.targets for parameter in self.parameters)


def parse_include(
    parameters: SearchParameters, resource_type: str, name: str, value: str
) -> Include:
    """Read ``name=value`` of a search on ``resource_type``; ``name`` is one of ``INCLUDES``.

    Raises:
        InvalidSearch: it names no reference parameter, or no type that this one refers to.
    """
    reading = _Reading(parameters, name, value)
    if value != _EVERY or name.startswith("_revinclude"):
        return reading.include(*value.partition(":"))
    every = reading.include(resource_type, ":", _EVERY)
    return replace(every, known=parameters) if every.iterate else every


@dataclass(frozen=True, slots=True)
class _Reading:
    parameters: SearchParameters
    name: str
    value: str

    def include(self, source: str, colon: str, rest: str) -> Include:
        code, has_target, target = rest.partition(":")
        if not colon or not code or (has_target and not target):
            wildcard = "" if self.name.startswith("_revinclude") else ", or *"
            raise self._refusal(
                "allowed: Type:parameter or Type:parameter:TargetType; "
                f"Type:* for every reference of the type{wildcard}"
            )
        if source not in self.parameters.types():
            release = self.parameters.release
            raise self._refusal(f"{source[:64]!r} is no resource type of {release}")
        known = _references(self.parameters, source)
        chosen = [each for each in known if code in (each.code, _EVERY)]
        if not chosen:
            raise self._refusal(
                f"{source} has no reference parameter {code[:64]!r}; "
                f"allowed: {', '.join(each.code for each in known)}"
            )
        if target and not any(target in each.targets for each in chosen):
            targets = sorted({each for parameter in chosen for each in parameter.targets})
            raise self._refusal(
                f"{source}.{code} does not refer to {target[:64]!r}; allowed: {', '.join(targets)}"
            )
        return Include(
            source,
            tuple(chosen),
            target or None,
            iterate=self.name.endswith(_ITERATE),
            reverse=self.name.startswith("_revinclude"),
        )

    def _refusal(self, complaint: str) -> InvalidSearch:
        return InvalidSearch(f"{self.name}={self.value[:100]}: {complaint}")


def _references(parameters: SearchParameters, resource_type: str) -> list[SearchParameter]:
    return [each for each in parameters.of(resource_type).values() if each.type == "reference"]


Read = Callable[[Reference], Resource | None]
"""Return a resource, None if it is not there."""

Referrers = Callable[[Include, Sequence[Reference]], Iterable[Resource]]
"""Return the resources of the include's source that refer to one of these by its parameter."""


def closure(
    includes: Sequence[Include],
    matches: Iterable[Resource],
    read: Read,
    referrers: Referrers,
    *,
    most: int,
) -> list[Reference]:
    """Return what is included beside ``matches``: each once, and none of the matches.

    Raises:
        InvalidSearch: there are more than ``most``.
    """
    shown: dict[Reference, Resource] = {}
    for match in matches:
        shown[reference_to(match)] = match
    included: list[Reference] = []
    new = dict(shown)
    active = list(includes)
    while new and active:
        found: dict[Reference, Resource] = {}
        for resource in _step(active, new, read, referrers):
            reference = reference_to(resource)
            if reference in shown:
                continue
            found[reference] = shown[reference] = resource
            included.append(reference)
            if len(included) > most:
                raise InvalidSearch(
                    f"more than {most} resources would be included; allowed: {most}; ask for "
                    "fewer matches with _count, or search the included type itself"
                )
        new = found
        active = [include for include in includes if include.iterate]
    return included


def _step(
    includes: Sequence[Include], new: dict[Reference, Resource], read: Read, referrers: Referrers
) -> Iterator[Resource]:
    for include in includes:
        if include.reverse:
            targets = [each for each in new if include.may_name(each[0])]
            if targets:
                yield from referrers(include, targets)
            continue
        for resource in list(new.values()):
            for reference in include.references(resource):
                target = read(reference)
                if target is not None:
                    yield target


def reference_to(resource: Resource) -> Reference:
    """Return the type and id of a stored resource."""
    return str(resource.get("resourceType")), str(resource.get("id"))
