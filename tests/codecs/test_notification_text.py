"""Text of notifications: the same bytes as of objects, for one Subscription and for many alike."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TypeAlias

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.core.change import Interaction
from hub.core.notification import (
    Alike,
    Notification,
    NotificationType,
    NumberedEvent,
    StatusError,
    addressed,
    build_notification,
    event_id,
    stable_uuid,
)
from hub.core.related_query import Coding, RelatedQuery
from hub.core.release import FhirRelease
from hub.core.subscription import (
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.version import ResourceKey, ResourceVersion
from tests.support.notification_objects import bundle_of, searchset_of
from tests.support.notifications import BASE, CODECS, NOON
from tests.support.subscriptions import a_subscription

Said: TypeAlias = tuple[Subscription, Notification]
"""A Subscription and what it is told."""

_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_ID = st.from_regex(r"[A-Za-z0-9\-.]{1,12}", fullmatch=True)
_NUMBER = st.integers(1, 2**40)
_INSTANT = st.datetimes(timezones=st.just(UTC))
_CODING = st.builds(Coding, *(st.none() | _TEXT for _ in range(3)))
_QUERY = st.builds(RelatedQuery, _TEXT, st.none() | _CODING)
_ERROR = st.builds(StatusError, st.none() | st.just("no-response"), _TEXT)
_IDENTIFIER = st.builds(Identifier, st.none() | _TEXT, st.none() | _TEXT)


@st.composite
def _versions(draw: st.DrawFn, release: FhirRelease) -> ResourceVersion:
    interaction = draw(st.sampled_from(Interaction))
    body = json.dumps({"resourceType": "Task", "description": draw(_TEXT)}, ensure_ascii=False)
    number = draw(_NUMBER)
    return ResourceVersion(
        seq=number,
        key=ResourceKey(release, draw(st.sampled_from(["Task", "Patient"])), draw(_ID)),
        version=number,
        interaction=interaction,
        timestamp=NOON,
        body=None if interaction is Interaction.DELETE else body.encode(),
        transaction=number,
    )


@st.composite
def _events(draw: st.DrawFn, release: FhirRelease) -> list[NumberedEvent]:
    versions = _versions(release)
    first = draw(_NUMBER)
    return [
        NumberedEvent(
            number=first + index,
            timestamp=draw(_INSTANT),
            focus=draw(st.none() | versions),
            context=tuple(draw(st.lists(versions, max_size=2))),
            queries=tuple(draw(st.lists(_QUERY, max_size=2))),
            lost=draw(st.booleans()),
        )
        for index in range(draw(st.integers(0, 3)))
    ]


@st.composite
def _named(draw: st.DrawFn, subscription: Subscription) -> Subscription:
    """Return ``subscription`` under any name."""
    administrative = draw(st.booleans())
    return replace(
        subscription,
        id=draw(_ID | _TEXT),
        identifier=tuple(draw(st.lists(_IDENTIFIER, min_size=administrative, max_size=2))),
        administrative=administrative,
    )


@st.composite
def _told(draw: st.DrawFn) -> tuple[Said, Said]:
    """Return two Subscriptions, each with what it is told, which is alike."""
    release = draw(st.sampled_from(FhirRelease))
    subscription = a_subscription(
        release,
        status=draw(st.sampled_from(SubscriptionStatusCode)),
        content=draw(st.sampled_from(PayloadContent)),
        topic=draw(_TEXT),
    )
    kind = draw(st.sampled_from(NotificationType))
    events, shift = draw(_events(release)), draw(st.integers(0, 10**6))
    errors, hint = draw(st.lists(_ERROR, max_size=2)), draw(st.none() | _CODING)
    timestamp = draw(_INSTANT)

    def said(more: int) -> Said:
        who = draw(_named(subscription))
        return who, build_notification(
            who,
            kind,
            total=draw(_NUMBER),
            timestamp=timestamp,
            events=[replace(event, number=event.number + more) for event in events],
            errors=errors,
            hint=hint,
        )

    return said(0), said(shift)


def _alike(write: Alike, subscription: Subscription, notification: Notification) -> bytes:
    """Return what is written alike for a Subscription."""
    called = CODECS[notification.release].called(subscription, BASE)
    to = notification.addressee
    return write(to.id, called, to.events_since_start, to.numbers)


@given(_told())
def test_text_is_what_the_objects_of_a_notification_give(
    told: tuple[Said, Said],
) -> None:
    (_, notification), _ = told
    codec = CODECS[notification.release]
    assert codec.encode_notification(notification, BASE) == bundle_of(notification, BASE)
    url = f"{BASE}/Subscription/$status"
    assert codec.encode_statuses([notification] * 2, BASE, url) == searchset_of(
        [notification] * 2, BASE, url
    )


@given(_told())
def test_what_is_written_for_many_is_for_each_what_is_written_for_it_alone(
    told: tuple[Said, Said],
) -> None:
    (_, one), _ = told
    write = CODECS[one.release].encode_alike(one, BASE)
    for each in told:
        assert _alike(write, *each) == bundle_of(each[1], BASE)


@given(st.data())
def test_what_is_written_of_one_change_is_of_another_what_is_written_of_it_alone(
    data: st.DataObject,
) -> None:
    release = data.draw(st.sampled_from(FhirRelease))
    subscription = a_subscription(
        release,
        status=data.draw(st.sampled_from(SubscriptionStatusCode)),
        content=data.draw(st.sampled_from(PayloadContent)),
        topic=data.draw(_TEXT),
    )
    interaction, hint = data.draw(st.sampled_from(Interaction)), data.draw(st.none() | _CODING)
    codec = CODECS[release]

    def said() -> tuple[Subscription, NumberedEvent, Notification]:
        who, number = data.draw(_named(subscription)), data.draw(_NUMBER)
        body = orjson.dumps({"resourceType": "Task", "description": data.draw(_TEXT)})
        focus = ResourceVersion(
            seq=number,
            key=ResourceKey(release, "Task", data.draw(_ID)),
            version=data.draw(_NUMBER),
            interaction=interaction,
            timestamp=NOON,
            body=None if interaction is Interaction.DELETE else body,
            transaction=number,
        )
        event = NumberedEvent(number=number, timestamp=data.draw(_INSTANT), focus=focus)
        kind = NotificationType.EVENT_NOTIFICATION
        notification = build_notification(
            who, kind, total=number, timestamp=event.timestamp, events=[event], hint=hint
        )
        return who, event, notification

    first = said()
    write = codec.encode_form(first[2], BASE)
    for who, event, notification in (first, said()):
        assert event_id(who, event) == notification.id
        written = write(notification.id, codec.called(who, BASE), event)
        assert written == codec.encode_payload(notification, BASE)


@given(_told())
def test_a_subscription_is_addressed_as_in_a_notification_of_its_own(
    told: tuple[Said, Said],
) -> None:
    subscription, notification = told[1]
    to = addressed(
        subscription,
        notification.type,
        subscription.content,
        total=notification.events_since_start,
        at=notification.timestamp.isoformat(),
        numbers=notification.addressee.numbers,
    )
    assert to == notification.addressee


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.integers(), min_size=1))
def test_a_stable_uuid_never_becomes_another_one(parts: list[str | int]) -> None:
    digest = bytearray(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    assert stable_uuid(*parts).replace("-", "") == digest.hex()


def test_the_id_of_a_notification_never_becomes_another_one() -> None:
    notification = build_notification(
        a_subscription(FhirRelease.R4, id="s", content=PayloadContent.ID_ONLY),
        NotificationType.HEARTBEAT,
        total=3,
        timestamp=NOON + timedelta(seconds=1),
    )
    assert notification.id == stable_uuid(
        *("R4", "s", "heartbeat", "id-only", 3, 3, "2026-11-21T12:00:01.123456+00:00")
    )


def test_payloads_in_xml_are_written_alike_too() -> None:
    subscription = a_subscription(FhirRelease.R4, id="a", content_type="application/fhir+xml")
    one, other = (
        build_notification(each, NotificationType.HEARTBEAT, total=total, timestamp=NOON)
        for each, total in ((subscription, 3), (replace(subscription, id="b"), 5))
    )
    codec = CODECS[FhirRelease.R4]
    write = codec.encode_alike(one, BASE)
    for said in ((subscription, one), (replace(subscription, id="b"), other)):
        assert _alike(write, *said) == codec.encode_payload(said[1], BASE)
        assert _alike(write, *said).startswith(b"<")
