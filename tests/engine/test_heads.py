"""What the writer remembers of newest versions: never anything but what the store has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hub.core.change import Interaction
from hub.core.release import FhirRelease
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.heads import MOST_TYPES, Heads
from hub.engine.reader_view import ReaderView
from hub.ports import WriteBatch
from hub.stores.memory import MemoryStore

KEYS = [ResourceKey(FhirRelease.R5, "Task", str(number)) for number in range(4)]


@given(
    steps=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(KEYS),
            st.integers(0, 40),
            st.lists(st.sampled_from(KEYS)),
        )
    ),
    most=st.integers(1, 5),
    most_bytes=st.integers(0, 90),
)
def test_a_head_is_the_newest_version_committed(
    steps: list[tuple[bool, ResourceKey, int, list[ResourceKey]]], most: int, most_bytes: int
) -> None:
    store = MemoryStore()
    store.open()
    heads = Heads(store.writer, most=most, most_bytes=most_bytes)
    for seq, (writes, key, size, looked_up) in enumerate(steps, 1):
        heads.look_up(looked_up)
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


def test_nobody_is_asked_for_resources_of_a_type_that_has_none() -> None:
    asked: list[ResourceKey] = []

    class Counting(ReaderView):
        def head(self, key: ResourceKey) -> ResourceVersion | None:
            asked.append(key)
            return super().head(key)

    store = MemoryStore()
    store.open()
    heads = Heads(Counting(store.writer))
    patients = [ResourceKey(FhirRelease.R5, "Patient", str(number)) for number in range(3)]
    assert [heads.head(key) for key in patients] == [None, None, None]
    assert asked == []
    patient = _version(1, patients[1], None, 1)
    store.commit(WriteBatch(versions=[patient]))
    heads.committed([patient])
    assert [heads.head(key) for key in patients] == [None, patient, None]
    assert asked == [patients[0], patients[2]]
    elsewhere = ResourceKey(FhirRelease.R4, "Patient", "1")
    assert heads.head(elsewhere) is None
    assert asked == [patients[0], patients[2]]


def test_what_is_looked_up_is_asked_for_at_once_and_not_again() -> None:
    asked: list[list[ResourceKey]] = []

    class Counting(ReaderView):
        def head(self, key: ResourceKey) -> ResourceVersion | None:
            raise AssertionError(key)

        def heads(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, ResourceVersion]:
            asked.append(list(keys))
            return super().heads(asked[-1])

    store = MemoryStore()
    store.open()
    there = [_version(1, KEYS[0], None, 1), _version(2, KEYS[1], None, 1)]
    store.commit(WriteBatch(versions=there))
    heads = Heads(Counting(store.writer))
    patient = ResourceKey(FhirRelease.R5, "Patient", "1")
    heads.look_up([KEYS[0], patient, KEYS[2], KEYS[0]])
    heads.look_up([KEYS[2], KEYS[1], KEYS[0]])
    heads.look_up([patient, KEYS[1]])
    assert asked == [[KEYS[0], KEYS[2]], [KEYS[1]]]
    assert [heads.head(key) for key in KEYS[:3]] == [*there, None]


def test_any_number_of_types_can_be_asked_for() -> None:
    store = MemoryStore()
    store.open()
    store.commit(WriteBatch(versions=[_version(1, KEYS[0], None, 1)]))
    heads = Heads(store.writer)
    for number in range(2 * MOST_TYPES):
        assert heads.head(ResourceKey(FhirRelease.R5, f"T{number}", "1")) is None
    assert heads.head(KEYS[0]) == store.writer.head(KEYS[0])


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
