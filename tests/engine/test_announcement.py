"""What Subscriptions are told of events: alike is written once, and says the same as alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.core.notification import Notification, NotificationType, build_notification
from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import PayloadContent, Subscription, SubscriptionStatusCode
from hub.engine.announcement import Announcements
from hub.engine.recent_events import RecentEvents
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_resources import a_task

R4 = FhirRelease.R4


class Watched:
    """A codec that notes how often it writes from the beginning."""

    def __init__(self, codec: Any) -> None:
        self.codec = codec
        self.writings = 0

    def called(self, subscription: Subscription, base_url: str) -> Any:
        return self.codec.called(subscription, base_url)

    def encode_alike(self, notification: Notification, base_url: str) -> Any:
        self.writings += 1
        return self.codec.encode_alike(notification, base_url)

    def encode_payload(self, notification: Notification, base_url: str) -> bytes:
        self.writings += 1
        text: bytes = self.codec.encode_payload(notification, base_url)
        return text


def a_hub_of(rig: Rig, *ids: str, **bounds: int) -> tuple[Announcements, Watched]:
    """Return announcements with the events of these Subscriptions in memory, and their codec."""
    hub, recent = rig.hub, RecentEvents(rig.hub.store)
    reader = hub.store.writer
    streams = {rig.subscriber(id).segments[-1].stream for id in ids}
    events = [event for stream in streams for event in reader.events(stream, 1, 2**40)]
    recent.keep(list(reader.at({event.seq for event in events}).values()), events)
    watched = Watched(hub.codecs[R4])
    codecs: Any = {R4: watched}
    return Announcements(recent, codecs, hub.base_url, **bounds), watched


async def told(
    written: Announcements,
    subscriber: Subscriber,
    first: int,
    last: int,
    hint: Coding | None = None,
) -> bytes | None:
    """Return what a Subscription is told of its events."""
    audience = written.audience(subscriber.subscription, hint)
    return await written.of_events(audience, subscriber, first, last)


async def alone(rig: Rig, id: str, first: int, last: int, hint: Coding | None = None) -> bytes:
    """Return what is written for one Subscription, from the store and from the beginning."""
    subscriber = rig.subscriber(id)
    events = await RecentEvents(rig.hub.store).read(subscriber, first, last)
    notification = build_notification(
        subscriber.subscription,
        NotificationType.EVENT_NOTIFICATION,
        total=last,
        timestamp=events[-1].timestamp,
        events=events,
        hint=hint,
    )
    return rig.hub.codecs[R4].encode_payload(notification, rig.hub.base_url(R4))


async def some(rig: Rig, **changes: Any) -> None:
    """Let there be three Subscriptions with numbers of their own, and two Tasks for all."""
    await rig.update("a", type="websocket", **changes)
    await rig.write(a_task())
    for id in ("b", "c"):
        filters = (f"Task?owner=Organization/lab,Organization/{id}",)
        await rig.update(id, type="websocket", filters=filters, **changes)
    for _ in range(2):
        await rig.write(a_task())


@pytest.mark.parametrize("content", PayloadContent)
def test_what_many_are_told_is_written_once_and_is_what_each_alone_is_told(
    content: PayloadContent,
) -> None:
    async def scenario(rig: Rig) -> None:
        await some(rig, content=content)
        written, watched = a_hub_of(rig, "a", "b", "c")
        for id, first in (("a", 2), ("b", 1), ("c", 1)):
            for last in (first, first + 1):
                text = await told(written, rig.subscriber(id), first, last)
                assert text == await alone(rig, id, first, last)
        assert watched.writings == 2

    on_rig(scenario)


def test_whoever_is_told_something_else_is_written_for_apart() -> None:
    async def scenario(rig: Rig) -> None:
        await some(rig)
        written, watched = a_hub_of(rig, "a", "b", "c")
        hint = Coding("http://example.org", "base")
        subscriber = rig.subscriber("b")
        changes: list[dict[str, Any]] = [
            {"content": PayloadContent.EMPTY},
            {"status": SubscriptionStatusCode.ERROR},
            {"topic": "http://example.org/other"},
            {"content_type": "application/fhir+xml"},
        ]
        await told(written, subscriber, 1, 1)
        assert await told(written, subscriber, 1, 1, hint) == await alone(rig, "b", 1, 1, hint)
        for change in changes:
            other = replace(subscriber, subscription=replace(subscriber.subscription, **change))
            await told(written, other, 1, 1)
        assert watched.writings == 2 + len(changes)
        assert await told(written, subscriber, 1, 1) == await alone(rig, "b", 1, 1)
        assert watched.writings == 2 + len(changes)

    on_rig(scenario)


def test_what_is_not_in_memory_is_written_from_the_store() -> None:
    async def scenario(rig: Rig) -> None:
        await some(rig)
        written, watched = a_hub_of(rig, "b")
        for _ in range(2):
            text = await told(written, rig.subscriber("a"), 1, 3)
            assert text == await alone(rig, "a", 1, 3)
        assert watched.writings == 2

    on_rig(scenario)


def test_numbers_of_a_stream_that_was_left_are_written_from_the_store() -> None:
    async def scenario(rig: Rig) -> None:
        await some(rig)
        await rig.update("b", type="websocket")
        await rig.write(a_task())
        written, _ = a_hub_of(rig, "b")
        for first, last in ((1, 3), (3, 3), (2, 2)):
            text = await told(written, rig.subscriber("b"), first, last)
            assert text == await alone(rig, "b", first, last)
        await rig.update("b", type="websocket", status="off")
        assert await told(written, rig.subscriber("b"), 3, 3) == await alone(rig, "b", 3, 3)

    on_rig(scenario)


def test_of_what_retention_removed_nothing_is_told() -> None:
    async def scenario(rig: Rig) -> None:
        await some(rig)
        await rig.after(3 * HOUR)
        await rig.retention.sweep()
        written = Announcements(RecentEvents(rig.hub.store), rig.hub.codecs, rig.hub.base_url)
        assert await told(written, rig.subscriber("a"), 1, 2) is None

    on_rig(scenario, retain=HOUR)


def test_few_texts_are_kept() -> None:
    async def scenario(rig: Rig) -> None:
        await some(rig)
        written, watched = a_hub_of(rig, "b", most_kept=1)
        for number in (1, 2, 1, 2, 2):
            await told(written, rig.subscriber("b"), number, number)
        assert watched.writings == 4

    on_rig(scenario)


def test_no_long_text_is_kept() -> None:
    async def scenario(rig: Rig) -> None:
        await some(rig)
        written, watched = a_hub_of(rig, "a", "b", longest_kept=1)
        for id, number in (("b", 1), ("a", 2)):
            text = await told(written, rig.subscriber(id), number, number)
            assert text == await alone(rig, id, number, number)
        assert watched.writings == 2

    on_rig(scenario)
