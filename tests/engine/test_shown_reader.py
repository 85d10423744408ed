"""What is hidden is left out of reads, pages and counts, however much of it there is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.core.search_index import Everything
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.shown_reader import ShownReader
from hub.stores.memory import MemoryStore
from tests.stores.history import R5, History
from tests.stores.samples import a_key, an_entry

KIND = "Subscription"
IDS = "123456789"


def stored(*keys: ResourceKey) -> History:
    """Return what a store has with one version of each."""
    store = MemoryStore()
    store.open()
    history = History(store)
    history.write(*((key, an_entry("h1")) for key in keys))
    return history


def shown(history: History, hidden: set[str]) -> ShownReader:
    """Return what is seen of it without the Subscriptions of these ids."""
    return ShownReader(
        history.store.writer, lambda release, id: release is not R5 or id not in hidden
    )


@given(st.sets(st.sampled_from(IDS)), st.integers(1, 4), st.sampled_from((KIND, "Resource")))
def test_pages_and_counts_are_those_of_a_store_without_it(
    hidden: set[str], count: int, kind: str
) -> None:
    keys = [a_key(id, each) for id in IDS for each in (KIND, "Task")]
    history = stored(*keys)
    reader = shown(history, hidden)
    expected = [
        each
        for each in history.found(R5, kind, Everything())
        if each.key.resource_type == "Task" or each.key.id not in hidden
    ]
    assert reader.count(R5, kind, Everything()) == len(expected)

    def search(before: int | None) -> list[ResourceVersion]:
        return reader.search(R5, kind, Everything(), count=count, before=before)

    def versions(before: int | None) -> list[ResourceVersion]:
        return reader.history(R5, KIND, None, count=count, before=before)

    for read in (search, versions):
        found: list[ResourceVersion] = []
        before = None
        while page := read(before):
            assert len(page) <= count
            found += page
            before = page[-1].seq
        assert [each for each in found if each.key.resource_type == KIND] == [
            each for each in expected if each.key.resource_type == KIND
        ]


def test_one_resource_is_there_or_not_by_any_way_to_it() -> None:
    mine, task = a_key("1", KIND), a_key("1")
    history = stored(mine, task)
    reader = shown(history, {"1"})
    assert reader.head(mine) is None and reader.version(mine, 1) is None
    assert reader.head(task) is not None and reader.version(task, 1) is not None
    assert [each.key for each in reader.at([1, 2]).values()] == [task]
    assert list(reader.heads([mine, task])) == [task]
    assert reader.head(a_key("1", KIND, "R4")) is None  # there never was one


def test_more_of_it_than_is_looked_at_at_once_is_counted() -> None:
    ids = [str(n) for n in range(450)]
    reader = shown(stored(*(a_key(id, KIND) for id in ids)), set(ids[:430]))
    assert reader.count(R5, KIND, Everything()) == 20
    assert len(reader.search(R5, KIND, Everything(), count=7)) == 7


def test_what_is_about_no_resource_is_handed_on() -> None:
    history = stored(a_key())
    reader, whole = shown(history, set()), history.store.writer
    version = history.versions[0]
    assert reader.seq_at(version.timestamp) == whole.seq_at(version.timestamp)
    assert reader.events(1, 1, 9) == [] and reader.attempts(1, 9) == []
