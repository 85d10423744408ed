"""Filters of one shape: the same parameters, other values.

Nearly all Subscriptions of a topic ask for exact terms of the same parameters, such as an owner.
What that needs of the topic and of its parameters is looked up once per shape; per Subscription
only its values are read, and that is all that the index needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from hub.core.compiled_topic import CompiledTopic
from hub.core.condition_index import MAX_PATHS
from hub.core.filters import LONGEST_FILTER, Filters, accept_filters, rules_of
from hub.core.search_parameter import ANY_RESOURCE, SearchParameter, SearchParameters
from hub.core.search_reading import read_plain
from hub.core.subscription import FilterBy
from hub.errors import FilterInvalid, FilterNotAllowed, InvalidSearch

_EXACT = frozenset(("token", "reference", "uri"))
"""The types of parameters of which a plain value is one or several exact terms."""

_MOST = 8


class Place(NamedTuple):
    """Where the index holds filters of a shape; ``entries`` are the filters, by parameter code.

    ``party`` tells whether what is held there names a party.
    """

    resource_type: str
    party: bool
    parameters: tuple[SearchParameter, ...]
    entries: tuple[int, ...]


class PlainFilters(NamedTuple):
    """What the index holds of filters that ask for exact terms.

    ``types`` are those for which there are filters; ``places`` pairs each place with the terms that
    are asked for, per parameter.
    """

    types: frozenset[str]
    places: Sequence[tuple[Place, tuple[tuple[str, ...], ...]]]


class FilterShape:
    """Filters that differ in their values alone.

    Args:
        compiled: the topic that they are for.
        filter_by: one example.
        parameters: of the release.
    """

    def __init__(
        self, compiled: CompiledTopic, filter_by: Sequence[FilterBy], parameters: SearchParameters
    ) -> None:
        self.topic = compiled.topic.canonical
        self._compiled = compiled
        self._parameters = parameters
        self._places = _places(compiled, filter_by, parameters)
        self._types = frozenset(place.resource_type for place in self._places or ())
        self._work = self._compile

    def accept(self, filter_by: tuple[FilterBy, ...]) -> tuple[Filters, PlainFilters | None]:
        """Return filters of this shape, and what the index holds of them if they are plain.

        Those that are plain are compiled when they are first looked at.

        Raises:
            FilterNotAllowed, FilterInvalid, FiltersTooCostly: as ``accept_filters``.
        """
        plain = None if self._places is None else self._plain(self._places, filter_by)
        if plain is None:
            return accept_filters(self._compiled, filter_by, self._parameters), None
        return Filters.later(self._work, filter_by, parameters=self._parameters), plain

    def _plain(self, places: Sequence[Place], filter_by: Sequence[FilterBy]) -> PlainFilters | None:
        """Return None for what is refused, or has too many alternatives to be held by all."""
        read: dict[tuple[int, str], tuple[str, ...]] = {}
        found = []
        for place in places:
            asked = []
            for parameter, number in zip(place.parameters, place.entries, strict=True):
                at = number, place.resource_type
                terms = read.get(at)
                if terms is None:
                    terms = read[at] = self._terms(parameter, place, filter_by[number])
                asked.append(terms)
            if not 0 < prod(map(len, asked)) <= MAX_PATHS:
                return None
            found.append((place, tuple(asked)))
        return PlainFilters(self._types, found)

    def _terms(self, parameter: SearchParameter, place: Place, entry: FilterBy) -> tuple[str, ...]:
        """Return in order what a filter asks for, nothing if that can't be read."""
        if len(entry.filter_parameter) + len(entry.value) > LONGEST_FILTER:
            return ()
        try:
            found: Any = read_plain(
                self._parameters, place.resource_type, parameter, None, entry.value
            )
        except InvalidSearch:
            return ()
        return tuple(sorted(found.alternatives))

    def _compile(self, filter_by: tuple[FilterBy, ...]) -> Mapping[str, Any]:
        whole = accept_filters(self._compiled, filter_by, self._parameters)
        return {"by_type": whole.by_type, "canonical": whole.canonical, "parties": whole.parties}


def shape_key(filter_by: tuple[FilterBy, ...]) -> tuple[object, ...]:
    """Return what filters of one shape have in common."""
    return tuple(
        [
            (each.filter_parameter, each.resource_type, each.modifier, each.comparator)
            for each in filter_by
        ]
    )


def _places(
    compiled: CompiledTopic, filter_by: Sequence[FilterBy], parameters: SearchParameters
) -> Sequence[Place] | None:
    """Return where filters of a shape are held, None if any may ask for more than exact terms."""
    if not 0 < len(filter_by) <= _MOST:
        return None
    held: dict[str, dict[str, tuple[SearchParameter, int, bool]]] = {}
    for number, entry in enumerate(filter_by):
        if entry.modifier is not None or entry.comparator is not None:
            return None
        try:
            rules = list(rules_of(compiled, entry))
        except (FilterInvalid, FilterNotAllowed):
            return None
        for resource_type, rule, name in rules:
            parameter = parameters.get(resource_type, name)
            codes = held.setdefault(resource_type, {})
            if (
                resource_type == ANY_RESOURCE
                or parameter is None
                or parameter.type not in _EXACT
                or parameter.code in codes
            ):
                return None
            codes[parameter.code] = parameter, number, rule.party
    parties = any(party for codes in held.values() for _, _, party in codes.values())
    places = []
    for resource_type in sorted(held):
        asked = [held[resource_type][code] for code in sorted(held[resource_type])]
        for only in (False, True) if parties else (False,):
            chosen = [each for each in asked if each[2] or not only]
            places.append(
                Place(
                    resource_type,
                    only,
                    tuple(parameter for parameter, _, _ in chosen),
                    tuple(number for _, number, _ in chosen),
                )
            )
    return places
