"""The log: every version of every resource, and in which order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.core.search_index import IndexEntry
from hub.core.version import ResourceKey
from hub.ports import WriteBatch
from tests.stores.history import KEYS, History, several_stores, writes, written
from tests.stores.opening import StoreOpening
from tests.stores.samples import START, a_key, a_version, an_entry


class LogContract(StoreOpening):
    """What every store does with versions."""

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
    def test_many_heads_are_each_one_s_head(
        self, changes: list[tuple[ResourceKey, IndexEntry | None]]
    ) -> None:
        with self.opened() as store:
            written(store, changes)
            keys = [*KEYS, *(a_key(str(number)) for number in range(70)), *KEYS]
            heads = {key: store.writer.head(key) for key in keys}
            there = {key: head for key, head in heads.items() if head is not None}
            assert store.writer.heads(keys) == there
            assert store.writer.heads([]) == {}

    @several_stores
    @given(writes)
    def test_every_version_can_be_read_again(
        self, changes: list[tuple[ResourceKey, IndexEntry | None]]
    ) -> None:
        with self.opened() as store:
            history = written(store, changes)
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
            history = written(store, changes)
            id = None if whole_type else key.id
            instant = None if since is None else START + timedelta(seconds=since)
            expected = [
                version
                for version in reversed(history.versions)
                if version.key == key._replace(id=id or version.key.id)
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
