"""Versions as the hub would write them, remembered, so that a store can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hub.core.release import FhirRelease
from hub.core.search_comparator import Comparator
from hub.core.search_index import (
    And,
    Everything,
    Expression,
    IndexEntry,
    Not,
    Or,
    Overlap,
    Prefix,
    Term,
    Updated,
    selects,
)
from hub.core.version import ResourceKey, ResourceVersion
from hub.ports import Store, WriteBatch
from hub.stores.encoding import micros
from tests.stores.samples import START, a_key, a_version

R4, R5 = FhirRelease.R4, FhirRelease.R5
TERMS = ("h1", "h2", "h12", "s1ab", "s1abcd", "k1")
KEYS = tuple(
    a_key(id, resource_type, release)
    for release in ("R4", "R5")
    for resource_type in ("Task", "Patient")
    for id in ("1", "2", "3")
)

entries = st.builds(
    IndexEntry,
    text=st.frozensets(st.sampled_from(TERMS)).map(sorted).map(" ".join),
    ranges=st.frozensets(
        st.tuples(st.integers(1, 2), st.integers(0, 9), st.integers(1, 5)).map(
            lambda found: (found[0], found[1], found[1] + found[2])
        ),
        max_size=3,
    ).map(lambda found: tuple(sorted(found))),
)
leaves: st.SearchStrategy[Expression] = st.one_of(
    st.builds(Term, st.sampled_from(TERMS)),
    st.builds(Prefix, st.sampled_from(("s1", "s1ab", "s", "h1"))),
    st.builds(
        Overlap,
        st.integers(1, 2),
        st.integers(0, 6),
        st.integers(7, 12),
        st.sampled_from(Comparator),
    ),
    st.builds(
        lambda second, how: Updated(second, second + 1_000_001, how),
        st.integers(-2, 30).map(lambda second: micros(START) + second * 1_000_000),
        st.sampled_from(Comparator),
    ),
    st.just(Everything()),
)


def _nested(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=1, max_size=4).map(tuple)
    with_not = st.lists(st.one_of(parts, st.builds(Not, parts)), min_size=1, max_size=4).map(tuple)
    return st.one_of(st.builds(And, with_not), st.builds(Or, several))


expressions = st.recursive(leaves, _nested, max_leaves=10)
writes = st.lists(st.tuples(st.sampled_from(KEYS), st.none() | entries), max_size=25)

several_stores = settings(
    suppress_health_check=[
        *settings().suppress_health_check,
        # One suite for several classes is what a contract is.
        HealthCheck.differing_executors,
    ]
)


class Entries(Protocol):
    """Tells what to keep of a version."""

    def __call__(self, version: ResourceVersion, /) -> IndexEntry: ...


def reindex_all(store: Store, entry_of: Entries, *, at_once: int = 3) -> None:
    """Index all that is stored anew, a few at a time."""
    for release in FhirRelease:
        for resource_type in ("Task", "Patient"):
            last: int | None = 0
            while last is not None:
                last = store.reindex(release, resource_type, entry_of, after=last, count=at_once)


class History:
    """Writes versions as the hub would, and remembers them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.versions: list[ResourceVersion] = []
        self.current: dict[ResourceKey, tuple[ResourceVersion, IndexEntry | None]] = {}

    def batch(self, changes: list[tuple[ResourceKey, IndexEntry | None]]) -> WriteBatch:
        """Return the batch of these changes; no entry is a deletion."""
        batch = WriteBatch()
        for key, entry in changes:
            old, _ = self.current.get(key, (None, None))
            if old is None and entry is None:
                continue
            version = a_version(
                len(self.versions) + 1,
                key,
                version=1 if old is None else old.version + 1,
                previous=None if old is None else old.seq,
                deleted=entry is None,
            )
            self.versions.append(version)
            self.current[key] = (version, entry)
            batch.versions.append(version)
            batch.index[version.seq] = entry
            if old is not None:
                batch.unindex.append(old.seq)
        return batch

    def write(self, *changes: tuple[ResourceKey, IndexEntry | None]) -> None:
        """Commit these changes at once."""
        self.store.commit(self.batch(list(changes)))

    def found(
        self, release: FhirRelease, resource_type: str, expression: Expression
    ) -> list[ResourceVersion]:
        """Return what a search must find, by looking at every entry."""
        hits = [
            version
            for version, entry in self.current.values()
            if entry is not None
            and version.key.release is release
            and resource_type in (version.key.resource_type, "Resource")
            and selects(expression, entry, micros(version.timestamp))
        ]
        return sorted(hits, key=lambda version: -version.seq)


def written(store: Store, changes: Iterable[tuple[ResourceKey, IndexEntry | None]]) -> History:
    """Write changes, each in a commit of its own; return what was written."""
    history = History(store)
    for change in changes:
        history.write(change)
    return history
