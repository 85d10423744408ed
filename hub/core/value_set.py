"""Which codes are in a ValueSet, worked out from what is loaded and nothing else.

A ValueSet is expanded from its ``compose`` if that lists codes, other ValueSets or whole
CodeSystems whose content is complete; else from an ``expansion`` that has all codes.  What asks
a terminology server (filters, code systems that are not loaded) is refused with the reason.
Codes are compared as they are written.
Source: http://hl7.org/fhir/R5/valueset.html#compositions, http://hl7.org/fhir/R5/codesystem.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from hashlib import blake2b

from hub.core.canonical import joined_canonical, split_canonical, version_order
from hub.core.release import Json, Resource

MAX_CODES = 100_000
"""A ValueSet with more codes is refused."""

MAX_NESTING = 10
"""How deep ValueSets may be made of ValueSets."""

Member = tuple[str, str]
"""System and code."""

_UNUSABLE = ("valueset-toocostly", "valueset-unclosed")
_INACTIVE = (("inactive", True), ("status", "retired"), ("status", "inactive"))


class NotExpandable(Exception):
    """Why the codes of a ValueSet can't be told."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """All codes of one version of a ValueSet.

    ``canonical`` is ``url|version#hash``: it changes with the codes, also where nobody gave the
    ValueSet another version.
    """

    canonical: str
    members: frozenset[Member] = field(repr=False)
    codes: frozenset[str] = field(repr=False)

    def holds(self, element: Json) -> bool | None:
        """Tell whether a code, Coding or CodeableConcept is in; None for anything else.

        A bare code is in if any system has it here: its own system is fixed by its definition.
        A CodeableConcept is in if any of its codings is.
        """
        if isinstance(element, str):
            return element in self.codes
        if not isinstance(element, dict):
            return None
        codings = element.get("coding")
        if isinstance(codings, list):
            return any(isinstance(each, dict) and self._has(each) for each in codings)
        return self._has(element) if "code" in element else None

    def _has(self, coding: Resource) -> bool:
        system, code = coding.get("system"), coding.get("code")
        return isinstance(system, str) and isinstance(code, str) and (system, code) in self.members


class ValueSets:
    """ValueSets and CodeSystems that are loaded, as resources of any release.

    Resources without a url are left out.  Of several with one url and version the first counts.
    """

    def __init__(
        self, value_sets: Iterable[Resource] = (), code_systems: Iterable[Resource] = ()
    ) -> None:
        self._value_sets = _by_url(value_sets)
        self._code_systems = _by_url(code_systems)
        self._expanded: dict[str, Expansion] = {}
        self._known: dict[str, frozenset[Member]] = {}

    def expand(self, canonical: str) -> Expansion:
        """Return the codes of the ValueSet that ``url`` (the newest) or ``url|version`` names.

        Raises:
            NotExpandable: it is not loaded, or its codes can't be told without a terminology
                server; the text says which part and what to do.
        """
        found = self._expanded.get(canonical)
        if found is None:
            found = self._expanded[canonical] = self._expand(canonical)
        return found

    def _expand(self, canonical: str) -> Expansion:
        resource = self._value_set(canonical)
        members = self._members(resource, ())
        spelled = "\n".join(sorted(f"{system}|{code}" for system, code in members))
        content = blake2b(spelled.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return Expansion(
            canonical=f"{_canonical(resource)}#{content}",
            members=members,
            codes=frozenset(code for _, code in members),
        )

    def _value_set(self, canonical: str) -> Resource:
        found = _find(self._value_sets, canonical)
        if found is None:
            raise NotExpandable(
                f"the ValueSet {canonical} is not loaded; give its file, or the package that has "
                "it, to --topics"
            )
        return found

    def _members(self, resource: Resource, above: tuple[str, ...]) -> frozenset[Member]:
        named = _canonical(resource)
        if named in above:
            raise NotExpandable(f"the ValueSet {named} includes itself")
        if len(above) >= MAX_NESTING:
            raise NotExpandable(f"the ValueSet {named} stands deeper than {MAX_NESTING} in others")
        found = self._known.get(named)
        if found is None:
            found = self._known[named] = frozenset(self._worked_out(named, resource, above))
        return found

    def _worked_out(self, named: str, resource: Resource, above: tuple[str, ...]) -> set[Member]:
        compose, expansion = resource.get("compose"), resource.get("expansion")
        if isinstance(compose, dict):
            try:
                return self._composed(named, compose, (*above, named))
            except NotExpandable:
                if not isinstance(expansion, dict):
                    raise
        if not isinstance(expansion, dict):
            raise NotExpandable(f"the ValueSet {named} has neither compose nor expansion")
        return _listed(named, expansion)

    def _composed(self, url: str, compose: Resource, above: tuple[str, ...]) -> set[Member]:
        active = compose.get("inactive") is False
        members: set[Member] = set()
        for part in _objects(compose, "include"):
            members |= self._part(url, part, active, above)
            if len(members) > MAX_CODES:
                raise NotExpandable(f"the ValueSet {url} has more than {MAX_CODES} codes")
        for part in _objects(compose, "exclude"):
            members -= self._part(url, part, active, above)
        return members

    def _part(self, url: str, part: Resource, active: bool, above: tuple[str, ...]) -> set[Member]:
        """Return what all of system, concepts and ValueSets of one part have in common."""
        if part.get("filter"):
            raise NotExpandable(
                f"the ValueSet {url} selects codes of {part.get('system')} by a filter, which "
                "takes a terminology server; load the ValueSet with its expansion"
            )
        named = part.get("valueSet")
        sets: list[Set[Member]] = [
            self._members(self._value_set(str(each)), above)
            for each in (named if isinstance(named, list) else ())
        ]
        system = part.get("system")
        if isinstance(system, str):
            concepts = _objects(part, "concept")
            sets.append(
                _codes(system, concepts)
                if concepts
                else self._whole(url, joined_canonical(system, _version(part)), active)
            )
        if not sets:
            raise NotExpandable(f"the ValueSet {url} has a part without system and valueSet")
        return set(sets[0]).intersection(*sets[1:])

    def _whole(self, url: str, system: str, active: bool) -> set[Member]:
        found = _find(self._code_systems, system)
        if found is None:
            raise NotExpandable(
                f"the ValueSet {url} has all codes of {system}, and that CodeSystem is not "
                "loaded; load it, or the ValueSet with its expansion"
            )
        if found.get("content") != "complete":
            raise NotExpandable(
                f"the ValueSet {url} has all codes of {system}, whose CodeSystem is "
                f"{found.get('content')!r}, not 'complete'"
            )
        concepts = _nested(found, "concept")
        return _codes(
            split_canonical(system)[0],
            (each for each in concepts if not (active and _is_inactive(each))),
        )


def _by_url(resources: Iterable[Resource]) -> Mapping[str, dict[str | None, Resource]]:
    found: dict[str, dict[str | None, Resource]] = {}
    for resource in resources:
        url = resource.get("url")
        if isinstance(url, str):
            found.setdefault(url, {}).setdefault(_version(resource), resource)
    return found


def _find(known: Mapping[str, Mapping[str | None, Resource]], canonical: str) -> Resource | None:
    url, version = split_canonical(canonical)
    versions = known.get(url, {})
    if version is not None or not versions:
        return versions.get(version)
    return versions[max(versions, key=version_order)]


def _canonical(resource: Resource) -> str:
    return joined_canonical(str(resource["url"]), _version(resource))


def _version(resource: Resource) -> str | None:
    version = resource.get("version")
    return version if isinstance(version, str) else None


def _listed(url: str, expansion: Resource) -> set[Member]:
    """Return the codes of an expansion if it has all of them."""
    for extension in _objects(expansion, "extension"):
        if str(extension.get("url")).endswith(_UNUSABLE):
            raise NotExpandable(f"the expansion of the ValueSet {url} says it is not complete")
    entries = list(_nested(expansion, "contains"))
    total = expansion.get("total")
    if expansion.get("offset") or (isinstance(total, int) and total > len(entries)):
        raise NotExpandable(f"the expansion of the ValueSet {url} is one page of several")
    if len(entries) > MAX_CODES:
        raise NotExpandable(f"the ValueSet {url} has more than {MAX_CODES} codes")
    selectable = (each for each in entries if each.get("abstract") is not True)
    return {
        (each["system"], each["code"])
        for each in selectable
        if isinstance(each.get("system"), str) and isinstance(each.get("code"), str)
    }


def _codes(system: str, concepts: Iterable[Resource]) -> set[Member]:
    return {(system, each["code"]) for each in concepts if isinstance(each.get("code"), str)}


def _nested(owner: Resource, name: str) -> Iterator[Resource]:
    waiting = _objects(owner, name)
    while waiting:
        each = waiting.pop()
        yield each
        waiting += _objects(each, name)


def _objects(owner: Resource, name: str) -> list[Resource]:
    values = owner.get(name)
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _is_inactive(concept: Resource) -> bool:
    return any(
        (each.get("code"), each.get("valueBoolean", each.get("valueCode"))) in _INACTIVE
        for each in _objects(concept, "property")
    )


NO_VALUE_SETS = ValueSets()
"""Nothing is loaded."""
