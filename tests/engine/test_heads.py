"""What the writer remembers of newest versions: never anything but what the store has."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hub.core.change import Interaction
from hub.core.release import FhirRelease
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.heads import Heads
from hub.ports import WriteBatch
from hub.stores.memory import MemoryStore

KEYS = [ResourceKey(FhirRelease.R5, "Task", str(number)) for number in range(4)]


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sampled_from(KEYS), st.integers(0, 40))),
    most=st.integers(1, 5),
    most_bytes=st.integers(0, 90),
)
def test_a_head_is_the_newest_version_committed(
    steps: list[tuple[bool, ResourceKey, int]], most: int, most_bytes: int
) -> None:
    store = MemoryStore()
    store.open()
    heads = Heads(store.writer, most=most, most_bytes=most_bytes)
    for seq, (writes, key, size) in enumerate(steps, 1):
        if writes:
            version = _version(seq, key, store.writer.head(key), size)
            store.commit(WriteBatch(versions=[version]))
            heads.committed([version])
        assert heads.head(key) == store.writer.head(key)
        assert len(heads) <= most


def test_it_does_not_ask_twice() -> None:
    store = MemoryStore()
    store.open()
    heads = Heads(store.writer)
    assert heads.head(KEYS[0]) is None
    store.commit(WriteBatch(versions=[_version(1, KEYS[0], None, 1)]))
    assert heads.head(KEYS[0]) is None


def _version(
    seq: int, key: ResourceKey, before: ResourceVersion | None, size: int
) -> ResourceVersion:
    return ResourceVersion(
        seq=seq,
        key=key,
        version=before.version + 1 if before else 1,
        interaction=Interaction.UPDATE if size else Interaction.DELETE,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        body=b"x" * size if size else None,
        transaction=seq,
        previous=before.seq if before else None,
    )
