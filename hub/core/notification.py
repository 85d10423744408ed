"""A notification in R5 terms, before a codec writes it in the form of a release.

Source: http://hl7.org/fhir/R5/subscriptionstatus.html; http://hl7.org/fhir/R5/subscriptions.html
(payloads); backport IG, "Notifications".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from hub.core.change import Interaction
from hub.core.related_query import Coding, RelatedQuery
from hub.core.release import FhirRelease
from hub.core.subscription import (
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.value import value
from hub.core.version import ResourceKey, ResourceVersion, VersionReference

DEFAULT_MAX_COUNT = 20
"""How many events a notification may hold where the Subscription does not say."""

_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
_OPPOSITE: Final = {digit: f"{int(digit, 16) ^ 8:x}" for digit in _VARIANT}


class NotificationType(StrEnum):
    """``SubscriptionStatus.type``."""

    HANDSHAKE = "handshake"
    HEARTBEAT = "heartbeat"
    EVENT_NOTIFICATION = "event-notification"
    QUERY_STATUS = "query-status"
    QUERY_EVENT = "query-event"


@value(frozen=True, slots=True)
class StatusError:
    """One ``SubscriptionStatus.error``: a code of the error code system, and words.

    ``code`` is ``dns-resolution-error``, ``no-response`` or ``error-response``; None for a
    condition without code, which then has text only.
    """

    code: str | None
    text: str


@value(frozen=True, slots=True, kw_only=True)
class NumberedEvent:
    """An event under the Subscription's own number, with the versions that a payload may need.

    ``focus`` is None where the subscriber may no longer see it: then number and time only.
    ``queries`` help to follow it up.  Of what the subscriber has ``lost``, only the reference is
    told.
    """

    number: int
    timestamp: datetime
    focus: ResourceVersion | None
    context: tuple[ResourceVersion, ...] = ()
    queries: tuple[RelatedQuery, ...] = ()
    lost: bool = False


@value(frozen=True, slots=True, kw_only=True)
class NotificationEvent:
    """One ``SubscriptionStatus.notificationEvent``; references are ``Type/id`` or None.

    ``related_query`` and ``authorization_hint`` are the guide's additions of 1.2.
    """

    event_number: int
    timestamp: datetime
    focus: str | None = None
    additional_context: tuple[str, ...] = ()
    related_query: tuple[RelatedQuery, ...] = ()
    authorization_hint: Coding | None = None


@value(frozen=True, slots=True, kw_only=True)
class NotificationEntry:
    """One further entry of the Bundle.

    ``interaction`` is what happened to a focus, None for additional context; ``body`` is the JSON
    text of the resource, None for a deletion.
    """

    resource_type: str
    id: str
    version: int
    interaction: Interaction | None
    body: bytes | None = field(repr=False)


class Addressee(NamedTuple):
    """To which Subscription a notification goes, with which id and under which numbers.

    ``id`` is a UUID that depends only on what is said, so that a retry is the same text;
    ``subscription_identifier`` names the Subscription outside the hub, where the client has given
    it a name, and names it alone where it is ``administrative``: then nothing that is written tells
    its id; ``events_since_start`` counts all events so far, or, in an event-notification, is the
    highest number in it; ``numbers`` are those of its events.
    """

    id: str
    subscription_id: str
    subscription_identifier: Identifier | None
    administrative: bool
    events_since_start: int
    numbers: tuple[int, ...]


Called: TypeAlias = tuple[bytes, bytes]
"""How a text calls a Subscription: the reference to it and the URL of its ``$status``, as JSON."""

Alike: TypeAlias = Callable[[str, Called, int, Iterable[int]], bytes]
"""Writes what says the same to different Subscriptions, given the id of the notification, how it
calls the Subscription, and, as in ``Addressee``, the number of events and the numbers."""

Form: TypeAlias = Callable[[str, Called, NumberedEvent], bytes]
"""Writes what says of another change what was said of one, to any Subscription, given the id of the
notification, how it calls the Subscription, and the event, which has a focus."""


@value(frozen=True, slots=True, kw_only=True)
class Notification:
    """All that one notification says.

    What it says to its ``addressee`` alone is there; all else may be the same for many.
    ``content_type`` is the MIME type of the Subscription's payload.
    """

    addressee: Addressee
    type: NotificationType
    release: FhirRelease
    topic: str | None
    status: SubscriptionStatusCode
    timestamp: datetime
    events: tuple[NotificationEvent, ...] = ()
    errors: tuple[StatusError, ...] = ()
    entries: tuple[NotificationEntry, ...] = ()
    content_type: str = "application/fhir+json"

    @property
    def id(self) -> str:
        """The UUID of what is said."""
        return self.addressee.id

    @property
    def subscription_id(self) -> str:
        """The id of the Subscription."""
        return self.addressee.subscription_id

    @property
    def subscription_identifier(self) -> Identifier | None:
        """The identifier of the Subscription."""
        return self.addressee.subscription_identifier

    @property
    def administrative(self) -> bool:
        """Whether the identifier alone names the Subscription."""
        return self.addressee.administrative

    @property
    def events_since_start(self) -> int:
        """How many events there were."""
        return self.addressee.events_since_start


def stable_uuid(*parts: object) -> str:
    """Return the UUID (version 8) that stands for ``parts``, always the same."""
    return _uuid("\x1f".join(map(str, parts)))


def _uuid(said: str) -> str:
    text = hashlib.sha256(said.encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def status_id(notification_id: str) -> str:
    """Return the id of the status inside a notification: the UUID with another first digit."""
    return _OPPOSITE[notification_id[0]] + notification_id[1:]


def _iso(timestamp: datetime) -> str:
    """Return what ``isoformat`` gives; one commit is the instant of many events."""
    # Instants that are equal are written alike only in one and the same zone.
    return _iso_in_utc(timestamp) if timestamp.tzinfo is UTC else timestamp.isoformat()


_iso_in_utc = lru_cache(maxsize=64)(datetime.isoformat)


def most_events(subscription: Subscription) -> int:
    """Return how many events one notification may hold; a classic one is about a single change."""
    return 1 if subscription.is_classic else subscription.max_count or DEFAULT_MAX_COUNT


def build_notification(
    subscription: Subscription,
    kind: NotificationType,
    *,
    total: int,
    timestamp: datetime,
    events: Sequence[NumberedEvent] = (),
    errors: Sequence[StatusError] = (),
    content: PayloadContent | None = None,
    hint: Coding | None = None,
) -> Notification:
    """Return the notification of ``kind`` for ``subscription``.

    Args:
        subscription: as it is now; its status is reported.
        kind: what is sent.
        total: the number of all events so far; an event-notification says its highest instead.
        timestamp: for events the commit of the last one, else the instant of building.
        events: in the order of their numbers.
        errors: what is wrong with the delivery.
        content: the content level, the Subscription's own where None.
        hint: which kind of authorization gives access to what the events are about.

    Content levels: ``empty`` has no topic, focus, context, related queries (they hold ids) or
    entries; ``id-only`` has references and no entries; ``full-resource`` also one entry per
    (type, id, version).
    """
    level = content or subscription.content
    return Notification(
        addressee=addressed(
            subscription,
            kind,
            level,
            total=total,
            at=_iso(timestamp),
            numbers=tuple([event.number for event in events]),
        ),
        type=kind,
        release=subscription.release,
        topic=None if level is PayloadContent.EMPTY else subscription.topic,
        status=subscription.status,
        timestamp=timestamp,
        events=tuple([_event(event, level, hint) for event in events]),
        errors=tuple(errors),
        entries=_entries(events) if level is PayloadContent.FULL_RESOURCE else (),
        content_type=subscription.content_type,
    )


def addressed(
    subscription: Subscription,
    kind: NotificationType,
    level: PayloadContent,
    *,
    total: int,
    at: str,
    numbers: tuple[int, ...],
) -> Addressee:
    """Return how ``subscription`` is addressed in what it is told.

    Args: as of ``build_notification``; ``at`` is its timestamp in ISO format, ``numbers`` are those
        of its events.
    """
    low, high = (numbers[0], numbers[-1]) if numbers else (total, total)
    return Addressee(
        notification_id(name_of(subscription, kind, level), low, high, at),
        subscription.id,
        subscription.identifier[0] if subscription.identifier else None,
        subscription.administrative,
        high if kind is NotificationType.EVENT_NOTIFICATION else total,
        numbers,
    )


def name_of(subscription: Subscription, kind: NotificationType, level: PayloadContent) -> str:
    """Return what is the same in the ids of all notifications of a kind to a Subscription."""
    return f"{subscription.release}\x1f{subscription.id}\x1f{kind}\x1f{level}\x1f"


def notification_id(name: str, low: int, high: int, at: str) -> str:
    """Return the id of a notification about the numbers ``low``..``high``.

    Args:
        name: what ``name_of`` returns.
        low, high: both are the number of all events where it is about none.
        at: its timestamp in ISO format.
    """
    return _uuid(f"{name}{low}\x1f{high}\x1f{at}")


def event_id(subscription: Subscription, event: NumberedEvent) -> str:
    """Return the id of the notification about one event."""
    name = name_of(subscription, NotificationType.EVENT_NOTIFICATION, subscription.content)
    return notification_id(name, event.number, event.number, _iso(event.timestamp))


def _event(event: NumberedEvent, level: PayloadContent, hint: Coding | None) -> NotificationEvent:
    if level is PayloadContent.EMPTY or event.focus is None:
        return NotificationEvent(
            event_number=event.number, timestamp=event.timestamp, authorization_hint=hint
        )
    if event.lost:
        return NotificationEvent(
            event_number=event.number,
            timestamp=event.timestamp,
            focus=event.focus.key.reference,
        )
    return NotificationEvent(
        event_number=event.number,
        timestamp=event.timestamp,
        focus=event.focus.key.reference,
        additional_context=(
            tuple([version.key.reference for version in event.context]) if event.context else ()
        ),
        related_query=event.queries,
        authorization_hint=hint,
    )


def _entries(events: Sequence[NumberedEvent]) -> tuple[NotificationEntry, ...]:
    if len(events) == 1 and not events[0].context:
        # Most are like this, and there is nothing to compare.
        (event,) = events
        if event.focus is None or event.lost:
            return ()
        return (_entry(event.focus, event.focus.interaction),)
    entries: dict[tuple[ResourceKey, int], NotificationEntry] = {}
    for event in events:
        if event.focus is None or event.lost:
            continue
        entries[event.focus.key, event.focus.version] = _entry(event.focus, event.focus.interaction)
        for version in event.context:
            if (version.key, version.version) not in entries:
                entries[version.key, version.version] = _entry(version, None)
    return tuple(entries.values())


def _entry(version: ResourceVersion, interaction: Interaction | None) -> NotificationEntry:
    return NotificationEntry(
        resource_type=version.key.resource_type,
        id=version.key.id,
        version=version.version,
        interaction=interaction,
        body=version.body,
    )


def context_versions(
    includes: Sequence[VersionReference],
    stored: Mapping[VersionReference, ResourceVersion],
) -> tuple[ResourceVersion, ...]:
    """Return the stored versions that ``includes`` names, without those that are gone."""
    return tuple(
        version
        for reference in includes
        if (version := stored.get(reference)) is not None and not version.deleted
    )
