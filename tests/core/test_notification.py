"""What a notification says at each content level."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.change import Interaction
from hub.core.delivery import Delivered, Envelope, Failed, FailureClass
from hub.core.instant import format_instant
from hub.core.notification import (
    Notification,
    NotificationType,
    NumberedEvent,
    addressed,
    build_notification,
    context_versions,
    most_events,
    stable_uuid,
    status_id,
)
from hub.core.related_query import Coding, RelatedQuery
from hub.core.release import FhirRelease
from hub.core.subscriber import Attempt
from hub.core.subscription import (
    ChannelType,
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.version import ResourceKey, ResourceVersion, VersionReference

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SUBSCRIPTION = Subscription(
    release=FhirRelease.R5,
    id="s",
    status=SubscriptionStatusCode.ACTIVE,
    topic="http://example.org/t",
    channel_type=ChannelType.REST_HOOK,
    content=PayloadContent.FULL_RESOURCE,
)


def test_how_many_events_a_notification_holds() -> None:
    assert most_events(SUBSCRIPTION) == 20
    assert most_events(replace(SUBSCRIPTION, max_count=3)) == 3
    assert most_events(replace(SUBSCRIPTION, topic="Task", max_count=3)) == 1


def a_version(
    reference: str = "Task/1",
    version: int = 1,
    interaction: Interaction = Interaction.UPDATE,
    body: bytes | None = b"{}",
) -> ResourceVersion:
    kind, _, id = reference.partition("/")
    return ResourceVersion(
        seq=version,
        key=ResourceKey(FhirRelease.R5, kind, id),
        version=version,
        interaction=interaction,
        timestamp=NOW,
        body=body,
        transaction=version,
    )


PATIENT = a_version("Patient/p", 7)
EVENTS = (
    NumberedEvent(number=4, timestamp=NOW, focus=a_version(version=1), context=(PATIENT,)),
    NumberedEvent(number=5, timestamp=NOW, focus=a_version(version=2), context=(PATIENT,)),
)


def notification(
    level: PayloadContent, kind: NotificationType = NotificationType.QUERY_EVENT
) -> Notification:
    return build_notification(
        SUBSCRIPTION, kind, total=9, timestamp=NOW, events=EVENTS, content=level
    )


def test_full_resource_has_one_entry_for_each_version() -> None:
    said = notification(PayloadContent.FULL_RESOURCE)
    assert [(entry.resource_type, entry.version, entry.interaction) for entry in said.entries] == [
        ("Task", 1, Interaction.UPDATE),
        ("Patient", 7, None),
        ("Task", 2, Interaction.UPDATE),
    ]


def test_a_focus_that_was_context_before_keeps_what_happened_to_it() -> None:
    events = (
        NumberedEvent(number=1, timestamp=NOW, focus=a_version(), context=(PATIENT,)),
        NumberedEvent(number=2, timestamp=NOW, focus=PATIENT),
    )
    said = build_notification(
        SUBSCRIPTION, NotificationType.QUERY_EVENT, total=2, timestamp=NOW, events=events
    )
    assert [entry.interaction for entry in said.entries] == [Interaction.UPDATE] * 2


def test_id_only_has_references_and_no_entries() -> None:
    said = notification(PayloadContent.ID_ONLY)
    assert said.entries == ()
    assert said.events[0].focus == "Task/1"
    assert said.events[0].additional_context == ("Patient/p",)
    assert said.topic == SUBSCRIPTION.topic


def test_empty_has_neither_topic_nor_focus_nor_context() -> None:
    said = notification(PayloadContent.EMPTY)
    assert said.topic is None
    assert said.entries == ()
    assert all(event.focus is None and not event.additional_context for event in said.events)
    assert [event.event_number for event in said.events] == [4, 5]


def test_an_event_that_may_no_longer_be_seen_has_number_and_time_only() -> None:
    hidden = (NumberedEvent(number=1, timestamp=NOW, focus=None, context=(PATIENT,)),)
    said = build_notification(
        SUBSCRIPTION, NotificationType.QUERY_EVENT, total=1, timestamp=NOW, events=hidden
    )
    assert said.entries == ()
    assert said.events[0].focus is None


@pytest.mark.parametrize("level", PayloadContent)
def test_of_what_was_lost_only_the_reference_is_told(level: PayloadContent) -> None:
    query = RelatedQuery("Observation?subject=Patient/p")
    lost = NumberedEvent(
        number=1, timestamp=NOW, focus=a_version(), context=(PATIENT,), queries=(query,), lost=True
    )
    hint = Coding("http://example.org", "x")
    kind = NotificationType.EVENT_NOTIFICATION
    said = build_notification(
        SUBSCRIPTION, kind, total=1, timestamp=NOW, events=(lost,), content=level, hint=hint
    )
    (event,) = said.events
    assert (event.event_number, event.additional_context, event.related_query) == (1, (), ())
    assert event.focus == (None if level is PayloadContent.EMPTY else "Task/1")
    assert event.authorization_hint == (hint if level is PayloadContent.EMPTY else None)
    assert said.entries == ()


def test_an_event_notification_counts_to_its_highest_number_and_others_to_the_top() -> None:
    event = notification(PayloadContent.ID_ONLY, NotificationType.EVENT_NOTIFICATION)
    assert event.events_since_start == 5
    assert notification(PayloadContent.ID_ONLY).events_since_start == 9


def test_the_same_notification_has_the_same_id_and_another_has_another() -> None:
    one = notification(PayloadContent.ID_ONLY)
    assert one == notification(PayloadContent.ID_ONLY)
    assert one.id != notification(PayloadContent.EMPTY).id
    later = build_notification(
        SUBSCRIPTION, NotificationType.HEARTBEAT, total=9, timestamp=NOW + timedelta(seconds=1)
    )
    assert (
        later.id
        != build_notification(SUBSCRIPTION, NotificationType.HEARTBEAT, total=9, timestamp=NOW).id
    )


@pytest.mark.parametrize(
    ("kind", "numbers", "counter"),
    [
        (NotificationType.HEARTBEAT, (), 9),
        (NotificationType.EVENT_NOTIFICATION, (), 9),
        (NotificationType.EVENT_NOTIFICATION, (4, 5), 5),
        (NotificationType.QUERY_EVENT, (4, 5), 9),
    ],
)
def test_how_a_subscription_is_addressed(
    kind: NotificationType, numbers: tuple[int, ...], counter: int
) -> None:
    level = SUBSCRIPTION.content
    named = replace(SUBSCRIPTION, identifier=(Identifier(None, "a"), Identifier(None, "b")))
    for subscription, identifier in ((SUBSCRIPTION, None), (named, Identifier(None, "a"))):
        said = build_notification(
            subscription, kind, total=9, timestamp=NOW, events=EVENTS if numbers else ()
        )
        to = addressed(subscription, kind, level, total=9, at=NOW.isoformat(), numbers=numbers)
        assert to == said.addressee
        assert to == (said.id, "s", identifier, False, counter, numbers)


def test_an_instant_is_said_in_its_own_zone_whatever_was_said_before() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2)))
    assert elsewhere == NOW

    def id_at(instant: datetime) -> str:
        return build_notification(
            SUBSCRIPTION, NotificationType.HEARTBEAT, total=9, timestamp=instant
        ).id

    level = SUBSCRIPTION.content
    for instant in (NOW, elsewhere, NOW, elsewhere):
        said = (SUBSCRIPTION.release, "s", "heartbeat", level, 9, 9, instant.isoformat())
        assert id_at(instant) == stable_uuid(*said)


@given(st.lists(st.text(), min_size=1))
def test_a_stable_uuid_is_a_uuid(parts: list[str]) -> None:
    made = stable_uuid(*parts)
    assert made == stable_uuid(*parts)
    assert str(uuid.UUID(made)) == made
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made
    )


@given(st.uuids(), st.uuids())
def test_the_id_of_a_status_is_another_uuid_for_each_notification(
    one: uuid.UUID, other: uuid.UUID
) -> None:
    found = status_id(str(one))
    assert str(uuid.UUID(found)) == found != str(one)
    assert status_id(found) == str(one)
    assert (found == status_id(str(other))) is (one == other)


def test_context_leaves_out_what_is_gone() -> None:
    gone = a_version("Patient/gone", body=None)
    known = {
        VersionReference("Patient", "p", 7): PATIENT,
        VersionReference("Patient", "gone", 1): gone,
    }
    asked = [*known, VersionReference("Patient", "never", 1)]
    assert context_versions(asked, known) == (PATIENT,)


def test_versions_know_their_tag_and_whether_they_are_deletions() -> None:
    assert a_version(version=3).etag == 'W/"3"'
    assert not a_version().deleted
    assert a_version(body=None).deleted
    assert a_version().key.reference == "Task/1"


def test_secrets_and_payloads_never_appear_in_texts() -> None:
    envelope = Envelope(
        channel_type=ChannelType.REST_HOOK,
        endpoint="https://example.org",
        content_type="application/fhir+json",
        body=b"payload-text",
        parameter=(("Authorization", "secret-text"),),
    )
    attempt = Attempt(
        sid=1, at=NOW, kind="events", first=1, last=1, outcome="busy", reason="reason-text"
    )
    assert "payload-text" not in repr(envelope)
    assert "secret-text" not in repr(envelope)
    assert "reason-text" not in repr(attempt)
    assert "payload-text" not in repr(a_version(body=b"payload-text"))


def test_results_are_values() -> None:
    assert Delivered(status=200) == Delivered(status=200)
    busy = Failed(failure=FailureClass.BUSY, reason="x")
    assert busy == Failed(failure=FailureClass.BUSY, reason="x")


def test_instants_are_written_in_utc() -> None:
    assert format_instant(NOW) == "2026-01-01T12:00:00.000000Z"


def test_releases_know_their_versions_and_paths() -> None:
    assert [(each.version, each.full_version, each.path) for each in FhirRelease] == [
        ("4.0", "4.0.1", "r4"),
        ("4.3", "4.3.0", "r4b"),
        ("5.0", "5.0.0", "r5"),
    ]


def test_an_unchanged_subscription_can_be_replaced() -> None:
    assert replace(SUBSCRIPTION, id="s") == SUBSCRIPTION


def test_queries_are_told_with_the_focus_only_and_a_hint_always() -> None:
    query, hint = RelatedQuery("Task/1/$graph"), Coding("http://example.org/auth", "base")
    seen = NumberedEvent(number=1, timestamp=NOW, focus=a_version(), queries=(query,))
    for level, focus, expected in (
        (PayloadContent.EMPTY, seen.focus, ()),
        (PayloadContent.ID_ONLY, seen.focus, (query,)),
        (PayloadContent.FULL_RESOURCE, seen.focus, (query,)),
        (PayloadContent.FULL_RESOURCE, None, ()),
    ):
        (event,) = build_notification(
            SUBSCRIPTION,
            NotificationType.EVENT_NOTIFICATION,
            total=1,
            timestamp=NOW,
            events=[replace(seen, focus=focus)],
            content=level,
            hint=hint,
        ).events
        assert (event.related_query, event.authorization_hint) == (expected, hint)
