"""Explaining a change agrees with what it did, and says what failed where it did nothing."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease, Resource
from hub.core.version import ResourceKey
from hub.engine.explain import MOST_NEAR_MISSES, Explanation
from hub.engine.standing import Standing
from hub.errors import Deleted, NotFound, TopicUnknown, Unprocessable
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_resources import OTHER_OWNER, OTHER_TOPIC, TASK_TOPIC, a_task, id_of

R4 = FhirRelease.R4
TASK = ResourceKey(R4, "Task", "t1")


async def stored(rig: Rig, version: int | None = None, **only: Any) -> Explanation:
    return await rig.hub.explain.version(TASK, version, **only)


def standings(found: Explanation) -> dict[str, tuple[int | None, str | None]]:
    return {
        each.subscriber.subscription.id: (
            each.number,
            each.standing.standing if each.standing else None,
        )
        for topic in found.topics
        for stream in topic.streams
        for each in stream.subscriptions
    }


def test_a_stored_change_is_explained_with_numbers_and_where_delivery_stands() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe())
        other = id_of(await rig.subscribe(filters=OTHER_OWNER))
        await rig.write(a_task(id="t1"))
        await rig.write(a_task(id="t1", status="accepted"))
        await rig.after(HOUR)
        found = await stored(rig)
        assert found.version is not None and found.version.version == 2
        (topic,) = found.topics
        assert topic.fires and topic.topic.topic.url == TASK_TOPIC
        hit, miss = topic.streams
        assert (hit.accepts, hit.counted, miss.accepts, miss.counted) == (True, True, False, False)
        assert [(c.text, c.holds, c.found) for c in miss.clauses] == [
            ("owner=Organization/other", False, ("Organization/lab",))
        ]
        assert standings(found) == {mine: (2, Standing.DELIVERED), other: (None, None)}
        assert found.told == 1
        assert standings(await stored(rig, 1))[mine] == (1, Standing.DELIVERED)

    on_rig(scenario)


def test_a_change_is_looked_for_in_the_middle_of_a_stream() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe(filters=()))
        for number in range(9):
            await rig.write(a_task(id=f"x{number}"))
        await rig.write(a_task(id="t1"))
        for number in range(7):
            await rig.write(a_task(id=f"y{number}"))
        assert standings(await stored(rig))[mine][0] == 10

    on_rig(scenario)


def test_who_came_later_was_not_told() -> None:
    async def scenario(rig: Rig) -> None:
        first = id_of(await rig.subscribe())
        await rig.write(a_task(id="t1"))
        second = id_of(await rig.subscribe())
        found = standings(await stored(rig))
        assert found[first][0] == 1 and found[second] == (None, None)

    on_rig(scenario)


def test_what_was_not_delivered_says_where_it_stands() -> None:
    def ill(envelope: Envelope, attempt: int) -> DeliveryResult:
        if b"handshake" in envelope.body:
            return Delivered(status=200)
        return Failed(failure=FailureClass.BUSY, reason="503", status=503)

    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe())
        socket = id_of(await rig.subscribe(type="websocket"))
        await rig.write(a_task(id="t1"))
        found = standings(await stored(rig))
        assert found == {mine: (1, Standing.WAITING), socket: (1, Standing.WAITING)}
        await rig.after(HOUR)
        rig.endpoints.answers = ill
        await rig.write(a_task(id="t1", status="accepted"))
        assert standings(await stored(rig))[mine] == (2, Standing.WAITING)
        await rig.after(HOUR)
        assert standings(await stored(rig))[mine] == (2, Standing.RETRYING)
        await rig.after(100 * HOUR)
        assert rig.status(mine) == "error"
        assert standings(await stored(rig))[mine] == (2, Standing.HELD)

    on_rig(scenario)


def test_what_would_come_of_a_change_is_told_and_nothing_happens() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe())
        before, after = a_task(id="t9"), a_task(id="t9", status="accepted")
        for states in ((None, after), (before, after), (before, None)):
            found = await rig.hub.explain.change(R4, *states)
            assert found.told == 1 and found.version is None
            assert standings(found) == {mine: (None, None)}
        assert rig.top(mine) == 0
        patient: Resource = {"resourceType": "Patient", "id": "p"}
        (topic,) = (await rig.hub.explain.change(R4, None, patient, topic=OTHER_TOPIC)).topics
        assert topic.fires and not topic.streams
        missed, other = (await rig.hub.explain.change(R4, None, patient)).topics
        assert {missed.fires, other.fires} == {True, False}

    on_rig(scenario)


def test_only_one_subscription_is_asked_about() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe(filters=OTHER_OWNER))
        await rig.subscribe()
        await rig.write(a_task(id="t1"))
        found = await stored(rig, subscription=mine)
        assert standings(found) == {mine: (None, None)} and found.told == 0
        await rig.update(mine, status="off", filters=OTHER_OWNER)
        with pytest.raises(Unprocessable, match="is off: no change counts"):
            await stored(rig, subscription=mine)

    on_rig(scenario)


def test_near_misses_are_bounded_and_the_closest_come_first() -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(MOST_NEAR_MISSES + 3):
            await rig.subscribe(filters=(f"Task?owner=Organization/o{number}&status=draft",))
        close = id_of(await rig.subscribe(filters=("Task?owner=Organization/lab&status=draft",)))
        await rig.write(a_task(id="t1"))
        (topic,) = (await stored(rig)).topics
        assert len(topic.streams) == MOST_NEAR_MISSES and topic.left_out == 4
        assert topic.streams[0].failing == 1
        assert topic.streams[0].subscriptions[0].subscriber.subscription.id == close

    on_rig(scenario)


def test_resources_about_the_hub_are_explained_as_such() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe())
        found = await rig.hub.explain.version(ResourceKey(R4, "Subscription", mine))
        assert all(each.why_not and not each.fires for each in found.topics)

    on_rig(scenario)


def test_what_is_not_there_can_t_be_explained() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe())
        await rig.write(a_task(id="t1"))
        with pytest.raises(NotFound):
            await stored(rig, 9)
        with pytest.raises(NotFound):
            await stored(rig, subscription="nobody")
        with pytest.raises(TopicUnknown):
            await stored(rig, topic="http://example.org/none")
        await rig.hub.subscriptions.delete(R4, mine)
        with pytest.raises(Deleted):
            await stored(rig, subscription=mine)
        with pytest.raises(Unprocessable, match="neither"):
            await rig.hub.explain.change(R4, None, None)
        with pytest.raises(Unprocessable, match="different types"):
            await rig.hub.explain.change(R4, a_task(), {"resourceType": "Patient"})
        await rig.delete("Task/t1")
        assert (await stored(rig)).change.interaction == "delete"

    on_rig(scenario)
