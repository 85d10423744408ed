"""The search parameters of a release, compiled from the generated tables.

Source: http://hl7.org/fhir/R5/searchparameter-registry.html and the same page of R4 and R4B.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from hub.core.profile import NO_PROFILES, Profiles
from hub.core.release import FhirRelease, Json, Resource
from hub.core.search_path import Extractor, compile_path
from hub.core.search_range import dates, numbers, positions, quantities
from hub.core.search_value import (
    NO_VALUES,
    ParameterValues,
    Reader,
    bare_tokens,
    reference_reader,
    strings,
    tokens,
    uris,
)
from hub.core.value_set import NO_VALUE_SETS, ValueSets

ANY_RESOURCE = "Resource"
"""The type name under which only what every resource has can be asked."""

INDEXING = 2
"""Raised with every change of what ``hub.core.search_index`` keeps of the same parameters."""

_OFFICIAL = "http://hl7.org/fhir/SearchParameter/"


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One parameter of one resource type.

    ``type`` is token, reference, string, date, number, quantity, uri, composite or special;
    ``stated`` is the type by which the release defines it: another one for a few that are special.
    ``targets`` are the types a reference may point to.  ``form`` tells of a token's element:
    ``bare`` (a code, boolean or the like without a system), ``coded`` (it may have a system) or
    ``mixed``.  A composite has ``groups`` and no values of its own; the code of a component is that
    of the parameter in whose index entry it can be looked up, empty where there is none.  What has
    no values in any resource says so in ``has_values``.
    """

    code: str
    type: str
    stated: str
    url: str
    targets: tuple[str, ...]
    form: str
    path: str
    elements: Extractor = field(repr=False, compare=False)
    """Returns the elements of a resource that the parameter looks at."""
    values: Callable[[Resource], ParameterValues] = field(repr=False, compare=False)
    """Returns what a resource has here; it must be of the parameter's resource type."""
    groups: tuple[ComponentGroup, ...] = field(default=(), repr=False, compare=False)
    has_values: bool = field(default=True, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ComponentGroup:
    """Elements of one kind in which a composite looks for its ``components``, all in the same."""

    elements: Extractor
    components: tuple[SearchParameter, ...]


class SearchParameters:
    """All search parameters of one release that the hub can evaluate.

    ``table`` is what ``scripts/make-search-tables`` writes: ``common`` (code to entry) and
    ``types`` (resource type to code to entry).  ``base_url`` is the hub's base of this release,
    such as ``http://127.0.0.1:8080/fhir/r4``: references below it are the hub's own.
    ``value_sets`` are those that ``:in`` and ``memberOf()`` may name; ``profiles`` are those that
    topics may.
    """

    def __init__(
        self,
        release: FhirRelease,
        table: Mapping[str, Any],
        base_url: str,
        value_sets: ValueSets = NO_VALUE_SETS,
        profiles: Profiles = NO_PROFILES,
    ) -> None:
        self.release = release
        self.profiles = profiles
        self.value_sets = value_sets
        self.base_url = base_url.rstrip("/")
        self._table: Mapping[str, Mapping[str, Mapping[str, Any]]] = table["types"]
        self._common: Mapping[str, Mapping[str, Any]] = table["common"]
        self._refused: Mapping[str, Mapping[str, str]] = table.get("refused", {})
        self._types = frozenset(self._table)
        self._known: dict[str, dict[str, SearchParameter]] = {}
        self._references = reference_reader(self.base_url)

    def get(self, resource_type: str, code: str) -> SearchParameter | None:
        """Return the parameter ``code`` of ``resource_type``, None if there is none.

        ``Resource`` has the parameters that every resource has, and ``patient``: the resource's
        own parameter of that name, if its type has one.
        """
        return self.of(resource_type).get(code)

    def of(self, resource_type: str) -> Mapping[str, SearchParameter]:
        """Return every parameter of ``resource_type`` by its code; empty for an unknown type."""
        known = self._known.get(resource_type)
        if known is None:
            known = self._known[resource_type] = self._compile(resource_type)
        return known

    def fingerprint(self, resource_type: str) -> str:
        """Return what is the same as long as the type's resources are indexed in the same way.

        It changes with the parameters of the type and with the hub's base, below which references
        are its own.
        """
        kept = sorted(
            (code, entry["type"], entry["path"], entry.get("form", ""))
            for code, entry in self._entries(resource_type).items()
            if entry["type"] != "composite"
        )
        text = f"{INDEXING} {self.base_url} {kept}"
        return blake2b(text.encode(), digest_size=8).hexdigest()

    def types(self) -> frozenset[str]:
        """Return the names of all resource types of the release."""
        return self._types

    def why_not(self, resource_type: str, code: str) -> str | None:
        """Return why a parameter that the standard defines is not evaluated; None for any other."""
        own = self._refused.get(resource_type, {})
        return own.get(code) or self._refused.get(ANY_RESOURCE, {}).get(code)

    def _compile(self, resource_type: str) -> dict[str, SearchParameter]:
        if resource_type not in self._types and resource_type != ANY_RESOURCE:
            return {}
        entries = sorted(self._entries(resource_type).items())
        found = {code: self._parameter(code, entry) for code, entry in entries}
        if resource_type == ANY_RESOURCE:
            found["patient"] = self._own_patient()
        return found

    def _entries(self, resource_type: str) -> dict[str, Mapping[str, Any]]:
        return {**self._common, **self._table.get(resource_type, {})}

    def _parameter(self, code: str, entry: Mapping[str, Any]) -> SearchParameter:
        form = entry.get("form", "")
        targets = entry.get("targets", ())
        extract = _extractor(entry)
        read = self._reader(code, entry["type"], form)
        return SearchParameter(
            code=code,
            type=entry["type"],
            stated=entry.get("stated", entry["type"]),
            url=entry["url"] if ":" in entry["url"] else _OFFICIAL + entry["url"],
            targets=tuple(sorted(self._types) if targets == "*" else targets),
            form=form,
            path=entry["path"],
            elements=extract,
            values=_values(entry["path"], extract, read),
            groups=tuple(map(self._group, entry.get("groups", ()))),
            has_values=read is not _unread,
        )

    def _group(self, entry: Mapping[str, Any]) -> ComponentGroup:
        return ComponentGroup(
            _path(entry["path"]),
            tuple(self._parameter(part["code"], part) for part in entry["components"]),
        )

    def _reader(self, code: str, kind: str, form: str) -> Reader:
        if kind == "token":
            return bare_tokens if form == "bare" else tokens
        if kind == "reference":
            return self._references
        return {
            "composite": _unread,
            "special": positions if code == "near" else _unread,
            "string": strings,
            "date": dates,
            "number": numbers,
            "quantity": quantities,
            "uri": uris,
        }[kind]

    def _own_patient(self) -> SearchParameter:
        def values(resource: Resource) -> ParameterValues:
            own = self.get(str(resource.get("resourceType")), "patient")
            if own is None or own.type != "reference":
                return NO_VALUES
            return own.values(resource)

        return SearchParameter(
            code="patient",
            type="reference",
            stated="reference",
            url=_OFFICIAL + "clinical-patient",
            targets=("Patient",),
            form="",
            path="",
            elements=_itself,
            values=values,
        )


def _extractor(entry: Mapping[str, Any]) -> Extractor:
    return _nothing if entry["type"] == "composite" else _path(entry["path"])


def _values(path: str, extract: Extractor, read: Reader) -> Callable[[Resource], ParameterValues]:
    def values(resource: Resource) -> ParameterValues:
        elements = extract(resource)
        return read(elements) if elements else NO_VALUES

    def values_of_element(resource: Resource) -> ParameterValues:
        found = resource.get(path)
        if found is None:
            return NO_VALUES
        return read(found if type(found) is list else (found,))

    # One name: most are asked of this kind, so they save a call.
    return values_of_element if path.isidentifier() and read is not _unread else values


def _path(path: str) -> Extractor:
    return compile_path(path) if path else _itself


def _unread(elements: Sequence[Json]) -> ParameterValues:
    return NO_VALUES


def _nothing(resource: Resource) -> tuple[Resource, ...]:
    return ()


def _itself(resource: Resource) -> tuple[Resource, ...]:
    return (resource,)
