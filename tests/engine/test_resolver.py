"""Looking up other resources: committed, planned, many pages, parsed once."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.json_text import dumps
from hub.core.release import FhirRelease, Resource
from hub.core.search import parse_query
from hub.core.search_index import index_entry
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.resolver import Bodies, ReaderResolver
from hub.ports import WriteBatch
from hub.stores.memory import MemoryReader, MemoryStore
from tests.support.rig_resources import a_task

R4 = FhirRelease.R4
PARAMETERS = search_parameters(R4, "http://hub.example.org/fhir/r4")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def version(seq: int, resource: Resource | None, id: str, number: int = 1) -> ResourceVersion:
    """Return a version of a Task."""
    return ResourceVersion(
        seq=seq,
        key=ResourceKey(R4, "Task", id),
        version=number,
        interaction=Interaction.UPDATE if resource else Interaction.DELETE,
        timestamp=AT,
        body=dumps(resource) if resource else None,
        transaction=seq,
    )


def store_of(*resources: Resource) -> MemoryStore:
    """Return a store that holds Tasks, the first one at seq 1."""
    store = MemoryStore()
    store.open()
    batch = WriteBatch()
    for seq, resource in enumerate(resources, 1):
        batch.versions.append(version(seq, resource, resource["id"]))
        batch.index[seq] = index_entry(PARAMETERS, resource)
    store.commit(batch)
    return store


def test_the_last_few_bodies_are_remembered_and_old_ones_parsed_again() -> None:
    bodies = Bodies(limit=4)
    versions = [version(seq, a_task(id=f"t{seq}"), f"t{seq}") for seq in range(1, 8)]
    first = bodies.of(versions[0])
    assert bodies.of(versions[0]) is first
    for each in versions:
        bodies.of(each)
    assert bodies.of(versions[0]) == first
    assert bodies.of(versions[0]) is not first


def test_a_place_in_the_log_that_was_given_up_is_parsed_anew() -> None:
    bodies = Bodies()
    bodies.keep(1, {"resourceType": "Task", "id": "never"})
    bodies.forget([1, 2])
    assert bodies.of(version(1, a_task(id="t"), "t")) == a_task(id="t")


def test_a_deletion_has_no_body() -> None:
    assert Bodies().of(version(1, None, "t")) is None


def test_what_is_planned_hides_what_is_committed() -> None:
    store = store_of(a_task(id="a"), a_task(id="b"), a_task(id="c"))
    planned = {
        ResourceKey(R4, "Task", "a"): version(4, None, "a", 2),
        ResourceKey(R4, "Task", "b"): version(5, a_task(id="b", status="ready"), "b", 2),
        ResourceKey(R4, "Task", "d"): version(6, a_task(id="d"), "d"),
        ResourceKey(R4, "Patient", "p"): version(7, a_task(id="p"), "p"),
    }
    resolver = ReaderResolver(store.writer, R4, PARAMETERS, written=[planned], now=AT)
    assert resolver.read("Task", "a") is None
    assert not resolver.has("Task", "a")
    assert resolver.has("Task", "b")
    assert resolver.read("Task", "b") == a_task(id="b", status="ready")
    assert resolver.read("Task", "c") == a_task(id="c")
    assert resolver.read("Task", "nobody") is None
    requested = parse_query(PARAMETERS, "Task", [("status", "requested")])
    assert [found.key.id for found, _ in resolver.matching(requested, 10)] == ["d", "c"]
    assert [found.key.id for found, _ in resolver.matching(requested, 1)] == ["d"]


def test_a_resource_is_looked_up_once_as_long_as_few_are_asked_for() -> None:
    asked: list[str] = []

    class Counting(MemoryReader):
        def head(self, key: ResourceKey) -> ResourceVersion | None:
            asked.append(key.id)
            return None

    hidden = {ResourceKey(R4, "Task", "a"): version(1, a_task(id="a"), "a")}
    resolver = ReaderResolver(
        Counting(attempts_kept=1), R4, PARAMETERS, written=[{}, hidden], now=AT
    )
    for _ in range(2):
        assert resolver.read("Task", "a") == a_task(id="a")
        assert resolver.read("Task", "b") is None
    assert asked == ["b"]
    for number in range(100):
        assert resolver.version("Task", f"t{number}") is None
    assert resolver.version("Task", "b") is None
    assert asked.count("b") == 2


def test_all_pages_of_a_search_are_read_until_enough_is_found() -> None:
    tasks = [
        a_task(id=f"t{n}", status="requested" if n % 3 == 0 else "ready") for n in range(1, 31)
    ]
    store = store_of(*tasks)
    planned = {
        ResourceKey(R4, "Task", f"t{n}"): version(n + 30, a_task(status="ready"), f"t{n}", 2)
        for n in (30, 27, 24)
    }
    resolver = ReaderResolver(store.writer, R4, PARAMETERS, written=[planned], now=AT)
    requested = parse_query(PARAMETERS, "Task", [("status", "requested")])
    found = [hit.key.id for hit, _ in resolver.matching(requested, 2)]
    assert found == ["t21", "t18"]
    assert len(resolver.matching(requested, 100)) == 7


def test_referrers_are_those_that_point_to_the_target() -> None:
    store = store_of(
        a_task(id="part", partOf=[{"reference": "Task/whole"}]),
        a_task(id="other", partOf=[{"reference": "Task/else"}]),
        a_task(id="whole"),
    )
    resolver = ReaderResolver(store.writer, R4, PARAMETERS, now=AT)
    found = resolver.referrers("Task", "part-of", "Task", "whole")
    assert [each["id"] for each in found] == ["part"]
