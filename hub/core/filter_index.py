"""Which of many subscribers' filters accept a change, without trying each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.core.change import Change
from hub.core.condition_index import ConditionIndex
from hub.core.filter_shape import FilterShape, PlainFilters
from hub.core.filters import Filters
from hub.core.search import NOWHERE, Condition
from hub.core.search_parameter import ANY_RESOURCE
from hub.core.state import States


class FilterIndex:
    """The filters of all subscribers of one topic in one release, by an integer key of each."""

    def __init__(self) -> None:
        self._filters: dict[int, Filters] = {}
        self._shelves: dict[str, ConditionIndex] = {}
        self._by_types: dict[frozenset[str], dict[int, None]] = {}
        self._elsewhere: dict[int, None] = {}
        self._parties: dict[str, ConditionIndex] = {}

    def __len__(self) -> int:
        return len(self._filters)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._filters))

    def add_all(self, shape: FilterShape, plain: Sequence[PlainFilters]) -> None:
        """Hold filters of one shape, as ``add`` does, under keys that are not there yet."""
        if not plain:
            return
        keys = self._by_types.setdefault(shape.types, {})
        for key, filters, _ in plain:
            self._filters[key] = filters
            keys[key] = None
        for place in shape.places:
            shelves = self._parties if place.party else self._shelves
            shelf = shelves.setdefault(place.resource_type, ConditionIndex())
            shelf.add_all(place.codes, place.parameters, place.asked, plain)

    def add(self, key: int, filters: Filters) -> None:
        """Hold ``filters`` under ``key``, in place of what that key held before."""
        if key in self._filters:
            self.remove(key)
        self._filters[key] = filters
        if not filters.is_local:
            self._elsewhere[key] = None
        self._by_types.setdefault(frozenset(filters.by_type), {})[key] = None
        for shelves, resource_type, conditions in self._places(filters):
            shelves.setdefault(resource_type, ConditionIndex()).add(key, conditions)

    def remove(self, key: int) -> None:
        """Forget ``key``; unknown ones are ignored."""
        filters = self._filters.pop(key, None)
        if filters is None:
            return
        self._elsewhere.pop(key, None)
        types = frozenset(filters.by_type)
        del self._by_types[types][key]
        if not self._by_types[types]:
            del self._by_types[types]
        for shelves, resource_type, conditions in self._places(filters):
            shelves[resource_type].remove(key, conditions)
            if not shelves[resource_type]:
                del shelves[resource_type]

    def match(self, states: States) -> set[int]:
        """Return the keys whose filters accept the change."""
        resource_type, subject = states.change.resource_type, states.subject
        found: set[int] = set()
        for types, keys in self._by_types.items():
            if resource_type not in types and ANY_RESOURCE not in types:
                found.update(keys)
        shelf = self._shelves.get(resource_type)
        if shelf is not None:
            found |= shelf.match(subject)
        everywhere = self._shelves.get(ANY_RESOURCE)
        if everywhere is not None:
            for key in everywhere.match(subject):
                own = self._filters[key].by_type.get(resource_type)
                if own is None or subject.answers_all(own.conditions):
                    found.add(key)
        return found

    def may_match(self, change: Change) -> set[int]:
        """Return the keys that the change is for, or would be with other resources there."""
        states = States(change, NOWHERE)
        return self.match(states) | self.losers(states) | self._elsewhere.keys()

    def losers(self, states: States) -> set[int]:
        """Return the keys whose party the change takes the resource from (``Filters.loses``)."""
        before, after = states.before, states.after
        if not self._parties or before is None or after is None:
            return set()
        found: set[int] = set()
        shelf = self._parties.get(states.change.resource_type)
        if shelf is not None:
            found |= shelf.lost(before, after)
        everywhere = self._parties.get(ANY_RESOURCE)
        if everywhere is not None:
            # A party on any resource may have it still, and another that is named lose it.
            found |= everywhere.match(before)
        if not found:
            return found
        return {key for key in found if self._filters[key].loses(states.change, states.resolver)}

    def _places(
        self, filters: Filters
    ) -> Iterator[tuple[dict[str, ConditionIndex], str, tuple[Condition, ...]]]:
        """Yield where filters are held: one for any type is held under that alone."""
        by_type = filters.by_type
        for resource_type in (ANY_RESOURCE,) if ANY_RESOURCE in by_type else by_type:
            yield self._shelves, resource_type, by_type[resource_type].conditions
            if filters.parties:
                yield self._parties, resource_type, filters.parties.get(resource_type, ())
