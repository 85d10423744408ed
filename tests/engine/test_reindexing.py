"""Indexing anew what was stored under other search parameters."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.json_text import dumps
from hub.core.release import FhirRelease
from hub.core.search import parse_query
from hub.core.search_index import index_entry, plan
from hub.core.search_parameter import SearchParameters
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.reindexing import AT_ONCE, Reindexing
from hub.ports import StoreBroken, WriteBatch
from hub.stores.memory import MemoryStore
from tests.support.fallible_store import FallibleStore
from tests.support.rig_resources import a_task
from tests.support.virtual_time import START, LateExecutor, VirtualClock, run_virtually

R4, R5 = FhirRelease.R4, FhirRelease.R5
FLOOR = {"type": "string", "url": "http://guide/floor", "path": "description"}
OF = {
    name: {
        release: search_parameters(release, f"http://hub/{release}", added={"Task": more})
        for release in FhirRelease
    }
    for name, more in {
        "standard": {},
        "guide": {"floor": FLOOR},
        "changed guide": {"floor": FLOOR | {"path": "implicitRules"}},
    }.items()
}
MANY = 3 * AT_ONCE - 1


def stored(store: MemoryStore, resource_type: str, count: int, release: FhirRelease = R4) -> None:
    """Store resources as a hub that knew the standard's parameters did."""
    batch = WriteBatch()
    start = max(store.writer.at(range(10_000)), default=0)
    for seq in range(start + 1, start + count + 1):
        resource = {
            **a_task(id=f"t{seq}", description=f"Third {seq % 2}"),
            "resourceType": resource_type,
        }
        batch.versions.append(
            ResourceVersion(
                seq=seq,
                key=ResourceKey(release, resource_type, f"t{seq}"),
                version=1,
                interaction=Interaction.CREATE,
                timestamp=START,
                body=dumps(resource),
                transaction=seq,
            )
        )
        batch.index[seq] = index_entry(OF["standard"][release], resource)
    store.commit(batch)


def start(store: FallibleStore, parameters: Mapping[FhirRelease, SearchParameters]) -> Reindexing:
    """Start with a store as a hub does; return what was done."""

    async def scenario() -> Reindexing:
        indexing = Reindexing(
            store,
            parameters,
            store.open(),
            clock=VirtualClock(asyncio.get_running_loop()),
            executor=LateExecutor(timedelta(seconds=2)),
        )
        try:
            assert await indexing.count() == indexing.total
            await indexing.run()
        finally:
            store.close()
        return indexing

    return run_virtually(scenario())


def found(store: FallibleStore, parameters: Mapping[FhirRelease, SearchParameters]) -> int:
    """Return how many Tasks the index finds by the guide's parameter."""
    known = parameters[R4]
    expression, exact = plan(parse_query(known, "Task", [("floor", "third 1")]), known)
    assert exact
    return store.writer.count(R4, "Task", expression)


def a_store() -> FallibleStore:
    """Return a store of a hub that ran with the standard's parameters."""
    store = FallibleStore()
    start(store, OF["standard"])
    stored(store.kept, "Task", MANY)
    stored(store.kept, "Patient", 5)
    stored(store.kept, "Task", 3, R5)
    return store


def test_a_store_that_is_empty_only_takes_the_fingerprints() -> None:
    store = FallibleStore()
    assert start(store, OF["guide"]).total == 0
    (batch,) = store.commits
    assert batch.indexed[R4]["Task"] == OF["guide"][R4].fingerprint("Task")
    start(store, OF["guide"])
    assert len(store.commits) == 1


def test_what_was_stored_before_is_found_by_a_parameter_that_came_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = a_store()
    assert found(store, OF["guide"]) == 0
    with caplog.at_level(logging.INFO, "hub.engine.reindexing"):
        indexing = start(store, OF["guide"])
    assert (indexing.done, indexing.total) == (MANY + 3, MANY + 3)  # Tasks of R4 and of R5
    assert found(store, OF["guide"]) == MANY // 2 + 1
    first, *between, last = [record.message for record in caplog.records]
    assert first == f"search parameters changed: indexing {MANY + 3} resources anew"
    assert f"indexed {MANY} of {MANY + 3} resources" in between
    assert last == f"indexed {MANY + 3} resources"
    assert start(store, OF["guide"]).total == 0


def test_a_parameter_that_changed_or_went_is_forgotten() -> None:
    store = a_store()
    start(store, OF["guide"])
    start(store, OF["changed guide"])
    assert found(store, OF["guide"]) == 0
    start(store, OF["guide"])
    assert found(store, OF["guide"]) > 0
    start(store, OF["standard"])
    assert found(store, OF["guide"]) == 0


def test_another_address_of_the_hub_changes_which_references_are_its_own() -> None:
    store = a_store()
    moved = {release: search_parameters(release, "http://moved") for release in FhirRelease}
    assert start(store, moved).total == MANY + 5 + 3


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_start_that_was_cut_off_is_begun_again(after: int) -> None:
    class Broken(FallibleStore):
        left = after

        def reindex(self, *args: object, **more: object) -> int | None:
            if not self.left:
                raise StoreBroken("an I/O error")
            self.left -= 1
            return super().reindex(*args, **more)  # type: ignore[arg-type]  # as they came

    store = Broken()
    store.kept = a_store().kept
    with pytest.raises(StoreBroken):
        start(store, OF["guide"])
    # The old parameters would do for what is not indexed yet, but not for the rest.
    store.left = 100
    assert start(store, OF["standard"]).total == MANY + 3
    assert found(store, OF["guide"]) == 0
    store.left = after
    with pytest.raises(StoreBroken):
        start(store, OF["guide"])
    store.left = 100
    assert start(store, OF["guide"]).total == MANY + 3
    assert found(store, OF["guide"]) == MANY // 2 + 1
