"""What every store does, whatever it is made of."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Protocol, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
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
    selects,
)
from hub.core.timing import DeliveryState
from hub.core.version import ResourceKey, ResourceVersion
from hub.errors import Unavailable
from hub.ports import Opened, Store, WriteBatch
from tests.stores.samples import (
    START,
    a_key,
    a_stream,
    a_subscriber,
    a_topic,
    a_version,
    an_attempt,
    an_entry,
    an_event,
)

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
    terms=st.frozensets(st.sampled_from(TERMS)),
    ranges=st.frozensets(
        st.tuples(st.integers(1, 2), st.integers(0, 9), st.integers(1, 5)).map(
            lambda found: (found[0], found[1], found[1] + found[2])
        ),
        max_size=3,
    ),
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


class ReindexingStore(Store, Protocol):
    """A store whose search index can be filled anew."""

    def reindex(self, entry_of: Entries, /) -> int:
        """Drop the search index and fill it from the log."""


class Entries(Protocol):
    """Tells what to keep of a version."""

    def __call__(self, version: ResourceVersion, /) -> IndexEntry: ...


StoreT = TypeVar("StoreT", bound=ReindexingStore)


class History:
    """Writes versions as the hub would, and remembers them."""

    def __init__(self, store: ReindexingStore) -> None:
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
            and selects(expression, entry)
        ]
        return sorted(hits, key=lambda version: -version.seq)


class StoreContract(ABC):
    """The suite; a store's own test file says how it is made."""

    refusal: ClassVar[type[Exception]]
    """What a batch that contradicts the store raises."""

    @abstractmethod
    def store(self, *, attempts_kept: int = 1000) -> ReindexingStore:
        """Return an empty store."""

    @abstractmethod
    def again(self, store: ReindexingStore) -> ReindexingStore:
        """Return the store anew, as another run of the hub would."""

    @contextmanager
    def opened(self, *, attempts_kept: int = 1000) -> Iterator[ReindexingStore]:
        store = self.store(attempts_kept=attempts_kept)
        store.open()
        try:
            yield store
        finally:
            store.close()

    def reopened(self, store: ReindexingStore) -> Opened:
        """Return what another run finds after ``store`` was closed."""
        store.close()
        other = self.again(store)
        found = other.open()
        other.close()
        store.open()
        return found

    def test_an_empty_store_opens_with_nothing(self) -> None:
        store = self.store()
        found = store.open()
        store.close()
        assert found == Opened(
            last_seq=0, last_stream=0, last_sid=0, topics=(), streams=(), subscribers=()
        )

    def test_a_second_open_is_refused_until_the_first_is_closed(self) -> None:
        with self.opened() as store:
            other = self.again(store)
            with pytest.raises(Unavailable):
                other.open()
            store.commit(WriteBatch(versions=[a_version(1)]))
        assert other.open().last_seq == 1
        other.close()

    def test_an_empty_batch_changes_nothing(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch())
            assert self.reopened(store).last_seq == 0

    def test_what_is_committed_is_seen_by_the_writer_and_by_readers(self) -> None:
        with self.opened() as store:
            version = a_version(1)
            store.commit(WriteBatch(versions=[version]))
            assert store.writer.head(version.key) == version
            assert asyncio.run(store.read(lambda reader: reader.head(version.key))) == version

    def test_a_batch_that_can_not_be_written_leaves_no_trace(self) -> None:
        with self.opened() as store:
            history = History(store)
            history.write((a_key("1"), an_entry("h1")))
            before = self.reopened(store)
            bad = WriteBatch(
                versions=[a_version(2, a_key("2")), a_version(1, a_key("3"))],
                index={2: an_entry("h1"), 1: an_entry("h1")},
                streams=[a_stream()],
                events=[an_event(1)],
                subscribers=[a_subscriber()],
                attempts=[an_attempt(1)],
                topics=[a_topic()],
            )
            with pytest.raises(self.refusal):
                store.commit(bad)
            assert self.reopened(store) == before
            assert store.writer.head(a_key("2")) is None
            assert store.writer.events(1, 1, 9) == []
            assert store.writer.attempts(1, 9) == []
            assert store.writer.search(R5, "Task", Term("h1"), count=9) == history.versions

    def test_an_event_number_is_given_once(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(streams=[a_stream()], events=[an_event(1)]))
            with pytest.raises(self.refusal):
                store.commit(WriteBatch(events=[an_event(2), an_event(1)], counters={1: 2}))
            assert store.writer.events(1, 1, 9) == [an_event(1)]

    def test_the_head_may_be_a_deletion(self) -> None:
        with self.opened() as store:
            history = History(store)
            history.write((a_key(), an_entry("h1")))
            history.write((a_key(), None))
            assert store.writer.head(a_key()) == history.versions[1]
            assert history.versions[1].deleted
            assert store.writer.head(a_key("other")) is None
            assert store.writer.head(a_key(release="R4")) is None

    @several_stores
    @given(writes)
    def test_every_version_can_be_read_again(
        self, changes: list[tuple[ResourceKey, IndexEntry | None]]
    ) -> None:
        with self.opened() as store:
            history = History(store)
            for change in changes:
                history.write(change)
            for version in history.versions:
                assert store.writer.version(version.key, version.version) == version
            assert store.writer.version(a_key(), 99) is None
            seqs = [version.seq for version in history.versions]
            assert store.writer.at([*seqs, 4711]) == {v.seq: v for v in history.versions}

    @several_stores
    @given(
        writes,
        st.sampled_from(KEYS),
        st.booleans(),
        st.integers(1, 9),
        st.none() | st.integers(0, 26),
        st.none() | st.integers(0, 26),
    )
    def test_history_is_newest_first_and_pages_by_seq(
        self,
        changes: list[tuple[ResourceKey, IndexEntry | None]],
        key: ResourceKey,
        whole_type: bool,
        count: int,
        before: int | None,
        since: int | None,
    ) -> None:
        with self.opened() as store:
            history = History(store)
            for change in changes:
                history.write(change)
            id = None if whole_type else key.id
            instant = None if since is None else START + timedelta(seconds=since)
            expected = [
                version
                for version in reversed(history.versions)
                if version.key == replace(key, id=id or version.key.id)
                and (before is None or version.seq < before)
                and (instant is None or version.timestamp >= instant)
            ][:count]
            found = store.writer.history(
                key.release, key.resource_type, id, count=count, before=before, since=instant
            )
            assert found == expected

    def test_seq_at_is_the_last_seq_before_an_instant(self) -> None:
        with self.opened() as store:
            versions = [
                a_version(seq, a_key(str(seq)), at=START + timedelta(seconds=second))
                for seq, second in ((2, 0), (3, 10), (7, 10), (20, 30))
            ]
            store.commit(WriteBatch(versions=versions))
            found = [
                store.writer.seq_at(START + timedelta(seconds=second))
                for second in (-1, 0, 1, 10, 11, 30, 31)
            ]
            assert found == [0, 0, 2, 2, 7, 7, 20]

    def test_seq_at_of_an_empty_log_is_zero(self) -> None:
        with self.opened() as store:
            assert store.writer.seq_at(START) == 0

    @several_stores
    @given(st.lists(writes, max_size=4), expressions, st.sampled_from(("Task", "Resource")))
    def test_a_search_finds_the_current_versions_that_the_expression_selects(
        self,
        batches: list[list[tuple[ResourceKey, IndexEntry | None]]],
        expression: Expression,
        resource_type: str,
    ) -> None:
        with self.opened() as store:
            history = History(store)
            for changes in batches:
                history.write(*changes)
            expected = history.found(R5, resource_type, expression)
            found = store.writer.search(R5, resource_type, expression, count=100)
            assert found == expected
            assert store.writer.count(R5, resource_type, expression) == len(expected)

    @several_stores
    @given(writes, expressions, st.integers(1, 4))
    def test_pages_of_a_search_follow_each_other(
        self,
        changes: list[tuple[ResourceKey, IndexEntry | None]],
        expression: Expression,
        size: int,
    ) -> None:
        with self.opened() as store:
            history = History(store)
            history.write(*changes)
            pages: list[ResourceVersion] = []
            before = None
            while page := store.writer.search(R4, "Task", expression, count=size, before=before):
                assert len(page) <= size
                pages += page
                before = page[-1].seq
            assert pages == history.found(R4, "Task", expression)

    def test_a_search_may_ask_for_thousands_of_values(self) -> None:
        with self.opened() as store:
            history = History(store)
            for id in range(5):
                ranges = ((1, id * 400, id * 400 + 1),)
                history.write((a_key(str(id)), an_entry("k1", f"h{id * 400}", ranges=ranges)))
            terms = Or(tuple(Term(f"h{number}") for number in range(1500)))
            ranges_asked = Or(tuple(Overlap(1, n, n + 1, Comparator.EQ) for n in range(1500)))
            for many in (terms, ranges_asked):
                found = store.writer.search(R5, "Task", And((Term("k1"), many)), count=9)
                assert [version.key.id for version in found] == ["3", "2", "1", "0"]
                others = store.writer.search(R5, "Task", And((Term("k1"), Not(many))), count=9)
                assert [version.key.id for version in others] == ["4"]

    @several_stores
    @given(st.lists(writes, max_size=3), expressions)
    def test_a_reindexed_store_finds_what_the_new_entries_say(
        self,
        batches: list[list[tuple[ResourceKey, IndexEntry | None]]],
        expression: Expression,
    ) -> None:
        def entry_of(version: ResourceVersion, /) -> IndexEntry:
            low = version.seq % 9
            return an_entry(TERMS[version.seq % 6], ranges=((1, low, low + 2),))

        with self.opened() as store:
            history = History(store)
            for changes in batches:
                history.write(*changes)
            alive = {k: v for k, (v, entry) in history.current.items() if entry is not None}
            assert store.reindex(entry_of) == len(alive)
            history.current = {k: (v, entry_of(v)) for k, v in alive.items()}
            found = store.writer.search(R5, "Task", expression, count=100)
            assert found == history.found(R5, "Task", expression)
            history.write(*((key, None) for key in alive))
            assert store.writer.count(R5, "Resource", Everything()) == 0
            assert store.writer.count(R5, "Resource", Prefix("h")) == 0

    def test_streams_count_and_keep_their_events(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(streams=[a_stream(1), a_stream(2, n=5)]))
            events = [an_event(n) for n in (1, 2, 3)]
            store.commit(WriteBatch(events=[*events, an_event(6, 2)], counters={1: 3, 2: 6}))
            assert self.reopened(store).streams == (a_stream(1, n=3), a_stream(2, n=6))
            assert store.writer.events(1, 1, 3) == events
            assert store.writer.events(1, 2, 2) == events[1:2]
            assert store.writer.events(1, 4, 9) == []
            assert store.writer.events(2, 0, 9) == [an_event(6, 2)]

    def test_events_up_to_a_floor_go(self) -> None:
        with self.opened() as store:
            events = [an_event(n) for n in (1, 2, 3)]
            store.commit(WriteBatch(streams=[a_stream(n=3)], events=events))
            store.commit(WriteBatch(floors={1: 2}))
            assert store.writer.events(1, 1, 9) == events[2:]
            assert self.reopened(store).streams == (a_stream(n=3, floor=2),)

    def test_a_dropped_stream_goes_with_its_events_and_its_id_is_not_given_again(self) -> None:
        with self.opened() as store:
            events = [an_event(1), an_event(1, 2)]
            store.commit(WriteBatch(streams=[a_stream(1), a_stream(2)], events=events))
            store.commit(WriteBatch(dropped_streams=[2]))
            found = self.reopened(store)
            assert found.streams == (a_stream(1),)
            assert found.last_stream == 2
            assert store.writer.events(2, 0, 9) == []
            assert store.writer.events(1, 0, 9) == [an_event(1)]

    def test_a_subscriber_comes_back_as_it_was(self) -> None:
        with self.opened() as store:
            plain = a_subscriber(2, id="plain", headers=())
            store.commit(WriteBatch(subscribers=[a_subscriber(), plain]))
            assert self.reopened(store).subscribers == (a_subscriber(), plain)
            changed = replace(a_subscriber(), segments=(), error=None, generation=4)
            store.commit(WriteBatch(subscribers=[changed]))
            assert self.reopened(store).subscribers == (changed, plain)

    def test_a_settled_delivery_changes_nothing_else(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(subscribers=[a_subscriber()]))
            settled = replace(a_subscriber(), owner="other", delivery=DeliveryState(cursor=9))
            store.commit(WriteBatch(deliveries=[settled]))
            expected = replace(a_subscriber(), delivery=DeliveryState(cursor=9))
            assert self.reopened(store).subscribers == (expected,)

    def test_a_deleted_subscriber_keeps_its_numbers_and_loses_its_headers(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(subscribers=[a_subscriber(4)]))
            store.commit(WriteBatch(subscribers=[a_subscriber(4, deleted=True)]))
            found = self.reopened(store)
            assert found.subscribers == (a_subscriber(4, headers=(), deleted=True),)
            assert found.last_sid == 4

    def test_attempts_are_told_newest_first(self) -> None:
        with self.opened() as store:
            mine = [an_attempt(number) for number in range(1, 6)]
            store.commit(WriteBatch(attempts=mine[:2]))
            store.commit(WriteBatch(attempts=[an_attempt(1, sid=2), *mine[2:]]))
            assert store.writer.attempts(1, 3) == [mine[4], mine[3], mine[2]]
            assert store.writer.attempts(2, 9) == [an_attempt(1, sid=2)]
            assert store.writer.attempts(3, 9) == []

    def test_only_the_newest_attempts_are_kept(self) -> None:
        with self.opened(attempts_kept=10) as store:
            for number in range(1, 31):
                store.commit(WriteBatch(attempts=[an_attempt(number)]))
            found = [attempt.first for attempt in store.writer.attempts(1, 99)]
            assert found == list(range(30, 20, -1))

    def test_topics_come_back_and_a_changed_one_replaces_the_old(self) -> None:
        with self.opened() as store:
            unversioned = a_topic(None)
            store.commit(WriteBatch(topics=[a_topic("1"), a_topic("2"), unversioned]))
            store.commit(WriteBatch(topics=[a_topic("2", title="Other")]))
            found = self.reopened(store).topics
            assert found == (a_topic("1"), a_topic("2", title="Other"), unversioned)
            assert found[1].source == a_topic("2", title="Other").source

    def test_what_was_committed_is_there_after_a_reopen(self) -> None:
        with self.opened() as store:
            history = History(store)
            history.write((a_key("1"), an_entry("h1")), (a_key("2"), an_entry("h1")))
            store.commit(WriteBatch(attempts=[an_attempt(1)]))
            assert self.reopened(store).last_seq == 2
            history.write((a_key("1"), an_entry("h2")))
            assert store.writer.search(R5, "Task", Term("h1"), count=9) == [history.versions[1]]
            assert store.writer.attempts(1, 9) == [an_attempt(1)]

    def test_reads_run_beside_each_other_and_see_no_half_of_a_batch(self) -> None:
        with self.opened() as store:

            async def scenario() -> list[tuple[int, int]]:
                found = []
                for seq in range(1, 6):
                    store.commit(
                        WriteBatch(
                            versions=[a_version(seq, a_key(str(seq)))],
                            index={seq: an_entry("h1")},
                        )
                    )
                    found += await asyncio.gather(
                        *(
                            store.read(
                                lambda reader: (
                                    reader.count(R5, "Task", Term("h1")),
                                    len(reader.history(R5, "Task", None, count=99)),
                                )
                            )
                            for _ in range(4)
                        )
                    )
                return found

            assert asyncio.run(scenario()) == [(seq, seq) for seq in range(1, 6) for _ in range(4)]
