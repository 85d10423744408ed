"""Which of many subscribers' filters accept a change, without trying each of them.

Per type and per set of parameters that filters compare by exact term, a tree leads from the terms
of the changed resource to the filters that ask for them; what else a filter asks is tried once per
distinct condition and change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from hub.core.change import Change
from hub.core.filters import Filters
from hub.core.release import Resource
from hub.core.search import NOWHERE, Condition, Query, Resolver
from hub.core.search_parameter import ANY_RESOURCE, SearchParameter

MAX_PATHS = 256
"""At most so many places hold one filter; one with more alternatives is held by fewer codes."""


@dataclass(slots=True)
class _Signature:
    """Filters that ask for exact terms of the same parameters.

    ``root`` is a tree of dicts, one level per code; its leaves map filter keys to what else is
    asked for.
    """

    codes: tuple[str, ...]
    root: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one filter is held: the signature, its terms per code, and what else it asks for."""

    codes: tuple[str, ...]
    terms: tuple[tuple[str, ...], ...]
    residual: tuple[Condition, ...]


class _Shelf:
    """All filters of one type."""

    def __init__(self) -> None:
        self.signatures: dict[tuple[str, ...], _Signature] = {}

    def add(self, key: int, query: Query) -> None:
        place = _place(query)
        signature = self.signatures.setdefault(place.codes, _Signature(place.codes))
        for path in product(*place.terms):
            node = signature.root
            for term in path:
                node = node.setdefault(term, {})
            node[key] = place.residual

    def remove(self, key: int, query: Query) -> None:
        place = _place(query)
        signature = self.signatures[place.codes]
        for path in product(*place.terms):
            _prune(signature.root, path, key)
        if not signature.root:
            del self.signatures[place.codes]

    def match(
        self, state: Resource, parameters: Mapping[str, SearchParameter], resolver: Resolver
    ) -> dict[int, None]:
        known: dict[str, bool] = {}
        terms: dict[str, frozenset[str]] = {}
        found: dict[int, None] = {}
        for signature in self.signatures.values():
            for code in signature.codes:
                if code not in terms:
                    terms[code] = parameters[code].values(state).terms
            for leaf in _leaves(signature, terms):
                for key, residual in leaf.items():
                    if key not in found and _holds(residual, state, resolver, known):
                        found[key] = None
        return found


class FilterIndex:
    """The filters of all subscribers of one topic in one release, by an integer key of each."""

    def __init__(self) -> None:
        self._filters: dict[int, Filters] = {}
        self._shelves: dict[str, _Shelf] = {}
        self._by_types: dict[frozenset[str], dict[int, None]] = {}
        self._elsewhere: dict[int, None] = {}
        self._parties: dict[str, _Shelf] = {}

    def __len__(self) -> int:
        return len(self._filters)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._filters))

    def add(self, key: int, filters: Filters) -> None:
        """Hold ``filters`` under ``key``, in place of what that key held before."""
        self.remove(key)
        self._filters[key] = filters
        if not filters.is_local:
            self._elsewhere[key] = None
        self._by_types.setdefault(frozenset(filters.by_type), {})[key] = None
        for resource_type in _shelves_of(filters):
            self._shelves.setdefault(resource_type, _Shelf()).add(
                key, filters.by_type[resource_type]
            )
            if filters.parties:
                self._parties.setdefault(resource_type, _Shelf()).add(
                    key, _parties_of(filters, resource_type)
                )

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
        for resource_type in _shelves_of(filters):
            _take(self._shelves, resource_type, key, filters.by_type[resource_type])
            if filters.parties:
                _take(self._parties, resource_type, key, _parties_of(filters, resource_type))

    def match(self, change: Change, resolver: Resolver) -> list[int]:
        """Return the keys whose filters accept the change, in ascending order."""
        found: list[int] = []
        for types, keys in self._by_types.items():
            if change.resource_type not in types and ANY_RESOURCE not in types:
                found.extend(keys)
        for resource_type in {change.resource_type, ANY_RESOURCE}:
            shelf = self._shelves.get(resource_type)
            if shelf is not None:
                found.extend(self._on_shelf(shelf, resource_type, change, resolver))
        return sorted(found)

    def may_match(self, change: Change) -> set[int]:
        """Return the keys that the change is for, or would be with other resources there."""
        return {*self.match(change, NOWHERE), *self.losers(change, NOWHERE), *self._elsewhere}

    def losers(self, change: Change, resolver: Resolver) -> list[int]:
        """Return the keys whose party the change takes the resource from (``Filters.loses``)."""
        before, after = change.previous, change.current
        if not self._parties or before is None or after is None:
            return []
        found: set[int] = set()
        for resource_type in {change.resource_type, ANY_RESOURCE} & self._parties.keys():
            shelf, parameters = self._parties[resource_type], self._parameters(resource_type)
            kept = shelf.match(after, parameters, resolver)
            found |= {
                key
                for key in shelf.match(before, parameters, resolver)
                # Nearly always the party has it still; one on any resource may name more parties.
                if key not in kept or resource_type == ANY_RESOURCE
            }
        return sorted(key for key in found if self._filters[key].loses(change, resolver))

    def _on_shelf(
        self, shelf: _Shelf, resource_type: str, change: Change, resolver: Resolver
    ) -> list[int]:
        found = shelf.match(change.subject, self._parameters(resource_type), resolver)
        if resource_type != ANY_RESOURCE:
            return list(found)
        return [
            key
            for key in found
            if len(self._filters[key].by_type) == 1 or self._filters[key].accepts(change, resolver)
        ]

    def _parameters(self, resource_type: str) -> Mapping[str, SearchParameter]:
        return next(iter(self._filters.values())).parameters.of(resource_type)


