"""Retention: by age, never past what a delivery needs, and never in silence."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta

import pytest

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.version import ResourceKey
from hub.engine.retention import MOST_REMOVED
from hub.errors import Expired, StoreFull
from tests.support.fallible_store import FallibleStore
from tests.support.rig import HOUR, SECOND, Rig, on_rig
from tests.support.rig_endpoints import Endpoints, flat_status
from tests.support.rig_resources import a_task, a_topic, id_of

R4 = FhirRelease.R4
DAY = timedelta(days=1)


def sick(envelope: Envelope, attempt: int) -> DeliveryResult:
    """Answer handshakes, and nothing else."""
    if b'"handshake"' in envelope.body:
        return Delivered(status=200)
    return Failed(failure=FailureClass.BUSY, reason="no", status=503)


def blocked(envelope: Envelope, attempt: int) -> DeliveryResult:
    """Answer as a channel whose settings forbid the endpoint."""
    return Failed(failure=FailureClass.BLOCKED, reason="not allowed")


def taken(envelope: Envelope, attempt: int) -> DeliveryResult:
    """Answer as an endpoint that takes everything."""
    return Delivered(status=200)


async def written(rig: Rig, count: int) -> None:
    """Write Tasks that match."""
    await asyncio.gather(*(rig.write(a_task()) for _ in range(count)))


def stored(rig: Rig, id: str) -> list[int]:
    """Return the n of every event that is stored for a Subscription's streams."""
    reader = rig.hub.store.writer
    return [
        event.n
        for stream in sorted({segment.stream for segment in rig.subscriber(id).segments})
        for event in reader.events(stream, 0, 2**60)
    ]


def test_what_is_older_than_the_window_goes_and_events_names_the_lowest() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await written(rig, 3)
        await rig.after(20 * HOUR)
        await written(rig, 2)
        await rig.after(5 * HOUR)
        await rig.retention.sweep()
        assert stored(rig, id) == [4, 5]
        with pytest.raises(Expired, match="before number 4"):
            await rig.hub.statuses.events(R4, id, since=3)
        answer = await rig.hub.statuses.events(R4, id)
        assert [event.event_number for event in answer.notification.events] == [4, 5]
        await rig.after(DAY)
        await rig.retention.sweep()
        assert stored(rig, id) == []
        empty = await rig.hub.statuses.events(R4, id)
        assert empty.notification.events == ()
        assert empty.notification.events_since_start == 5

    on_rig(scenario, retain=DAY)


def test_nothing_to_remove_writes_nothing() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        await rig.subscribe()
        await written(rig, 3)
        await rig.after(SECOND)
        commits = len(store.commits)
        await rig.retention.sweep()
        assert len(store.commits) == commits

    on_rig(scenario, store=store, retain=DAY)


@pytest.mark.parametrize("status", ["active", "requested"])
def test_a_delivery_that_waits_holds_its_events(status: str) -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        rig.endpoints.answers = sick
        await written(rig, 3)
        if status == "requested":
            await rig.update(id, status="active", endpoint="https://new.example.org/")
            rig.endpoints.answers = lambda envelope, attempt: Failed(
                failure=FailureClass.BUSY, reason="no"
            )
        await rig.retention.sweep()
        await rig.after(3 * SECOND)
        assert rig.status(id) == status
        await rig.retention.sweep()
        assert stored(rig, id) == [1, 2, 3]

    on_rig(scenario, retain=timedelta(0), endpoints=Endpoints())


def test_error_and_off_and_websocket_hold_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("socket", type="websocket", filters=("Task?status=requested",))
        await rig.update("off", filters=("Task?owner:missing=false",))
        await rig.update("blocked")
        await rig.after(SECOND)
        rig.endpoints.answers = blocked
        await written(rig, 2)
        await rig.update("off", status="off", filters=("Task?owner:missing=false",))
        await rig.after(HOUR)
        assert rig.status("blocked") == "error"
        await rig.retention.sweep()
        for id in ("socket", "off", "blocked"):
            assert stored(rig, id) == []

    on_rig(scenario, retain=SECOND)


def test_what_expired_while_in_error_is_named_in_the_next_notification() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", max_count=2)
        await rig.after(SECOND)
        rig.endpoints.answers = blocked
        await written(rig, 3)
        await rig.after(DAY)
        await written(rig, 3)
        await rig.after(SECOND)
        await rig.retention.sweep()
        rig.endpoints.answers = taken
        await rig.update("sub", max_count=2)
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [4, 5, 6]
        first, second = rig.endpoints.of("event-notification")
        assert [error["text"] for error in first["errors"]] == ["events 1 to 3 are no longer kept"]
        assert second["errors"] == []

    on_rig(scenario, retain=HOUR)


