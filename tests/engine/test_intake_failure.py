"""Failures of the one writer: of one request, of all, and of the store."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hub.core.change import Interaction
from hub.core.json_text import Document
from hub.core.release import Resource
from hub.core.timing import Settled
from hub.engine.plan import Plan
from hub.engine.write import Write
from hub.errors import StoreFull, VersionConflict
from hub.ports import StoreBroken
from tests.engine.committing import R4, ids_of, in_background, tasks_committed
from tests.support.fallible_store import FallibleStore
from tests.support.rig import HOUR, SECOND, Rig, on_rig
from tests.support.rig_resources import a_task, document, id_of
from tests.support.rig_writes import a_settlement, focuses, put


def _stale(id: str) -> Write:
    return Write(
        interaction=Interaction.UPDATE,
        resource_type="Task",
        id=id,
        document=document(a_task(id=id, status="ready")),
        if_match=7,
    )


def test_a_request_that_is_refused_leaves_the_others_of_its_commit_as_they_are() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        answers = await asyncio.gather(
            rig.write(a_task(id="a")),
            rig.hub.intake.submit(R4, [_stale("a")]),
            rig.write(a_task(id="b")),
            return_exceptions=True,
        )
        assert isinstance(answers[1], VersionConflict)
        assert tasks_committed(store) == [["a", "b"]]
        assert [v.seq for v in store.commits[-1].versions] == [
            store.commits[-1].versions[0].seq,
            store.commits[-1].versions[0].seq + 1,
        ]

    on_rig(scenario, store=store)


def test_what_a_request_planned_before_it_was_refused_is_taken_back() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        subscriber = rig.subscriber(id)

        def keep(plan: Plan) -> None:
            plan.subscribers[subscriber.sid] = subscriber

        def refuse(plan: Plan) -> None:
            plan.submit(R4, [put(a_task(id="a", status="ready")), put(a_task(id="b"))])
            plan.subscribers.clear()
            plan.dropped_streams.append(99)
            raise VersionConflict("it is late")

        answers = await asyncio.gather(
            rig.write(a_task(id="a")),
            rig.hub.intake.apply(keep),
            rig.hub.intake.apply(refuse),
            rig.write(a_task(id="c")),
            rig.write(a_task(id="a", status="received")),
            return_exceptions=True,
        )
        assert isinstance(answers[2], VersionConflict)
        batch = store.commits[-1]
        assert ids_of(batch) == ["a", "c", "a"]
        assert [version.version for version in batch.versions] == [1, 1, 2]
        seqs = [version.seq for version in batch.versions]
        assert seqs == list(range(seqs[0], seqs[0] + 3))
        assert [(event.n, event.seq) for event in batch.events] == list(enumerate(seqs, 1))
        assert list(batch.counters.values()) == [3]
        assert batch.subscribers == [subscriber]
        assert not batch.dropped_streams
        assert await focuses(rig, id) == ["Task/a", "Task/c", "Task/a"]

    on_rig(scenario, store=store)


def test_a_bug_while_planning_one_request_fails_that_request_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)

    def broken(resource: Resource) -> Document:
        raise ZeroDivisionError

    patch = Write(interaction=Interaction.UPDATE, resource_type="Task", id="a", patch=broken)

    async def scenario(rig: Rig) -> None:
        answers = await asyncio.gather(
            rig.write(a_task(id="a")),
            rig.hub.intake.submit(R4, [patch]),
            rig.write(a_task(id="b")),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [list, ZeroDivisionError, list]

    on_rig(scenario)


def test_a_commit_that_fails_is_tried_one_by_one_and_only_the_culprit_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    store = FallibleStore()
    store.refuse = lambda batch: ValueError("poison") if "poison" in ids_of(batch) else None

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        sid = rig.subscriber(id).sid
        answers = await asyncio.gather(
            rig.write(a_task(id="a")),
            rig.write(a_task(id="poison")),
            rig.write(a_task(id="b")),
            rig.hub.intake.settle(a_settlement(sid, Settled.DELIVERED, cursor=0)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [list, ValueError, list, type(None)]
        assert tasks_committed(store) == [["a"], ["b"]]
        assert rig.top(id) == 2
        bundle = await rig.events(id)
        assert b"poison" not in str(bundle).encode()

    on_rig(scenario, store=store)


def test_a_full_disk_answers_everybody_with_503_and_heals() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        store.refuse = lambda batch: StoreFull("no space left")
        answers = await asyncio.gather(
            *(rig.write(a_task(id=id)) for id in "abc"), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [StoreFull] * 3
        assert rig.top(id) == 0
        store.refuse = lambda batch: None
        await rig.write(a_task(id="a"))
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1]
        assert tasks_committed(store) == [["a"]]

    on_rig(scenario, store=store)


def test_a_settlement_that_finds_the_disk_full_fails_and_the_lane_sends_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        await rig.write(a_task())
        store.refuse = lambda batch: StoreFull("no space left")
        await rig.after(SECOND)
        assert rig.subscriber(id).delivery.cursor == 0
        store.refuse = lambda batch: None
        await rig.after(10 * SECOND)
        assert rig.subscriber(id).delivery.cursor == 1
        assert rig.endpoints.numbers() == [1, 1]

    on_rig(scenario, store=store)


def test_a_broken_store_stops_the_process_and_answers_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        store.refuse = lambda batch: StoreBroken("an I/O error")
        requests = [in_background(rig.write(a_task(id=id))) for id in "ab"]
        await rig.after(HOUR)
        assert [type(error) for error in rig.broken] == [StoreBroken]
        assert rig.tasks[0].done()
        assert not any(request.done() for request in requests)
        for request in requests:
            request.cancel()

    on_rig(scenario, store=store)