def _parties_of(filters: Filters, resource_type: str) -> Query:
    return Query(resource_type, filters.parties.get(resource_type, ()), "")


def _take(shelves: dict[str, _Shelf], resource_type: str, key: int, query: Query) -> None:
    shelf = shelves[resource_type]
    shelf.remove(key, query)
    if not shelf.signatures:
        del shelves[resource_type]


def _shelves_of(filters: Filters) -> tuple[str, ...]:
    """Return the types under which a filter is held: one for any type is held under that alone."""
    return (ANY_RESOURCE,) if ANY_RESOURCE in filters.by_type else tuple(filters.by_type)


def _place(query: Query) -> _Place:
    keyed: dict[str, tuple[tuple[str, ...], Condition]] = {}
    for condition in query.conditions:
        keys = condition.keys()
        if keys is not None and keys[0] not in keyed:
            keyed[keys[0]] = keys[1], condition
    codes = sorted(keyed, key=lambda code: (len(keyed[code][0]), code))
    while len(codes) > 1 and prod(len(keyed[code][0]) for code in codes) > MAX_PATHS:
        codes.pop()
    codes.sort()
    used = [keyed[code][1] for code in codes]
    return _Place(
        codes=tuple(codes),
        terms=tuple(keyed[code][0] for code in codes),
        residual=tuple(c for c in query.conditions if not any(c is other for other in used)),
    )


def _prune(node: dict[Any, Any], path: tuple[str, ...], key: int) -> None:
    if not path:
        del node[key]
        return
    _prune(node[path[0]], path[1:], key)
    if not node[path[0]]:
        del node[path[0]]


def _leaves(
    signature: _Signature, terms: Mapping[str, frozenset[str]]
) -> list[dict[int, tuple[Condition, ...]]]:
    nodes: list[dict[Any, Any]] = [signature.root]
    for code in signature.codes:
        there = terms[code]
        nodes = [
            node[term]
            for node in nodes
            for term in (there if len(there) < len(node) else node.keys() & there)
            if term in node
        ]
    return nodes


def _holds(
    conditions: tuple[Condition, ...], state: Resource, resolver: Resolver, known: dict[str, bool]
) -> bool:
    for condition in conditions:
        spelling = condition.canonical
        if spelling not in known:
            known[spelling] = condition.matches(state, resolver)
        if not known[spelling]:
            return False
    return True
