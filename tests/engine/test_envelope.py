"""Envelopes about one event: the same as of a notification that is built, or none at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.core.notification import NotificationType, NumberedEvent, build_notification
from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, PayloadContent
from hub.engine.envelope import Envelopes
from tests.support.notifications import BASE, CODECS, NOON, a_version, some_events
from tests.support.subscriptions import a_subscription

RELEASES = pytest.mark.parametrize("release", list(FhirRelease))


def _envelopes() -> Envelopes:
    return Envelopes(CODECS, lambda release: f"{BASE}/{release}")


def _simple(release: FhirRelease) -> list[NumberedEvent]:
    return [replace(each, context=()) for each in some_events(release)]


@RELEASES
@pytest.mark.parametrize("content", list(PayloadContent))
@pytest.mark.parametrize("hint", [None, Coding(code="a"), Coding(code="b")])
@pytest.mark.parametrize("content_type", ["application/fhir+json", "application/fhir+xml"])
def test_it_holds_what_would_be_built(
    release: FhirRelease, content: PayloadContent, hint: Coding | None, content_type: str
) -> None:
    envelopes = _envelopes()
    for name in ("one", "two"):
        who = a_subscription(release, id=name, content=content, content_type=content_type)
        for event in _simple(release) * 2:
            built = build_notification(
                who,
                NotificationType.EVENT_NOTIFICATION,
                total=event.number,
                timestamp=event.timestamp,
                events=[event],
                hint=hint,
            )
            subscriber = Subscriber(sid=1, subscription=who)
            expected = replace(envelopes.around(built, subscriber), notification=None)
            assert envelopes.about(subscriber, event, hint) == expected


@RELEASES
def test_what_is_not_simple_is_built(release: FhirRelease) -> None:
    envelopes = _envelopes()
    event = _simple(release)[0]
    posted = a_subscription(release, id="s", channel_type=ChannelType.REST_HOOK)
    subscriber = Subscriber(sid=1, subscription=posted)
    assert envelopes.about(subscriber, event, None) is not None
    patient = a_version(release, "Patient/ann", 4)
    for other in ({"focus": None}, {"lost": True}, {"context": (patient,)}):
        assert envelopes.about(subscriber, replace(event, **other), None) is None
    for kind in (ChannelType.MESSAGE, ChannelType.EMAIL):
        elsewhere = replace(posted, channel_type=kind)
        assert envelopes.about(Subscriber(sid=1, subscription=elsewhere), event, None) is None


@RELEASES
def test_a_topic_that_looks_like_a_mark_is_not_mistaken_for_one(release: FhirRelease) -> None:
    topic = "http://example.org/topic/\x7fid\x7f"
    posted = a_subscription(release, id="s", channel_type=ChannelType.REST_HOOK, topic=topic)
    event = _simple(release)[0]
    assert _envelopes().about(Subscriber(sid=1, subscription=posted), event, None) is None


def test_forms_are_forgotten_in_favour_of_newer_ones() -> None:
    envelopes, event = _envelopes(), replace(some_events(FhirRelease.R4)[0], timestamp=NOON)
    for number in [*range(1_100), *range(1_100)]:
        topic = f"http://example.org/topic/{number}"
        posted = a_subscription(
            FhirRelease.R4, id="s", channel_type=ChannelType.REST_HOOK, topic=topic
        )
        found = envelopes.about(Subscriber(sid=1, subscription=posted), event, None)
        assert found is not None and topic.encode() in found.body
    assert len(envelopes._forms) == 1_024
