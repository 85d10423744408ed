"""What every store does, whatever it is made of."""

from __future__ import annotations

import asyncio

import pytest

from hub.core.search_index import Term
from hub.errors import Unavailable
from hub.ports import Opened, WriteBatch
from tests.stores.history import R4, R5, History
from tests.stores.log_contract import LogContract
from tests.stores.samples import (
    a_key,
    a_stream,
    a_subscriber,
    a_topic,
    a_version,
    an_attempt,
    an_entry,
    an_event,
)
from tests.stores.search_contract import SearchContract
from tests.stores.subscriber_contract import SubscriberContract


class StoreContract(LogContract, SearchContract, SubscriberContract):
    """The whole suite, and what concerns all of its parts."""

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

    def test_it_tells_what_it_is_and_how_large(self) -> None:
        with self.opened() as store:
            before = store.facts()
            assert before.kind in ("memory", "SQLite")
            large = a_version(1)._replace(body=b"{" + b" " * 100_000 + b"}")
            store.commit(WriteBatch(versions=[large]))
            assert store.facts().size >= before.size + 100_000

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

    def test_topics_come_back_and_a_changed_one_replaces_the_old(self) -> None:
        with self.opened() as store:
            unversioned = a_topic(None)
            store.commit(WriteBatch(topics=[a_topic("1"), a_topic("2"), unversioned]))
            store.commit(WriteBatch(topics=[a_topic("2", title="Other")]))
            found = self.reopened(store).topics
            assert found == (a_topic("1"), a_topic("2", title="Other"), unversioned)
            assert found[1].source == a_topic("2", title="Other").source

    def test_a_topic_that_was_dropped_is_gone(self) -> None:
        with self.opened() as store:
            unversioned = a_topic(None)
            store.commit(WriteBatch(topics=[a_topic("1"), a_topic("2"), unversioned]))
            store.commit(WriteBatch(dropped_topics=[a_topic("1"), unversioned, a_topic("9")]))
            assert self.reopened(store).topics == (a_topic("2"),)

    def test_how_resources_are_indexed_is_remembered_per_release(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(indexed={R4: {"Task": "1", "Patient": "2"}, R5: {}}))
            store.commit(WriteBatch(indexed={R5: {"Task": "3"}}))
            store.commit(WriteBatch(versions=[a_version(1)]))
            found = self.reopened(store).indexed
            assert found == {R4: {"Task": "1", "Patient": "2"}, R5: {"Task": "3"}}

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
