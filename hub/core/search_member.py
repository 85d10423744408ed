"""``_list`` and ``_in``: resources that a List, Group or CareTeam names.

The hub's own copy of that resource is read each time, as for a chain.  Members that were removed,
that are inactive, or whose period does not cover the present, do not count.
Source: http://hl7.org/fhir/R5/search.html#_list and #_in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hub.core.release import Json, Resource
from hub.core.search_comparator import date_range
from hub.core.search_parameter import ANY_RESOURCE, SearchParameter, SearchParameters
from hub.core.search_resolver import Resolver
from hub.core.search_syntax import Refused, joined, unescape
from hub.core.search_value import LOCAL_REFERENCE, local_reference

_LIST: Final = "List"
_PLACES: Final = {
    "CareTeam": ("participant", "member"),
    "Group": ("member", "entity"),
    _LIST: ("entry", "item"),
}
"""Where each kind names its members, and the reference inside."""

_REFERRING: Final = {"CareTeam": "participant", "Group": "member", _LIST: "item"}
"""The search parameter that tells what each kind may name."""

_PERIODS: Final = ("period", "coveragePeriod")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class IsMember:
    """One of ``alternatives`` (``Type/id``) names the resource.

    ``base_url`` is the hub's base of this release without a slash at its end.
    """

    parameter: SearchParameter
    alternatives: frozenset[str]
    base_url: str

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        own = f"{resource.get('resourceType')}/{resource.get('id')}"
        for asked in self.alternatives:
            kind, _, id = asked.partition("/")
            naming = resolver.read(kind, id)
            if naming is not None and own in self._members(naming, kind, resolver.now):
                return True
        return False

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        return f"{self.parameter.code}={joined(self.alternatives)}"

    def _members(self, naming: Resource, kind: str, now: datetime) -> Iterator[str]:
        place, key = _PLACES[kind]
        entries = naming.get(place)
        for entry in entries if isinstance(entries, list) else ():
            named = entry.get(key) if isinstance(entry, dict) else None
            literal = named.get("reference") if isinstance(named, dict) else None
            if isinstance(literal, str) and _counts(entry, now):
                yield local_reference(literal, self.base_url)


def _counts(entry: Resource, now: datetime) -> bool:
    if entry.get("deleted") is True or entry.get("inactive") is True:
        return False
    return all(_covers(entry.get(name), now) for name in _PERIODS)


def _covers(period: Json, now: datetime) -> bool:
    if not isinstance(period, dict):
        return True
    at = (now - _EPOCH) // timedelta(microseconds=1)
    start, end = (
        date_range(text) if isinstance(text, str) else None
        for text in (period.get("start"), period.get("end"))
    )
    return (start is None or start[0] <= at) and (end is None or at < end[1])


def read_member(
    parameters: SearchParameters,
    resource_type: str,
    parameter: SearchParameter,
    values: tuple[str, ...],
) -> IsMember:
    """Read ``_list`` or ``_in``.

    Raises:
        Refused: a value names none of these, or one that can't have such members; the text says
            what is allowed.
    """
    only_lists = parameter.code == "_list"
    asked = [local_reference(unescape(value), parameters.base_url) for value in values]
    if only_lists:
        asked = [value if "/" in value else f"{_LIST}/{value}" for value in asked]
    kinds = {_LIST} if only_lists else set(_PLACES)
    for value in asked:
        local = LOCAL_REFERENCE.fullmatch(value)
        if local is None or local[1] not in kinds:
            raise Refused(
                "the id of a List, or List/id; functional lists ($current-...) are not kept"
                if only_lists
                else "CareTeam/id, Group/id or List/id"
            )
        referring = parameters.get(local[1], _REFERRING[local[1]])
        possible = referring.targets if referring is not None else ()
        if resource_type not in (ANY_RESOURCE, *possible):
            raise Refused(
                f"{', '.join(possible)}: a {resource_type} is no member of a {local[1]}; ask for "
                "what it refers to, as patient._in does"
            )
    return IsMember(parameter, frozenset(asked), parameters.base_url)
