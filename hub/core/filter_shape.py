"""Filters of one shape: the same parameters, other values.

Nearly all Subscriptions of a topic ask for exact terms of the same parameters, such as an owner.
What that needs of the topic and of its parameters is looked up once per shape; per Subscription
only its values are read, and that is all that the index needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple, TypeAlias

from hub.core.classic_criteria import accept_criteria
from hub.core.compiled_topic import CompiledTopic
from hub.core.condition_index import MAX_PATHS
from hub.core.excluded import is_excluded
from hub.core.filters import LONGEST_FILTER, Filters, accept_filters, rules_of
from hub.core.search_parameter import ANY_RESOURCE, SearchParameter, SearchParameters
from hub.core.search_reading import exact_reader
from hub.core.subscription import FilterBy
from hub.errors import FilterInvalid, FilterNotAllowed

_EXACT = frozenset(("token", "reference", "uri"))
"""The types of parameters of which a plain value is one or several exact terms."""

_MOST = 8


class Place(NamedTuple):
    """Where the index holds filters of a shape: which of them, by the codes of their parameters.

    ``party`` tells whether what is held there names a party; ``asked`` are numbers of a shape's
    readings.
    """

    resource_type: str
    party: bool
    codes: tuple[str, ...]
    parameters: tuple[SearchParameter, ...]
    asked: tuple[int, ...]


class PlainFilters(NamedTuple):
    """Filters that ask for exact terms, to be held under ``key``.

    ``terms`` has what each reading of their shape asks for.
    """

    key: int
    filters: Filters
    terms: Sequence[Sequence[str]]


class _Reading(NamedTuple):
    """Which filter's value is read as one of a parameter; ``party`` tells if it names one."""

    entry: int
    parameter: SearchParameter
    party: bool


_Readings: TypeAlias = Mapping[str, Mapping[str, _Reading]]
"""By resource type and code."""


class FilterShape:
    """Filters that differ in their values alone.

    ``topic`` is what they are for, ``types`` are those for which there are filters, ``places``
    where the index holds them.
    """

    def __init__(
        self,
        topic: str,
        readings: _Readings | None,
        parameters: SearchParameters,
        accept: Callable[[Sequence[FilterBy]], Filters],
    ) -> None:
        self.topic = topic
        self.accept = accept
        self.types = frozenset(readings or ())
        self.places = _places(readings or {})
        self._readings = [
            (each.entry, exact_reader(parameters, each.parameter))
            for of_type in (readings or {}).values()
            for each in of_type.values()
        ]
        self._work = self._compile

    @classmethod
    def of_topic(
        cls, compiled: CompiledTopic, filter_by: Sequence[FilterBy], parameters: SearchParameters
    ) -> FilterShape:
        """Return the shape of filters for a topic.

        Args:
            compiled: the topic.
            filter_by: one example.
            parameters: of the release.
        """

        def asked(entry: FilterBy) -> Iterable[tuple[str, str, bool]]:
            for resource_type, rule, name in rules_of(compiled, entry):
                yield resource_type, name, rule.party

        return cls(
            compiled.topic.canonical,
            _readings(filter_by, asked, parameters),
            parameters,
            lambda filter_by: accept_filters(compiled, filter_by, parameters),
        )

    @classmethod
    def of_criteria(
        cls, resource_type: str, filter_by: Sequence[FilterBy], parameters: SearchParameters
    ) -> FilterShape:
        """Return the shape of the conditions of classic criteria.

        Args:
            resource_type: what they search.
            filter_by: one example.
            parameters: of the release.
        """
        readings = None
        if not is_excluded({"resourceType": resource_type}):
            readings = _readings(
                filter_by,
                lambda entry: [(resource_type, entry.filter_parameter, False)],
                parameters,
            )
        return cls(
            resource_type,
            readings,
            parameters,
            lambda filter_by: accept_criteria(resource_type, filter_by, parameters),
        )

    def plain(self, key: int, filter_by: tuple[FilterBy, ...]) -> PlainFilters | None:
        """Return filters of this shape, to be compiled when they are first looked at.

        Returns:
            None where they ask for more than exact terms, or can't be held by all of these: ask
            ``accept``, which also tells what is wrong with them.
        """
        terms = []
        paths = 1
        for entry, read in self._readings:
            found = read(filter_by[entry].value)
            paths *= len(found)
            terms.append(found)
        if not (terms and paths):
            return None
        if paths > MAX_PATHS and any(
            prod([len(terms[each]) for each in place.asked]) > MAX_PATHS for place in self.places
        ):
            return None
        for each in filter_by:
            if len(each.filter_parameter) + len(each.value) > LONGEST_FILTER:
                return None
        return PlainFilters(key, Filters.later(self._work, filter_by), terms)

    def _compile(self, filter_by: tuple[FilterBy, ...]) -> Mapping[str, Any]:
        whole = self.accept(filter_by)
        return {each: getattr(whole, each) for each in Filters.__dataclass_fields__}


def shape_key(filter_by: tuple[FilterBy, ...]) -> tuple[object, ...]:
    """Return what filters of one shape have in common."""
    return tuple(
        [
            (each.filter_parameter, each.resource_type, each.modifier, each.comparator)
            for each in filter_by
        ]
    )


def _readings(
    filter_by: Sequence[FilterBy],
    asked: Callable[[FilterBy], Iterable[tuple[str, str, bool]]],
    parameters: SearchParameters,
) -> _Readings | None:
    """Return what is read of filters; None if any may ask for more than exact terms.

    Args:
        filter_by: one example of their shape.
        asked: yields for a filter the types that it is for, the parameters' names there and
            whether they name a party.
        parameters: of the release.
    """
    if len(filter_by) > _MOST:
        return None
    found: dict[str, dict[str, _Reading]] = {}
    for number, entry in enumerate(filter_by):
        if entry.modifier is not None or entry.comparator is not None:
            return None
        try:
            rules = list(asked(entry))
        except (FilterInvalid, FilterNotAllowed):
            return None
        for resource_type, name, party in rules:
            parameter = parameters.get(resource_type, name)
            of_type = found.setdefault(resource_type, {})
            if (
                resource_type == ANY_RESOURCE
                or parameter is None
                or parameter.type not in _EXACT
                or parameter.code in of_type
            ):
                return None
            of_type[parameter.code] = _Reading(number, parameter, party)
    return found


def _places(readings: _Readings) -> Sequence[Place]:
    parties = any(each.party for of_type in readings.values() for each in of_type.values())
    places = []
    start = 0
    for resource_type, of_type in readings.items():
        by_code = sorted(
            (code, number, each) for number, (code, each) in enumerate(of_type.items(), start)
        )
        start += len(of_type)
        for only in (False, True) if parties else (False,):
            chosen = [(each, number) for _, number, each in by_code if each.party or not only]
            places.append(
                Place(
                    resource_type,
                    only,
                    tuple(each.parameter.code for each, _ in chosen),
                    tuple(each.parameter for each, _ in chosen),
                    tuple(number for _, number in chosen),
                )
            )
    return places