def test_a_backlog_that_expired_as_a_whole_is_passed_over_and_named() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.after(SECOND)
        rig.endpoints.answers = blocked
        await written(rig, 3)
        await rig.after(DAY)
        await rig.retention.sweep()
        rig.endpoints.answers = taken
        await rig.update("sub")
        await rig.after(SECOND)
        assert rig.subscriber("sub").error == "events 1 to 3 are no longer kept"
        assert rig.subscriber("sub").delivery.cursor == 3
        (status,) = rig.hub.statuses.statuses(R4, ["sub"], ())
        assert [error.text for error in status.errors] == ["events 1 to 3 are no longer kept"]
        await written(rig, 1)
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [4]
        assert rig.subscriber("sub").error is None

    on_rig(scenario, retain=HOUR)


def test_a_sweep_removes_a_bounded_number_of_events() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("socket", type="websocket")
        for _ in range(21):
            await rig.write(*(a_task() for _ in range(250)))
        await rig.after(HOUR)
        await rig.retention.sweep()
        assert rig.hub.subscribers.lowest(rig.subscriber("socket")) == MOST_REMOVED + 1
        await rig.retention.sweep()
        assert stored(rig, "socket") == []

    on_rig(scenario, retain=SECOND)


def test_a_stream_without_numbers_of_anybody_is_dropped() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.write(a_task())
        await rig.hub.subscriptions.delete(R4, "sub")
        await rig.retention.sweep()
        assert rig.hub.subscribers.streams() == []
        await rig.update("sub")
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [2]
        with pytest.raises(Expired, match="the lowest is 2"):
            await rig.hub.statuses.events(R4, "sub", since=1)

    on_rig(scenario)


def test_who_reactivates_during_a_sweep_loses_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.after(SECOND)
        rig.endpoints.answers = blocked
        await written(rig, 3)
        await rig.after(DAY)
        rig.endpoints.answers = taken
        await asyncio.gather(rig.update("sub"), rig.retention.sweep())
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1, 2, 3]

    on_rig(scenario, retain=HOUR)


def test_who_joins_an_empty_stream_during_a_sweep_keeps_it() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("old")
        await rig.hub.subscriptions.delete(R4, "old")
        await asyncio.gather(rig.update("new"), rig.retention.sweep())
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1]

    on_rig(scenario)


def test_sweeps_come_by_themselves_and_survive_a_full_disk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        sweeping = asyncio.create_task(rig.retention.run())
        await written(rig, 2)
        await rig.after(SECOND)
        store.refuse = lambda batch: StoreFull("no space left") if batch.floors else None
        await rig.after(3 * HOUR)
        assert stored(rig, id) == [1, 2]
        store.refuse = lambda batch: None
        await rig.after(2 * HOUR)
        assert stored(rig, id) == []
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)

    on_rig(scenario, store=store, retain=HOUR)


def test_a_notification_says_nothing_of_errors_while_nothing_is_lost() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.subscribe()
        await rig.after(SECOND)
        await written(rig, 1)
        await rig.after(SECOND)
        statuses = [
            flat_status(json.loads(envelope.body)) for _, envelope in rig.endpoints.received
        ]
        assert [each["errors"] for each in statuses] == [[], []]

    on_rig(scenario)


def test_an_event_that_was_told_is_kept_as_long_as_one_that_a_change_made() -> None:
    event = {"coding": [{"system": "s", "code": "a"}]}
    topic = a_topic(eventTrigger=[{"resource": "Task", "event": event}])

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(type="websocket"))
        await rig.write(a_task(id="old"))
        await rig.after(20 * HOUR)
        await rig.write(a_task(id="new"))
        told = await rig.hub.topics.tell(R4, "task", [("s", "a")], ResourceKey(R4, "Task", "old"))
        assert told.numbers == ((id, 3),)
        await rig.after(5 * HOUR)
        await rig.retention.sweep()
        # The focus is older than the window, the event is not.
        assert stored(rig, id) == [2, 3]
        answer = await rig.hub.statuses.events(R4, id)
        assert [each.focus for each in answer.notification.events] == ["Task/new", "Task/old"]
        first, second = (each.timestamp for each in answer.notification.events)
        assert first <= second
        await rig.after(DAY)
        await rig.write(a_task("Organization/other"))
        await rig.after(2 * DAY)
        await rig.retention.sweep()
        assert stored(rig, id) == []

    on_rig(scenario, topics=[topic], retain=DAY)
