"""SearchParameters of files and packages, beside the standard's, in the form of the tables.

A composite is built of parameters of the standard and of those that were read with it.
Source: http://hl7.org/fhir/R5/searchparameter.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from hub.codecs.composite_definition import composite_entry
from hub.codecs.search_definition import OFFICIAL, LeftOut, table_entry
from hub.codecs.tables import elements
from hub.codecs.tables.search import Entries, standard_table
from hub.core.release import FhirRelease, Resource
from hub.core.search_parameter import ANY_RESOURCE

_MOST_BASES: Final = 200
_COMPOSITE: Final = "composite"


class ParameterDefinition(NamedTuple):
    """A SearchParameter, where it stands, and the releases that it is for."""

    where: str
    definition: Resource
    releases: tuple[FhirRelease, ...]


def added_parameters(
    found: Iterable[ParameterDefinition],
) -> tuple[Mapping[FhirRelease, Entries], tuple[str, ...]]:
    """Return the parameters of each release, and a line for each that is left out, or a part."""
    adding = {release: _Adding(release) for release in FhirRelease}
    left_out = []
    # Composites come last: they build on the others.
    for each in sorted(found, key=lambda one: one.definition.get("type") == _COMPOSITE):
        reasons = list(_take(each.definition, [adding[release] for release in each.releases]))
        if reasons:
            left_out.append(f"{each.where}: {'; '.join(dict.fromkeys(reasons))}")
    return {release: one.entries for release, one in adding.items()}, tuple(left_out)


class _Adding:
    """What is added to one release."""

    def __init__(self, release: FhirRelease) -> None:
        self.release = release
        self.entries: dict[str, dict[str, dict[str, Any]]] = {}
        self.definitions: dict[str, Resource] = {}

    def entry(self, definition: Resource, base: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the parameter as the tables have it, and why parts of it are left out.

        Raises:
            LeftOut: nothing of it can be evaluated in the release.
        """
        if definition.get("type") != _COMPOSITE:
            return table_entry(definition, base, elements(self.release))
        table = standard_table(self.release)
        known = {**table["common"], **table["types"].get(base, {}), **self.entries.get(base, {})}
        of_standard = standard_definitions(self.release)
        definitions = {**of_standard, **_definitions_of(known), **self.definitions}
        return composite_entry(definition, base, elements(self.release), definitions, known), ()

    def put(self, definition: Resource, base: str) -> Iterator[str]:
        """Add a parameter to one type; yield what of it is left out, and why."""
        code = definition["code"]
        where = f"{base}?{code} in {self.release}"
        try:
            entry, reasons = self.entry(definition, base)
        except LeftOut as reason:
            yield f"{where}: {reason}"
            return
        yield from (f"part of {where}: {each}" for each in reasons)
        there = self._known(base, code) or self.entries.get(base, {}).get(code)
        if there is not None and _meaning(there) != _meaning(entry):
            yield f"{where}: {there['url']} has this code already"
            return
        self.definitions.setdefault(str(definition.get("url")), definition)
        if there is None:
            self.entries.setdefault(base, {})[code] = entry

    def _known(self, base: str, code: str) -> Any:
        table = standard_table(self.release)
        own = {} if base == ANY_RESOURCE else table["types"][base]
        return own.get(code) or table["common"].get(code)


def _take(definition: Resource, adding: Iterable[_Adding]) -> Iterator[str]:
    """Add a search parameter to each release that can have it; yield why others can't."""
    code, bases = definition.get("code"), definition.get("base")
    if not isinstance(code, str) or not code.replace("-", "").replace("_", "").isalnum():
        yield "a SearchParameter needs a code of letters, digits, - and _"
        return
    if not isinstance(bases, list) or not all(isinstance(each, str) for each in bases):
        yield "a SearchParameter needs a list of base types"
        return
    for release in adding:
        for base in bases[:_MOST_BASES]:
            yield from release.put(definition, base)


def _meaning(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry["type"], entry["path"], entry.get("groups")


@cache
def standard_definitions(release: FhirRelease) -> Mapping[str, Resource]:
    """Return what a component needs to know of each parameter of the standard, by its url."""
    table = standard_table(release)
    found: dict[str, Resource] = {}
    for entries in (table["common"], *table["types"].values()):
        found |= _definitions_of(entries)
    return found


def _definitions_of(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for code, entry in entries.items():
        url = entry["url"] if ":" in entry["url"] else OFFICIAL + entry["url"]
        found[url] = {"url": url, "code": code, "type": entry["type"]}
        if "targets" in entry:
            found[url]["target"] = entry["targets"]
    return found
