"""What is kept in memory of Subscriptions and streams, and how it comes back at a start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.core.client import Client
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.subscriber import StoredSubscriber, Subscriber
from hub.core.timing import DeliveryState
from hub.engine.subscribers import Subscribers
from hub.errors import Deleted, NotFound, TopicUnknown
from hub.stores.memory import MemoryStore
from tests.support.rig import HOUR, SECOND, Rig, a_rig, on_rig
from tests.support.rig_resources import OTHER_TOPIC, a_task, a_topic, id_of
from tests.support.search_tables import PARAMETERS
from tests.support.subscriptions import a_subscription
from tests.support.virtual_time import run_virtually

R4 = FhirRelease.R4


def test_a_subscription_is_named_only_while_it_exists() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(NotFound):
            rig.subscriber("sub")
        await rig.update("sub")
        assert rig.subscriber("sub").subscription.id == "sub"
        with pytest.raises(NotFound):
            rig.subscriber("sub", FhirRelease.R4B)
        await rig.hub.subscriptions.delete(R4, "sub")
        with pytest.raises(Deleted):
            rig.subscriber("sub")
        assert rig.hub.subscribers.get(99) is None

    on_rig(scenario)


def test_a_stored_subscription_is_made_once_whoever_asks_first() -> None:
    made: list[int] = []

    def make(stored: StoredSubscriber) -> Subscriber:
        made.append(stored.sid)
        whole: Subscriber = stored.rest
        return whole

    known = Subscribers(Registry(), PARAMETERS)
    wholes = [
        Subscriber(sid=sid, subscription=a_subscription(R4, id=f"s{sid}"), owner="lab")
        for sid in range(1, 5)
    ]
    known.load((), [replace(StoredSubscriber.of(each), make=make) for each in wholes])
    assert (known.sids(), made) == ([1, 2, 3, 4], [])
    with ThreadPoolExecutor(max_workers=8) as threads:
        found = list(threads.map(known.get, [1] * 64))
    assert {id(each) for each in found} == {id(wholes[0])}
    assert known.find(R4, "s2") is wholes[1]
    assert not known.shows(R4, "s3", Client(name="other"))
    assert made == [1, 2, 3]
    changed = wholes[3].faring(DeliveryState(cursor=7), None, None)
    known.put(changed)
    assert list(known) == [*wholes[:3], changed]
    assert made == [1, 2, 3, 4]


def test_equal_subscriptions_share_one_stream_and_one_row_per_event() -> None:
    async def scenario(rig: Rig) -> None:
        ids = [id_of(await rig.subscribe(content=each)) for each in ("empty", "id-only")]
        ids.append(id_of(await rig.subscribe(type="websocket", max_count=3)))
        other = id_of(await rig.subscribe(filters=("Task?owner=Organization/other",)))
        await rig.write(a_task())
        streams = {rig.subscriber(id).segments[-1].stream for id in ids}
        assert len(streams) == 1
        assert len(rig.hub.store.writer.events(streams.pop(), 1, 100)) == 1
        assert rig.hub.subscribers.top(rig.subscriber(other)) == 0
        assert len(rig.hub.subscribers.streams()) == 2

    on_rig(scenario)


def test_two_releases_never_share_a_stream() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        later = id_of(await rig.subscribe(FhirRelease.R5))
        await rig.write(a_task())
        await rig.write(a_task(), release=FhirRelease.R5)
        await rig.write(a_task(), release=FhirRelease.R5)
        assert rig.hub.subscribers.top(rig.subscriber(id)) == 1
        assert rig.hub.subscribers.top(rig.subscriber(later, FhirRelease.R5)) == 2

    on_rig(scenario)


def test_a_stream_that_nobody_is_on_stops_counting_and_goes_on_where_it_was() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.write(a_task())
        await rig.update("sub", status="off")
        (stream,) = rig.hub.subscribers.streams()
        assert not rig.hub.subscribers.matched(stream.id)
        await rig.write(a_task())
        assert rig.hub.subscribers.n(stream.id) == 1
        await rig.update("sub", status="active")
        assert rig.hub.subscribers.matched(stream.id)
        await rig.write(a_task())
        assert rig.hub.subscribers.n(stream.id) == 2
        assert rig.hub.subscribers.top(rig.subscriber("sub")) == 2

    on_rig(scenario)


def test_a_stream_that_is_joined_again_still_knows_what_retention_removed() -> None:
    store = MemoryStore()

    async def scenario() -> None:
        async with a_rig(store=store, retain=HOUR) as rig:
            await rig.update("sub")
            await rig.after(SECOND)
            for _ in range(3):
                await rig.write(a_task())
            await rig.after(2 * HOUR)
            await rig.retention.sweep()
            await rig.update("sub", status="off")
            await rig.update("sub", status="active")
            assert rig.hub.subscribers.lowest(rig.subscriber("sub")) == 4
        async with a_rig(store=store) as rig:
            assert rig.hub.subscribers.lowest(rig.subscriber("sub")) == 4

    run_virtually(scenario())


def test_everything_is_as_it_was_after_a_restart() -> None:
    store = MemoryStore()

    async def scenario() -> None:
        async with a_rig(store=store) as rig:
            await rig.update("sub")
            await rig.update("sub", filters=("Task?owner=Organization/other",))
            await rig.write(a_task("Organization/other"))
            await rig.update("gone")
            await rig.hub.subscriptions.delete(R4, "gone")
            await rig.after(HOUR)
            before = list(rig.hub.subscribers)
            streams = rig.hub.subscribers.streams()
        async with a_rig(store=store) as rig:
            assert list(rig.hub.subscribers) == before
            assert rig.hub.subscribers.streams() == streams
            assert rig.hub.subscribers.on({each.id for each in streams}) == {before[0].sid}
            await rig.write(a_task("Organization/other"))
            assert rig.hub.subscribers.top(rig.subscriber("sub")) == 2

    run_virtually(scenario())


def test_a_stream_whose_topic_is_gone_is_named_and_matched_no_more() -> None:
    store = MemoryStore()
    topics = [a_topic(), a_topic(OTHER_TOPIC, "Patient")]

    async def scenario() -> None:
        async with a_rig(store=store, topics=topics) as rig:
            await rig.update("sub")
            await rig.update("other", topic=OTHER_TOPIC, filters=())
            await rig.write(a_task())
        async with a_rig(store=store, topics=topics[1:]) as rig:
            stream = rig.subscriber("sub").segments[-1].stream
            assert {id: type(error) for id, error in rig.refused.items()} == {stream: TopicUnknown}
            await rig.write(a_task())
            assert rig.hub.subscribers.top(rig.subscriber("sub")) == 1
            await rig.update("sub", topic=OTHER_TOPIC, filters=())
            await rig.write({"resourceType": "Patient"})
            assert rig.hub.subscribers.top(rig.subscriber("sub")) == 2

    run_virtually(scenario())


def test_the_hub_knows_its_urls() -> None:
    async def scenario(rig: Rig) -> None:
        assert rig.hub.websocket_url == "ws://hub.example.org/ws"
        assert rig.hub.base_url(FhirRelease.R4B) == "http://hub.example.org/fhir/r4b"
        await rig.after(timedelta())

    on_rig(scenario)
